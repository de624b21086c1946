//! What leaves a node leaves when its block is in the log for good: replies, and what was read meanwhile. A log that
//! fails lets nothing out.

use crate::{get, put, workshop};
use refit_abi::Height;
use refit_abi::host::Explain;
use refit_node::NodeParts;
use refit_store::{
    AppendError, Archive, BlockLog, Fault, Journal, JournalAppendError, JournalReadError,
    JournalRecord, MemoryStore, ReadError, Store, Wake,
};
use refit_tests::Harness;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(60);

/// Long enough for what does not wait to have come.
const MEANWHILE: Duration = Duration::from_millis(300);

/// A log on a disk whose syncs take until the test says so, or fail.
#[derive(Default)]
struct Slow {
    blocks: MemoryStore,
    durable: AtomicU64,
    is_full: AtomicBool,
    fault: Mutex<Option<Fault>>,
    wake: Mutex<Option<Wake>>,
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slow").finish_non_exhaustive()
    }
}

impl Slow {
    fn tell(&self) {
        if let Some(wake) = &*self.wake.lock().unwrap() {
            wake();
        }
    }

    fn syncs(&self, height: u64) {
        self.durable.store(height, Ordering::Release);
        self.tell();
    }

    fn fails(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
        self.tell();
    }
}

impl BlockLog for Slow {
    fn append(&self, height: Height, block: &[u8]) -> Result<(), AppendError> {
        self.blocks.append(height, block)
    }

    fn durable_height(&self) -> Height {
        Height(self.durable.load(Ordering::Acquire))
    }

    fn wake_with(&self, wake: Wake) {
        *self.wake.lock().unwrap() = Some(wake);
    }

    fn fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap().clone()
    }

    fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::Acquire)
    }

    fn last(&self) -> Height {
        self.blocks.last()
    }

    fn read(&self, height: Height) -> Result<Arc<[u8]>, ReadError> {
        self.blocks.read(height)
    }
}

impl Journal for Slow {
    fn journal_append(&self, record: &[u8]) -> Result<u64, JournalAppendError> {
        self.blocks.journal_append(record)
    }

    fn journal_read(&self, from: u64) -> Result<Vec<JournalRecord>, JournalReadError> {
        self.blocks.journal_read(from)
    }
}

impl Store for Slow {
    fn archive(&self) -> Option<&dyn Archive> {
        None
    }
}

/// A node with a store of version 1, on such a log.
struct Rig {
    node: Arc<Harness>,
    log: Arc<Slow>,
}

impl Rig {
    fn start() -> Self {
        let log = Arc::new(Slow::default());
        let parts = NodeParts {
            store: log.clone(),
            ..NodeParts::default()
        };
        let workshop = workshop();
        let engines: [(&str, &str, &std::path::Path); 1] = [("kv", "kv", &workshop.kv_v1())];
        let node = Arc::new(Harness::start_on(&workshop, &engines, parts, |_| ()));
        Self { node, log }
    }

    /// Does it on a thread of its own; gives what comes of it, or the code of the refusal.
    fn ask(
        &self,
        ask: impl FnOnce(&Harness) -> Result<Value, refit_admin::Refusal> + Send + 'static,
    ) -> Receiver<Result<Value, String>> {
        let (tell, told) = channel();
        let node = self.node.clone();
        std::thread::spawn(move || {
            let _ = tell.send(ask(&node).map_err(|refusal| refusal.why.code));
        });
        told
    }

    fn put(&self, key: &'static str) -> Receiver<Result<Value, String>> {
        self.ask(move |node| node.send("kv", put(key, "value")).map(|_| Value::Null))
    }

    fn executed(&self, height: u64) {
        let deadline = std::time::Instant::now() + WAIT;
        while self.node.node().receipt(Height(height)).is_none() {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_reply_and_what_was_read_behind_it_wait_until_the_block_is_in_the_log_for_good() {
    let rig = Rig::start();
    let told = rig.put("first");
    rig.executed(1);
    let read = rig.ask(|node| node.query("kv", get("first")));
    assert!(
        told.recv_timeout(MEANWHILE).is_err(),
        "nobody hears of it yet"
    );
    assert!(read.try_recv().is_err(), "nor sees it");
    assert_eq!(
        refit_admin::Node::moment(&**rig.node.node()).height,
        Height(0)
    );
    // The node goes on meanwhile.
    let later = rig.put("second");
    rig.executed(2);
    rig.log.syncs(1);
    assert_eq!(told.recv_timeout(WAIT).unwrap(), Ok(Value::Null));
    let seen = read.recv_timeout(WAIT).unwrap().unwrap();
    assert_eq!(seen["value"]["entry"]["value"], "value");
    assert!(later.recv_timeout(MEANWHILE).is_err(), "each in its turn");
    rig.log.syncs(2);
    assert_eq!(later.recv_timeout(WAIT).unwrap(), Ok(Value::Null));
    assert_eq!(rig.node.status().height, Height(2));
}

#[test]
fn a_log_that_fails_lets_nothing_out_and_the_node_says_so() {
    let rig = Rig::start();
    let told = rig.put("first");
    rig.executed(1);
    let read = rig.ask(|node| node.query("kv", get("first")));
    assert!(told.recv_timeout(MEANWHILE).is_err());
    rig.log.fails(Fault::DiskFull);
    assert_eq!(
        told.recv_timeout(WAIT).unwrap(),
        Err("node-failed".to_owned())
    );
    assert_eq!(
        read.recv_timeout(WAIT).unwrap(),
        Err("node-failed".to_owned())
    );
    let failed = rig.node.node().failed().unwrap().to_string();
    assert!(
        failed.contains("block 1") && failed.contains("disk is full"),
        "{failed}"
    );
    let refused = rig.node.send("kv", put("second", "value")).unwrap_err();
    assert_eq!(refused.why.code(), "node-failed");
}

#[test]
fn while_the_disk_is_full_new_messages_are_refused_and_queries_answered_until_there_is_room() {
    let rig = Rig::start();
    rig.log.syncs(u64::MAX);
    rig.node.send("kv", put("first", "value")).unwrap();
    rig.log.is_full.store(true, Ordering::Release);
    let refused = rig.node.send("kv", put("second", "value")).unwrap_err();
    assert_eq!((refused.status, refused.why.code()), (503, "disk-full"));
    rig.node.query("kv", get("first")).unwrap();
    rig.log.is_full.store(false, Ordering::Release);
    rig.node.send("kv", put("second", "value")).unwrap();
}
