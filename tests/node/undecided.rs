//! A generation on probation that an operator has to decide about: whoever asks the node is told, and its word is enough.

use crate::rollback::{keyed, refuses_rotten};
use crate::together::{fragile, fragile_edited};
use crate::{put, workshop};
use refit_abi::EngineId;
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_node::{NodeConfig, NodeParts, OnPanic, Replies};
use refit_tests::{Harness, Source, same_copy};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);

/// Longer than any of these tests.
const BLOCKS: u64 = 50_000;

/// A node on a folder, with one store of version 1.
fn node(folder: &Path, configure: impl FnOnce(&mut NodeConfig)) -> Harness {
    let (workshop, library) = (workshop(), workshop().kv_v1());
    let parts = NodeParts::on_disk(&folder.join("store")).unwrap();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        // The same bytes at each start.
        config.engines[0].library = same_copy(&library, folder);
        config.workers = 1;
        config.idle_interval_ms = 5;
        configure(config);
    })
}

/// Waits until it holds.
fn comes(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_node_whose_replies_wait_for_an_operator_is_not_ready_until_that_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path(), |config| {
        config.probation_blocks = 20;
        config.replies = Replies::Held;
        config.on_panic = Some(OnPanic::Poison);
    });
    let library = workshop().library("kv-refuses-rotten", refuses_rotten);
    node.upgrade("kv", &library);
    assert_eq!(node.node().ready(), Ok(()), "held, and for so many blocks");
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| node.send("kv", put("rotten", "x")));
        comes("a state that does not pass its check", || {
            let on = node.status().probation;
            on.is_some_and(|on| on.unsound.is_some())
        });
        let refused = node.node().ready().unwrap_err();
        assert_eq!(
            (refused.status, &*refused.why.code),
            (503, "replies-undecided")
        );
        assert!(refused.why.detail.contains("a key is rotten"), "{refused}");
        assert!(node.node().metrics().encode().contains("refit_undecided 1"));
        assert!(!sent.is_finished());
        node.node().confirm_upgrade(0).unwrap();
        sent.join().unwrap().unwrap();
    });
    assert_eq!(node.node().ready(), Ok(()));
    assert!(node.node().metrics().encode().contains("refit_undecided 0"));
}

/// Version 2 whose check takes its time, and does not pass.
fn looks_long() -> Source {
    Source::kv_v2().replacing(
        "src/engine.rs",
        "    fn check(&self) -> Result<(), Fault> {\n",
        "    fn check(&self) -> Result<(), Fault> {\n        if self.entries.contains_key(\"rotten\") {\n            \
         (0..40_000_000_u64).for_each(|turn| { std::hint::black_box(turn); });\n            \
         return Err(Fault::new(\"rotten\", \"a key is rotten\"));\n        }\n",
    )
}

#[test]
fn a_generation_that_an_operator_confirms_while_it_is_checked_is_permanent_whatever_the_check_says()
{
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path(), |config| {
        // Long enough, at 5 ms each, that the key comes before the check on a machine that has more to do.
        config.probation_blocks = 400;
        config.on_panic = Some(OnPanic::Halt);
    });
    let library = workshop().library("kv-looks-long", looks_long);
    node.upgrade("kv", &library);
    let until = node.status().probation.unwrap().until;
    node.send("kv", put("rotten", "x")).unwrap();
    comes("the check", || node.node().moment().height >= until);
    // It lasts longer than this.
    node.node().confirm_upgrade(0).unwrap();
    node.send("kv", put("a", "x")).unwrap();
    let status = node.status();
    assert_eq!((status.probation, status.halted), (None, None));
    assert_eq!(node.node().ready(), Ok(()));
    assert!(node.node().metrics().encode().contains("refit_undecided 0"));
}

#[test]
fn what_is_held_is_let_go_of_when_the_node_stops() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path(), |config| {
        // As many as fit into half of a client's wait, at 5 ms each.
        config.probation_blocks = 3_000;
        config.replies = Replies::Held;
    });
    node.upgrade("kv", &workshop().kv_v2());
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| node.send_keyed("kv", "ada/1", put("a", "x")));
        comes("what was sent", || {
            !node.query("kv", crate::get("a")).unwrap()["value"]["entry"].is_null()
        });
        let asked = Instant::now();
        node.node().let_go_of_held();
        let refused = sent.join().unwrap().unwrap_err();
        assert_eq!(refused.status, 503, "{refused}");
        // Not after a bound on a wait of any kind.
        assert!(asked.elapsed() < Duration::from_secs(5));
    });
    drop(node);
    let again = self::node(folder.path(), |config| config.probation_blocks = BLOCKS);
    let (_, repeated) = keyed(&again, "ada/1", put("a", "x"));
    assert!(repeated, "it was handled, and its reply is told now");
}

/// A node with an engine that breaks when it is told to, which halts if one does on probation.
fn halting(folder: &Path) -> Harness {
    halting_with(folder, |_| ())
}

fn halting_with(folder: &Path, configure: impl FnOnce(&mut NodeConfig)) -> Harness {
    let (workshop, library) = (workshop(), fragile());
    let parts = NodeParts::on_disk(&folder.join("store")).unwrap();
    let engines = [
        ("one", "fragile", library.as_path()),
        ("two", "fragile", library.as_path()),
        ("steady", "steady", library.as_path()),
    ];
    Harness::start_on(&workshop, &engines, parts, |config| {
        // The same bytes at each start.
        let library = same_copy(&library, folder);
        for engine in &mut config.engines {
            engine.library.clone_from(&library);
        }
        config.workers = 1;
        config.probation_blocks = BLOCKS;
        config.idle_interval_ms = 5;
        config.on_panic = Some(OnPanic::Halt);
        configure(config);
    })
}

fn breaks(node: &Harness, engine: &str) {
    let steady = serde_json::to_value(EngineId::root("steady").unwrap()).unwrap();
    let message = json!({"tell_and_break": {"to": steady, "number": 8}});
    node.send(engine, message).unwrap_err();
}

#[test]
fn a_node_that_halted_on_probation_goes_on_once_its_generation_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let node = halting(folder.path());
    let report = node.upgrade("fragile", &fragile_edited());
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    breaks(&node, "one");
    comes("the halt", || node.node().halted().is_some());
    let refused = node.send("steady", json!(1)).unwrap_err();
    assert_eq!(refused.why.code, "node-halted");
    assert!(node.status().halted.is_some());
    let height = node.status().height;
    // The blocks that were to come meanwhile are not: an idle node has none to make either.
    comes("that it is not ready", || node.node().ready().is_err());
    node.node().confirm_upgrade(0).unwrap();
    let sent = node.send("steady", json!(1)).unwrap();
    assert!(!sent.repeated);
    assert!(node.status().height > height);
    let status = node.status();
    assert_eq!((status.halted, status.probation), (None, None));
    assert_eq!(node.node().ready(), Ok(()));
    drop(node);
    let again = halting(folder.path());
    again.send("steady", json!(1)).unwrap();
}

#[test]
fn a_panic_in_the_last_block_of_a_probation_is_acted_on_before_the_generation_is_permanent() {
    let folder = tempfile::tempdir().unwrap();
    let node = halting_with(folder.path(), |config| {
        config.probation_blocks = 2;
        // Blocks are made for messages alone: one of the probation's is the upgrade's, the other is the message's.
        config.idle_interval_ms = 10_000;
    });
    node.upgrade("fragile", &fragile_edited());
    let status = node.status();
    assert_eq!(status.probation.unwrap().until, status.height.next());
    breaks(&node, "one");
    comes("the halt", || node.node().halted().is_some());
    let status = node.status();
    assert!(status.probation.is_some() && status.halted.is_some());
}

#[test]
fn an_engine_that_was_poisoned_before_the_upgrade_halts_no_start_on_probation() {
    let folder = tempfile::tempdir().unwrap();
    let node = halting(folder.path());
    breaks(&node, "one");
    let report = node.upgrade("fragile", &fragile_edited());
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    drop(node);
    let again = halting(folder.path());
    assert!(again.status().probation.is_some());
    again.send("steady", json!(1)).unwrap();
    assert_eq!(again.status().halted, None);
    // One of its own does, and so does the start after it.
    breaks(&again, "two");
    comes("the halt", || again.node().halted().is_some());
    drop(again);
    let third = halting(folder.path());
    comes("the halt", || third.node().halted().is_some());
}
