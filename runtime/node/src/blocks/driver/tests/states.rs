//! When checkpoints are taken, the hashes of their states in headers, and replays that come to another state.

use super::heights::comes;
use super::kinds::Message;
use super::rig::{Rig, Set};
use super::*;
use crate::blocks::states::{Hashed, KeptState, Passed, States};
use crate::pause::RecallReason;
use refit_abi::Generation;
use refit_abi::host::Explain;
use refit_kernel::{LeafName, STATE_FORM, StateLeaf, StateTree};
use refit_ordering::{Block, Branch, STATE_DELAY_BLOCKS, StateHash, StateOf};

const HASH: StateHash = StateHash([7; 32]);

/// Long enough for some blocks of an idle node, if it made any.
const MEANWHILE: Duration = Duration::from_millis(60);

fn of(checkpoint: u64) -> StateOf {
    StateOf {
        form: STATE_FORM,
        checkpoint: Height(checkpoint),
        hash: HASH,
    }
}

/// A node that makes a block each two milliseconds while a height is awaited, and its log.
fn idle(states: States) -> (Rig, Arc<dyn Store>) {
    let rig = Rig::new(Set {
        idle_interval_millis: 2,
        states,
        ..Set::default()
    });
    let store = rig.driver.as_ref().unwrap().parts.store.clone();
    (rig, store)
}

/// The states that the blocks of a log name, each with the height of its block.
fn named(store: &dyn Store) -> Vec<(Height, StateOf)> {
    let heights = (1..=store.last().0).map(Height);
    let blocks = heights.filter_map(|height| Some((height, store.read(height).ok()?)));
    let states = blocks.map(|(height, block)| (height, Block::header_of(&block).unwrap().state));
    states
        .filter_map(|(height, state)| Some((height, state?)))
        .collect()
}

#[test]
fn an_idle_node_makes_blocks_until_one_names_the_state_and_then_none() {
    let (mut rig, store) = idle(States::default());
    rig.run();
    let _answered = rig.send(&Message::Tick);
    assert!(comes(|| rig.height() == Height(1)));
    std::thread::sleep(MEANWHILE);
    assert_eq!(rig.height(), Height(1));
    let branch = Branch(0);
    let state = of(1);
    assert!(
        rig.intake
            .send(Intake::State(Hashed { branch, state }))
            .is_ok()
    );
    let last = Height(1 + STATE_DELAY_BLOCKS);
    assert!(comes(|| rig.height() == last));
    std::thread::sleep(MEANWHILE);
    assert_eq!(rig.height(), last);
    assert_eq!(named(&*store), [(last, state)]);
}

#[test]
fn the_hash_of_a_branch_that_was_left_stands_in_no_header_and_is_not_waited_for() {
    let (mut rig, store) = idle(States::default());
    rig.run();
    let (branch, state) = (Branch(1), of(0));
    assert!(
        rig.intake
            .send(Intake::State(Hashed { branch, state }))
            .is_ok()
    );
    std::thread::sleep(MEANWHILE);
    assert_eq!(rig.height(), Height(0));
    assert!(named(&*store).is_empty());
}

#[test]
fn a_hash_that_no_block_of_the_log_names_is_named_by_the_start_behind_it() {
    let (mut rig, store) = idle(States {
        due: Some(of(0)),
        passed: Vec::new(),
    });
    rig.run();
    let last = Height(STATE_DELAY_BLOCKS);
    assert!(comes(|| rig.height() == last));
    assert_eq!(named(&*store), [(last, of(0))]);
}

#[test]
fn a_replay_that_comes_to_another_state_than_the_checkpoint_had_ends_there_and_names_the_engine() {
    let engine = EngineId::root("clock").unwrap();
    let name = LeafName::Engine(engine);
    let leaf = StateLeaf {
        name,
        hash: [9; 32],
    };
    let state = KeptState::of(StateTree {
        root: [9; 32],
        leaves: vec![leaf],
    });
    let (mut rig, _) = idle(States {
        due: None,
        passed: vec![Passed {
            height: Height(1),
            generation: Generation(1),
            state,
        }],
    });
    let _answered = rig.send(&Message::Tick);
    rig.block();
    rig.turn();
    let refused = rig.standing.halted().unwrap();
    assert_eq!(refused.code(), "block-state");
    assert!(refused.to_string().contains("engine `clock`"), "{refused}");
}

#[test]
fn a_checkpoint_is_taken_before_an_upgrade_unless_the_newest_is_near_and_shortly_before_a_planned_one()
 {
    let (mut rig, _) = idle(States::default());
    let (checkpoints, wanted) = bounded(1);
    rig.driver.as_mut().unwrap().parts.checkpoints = checkpoints;
    let asks = |rig: &mut Rig, log_bytes: u64| {
        let (done, ended) = bounded(1);
        rig.driver.as_mut().unwrap().since_checkpoint.bytes = log_bytes;
        assert!(rig.intake.send(Intake::Checkpoint(done)).is_ok());
        rig.turn();
        ended
    };
    let over = Err(crossbeam_channel::TryRecvError::Disconnected);
    let ended = asks(&mut rig, CHECKPOINT_NEAR_BYTES - 1);
    assert_eq!(ended.try_recv(), over);
    assert!(wanted.try_recv().is_err());
    let ended = asks(&mut rig, CHECKPOINT_NEAR_BYTES);
    let taken = wanted.try_recv().unwrap();
    assert_ne!(ended.try_recv(), over);
    drop(taken);
    assert_eq!(ended.try_recv(), over);

    // It was taken: the log is counted anew, and grows while a plan waits for its height.
    let driver = rig.driver.as_mut().unwrap();
    driver.since_checkpoint = SinceCheckpoint {
        bytes: CHECKPOINT_NEAR_BYTES,
        ..SinceCheckpoint::default()
    };
    let first = rig.height().0 + 2;
    let armament = rig.arm(Some(Height(first + CHECKPOINT_BEFORE_BLOCKS)));
    while rig.height().0 < first {
        assert!(wanted.try_recv().is_err(), "at {}", rig.height());
        rig.makes_block();
    }
    assert!(wanted.try_recv().unwrap().by.is_none());
    assert!(armament.recall.take_back(RecallReason::Operator));
    assert!(rig.intake.send(Intake::Recalled).is_ok());
    rig.turn();
    armament.ends();
}
