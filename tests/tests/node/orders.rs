//! What an operator orders comes into a block: parameters and restarts are told once they hold, stand in the log, and
//! are what the next header says.

use crate::together::fragile;
use crate::{put, workshop};
use refit_abi::{EngineId, Height};
use refit_admin::Node as _;
use refit_admin::api::{EngineState, ParameterChange, ParametersReport, UpgradeState};
use refit_admin::{Refusal, Wishes};
use refit_node::NodeParts;
use refit_ordering::{Block, Entry, EntryKind, SealedBlock};
use refit_store::{BlockLog, MemoryStore};
use refit_tests::Harness;
use refit_upgrade::Plan;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// A node, and the log of its blocks.
struct Logged {
    node: Harness,
    store: Arc<MemoryStore>,
}

impl Logged {
    fn start(engines: &[(&str, &str, &Path)]) -> Self {
        let store = Arc::new(MemoryStore::default());
        let parts = NodeParts {
            store: store.clone(),
            ..NodeParts::default()
        };
        let node = Harness::start_on(&workshop(), engines, parts, |_| ());
        Self { node, store }
    }

    fn store() -> Self {
        Self::start(&[("kv", "kv", &workshop().kv_v1())])
    }

    fn block(&self, height: Height) -> Block {
        let bytes = self.store.read(height).unwrap();
        SealedBlock::from_bytes(&bytes).unwrap().block
    }

    fn newest(&self) -> Block {
        self.block(self.store.durable_height())
    }

    fn set(&self, name: &str, value: u64) -> Result<ParametersReport, Refusal> {
        let change = ParameterChange {
            set: [(name.to_owned(), value)].into(),
            ..ParameterChange::default()
        };
        let set = self.node.node().set_parameters(change);
        self.node.runtime().block_on(set)
    }

    fn restart(&self, engine: &str) -> Result<refit_admin::api::EngineRestarted, Refusal> {
        let restart = self.node.node().restart(engine.parse().unwrap());
        self.node.runtime().block_on(restart)
    }

    fn plan_setting(&self, library: &Path, name: &str, value: u64) -> Plan {
        let candidate = self.node.candidate("kv", library).unwrap();
        let directives = refit_upgrade::Directives {
            parameters: refit_node::ParameterChanges {
                set: [(name.to_owned(), value)].into(),
                ..refit_node::ParameterChanges::default()
            },
            ..refit_upgrade::Directives::default()
        };
        Plan::make_with(&self.node.live(), &[candidate], None, &directives).unwrap()
    }
}

fn value(report: &ParametersReport, name: &str) -> u64 {
    let mut values = report.values.iter();
    values.find(|value| value.name == name).unwrap().value
}

fn kinds(block: &Block) -> Vec<EntryKind> {
    block.entries.iter().map(Entry::kind).collect()
}

#[test]
fn parameters_that_an_operator_sets_hold_from_the_next_block_on_and_its_header_says_so() {
    let logged = Logged::store();
    let first = logged.node.node().parameters();
    logged.node.send("kv", put("a", "before")).unwrap();
    let before = logged.newest().header.parameters;
    assert_eq!(
        (before.to_string(), first.since),
        (first.hash.clone(), Height(0))
    );

    let set = logged.set("mailbox.bytes", 64).unwrap();
    assert_eq!(value(&set, "mailbox.bytes"), 64);
    assert_ne!(set.hash, first.hash);
    let theirs = logged.block(set.since);
    assert_eq!(kinds(&theirs), [EntryKind::Parameters]);
    assert_eq!(
        theirs.header.parameters, before,
        "this block is executed under the old ones"
    );
    let status = logged.node.status().parameters.unwrap();
    assert_eq!((status.hash, status.since), (set.hash.clone(), set.since));

    let refused = logged
        .node
        .send("kv", put("b", &"x".repeat(100)))
        .unwrap_err();
    assert_eq!(refused.code, "mailbox-full");
    assert_eq!(logged.newest().header.parameters.to_string(), set.hash);
    // Changes that name others of them both hold.
    let both = logged.set("keys.names", 9).unwrap();
    assert_eq!(
        (value(&both, "mailbox.bytes"), value(&both, "keys.names")),
        (64, 9)
    );
    logged.set("mailbox.bytes", 1 << 20).unwrap();
    logged.node.send("kv", put("b", &"x".repeat(100))).unwrap();
}

#[test]
fn absurd_parameters_are_refused_with_the_name_and_the_bound_and_are_in_no_block() {
    let logged = Logged::store();
    let before = logged.node.node().parameters();
    for (name, wrong, code) in [
        ("block.messages", 0, "parameter-beyond"),
        ("block.messages", u64::MAX, "parameter-beyond"),
        ("engines.spawn_depth", 33, "parameter-beyond"),
        ("block.mesages", 5, "parameter-unknown"),
    ] {
        let refused = logged.set(name, wrong).unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (422, code));
        assert!(refused.detail.contains(name), "{refused}");
    }
    assert_eq!(logged.node.node().parameters(), before);
    assert_eq!(logged.store.durable_height(), Height(0));
}

#[test]
fn a_plan_changes_parameters_in_the_same_step_as_the_code() {
    let logged = Logged::store();
    logged.node.send("kv", put("a", "before")).unwrap();
    let before = logged.node.node().parameters();
    let v2 = logged.node.own_copy(&workshop().kv_v2());
    let plan = logged.plan_setting(&v2, "dead_letters.letters", 5);
    let report = logged.node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    let after = logged.node.node().parameters();
    assert_eq!(value(&after, "dead_letters.letters"), 5);
    assert_eq!(Some(after.since), report.height);
    // The header of the block before still says the old ones, and that of the block after the new ones.
    logged.node.send("kv", put("b", "after")).unwrap();
    let height = report.height.unwrap();
    let hash = |height: Height| logged.block(height).header.parameters.to_string();
    assert_eq!(
        (hash(height), hash(height.next())),
        (before.hash, after.hash)
    );
}

#[test]
fn a_plan_that_is_refused_or_aborted_changes_no_parameters() {
    let logged = Logged::start(&[("kv", "kv", &workshop().kv_v2())]);
    logged.node.send("kv", put("word", "not a number")).unwrap();
    let before = logged.node.node().parameters();
    let fails = logged.node.own_copy(&workshop().kv_v3_fails());
    let plan = logged.plan_setting(&fails, "dead_letters.letters", 5);
    let report = logged.node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(logged.node.node().parameters(), before);
    let v4 = logged.node.own_copy(&workshop().kv_v4());
    let mut absurd = logged.plan_setting(&v4, "dead_letters.letters", 5);
    let set = &mut absurd.directives.parameters.set;
    set.insert("block.messages".to_owned(), 0);
    let report = logged.node.apply_with(&absurd, Wishes::default()).unwrap();
    let reason = report.reason.unwrap();
    assert_eq!(
        (report.state, reason.code.as_str()),
        (UpgradeState::Refused, "plan-parameters")
    );
    assert!(reason.detail.contains("block.messages"), "{reason:?}");
    assert_eq!(logged.node.node().parameters(), before);
}

#[test]
fn an_operator_starts_a_poisoned_engine_afresh_and_it_serves_again() {
    let fragile = fragile();
    let logged = Logged::start(&[("one", "fragile", &fragile), ("steady", "steady", &fragile)]);
    let steady = EngineId::root("steady").unwrap();
    let breaks = json!({"tell_and_break": {"to": steady, "number": 7}});
    logged.node.send("one", json!({"keep": 4})).unwrap();
    logged.node.send("one", breaks).unwrap_err();
    let refused = logged.node.send("one", json!({"keep": 5})).unwrap_err();
    assert_eq!(refused.code, "engine-poisoned");

    let restarted = logged.restart("one").unwrap();
    assert!(restarted.was_poisoned, "{restarted:?}");
    assert_eq!(kinds(&logged.block(restarted.height)), [EntryKind::Restart]);
    assert_eq!(
        logged.node.query("one", Value::Null).unwrap(),
        0,
        "its state is fresh"
    );
    logged.node.send("one", json!({"keep": 6})).unwrap();
    let status = logged.node.status();
    let one = status.engines.iter().find(|engine| engine.id == "one");
    assert_eq!(one.unwrap().state, EngineState::Live);
    assert!(status.poisoned.is_empty(), "{status:?}");

    let nobody = logged.restart("nobody").unwrap_err();
    assert_eq!(
        (nobody.status, nobody.code.as_str()),
        (404, "engine-unknown")
    );
}
