//! A poisoned engine is revived with the state that it had before the message that poisoned it.

use crate::together::{fragile, fragile_edited};
use crate::workshop;
use refit_abi::{EngineId, Height};
use refit_admin::api::{EngineRevived, UpgradeState};
use refit_admin::{CarriedOut, LastGood, Node as _, OrderedBy, Refusal, RequestId, Share};
use refit_node::NodeParts;
use refit_node::rehearsal::RehearsalCommand;
use refit_tests::{Harness, same_copy};
use serde_json::{Value, json};
use std::path::Path;

/// A node with a fragile engine and a steady one; on a folder, if one is given.
fn node(folder: Option<&Path>) -> Harness {
    node_on(folder, 0)
}

/// The same, whose generations are on probation for so many blocks.
fn node_on(folder: Option<&Path>, probation_blocks: u64) -> Harness {
    let (workshop, library) = (workshop(), fragile());
    let parts = folder.map(|folder| NodeParts::on_disk(&folder.join("store")).unwrap());
    let engines = [
        ("one", "fragile", library.as_path()),
        ("steady", "steady", library.as_path()),
    ];
    Harness::start_on(&workshop, &engines, parts.unwrap_or_default(), |config| {
        if let Some(folder) = folder {
            // Searches of several tests at once each have a folder of their own.
            config.data_dir = Some(folder.to_owned());
            // The same bytes at each start.
            let library = same_copy(&library, folder);
            for engine in &mut config.engines {
                engine.library.clone_from(&library);
            }
        }
        config.probation_blocks = probation_blocks;
        config.trial = Some(RehearsalCommand::new(env!(
            "CARGO_BIN_EXE_refit-test-trial"
        )));
    })
}

fn one() -> EngineId {
    EngineId::root("one").unwrap()
}

fn poison(node: &Harness) -> Height {
    let steady = serde_json::to_value(EngineId::root("steady").unwrap()).unwrap();
    let breaks = json!({"tell_and_break": {"to": steady, "number": 80}});
    let refused = node.send("one", breaks).unwrap_err();
    assert_eq!(refused.why.code, "engine-panicked");
    node.status().poisoned[0].height
}

fn revive(node: &Harness, by: &OrderedBy) -> Result<CarriedOut<EngineRevived>, Refusal> {
    match node.node().last_good(one(), by)? {
        LastGood::Done(done) => Ok(done),
        LastGood::State(state) => {
            let revive = node.node().revive(one(), state, by.clone());
            node.runtime().block_on(revive)
        }
    }
}

fn code(refused: Result<CarriedOut<EngineRevived>, Refusal>) -> String {
    let refused = refused.unwrap_err();
    assert!(!refused.why.next.is_empty(), "{refused:?}");
    refused.why.code
}

#[test]
fn it_goes_on_as_if_that_message_had_never_come_and_does_so_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(Some(folder.path()));
    let by = OrderedBy {
        request: Some("op/1".parse::<RequestId>().unwrap()),
        share: Share::UNIX,
    };
    first.send("one", json!({"keep": 10})).unwrap();
    // Code of the same states, which the search must bring in again where the log says so.
    let report = first.upgrade("fragile", &first.own_copy(&fragile_edited()));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    let kept = first
        .send_keyed("one", "ada/1", json!({"keep": 20}))
        .unwrap();
    assert_eq!(code(revive(&first, &by)), "engine-not-poisoned");
    let poisoned_at = poison(&first);
    assert_eq!(
        first.query("one", Value::Null).unwrap_err().why.code,
        "engine-poisoned"
    );
    let revived = revive(&first, &by).unwrap();
    assert_eq!(
        (revived.repeated, revived.done.poisoned_at),
        (false, Some(poisoned_at))
    );
    assert!(revived.done.height > poisoned_at);
    assert_eq!(first.query("one", Value::Null).unwrap(), 1_020);
    assert_eq!(
        first.query("steady", Value::Null).unwrap(),
        1_000,
        "it was told nothing"
    );
    // Once under its key; and what was answered before stays answered.
    let again = revive(&first, &by).unwrap();
    assert_eq!(
        (again.repeated, again.done.height),
        (true, revived.done.height)
    );
    let repeated = first
        .send_keyed("one", "ada/1", json!({"keep": 20}))
        .unwrap();
    assert_eq!((repeated.repeated, repeated.body), (true, kept.body));
    first.send("one", json!({"keep": 30})).unwrap();
    drop(first);
    let second = node(Some(folder.path()));
    assert_eq!(second.query("one", Value::Null).unwrap(), 1_030);
    assert!(second.status().poisoned.is_empty());
}

#[test]
fn a_node_that_keeps_its_blocks_in_memory_has_no_state_of_before_and_says_so() {
    let node = node(None);
    node.send("one", json!({"keep": 10})).unwrap();
    poison(&node);
    assert_eq!(code(revive(&node, &OrderedBy::default())), "revive-too-far");
    let nobody = EngineId::root("nobody").unwrap();
    let refused = node.node().last_good(nobody, &OrderedBy::default());
    assert_eq!(refused.unwrap_err().why.code, "engine-unknown");
}

#[test]
fn while_the_generation_can_be_taken_back_no_engine_is_revived() {
    let folder = tempfile::tempdir().unwrap();
    let node = node_on(Some(folder.path()), 90_000);
    node.send("one", json!({"keep": 10})).unwrap();
    let report = node.upgrade("fragile", &node.own_copy(&fragile_edited()));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    poison(&node);
    let by = OrderedBy::default();
    // Its state would be in the log for the code of before, which may read the bytes as something else.
    assert_eq!(code(revive(&node, &by)), "on-probation");
    node.node().confirm_upgrade(0).unwrap();
    revive(&node, &by).unwrap();
    assert_eq!(node.query("one", Value::Null).unwrap(), 1_010);
}
