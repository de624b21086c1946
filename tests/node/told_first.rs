//! A checkpoint behind an upgrade is kept only once the journal has the upgrade: a node that is killed between the two
//! would otherwise know nothing of it, since the log that tells of it may be gone.

use crate::{put, workshop};
use refit_abi::Height;
use refit_admin::api::UpgradeState;
use refit_node::NodeParts;
use refit_store::{
    AppendError, Archive, BlockLog, DiskStore, Fault, Journal, JournalAppendError,
    JournalReadError, JournalRecord, ReadError, Store, Wake,
};
use refit_tests::Harness;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);

/// Long enough for a checkpoint that does not wait to have come.
const MEANWHILE: Duration = Duration::from_millis(1_500);

/// A store whose journal takes nothing as long as the test says so.
#[derive(Debug)]
struct Shut {
    store: DiskStore,
    is_shut: Mutex<bool>,
    opens: Condvar,
}

impl Shut {
    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.opens.notify_all();
    }

    /// The height of the newest checkpoint.
    fn newest(&self) -> Height {
        let checkpoints = self.store.archive().unwrap().checkpoints().unwrap();
        let heights = checkpoints.iter().map(|checkpoint| checkpoint.height);
        heights.max().unwrap_or_default()
    }
}

impl BlockLog for Shut {
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError> {
        self.store.append(height, block)
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

impl Journal for Shut {
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError> {
        let is_shut = self.is_shut.lock().unwrap();
        drop(
            self.opens
                .wait_timeout_while(is_shut, WAIT, |is_shut| *is_shut)
                .unwrap(),
        );
        self.store.journal_append(record)
    }

    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError> {
        self.store.journal_read(from)
    }
}

impl Store for Shut {
    fn archive(&self) -> Option<&dyn Archive> {
        self.store.archive()
    }
}

#[test]
fn a_checkpoint_behind_an_upgrade_is_kept_once_the_journal_has_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Shut {
        store: DiskStore::open(&folder.path().join("store")).unwrap(),
        is_shut: Mutex::new(false),
        opens: Condvar::new(),
    });
    let parts = NodeParts {
        store: store.clone(),
        ..NodeParts::default()
    };
    let library = workshop().kv_v1();
    let node = Harness::start_on(&workshop(), &[("kv", "kv", &library)], parts, |config| {
        config.workers = 1;
    });
    node.send("kv", put("a", "before")).unwrap();
    store.set(true);
    let (committed, kept) = std::thread::scope(|scope| {
        let upgraded = scope.spawn(|| node.upgrade("kv", &workshop().kv_v2()));
        let deadline = Instant::now() + WAIT;
        while node.status().generation.0 < 2 {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(2));
        }
        // It serves meanwhile, and a checkpoint is due.
        node.send("kv", put("a", "after")).unwrap();
        std::thread::sleep(MEANWHILE);
        let kept = store.newest();
        store.set(false);
        (upgraded.join().unwrap(), kept)
    });
    assert_eq!(committed.state, UpgradeState::Committed, "{committed:?}");
    let height = committed.height.unwrap();
    assert!(kept <= height, "one behind the upgrade, in block {kept}");
    let deadline = Instant::now() + WAIT;
    while store.newest() <= height {
        assert!(Instant::now() < deadline, "no checkpoint behind {height}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
