//! Blocks that another has decided: executed as they are, or refused, and never passed over.

use super::kinds::Message;
use super::rig::{Rig, Set, entry};
use super::*;
use crate::pause::LetGo;
use refit_abi::Height;
use refit_abi::host::Explain;
use refit_ordering::{
    Block, BlockRefused, Entry, Header, PlanDigest, Script, Scripted, Step, UpgradeEnd,
    UpgradeOutcome,
};

/// A rig that plays a script.
fn scripted() -> (Rig, Script) {
    let source = Scripted::new();
    let script = source.script();
    let rig = Rig::new(Set {
        source: Some(Box::new(source)),
        ..Set::default()
    });
    (rig, script)
}

fn batch(time: u64) -> Step {
    Step::Batch {
        time: BlockTime(time),
        entries: vec![entry(&Message::Tick)],
    }
}

/// The next block with one field of its header changed.
fn foreign(rig: &Rig, change: impl FnOnce(&mut Header)) -> Step {
    let ground = rig.driver.as_ref().unwrap().ground.clone();
    let mut block: Block = ground.extend(BlockTime(10), vec![entry(&Message::Tick)]);
    change(&mut block.header);
    Step::Block(block)
}

#[test]
fn fixed_blocks_are_executed_one_after_the_other_and_clients_are_told_who_makes_them() {
    let (mut rig, script) = scripted();
    script.add([batch(10), batch(20), batch(30)]).unwrap();
    for height in 1..=3 {
        rig.block();
        assert_eq!(rig.height(), Height(height));
    }
    assert_eq!(rig.handled(), 3);
    let mut answer = rig.send(&Message::Tick);
    rig.turn();
    let refused = answer.try_recv().unwrap().unwrap_err();
    assert_eq!(refused.why.code, "blocks-fixed");
}

#[test]
fn a_block_of_other_results_is_refused_and_the_node_goes_no_further() {
    let (mut rig, script) = scripted();
    script.add([batch(10)]).unwrap();
    rig.block();
    let receipt = rig.driver.as_ref().unwrap().ground.receipt;
    assert_ne!(receipt, Default::default());
    let other = |header: &mut Header| header.receipt = Default::default();
    let wrong = foreign(&rig, other);
    script.add([wrong, batch(30)]).unwrap();
    for _ in 0..3 {
        rig.turn();
    }
    let refused = BlockRefused::Receipt {
        parent: Height(1),
        claimed: Default::default(),
        receipt,
    };
    assert_eq!(rig.standing.halted(), Some(refused));
    assert_eq!((rig.height(), rig.handled()), (Height(1), 1));
    let mut answer = rig.send(&Message::Tick);
    rig.turn();
    let told = answer.try_recv().unwrap().unwrap_err();
    assert_eq!((told.status, told.why.code.as_str()), (503, "node-halted"));
    let armament = rig.arm(Some(Height(1)));
    rig.turn();
    assert!(matches!(armament.why.try_recv(), Ok(LetGo::TooLate { .. })));
    armament.ends();
}

#[test]
fn an_entry_that_cannot_be_carried_out_halts_the_node_before_its_block() {
    let skip = Entry::Skip {
        height: Height(1),
        index: 0,
    };
    for (other, code) in [
        (skip, "block-entry"),
        (parameters(vec![9, 9]), "block-entry"),
        (absurd(), "block-entry"),
    ] {
        let (mut rig, script) = scripted();
        let entries = vec![entry(&Message::Tick), other];
        let time = BlockTime(10);
        script.add([Step::Batch { time, entries }]).unwrap();
        for _ in 0..2 {
            rig.turn();
        }
        let refused = rig.standing.halted().unwrap();
        assert_eq!(refused.code(), code);
        assert!(
            refused.to_string().contains("entry 1 of block 1"),
            "{refused}"
        );
        assert_eq!(rig.height(), Height(0));
    }
}

fn parameters(changes: Vec<u8>) -> Entry {
    let key = None;
    Entry::Parameters { key, changes }
}

/// Parameters under which nothing would be done.
fn absurd() -> Entry {
    let set = [("block.messages".to_owned(), 0)].into();
    let changes = refit_kernel::ParameterChanges {
        set,
        ..refit_kernel::ParameterChanges::default()
    };
    parameters(changes.to_bytes())
}

#[test]
fn an_upgrade_at_a_height_stands_in_the_next_header_and_changes_the_code_that_it_names() {
    let (mut rig, script) = scripted();
    let armament = rig.arm(Some(Height(1)));
    script.add([batch(10), batch(20)]).unwrap();
    rig.block();
    let outcome = UpgradeOutcome {
        plan: PlanDigest::default(),
        end: UpgradeEnd::Committed,
    };
    assert_eq!(rig.driver.as_ref().unwrap().ground.outcome, Some(outcome));
    rig.block();
    assert_eq!(rig.driver.as_ref().unwrap().ground.outcome, None);
    assert_eq!(rig.latest.lock().generation.0, 2);
    rig.changes_crews(armament);
}

/// The second of two blocks, as a node makes it that saw this end of an upgrade after the first; and the first.
fn two_blocks(outcome: UpgradeEnd) -> [Step; 2] {
    let (mut rig, script) = scripted();
    script.add([batch(10)]).unwrap();
    let mut first = rig.driver.as_ref().unwrap().ground.clone();
    first.outcome = None;
    let block = first.extend(BlockTime(10), vec![entry(&Message::Tick)]);
    rig.block();
    let mut ground = rig.driver.as_ref().unwrap().ground.clone();
    assert_eq!(
        ground.tip,
        block.tip(),
        "it is the block that the rig has made"
    );
    ground.outcome = Some(UpgradeOutcome {
        plan: PlanDigest::default(),
        end: outcome,
    });
    let second = ground.extend(BlockTime(20), vec![entry(&Message::Tick)]);
    [block, second].map(Step::Block)
}

fn aborted() -> UpgradeEnd {
    UpgradeEnd::Aborted {
        code: "withdrawn".to_owned(),
    }
}

#[test]
fn a_node_that_replays_an_abort_follows_it_and_its_own_upgrade_does_not_happen() {
    let (mut rig, script) = scripted();
    let armament = rig.arm(Some(Height(1)));
    script.add(two_blocks(aborted())).unwrap();
    rig.block();
    rig.block();
    let followed = LetGo::Aborted {
        height: Height(2),
        code: "withdrawn".to_owned(),
    };
    assert_eq!(armament.why.try_recv(), Ok(followed));
    assert!(armament.resumed.recv().is_err(), "its gate never closed");
    armament.ends();
    assert_eq!(rig.standing.halted(), None);
    assert_eq!(
        (rig.height(), rig.latest.lock().generation.0),
        (Height(2), 1)
    );
}

#[test]
fn a_node_without_the_plan_follows_an_abort_and_refuses_a_commit() {
    for (end, refused) in [
        (aborted(), None),
        (UpgradeEnd::Committed, Some("block-outcome")),
    ] {
        let (mut rig, script) = scripted();
        script.add(two_blocks(end)).unwrap();
        for _ in 0..4 {
            rig.turn();
        }
        let halted = rig.standing.halted();
        assert_eq!(halted.as_ref().map(BlockRefused::code), refused);
        let height = if refused.is_none() { 2 } else { 1 };
        assert_eq!(rig.height(), Height(height));
    }
}

#[test]
fn an_upgrade_without_a_height_runs_where_the_blocks_say_that_it_did() {
    // What the second block must say of the code that a commit brings, the rig's upgrade has made up: only the place is
    // looked at.
    let (mut rig, script) = scripted();
    script.add(two_blocks(UpgradeEnd::Committed)).unwrap();
    let armament = rig.arm(None);
    rig.block();
    let resumed = armament
        .resumed
        .recv_timeout(Duration::from_secs(20))
        .unwrap();
    assert_eq!(resumed.height, Height(1));
    rig.changes_crews(armament);
}

#[test]
fn an_upgrade_is_too_late_once_the_next_block_is_decided_without_it() {
    let (mut rig, script) = scripted();
    script.add([batch(10)]).unwrap();
    rig.block();
    script.add([batch(20)]).unwrap();
    // The source was not told of block 1 yet; the turn after this one finds its block beside the upgrade.
    rig.driver.as_mut().unwrap().tell_source();
    let armament = rig.arm(Some(Height(1)));
    rig.turn();
    let too_late = LetGo::TooLate {
        planned: Height(1),
        now: Height(2),
    };
    assert_eq!(armament.why.try_recv(), Ok(too_late));
    armament.ends();
    assert_eq!(
        (rig.height(), rig.latest.lock().generation.0),
        (Height(2), 1)
    );
}
