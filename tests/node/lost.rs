//! The node's own threads panic: work under way ends, a client that waits hears why, nobody takes the node for
//! well, and it ends when it is asked to.

use crate::{assert_serves, put, workshop};
use refit_abi::{BlockTime, Height};
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_node::{Clock, Failed, Node, NodeParts, SystemClock};
use refit_ordering::{
    Block, BlockRefused, BlockSource, Due, Ground, Mempool, Outlet, Solo, SoloConfig,
};
use refit_store::{
    AppendError, Archive, BlockLog, Fault, Journal, JournalAppendError, JournalReadError,
    JournalRecord, MemoryStore, ReadError, Store, Wake,
};
use refit_tests::{Harness, process};
use refit_upgrade::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for what must come soon: far less than a client would wait for a reply that does not come.
const SOON: Duration = Duration::from_secs(10);

/// The text of the panic of a part that breaks.
const SAID: &str = "it lost its mind";

/// A part of a node that panics once this is set.
#[derive(Clone, Debug, Default)]
struct Breaks(Arc<AtomicBool>);

impl Breaks {
    fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn looks(&self) {
        assert!(!self.0.load(Ordering::Acquire), "{SAID}");
    }
}

/// Solo ordering that panics when a block is reported to it.
struct BreakingSource(Solo, Breaks);

impl BlockSource for BreakingSource {
    fn mempool(&self) -> &Arc<Mempool> {
        self.0.mempool()
    }

    fn begin(&mut self, outlet: Arc<dyn Outlet>) {
        self.0.begin(outlet);
    }

    fn validate(&self, proposal: &Block, now: BlockTime) -> Result<(), BlockRefused> {
        self.0.validate(proposal, now)
    }

    fn executed(&mut self, ground: &Ground) {
        self.1.looks();
        self.0.executed(ground);
    }

    fn next_due(&self, now: BlockTime, due: Due) -> Option<BlockTime> {
        self.0.next_due(now, due)
    }

    fn tick(&mut self, now: BlockTime, due: Due) {
        self.0.tick(now, due);
    }
}

/// A store that breaks, or takes no blocks, once the test says so.
#[derive(Debug)]
struct BreakingStore {
    store: MemoryStore,
    breaks: Breaks,
    is_full: Breaks,
}

impl BlockLog for BreakingStore {
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError> {
        self.breaks.looks();
        match self.is_full.0.load(Ordering::Acquire) {
            true => Err(AppendError::TooLarge { height, bytes: 1 }),
            false => self.store.append(height, block),
        }
    }

    fn durable_height(&self) -> Height {
        self.store.durable_height()
    }

    fn wake_with(&self, wake: Wake) {
        self.store.wake_with(wake);
    }

    fn fault(&self) -> Option<Fault> {
        self.store.fault()
    }

    fn has_room(&self) -> bool {
        self.store.has_room()
    }

    fn last(&self) -> Height {
        self.store.last()
    }

    fn read(&self, height: Height) -> Result<Arc<[u8]>, ReadError> {
        self.store.read(height)
    }
}

impl Journal for BreakingStore {
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError> {
        self.breaks.looks();
        self.store.journal_append(record)
    }

    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError> {
        self.store.journal_read(from)
    }
}

impl Store for BreakingStore {
    fn archive(&self) -> Option<&dyn Archive> {
        None
    }
}

/// A clock that breaks.
struct BreakingClock(Breaks);

impl Clock for BreakingClock {
    fn now(&self) -> BlockTime {
        self.0.looks();
        SystemClock.now()
    }
}

/// The parts of a node that break, each apart.
#[derive(Clone, Default)]
struct Parts {
    source: Breaks,
    append: Breaks,
    log_is_full: Breaks,
    clock: Breaks,
}

fn started_with(breaks: &Parts) -> Harness {
    let workshop = workshop();
    let parts = NodeParts {
        source: Some(Box::new(BreakingSource(
            Solo::new(SoloConfig::default()),
            breaks.source.clone(),
        ))),
        store: Arc::new(BreakingStore {
            store: MemoryStore::default(),
            breaks: breaks.append.clone(),
            is_full: breaks.log_is_full.clone(),
        }),
        clock: Arc::new(BreakingClock(breaks.clock.clone())),
    };
    let library = workshop.kv_v1();
    let node = Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |_| ());
    node.send("kv", put("key", "before")).unwrap();
    node
}

fn started() -> Harness {
    started_with(&Parts::default())
}

/// Waits until it holds.
fn comes(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Asserts that the node reports to everyone, at once, how it has failed, and ends when it is asked to. Gives how.
fn assert_fails(node: &Harness) -> Failed {
    comes("that it is not ready", || node.node().ready().is_err());
    let failed = node.node().failed().cloned().unwrap();
    let asked = Instant::now();
    let id = "kv".parse().unwrap();
    let refused = [
        node.node().ready().unwrap_err(),
        node.node().live().unwrap_err(),
        node.node().status().unwrap_err(),
        node.send("kv", put("key", "after")).unwrap_err(),
        node.query("kv", crate::get("key")).unwrap_err(),
        node.begin("{}".to_owned()).unwrap_err(),
        node.node().state(id).unwrap_err(),
    ];
    for refused in refused {
        assert_eq!(
            (refused.status, refused.why.code.as_str()),
            (503, "node-failed")
        );
        assert!(
            refused.why.detail.contains(&failed.to_string()),
            "{refused}"
        );
    }
    assert!(asked.elapsed() < SOON, "nobody waits for it");
    assert_ends(node.node());
    assert_eq!(node.node().failed(), Some(&failed), "it is told afterwards");
    failed
}

/// Asserts that it ends.
fn assert_ends(node: &Arc<Node>) {
    let (done, ended) = std::sync::mpsc::channel();
    let node = node.clone();
    std::thread::spawn(move || {
        node.stop();
        let _ = done.send(());
    });
    assert_eq!(ended.recv_timeout(SOON), Ok(()));
}

fn driver_said(node: &Harness) -> String {
    let Failed::Driver { said } = assert_fails(node) else {
        panic!("not the driver");
    };
    said
}

#[test]
fn a_node_whose_block_source_panics_fails_and_whoever_waits_hears_why() {
    let breaks = Parts::default();
    let node = started_with(&breaks);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..32)
            .map(|client| {
                let node = &node;
                scope.spawn(move || {
                    let sends = (0..100_000).map(|number| {
                        let key = format!("client-{client}/{}", number + 1);
                        node.send_keyed("kv", &key, put("key", "more"))
                    });
                    sends.filter_map(Result::err).next().unwrap()
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(50));
        breaks.source.now();
        let broke = Instant::now();
        for client in clients {
            assert_eq!(client.join().unwrap().why.code, "node-failed");
        }
        assert!(
            broke.elapsed() < SOON,
            "nobody waits out the bound on a reply"
        );
    });
    assert_eq!(driver_said(&node), SAID);
}

#[test]
fn a_node_whose_log_panics_fails() {
    let breaks = Parts::default();
    let node = started_with(&breaks);
    breaks.append.now();
    let refused = node.send("kv", put("key", "lost")).unwrap_err();
    assert_eq!(refused.why.code, "node-failed");
    assert_eq!(driver_said(&node), SAID);
}

#[test]
fn a_node_whose_log_takes_no_block_fails_with_what_the_log_says() {
    let breaks = Parts::default();
    let node = started_with(&breaks);
    breaks.log_is_full.now();
    let refused = node.send("kv", put("key", "lost")).unwrap_err();
    assert_eq!(refused.why.code, "node-failed");
    assert!(matches!(assert_fails(&node), Failed::Log { .. }));
}

#[test]
fn an_idle_node_whose_clock_panics_fails_though_nobody_sends() {
    let breaks = Parts::default();
    let node = started_with(&breaks);
    breaks.clock.now();
    assert_eq!(driver_said(&node), SAID);
}

#[test]
fn an_upgrade_that_waits_for_its_height_ends_when_the_driver_panics() {
    let breaks = Parts::default();
    let node = started_with(&breaks);
    let v2 = node.own_copy(&workshop().kv_v2());
    let plan = node.plan(&[("kv", &v2)], Some(Height(1_000_000))).unwrap();
    let id = node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
    comes("that it is armed", || {
        node.node_report(id).state == UpgradeState::Armed
    });
    breaks.source.now();
    let _ = node.send("kv", put("key", "lost"));
    comes("its end", || node.node_report(id).state.is_final());
    assert_eq!(driver_said(&node), SAID);
}

#[test]
fn a_node_whose_source_panics_as_it_begins_does_not_start() {
    struct Never(Arc<Mempool>);
    impl BlockSource for Never {
        fn mempool(&self) -> &Arc<Mempool> {
            &self.0
        }
        fn begin(&mut self, _: Arc<dyn Outlet>) {
            panic!("{SAID}");
        }
        fn validate(&self, _: &Block, _: BlockTime) -> Result<(), BlockRefused> {
            Ok(())
        }
        fn executed(&mut self, _: &Ground) {}
    }
    let workshop = workshop();
    let library = workshop.kv_v1();
    let pool = Solo::new(SoloConfig::default()).mempool().clone();
    let parts = NodeParts {
        source: Some(Box::new(Never(pool))),
        ..NodeParts::default()
    };
    let engines = [("kv", "kv", library.as_path())];
    let start = || Harness::start_on(&workshop, &engines, parts, |config| config.workers = 3);
    let started = std::panic::catch_unwind(std::panic::AssertUnwindSafe(start));
    let said = started.unwrap_err();
    assert_eq!(said.downcast_ref::<String>().unwrap(), SAID);
}

#[test]
fn an_upgrade_whose_thread_panics_before_the_swap_is_refused_and_the_next_one_is_taken() {
    let node = started();
    let v2 = node.own_copy(&workshop().kv_v2());
    node.watch().lock().panics_at = Some(Phase::Staged);
    let report = node.upgrade("kv", &v2);
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    let reason = report.reason.unwrap();
    assert_eq!(reason.code, "upgrade-panicked");
    assert!(reason.detail.contains(SAID), "{reason:?}");
    assert_eq!(node.node().ready(), Ok(()));
    assert_eq!(node.node().failed(), None);
    node.watch().lock().panics_at = None;
    assert_eq!(node.upgrade("kv", &v2).state, UpgradeState::Committed);
    assert_serves(&node, "afterwards");
}

/// Begins an upgrade whose watch panics at a phase.
fn panics_at(node: &Harness, phase: Phase) -> (u64, std::path::PathBuf) {
    let v2 = node.own_copy(&workshop().kv_v2());
    node.watch().lock().panics_at = Some(phase);
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let id = node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
    comes("its end", || node.node_report(id).state.is_final());
    (id, v2)
}

#[test]
fn a_node_whose_crew_panics_in_a_pause_fails_and_unmaps_nothing_that_the_crew_has_entered() {
    for phase in [Phase::Quiesced, Phase::Transitioned, Phase::Committed] {
        let node = started();
        let (id, v2) = panics_at(&node, phase);
        let report = node.node_report(id);
        assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
        let reason = report.reason.unwrap();
        assert_eq!(reason.code, "upgrade-panicked", "{reason:?}");
        assert!(reason.next.contains("start it again"), "{reason:?}");
        let Failed::Crew { said } = assert_fails(&node) else {
            panic!("not the crew");
        };
        assert!(said.contains(SAID), "{said}");
        assert!(process::mappings_of(&v2) > 0, "at {phase}");
    }
}

#[test]
fn a_node_whose_upgrade_panics_after_the_swap_fails_and_ends_when_it_is_told_to() {
    let node = started();
    let (id, _) = panics_at(&node, Phase::Retired);
    assert_eq!(node.node_report(id).state, UpgradeState::Committed);
    let Failed::Upgrade { id: failed, said } = assert_fails(&node) else {
        panic!("not the upgrade");
    };
    assert_eq!(failed, id);
    assert!(said.contains(SAID), "{said}");
}
