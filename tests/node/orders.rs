//! Tests that an operator's order comes into a block: parameters and restarts are reported once they hold, are in the
//! log, and are what the next header says.

use crate::fixed_blocks::in_a_second_process;
use crate::together::fragile;
use crate::{put, workshop};
use refit_abi::{EngineId, Height};
use refit_admin::api::{EngineState, ParametersReport, UpgradeState};
use refit_admin::{ApplyOptions, Refusal};
use refit_node::NodeParts;
use refit_ordering::{
    Block, Entry, EntryKind, PlanEntry, PlannedCode, SealedBlock, UpgradeEnd, UpgradeOutcome,
};
use refit_store::{BlockLog, MemoryStore};
use refit_tests::{Fixed, FixedUpgrade, Harness, Scene};
use refit_upgrade::{Phase, Plan};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// A node, and the log of its blocks.
pub(crate) struct Logged {
    pub(crate) node: Harness,
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

    pub(crate) fn store() -> Self {
        Self::start(&[("kv", "kv", &workshop().kv_v1())])
    }

    fn block(&self, height: Height) -> Block {
        let bytes = self.store.read(height).unwrap();
        SealedBlock::from_bytes(&bytes).unwrap().block
    }

    /// All blocks of now.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let heights = 1..=self.store.durable_height().0;
        heights.map(|height| self.block(Height(height))).collect()
    }

    fn newest(&self) -> Block {
        self.block(self.store.durable_height())
    }

    fn set(&self, name: &str, value: u64) -> Result<ParametersReport, Refusal> {
        Ok(self.node.set("", name, value)?.done)
    }

    fn restart(&self, engine: &str) -> Result<refit_admin::api::EngineRestarted, Refusal> {
        Ok(self.node.restart("", engine)?.done)
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

pub(crate) fn value(report: &ParametersReport, name: &str) -> u64 {
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
    assert_eq!(refused.why.code, "mailbox-full");
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
        assert_eq!((refused.status, refused.why.code.as_str()), (422, code));
        assert!(refused.why.detail.contains(name), "{refused}");
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
    let report = logged
        .node
        .apply_with(&absurd, ApplyOptions::default())
        .unwrap();
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
    assert_eq!(refused.why.code, "engine-poisoned");

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
        (nobody.status, nobody.why.code.as_str()),
        (404, "engine-unknown")
    );
}

/// The last block of the old code.
const SWAP_AFTER: u64 = 4;

/// A store that is upgraded after some blocks.
pub(crate) fn upgraded_store() -> Scene {
    let workshop = workshop();
    Scene {
        probe: env!("CARGO_BIN_EXE_refit-test-probe").into(),
        engines: vec![("kv".to_owned(), "kv".to_owned(), workshop.kv_v1())],
        handled_per_block: 1_000,
        workers: 2,
        upgrade: Some(FixedUpgrade {
            kind: "kv".to_owned(),
            library: workshop.kv_v2(),
            height: SWAP_AFTER,
        }),
    }
}

/// Sends to a node that makes its own blocks, and orders, until its upgrade is some blocks behind.
fn live_through(solo: &Fixed) {
    let node = solo.harness();
    for number in 0..8 {
        node.send("kv", put(&format!("key-{number}"), "value"))
            .unwrap();
        if number == 6 {
            node.set("", "keys.names", 9).unwrap();
            node.restart("", "kv").unwrap();
        }
    }
}

/// The plan's entry, and the height of its block.
fn planned(log: &[Vec<u8>]) -> (u64, PlanEntry) {
    let blocks = (1..).zip(log);
    let mut plans = blocks.flat_map(|(height, bytes)| {
        let block = SealedBlock::from_bytes(bytes).unwrap().block;
        block
            .entries
            .into_iter()
            .filter_map(move |entry| match entry {
                Entry::Plan { plan, .. } => Some((height, PlanEntry::from_bytes(&plan).unwrap())),
                _ => None,
            })
    });
    let plan = plans.next().unwrap();
    assert_eq!(plans.next(), None);
    plan
}

fn outcome_after(log: &[Vec<u8>], height: u64) -> UpgradeOutcome {
    let block = SealedBlock::from_bytes(&log[height as usize])
        .unwrap()
        .block;
    block.header.outcome.unwrap()
}

#[test]
fn the_log_says_which_plan_acts_and_a_second_process_that_replays_it_comes_to_the_same() {
    let scene = upgraded_store();
    let (log, played) = {
        let solo = Fixed::solo(&scene);
        live_through(&solo);
        assert_eq!(solo.upgraded().state, UpgradeState::Committed);
        (solo.log(), solo.played())
    };
    let (height, plan) = planned(&log);
    assert_eq!(height, 1, "as soon as it was armed");
    assert_eq!(plan.at_height, Some(Height(SWAP_AFTER)));
    let artifact = blake3::hash(&std::fs::read(workshop().kv_v2()).unwrap());
    let code = PlannedCode {
        kind: "kv".to_owned(),
        artifact: artifact.to_string(),
    };
    assert_eq!(plan.kinds, [code]);
    let outcome = outcome_after(&log, SWAP_AFTER);
    assert_eq!(
        (outcome.plan, outcome.end),
        (plan.digest, UpgradeEnd::Committed)
    );
    assert_eq!(in_a_second_process(&scene, &log), played);
}

/// Why an upgrade is aborted may be known to one node alone: an operator, a clock. A node that replays the blocks obeys.
#[test]
fn a_second_process_follows_an_abort_that_it_would_not_have_come_to() {
    let scene = upgraded_store();
    let (log, played) = {
        let solo = Fixed::solo(&scene);
        solo.harness().watch().lock().at = Some(Phase::Transitioned);
        live_through(&solo);
        assert_eq!(solo.upgraded().state, UpgradeState::Aborted);
        (solo.log(), solo.played())
    };
    let aborted = UpgradeEnd::Aborted {
        code: "withdrawn".to_owned(),
    };
    assert_eq!(outcome_after(&log, SWAP_AFTER).end, aborted);
    let replayed = in_a_second_process(&scene, &log);
    assert_eq!((replayed.refused.clone(), replayed), (None, played));
}

#[test]
fn a_plan_that_happens_at_once_stands_beside_its_outcome() {
    let logged = Logged::store();
    logged.node.send("kv", put("a", "before")).unwrap();
    let v2 = logged.node.own_copy(&workshop().kv_v2());
    let plan = logged.plan_setting(&v2, "keys.names", 8);
    let report = logged.node.apply(&plan).unwrap();
    let height = report.height.unwrap().next();
    logged.node.wait_for_height(height);
    let block = logged.block(height);
    let [Entry::Plan { key: None, plan }, ..] = &block.entries[..] else {
        panic!("{block:?}");
    };
    let plan = PlanEntry::from_bytes(plan).unwrap();
    let outcome = block.header.outcome.unwrap();
    assert_eq!(
        (outcome.plan, outcome.end),
        (plan.digest, UpgradeEnd::Committed)
    );
    let changes = refit_node::ParameterChanges::from_bytes(&plan.parameters).unwrap();
    assert_eq!(changes.set, [("keys.names".to_owned(), 8)].into());
}
