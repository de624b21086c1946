//! Strategy `offline`: the node stops at the height, and its next start carries the upgrade out before it serves.

use crate::offline::{at_once_directives, version_2_at_once};
use crate::{entry, put, reason, workshop};
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::{Offline, UpgradeReport, UpgradeState};
use refit_node::rehearsal::RehearsalCommand;
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts, StartError};
use refit_store::{BlockLog as _, DiskStore};
use refit_tests::{Harness, UPGRADE_WAIT_MAX, opened};
use refit_upgrade::{Directives, Plan, Strategy};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A data folder, and the node that goes on from it again and again.
pub(crate) struct Folder {
    folder: TempDir,
    stops: Arc<AtomicU32>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            stops: Arc::default(),
        }
    }

    pub(crate) fn start(&self) -> Harness {
        self.start_with(|_| ())
    }

    pub(crate) fn start_with(&self, configure: impl FnOnce(&mut NodeConfig)) -> Harness {
        let v1 = workshop().kv_v1();
        let engines = [("kv", "kv", v1.as_path()), ("second", "kv", v1.as_path())];
        let stops = self.stops.clone();
        Harness::start_on(&workshop(), &engines, self.parts(), |config| {
            config.live_code = true;
            config.idle_interval_ms = 2;
            config.on_offline = Some(Arc::new(move || {
                stops.fetch_add(1, Ordering::SeqCst);
            }));
            configure(config);
        })
    }

    /// Why a node does not start.
    pub(crate) fn refused(&self, configure: impl FnOnce(&mut NodeConfig)) -> StartError {
        let engine = |name: &str| EngineConfig {
            name: name.to_owned(),
            kind: Some("kv".to_owned()),
            library: workshop().kv_v1(),
            config: "{}".to_owned(),
        };
        let engines = ["kv", "second"].map(engine).to_vec();
        let mut config = NodeConfig::new(engines, workshop().probe());
        configure(&mut config);
        Node::start_with(config, self.parts()).unwrap_err()
    }

    fn parts(&self) -> NodeParts {
        NodeParts {
            store: Arc::new(self.store()),
            ..NodeParts::default()
        }
    }

    /// Its store, which no node has.
    fn store(&self) -> DiskStore {
        opened(&self.folder.path().join("store"))
    }

    /// Has the node stop for the upgrade of a plan, and leaves it to the next start.
    fn stops_for(&self, node: Harness, plan: &Plan) -> u64 {
        let before = self.stops.load(Ordering::SeqCst);
        let id = begin(&node, plan);
        self.stopped(before + 1);
        id
    }

    /// Waits until the node has stopped for the upgrade so often.
    pub(crate) fn stopped(&self, times: u32) {
        let deadline = Instant::now() + UPGRADE_WAIT_MAX;
        while self.stops.load(Ordering::SeqCst) < times {
            assert!(Instant::now() < deadline, "the node does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A library that stays when its node has gone.
    pub(crate) fn library(&self, library: &Path) -> PathBuf {
        refit_tests::own_copy(library, self.folder.path())
    }
}

/// Waits until the one upgrade of the node waits for its height.
pub(crate) fn armed(node: &Harness) {
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while only(node).state != UpgradeState::Armed {
        assert!(Instant::now() < deadline, "it is not armed");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn offline() -> Directives {
    Directives {
        strategy: Strategy::Offline,
        ..Directives::default()
    }
}

pub(crate) fn plan(node: &Harness, library: &Path, at_height: Option<Height>) -> Plan {
    let candidate = node.candidate("kv", library).unwrap();
    Plan::make_with(&node.live(), &[candidate], at_height, &offline()).unwrap()
}

pub(crate) fn begin(node: &Harness, plan: &Plan) -> u64 {
    node.begin(serde_json::to_string(plan).unwrap()).unwrap()
}

pub(crate) fn fill(node: &Harness) {
    for number in 0..5 {
        node.send("kv", put(&format!("key {number}"), "old"))
            .unwrap();
    }
    node.send("second", put("a", "old")).unwrap();
}

/// The one upgrade that the node knows.
pub(crate) fn only(node: &Harness) -> UpgradeReport {
    let mut history = node.node().upgrades();
    assert_eq!(history.len(), 1, "{history:?}");
    history.remove(0)
}

#[test]
fn the_node_stops_at_the_height_and_its_next_start_is_of_the_new_code() {
    let folder = Folder::new();
    let library = folder.library(&workshop().kv_v2());
    let node = folder.start_with(|config| {
        let command = RehearsalCommand::new(env!("CARGO_BIN_EXE_refit-test-rehearsal"));
        config.rehearsal = Some(command);
    });
    fill(&node);
    let planned = Height(node.status().height.0 + 20);
    let id = begin(&node, &plan(&node, &library, Some(planned)));
    folder.stopped(1);
    let rehearsed = only(&node);
    assert!(rehearsed.digest.is_some() && rehearsed.predicted_us.is_some());
    assert!(
        node.send("kv", put("late", "1")).is_err(),
        "it does not serve"
    );
    drop(node);
    assert_eq!(folder.store().last(), planned, "not a block more");

    let node = folder.start();
    let report = only(&node);
    assert_eq!(
        (report.id, report.state),
        (id, UpgradeState::Committed),
        "{report:?}"
    );
    assert_eq!(report.height, Some(planned));
    // What the life before has found out is told by this one.
    assert_eq!(
        (report.predicted_us, report.copy_us, &report.digest),
        (rehearsed.predicted_us, rehearsed.copy_us, &rehearsed.digest)
    );
    let Some(Offline::Node {
        downtime_us: Some(downtime_us),
    }) = report.offline
    else {
        panic!("it does not say for how long the node did not serve: {report:?}")
    };
    assert!(downtime_us > 0);
    assert_eq!(node.generation(), Generation(2));
    assert_eq!(entry(&node, "key 3").0, "old");
    node.send("kv", put("key 3", "new")).unwrap();
    assert_eq!(entry(&node, "key 3").1, 1, "the new code counts revisions");
    drop(node);

    // It is in the log: any later start comes to the same.
    let node = folder.start();
    assert_eq!(
        (node.generation(), entry(&node, "key 3").1),
        (Generation(2), 1)
    );
    assert_eq!(only(&node).state, UpgradeState::Committed);
}

#[test]
fn a_function_over_the_whole_snapshot_runs_while_the_node_starts() {
    let folder = Folder::new();
    let library = folder.library(&version_2_at_once());
    let node = folder.start();
    fill(&node);
    let candidate = node.candidate("kv", &library).unwrap();
    let plan = Plan::make_with(&node.live(), &[candidate], None, &at_once_directives());
    folder.stops_for(node, &plan.unwrap());
    // A kill before the start has come to it, and one more start, changes nothing.
    let node = folder.start();
    assert_eq!(only(&node).state, UpgradeState::Committed);
    // Its first write has the revision behind the entries of the other store.
    node.send("kv", put("key 0", "new")).unwrap();
    assert_eq!(entry(&node, "key 0").1, 2);
    let states = node.states();
    drop(node);
    assert_eq!(folder.start().states(), states);
}

#[test]
fn what_fails_while_the_node_starts_leaves_the_old_code_serving_and_says_why() {
    let folder = Folder::new();
    let library = folder.library(&version_2_at_once());
    let node = folder.start();
    fill(&node);
    node.send("kv", put("fail", "1")).unwrap();
    let candidate = node.candidate("kv", &library).unwrap();
    let plan = Plan::make_with(&node.live(), &[candidate], None, &at_once_directives());
    folder.stops_for(node, &plan.unwrap());
    let node = folder.start();
    let report = only(&node);
    assert_eq!(report.state, UpgradeState::Aborted);
    assert_eq!(reason(&report).0, "snapshot-function-failed");
    assert_eq!(node.generation(), Generation(1));
    node.send("kv", put("key 3", "new")).unwrap();
    drop(node);
    let node = folder.start();
    assert_eq!(
        (node.generation(), only(&node).state),
        (Generation(1), UpgradeState::Aborted)
    );
}

#[test]
fn a_node_that_may_not_stop_refuses_the_plan_and_says_so() {
    let folder = Folder::new();
    let library = folder.library(&workshop().kv_v2());
    let node = folder.start_with(|config| config.max_downtime = Some(Duration::ZERO));
    let code = |node: &Harness| {
        let refused = node.begin(serde_json::to_string(&plan(node, &library, None)).unwrap());
        let why = refused.unwrap_err().why;
        assert!(!why.next.is_empty());
        why.code
    };
    assert_eq!(code(&node), "downtime-refused");
    drop(node);
    let node = folder.start_with(|config| config.on_offline = None);
    assert_eq!(code(&node), "offline-refused");
    // In memory nothing would go on.
    let node = Harness::start(&workshop(), &[("kv", "kv", &workshop().kv_v1())]);
    assert_eq!(code(&node), "offline-refused");
}

#[test]
fn an_upgrade_that_waits_for_its_height_can_be_taken_back_and_outlives_a_stop() {
    let folder = Folder::new();
    let library = folder.library(&workshop().kv_v2());
    let node = folder.start();
    fill(&node);
    let far = Height(node.status().height.0 + 1_000_000);
    let id = begin(&node, &plan(&node, &library, Some(far)));
    armed(&node);
    drop(node);
    let node = folder.start();
    armed(&node);
    node.send("kv", json!({"put": {"key": "served", "value": "1"}}))
        .unwrap();
    node.cancel(id).unwrap();
    let report = node.ended(id);
    assert_eq!(
        (report.state, &*report.reason.unwrap().code),
        (UpgradeState::Refused, "upgrade-cancelled")
    );
    drop(node);
    let node = folder.start();
    assert_eq!(only(&node).state, UpgradeState::Refused);
    assert_eq!(folder.stops.load(Ordering::SeqCst), 0);
}

#[test]
fn a_bound_on_the_time_without_service_wants_a_rehearsal_that_measures_it() {
    let folder = Folder::new();
    let library = folder.library(&workshop().kv_v2());
    let node = folder.start_with(|config| config.max_downtime = Some(Duration::from_secs(5)));
    let id = begin(&node, &plan(&node, &library, None));
    let report = node.ended(id);
    assert_eq!(report.state, UpgradeState::Refused);
    assert_eq!(reason(&report).0, "downtime-not-rehearsed");
    assert_eq!(folder.stops.load(Ordering::SeqCst), 0);
    assert_eq!(node.generation(), Generation(1));
}
