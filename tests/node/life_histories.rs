//! Random lives of a node on a disk: messages, upgrades to and fro, aborted, cancelled, offline and taken back, restarts,
//! crashes, snapshots and restores, against a model that is a map, a few numbers and a copy of itself.
//!
//! ```text
//! PROPTEST_CASES=200 cargo test -p refit-tests --test node -- --nocapture life_histories
//! ```

use crate::recovery::{copy_all, killed};
use crate::snapshots::take;
use crate::{get, put, workshop};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_node::NodeParts;
use refit_node::snapshot::{Restore, Vouched};
use refit_tests::{Harness, UPGRADE_WAIT_MAX, opened};
use refit_upgrade::{Directives, Plan, Strategy as Way};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Histories, if `PROPTEST_CASES` says nothing else.
const CASES: u32 = 4;

/// Steps of the longest history.
const STEPS_MAX: usize = 14;

/// No probation ends by itself.
const PROBATION_BLOCKS: u64 = 90_000;

const KEYS: u8 = 4;

/// What is done to the node.
#[derive(Clone, Debug)]
enum Step {
    Put {
        key: u8,
        value: u8,
    },
    /// The message of before once more, under its key.
    Repeat,
    Upgrade,
    Offline,
    Aborted,
    Cancelled,
    Confirm,
    RollBack,
    Restart,
    /// The next start finds the folder as a kill leaves it.
    Crash,
    Snapshot,
    Restore,
}

/// What the node is, in the fewest words.
#[derive(Clone, Debug, Default)]
struct Model {
    entries: BTreeMap<u8, u8>,
    version: u32,
    generation: u64,
    branch: u64,
    /// The version and the generation of before, while they can come back.
    before: Option<(u32, u64)>,
    sequence: u64,
    last: Option<(u8, u8)>,
    snapshot: Option<Box<Self>>,
}

impl Model {
    fn upgraded(&mut self) {
        self.before = Some((self.version, self.generation));
        self.version = 3 - self.version;
        self.generation += 1;
    }
}

struct Lives;

impl ReferenceStateMachine for Lives {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        let first = Model {
            version: 1,
            generation: 1,
            ..Model::default()
        };
        Just(first).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        prop_oneof![
            5 => (0..KEYS, any::<u8>()).prop_map(|(key, value)| Step::Put { key, value }),
            2 => Just(Step::Repeat),
            4 => Just(Step::Upgrade),
            2 => Just(Step::Offline),
            1 => Just(Step::Aborted),
            1 => Just(Step::Cancelled),
            2 => Just(Step::Confirm),
            3 => Just(Step::RollBack),
            2 => Just(Step::Restart),
            2 => Just(Step::Crash),
            2 => Just(Step::Snapshot),
            2 => Just(Step::Restore),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        match step {
            Step::Repeat => model.last.is_some(),
            Step::Offline | Step::Cancelled => model.before.is_none(),
            // Its migration refuses what is no number.
            Step::Aborted => {
                model.before.is_none() && model.version == 2 && !model.entries.is_empty()
            }
            Step::Restore => model.snapshot.is_some(),
            _ => true,
        }
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        match step {
            Step::Put { key, value } => {
                model.entries.insert(*key, *value);
                model.sequence += 1;
                model.last = Some((*key, *value));
            }
            Step::Upgrade if model.before.is_none() => model.upgraded(),
            Step::Offline => model.upgraded(),
            Step::Confirm => model.before = None,
            Step::RollBack => {
                if let Some((version, generation)) = model.before.take() {
                    (model.version, model.generation) = (version, generation);
                    model.branch += 1;
                }
            }
            Step::Snapshot => {
                let now = Model {
                    snapshot: None,
                    ..model.clone()
                };
                model.snapshot = Some(Box::new(now));
            }
            Step::Restore => {
                let then = model.snapshot.clone().unwrap();
                model = Model {
                    branch: then.branch + 1,
                    // A snapshot has no way back.
                    before: None,
                    snapshot: model.snapshot,
                    ..*then
                };
            }
            Step::Upgrade
            | Step::Repeat
            | Step::Aborted
            | Step::Cancelled
            | Step::Restart
            | Step::Crash => {}
        }
        model
    }
}

/// A node, and the folders that it has had.
struct Lived {
    folder: TempDir,
    store: PathBuf,
    stores: u32,
    stops: Arc<AtomicU32>,
    node: Option<Harness>,
}

impl Lived {
    fn node(&self) -> &Harness {
        self.node.as_ref().unwrap()
    }

    fn end(&mut self) {
        self.node = None;
    }

    fn start(&mut self) {
        let v1 = workshop().kv_v1();
        let parts = NodeParts {
            store: Arc::new(opened(&self.store)),
            ..NodeParts::default()
        };
        let stops = self.stops.clone();
        let node = Harness::start_on(&workshop(), &[("kv", "kv", &v1)], parts, |config| {
            config.live_code = true;
            config.workers = 1;
            config.idle_interval_ms = 2;
            config.probation_blocks = PROBATION_BLOCKS;
            config.on_offline = Some(Arc::new(move || {
                stops.fetch_add(1, Ordering::SeqCst);
            }));
        });
        self.node = Some(node);
    }

    fn library(&self, library: &Path) -> PathBuf {
        refit_tests::own_copy(library, self.folder.path())
    }

    /// The library of the other version.
    fn other(&self) -> PathBuf {
        let version = self.node().status().kinds[0].descriptor.version;
        self.library(&match version {
            1 => workshop().kv_v2(),
            _ => workshop().kv_v1(),
        })
    }

    fn upgrade(&self, is_on_probation: bool) {
        let plan = self.node().plan(&[("kv", &self.other())], None).unwrap();
        match self.node().apply(&plan) {
            Ok(report) => {
                assert!(!is_on_probation);
                assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
            }
            Err(refusal) => {
                assert!(is_on_probation, "{refusal:?}");
                assert_eq!(refusal.why.code, "on-probation");
            }
        }
    }

    fn offline(&mut self) {
        let node = self.node();
        let candidate = node.candidate("kv", &self.other()).unwrap();
        let directives = Directives {
            strategy: Way::Offline,
            ..Directives::default()
        };
        let plan = Plan::make_with(&node.live(), &[candidate], None, &directives).unwrap();
        let stopped = self.stops.load(Ordering::SeqCst);
        node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
        let deadline = Instant::now() + UPGRADE_WAIT_MAX;
        while self.stops.load(Ordering::SeqCst) == stopped {
            assert!(Instant::now() < deadline, "the node does not stop");
            std::thread::sleep(Duration::from_millis(2));
        }
        self.end();
        self.start();
    }

    fn aborted(&self) {
        let fails = self.library(&workshop().kv_v3_fails());
        let plan = self.node().plan(&[("kv", &fails)], None).unwrap();
        let report = self.node().apply(&plan).unwrap();
        assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    }

    fn cancelled(&self) {
        let height = Height(self.node().status().height.0 + 1_000_000);
        let plan = self.node().plan(&[("kv", &self.other())], Some(height));
        let plan = serde_json::to_string(&plan.unwrap()).unwrap();
        let id = self.node().begin(plan).unwrap();
        self.node().cancel(id).unwrap();
        assert_eq!(self.node().ended(id).state, UpgradeState::Refused);
    }

    fn roll_back(&mut self, is_on_probation: bool) {
        let ordered = self.node().node().roll_back(0);
        assert_eq!(ordered.is_ok(), is_on_probation, "{ordered:?}");
        if is_on_probation {
            self.end();
            self.start();
        }
    }

    fn crash(&mut self) {
        let left = killed(&self.store);
        self.end();
        self.next_store();
        copy_all(left.path(), &self.store);
        self.start();
    }

    /// Another folder for the store.
    fn next_store(&mut self) {
        self.stores += 1;
        self.store = self.folder.path().join(format!("store-{}", self.stores));
    }

    fn restore(&mut self) {
        self.end();
        self.next_store();
        let file = &self.folder.path().join("snapshot");
        let restore = Restore {
            file,
            libraries: &[],
            vouched: Vouched::Nobody,
        };
        restore.check().unwrap().into_store(&self.store).unwrap();
        self.start();
    }

    fn keyed(&self, sequence: u64, key: u8, value: u8) -> bool {
        let message = put(&key.to_string(), &format!("v{value}"));
        let replied = self
            .node()
            .send_keyed("kv", &format!("ada/{sequence}"), message);
        replied.unwrap().repeated
    }

    fn read(&self, key: u8) -> Option<String> {
        let answer = self.node().query("kv", get(&key.to_string())).unwrap();
        let value: &Value = &answer["value"]["entry"]["value"];
        value.as_str().map(str::to_owned)
    }
}

impl StateMachineTest for Lived {
    type SystemUnderTest = Self;
    type Reference = Lives;

    fn init_test(_: &Model) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut lived = Self {
            store: folder.path().join("store"),
            folder,
            stores: 0,
            stops: Arc::default(),
            node: None,
        };
        lived.start();
        lived
    }

    /// The reference has taken the step already.
    fn apply(mut lived: Self, model: &Model, step: Step) -> Self {
        let was_on = lived.node().status().probation.is_some();
        match step {
            Step::Put { key, value } => assert!(!lived.keyed(model.sequence, key, value)),
            Step::Repeat => {
                let (key, value) = model.last.unwrap();
                assert!(lived.keyed(model.sequence, key, value), "told once");
            }
            Step::Upgrade => lived.upgrade(was_on),
            Step::Offline => lived.offline(),
            Step::Aborted => lived.aborted(),
            Step::Cancelled => lived.cancelled(),
            Step::Confirm => {
                assert_eq!(lived.node().node().confirm_upgrade(0).is_ok(), was_on);
            }
            Step::RollBack => lived.roll_back(was_on),
            Step::Restart => {
                lived.end();
                lived.start();
            }
            Step::Crash => lived.crash(),
            Step::Snapshot => {
                let file = lived.folder.path().join("snapshot");
                take(lived.node().node(), true, &file).unwrap();
            }
            Step::Restore => lived.restore(),
        }
        lived
    }

    fn check_invariants(lived: &Self, model: &Model) {
        let status = lived.node().status();
        assert_eq!(status.generation, Generation(model.generation));
        assert_eq!(status.branch, model.branch);
        assert_eq!(status.kinds[0].descriptor.version, model.version);
        assert_eq!(status.probation.is_some(), model.before.is_some());
        for key in 0..KEYS {
            let wanted = model.entries.get(&key).map(|value| format!("v{value}"));
            assert_eq!(lived.read(key), wanted, "key {key}");
        }
    }
}

fn cases() -> u32 {
    let said = std::env::var("PROPTEST_CASES");
    said.ok()
        .and_then(|said| said.parse().ok())
        .unwrap_or(CASES)
}

proptest_state_machine::prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        // Each step may start a node: the first failing history says enough.
        max_shrink_iters: 8,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_node_lives_as_the_model_does(sequential 1..STEPS_MAX => Lived);
}
