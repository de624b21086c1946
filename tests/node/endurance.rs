//! Upgrade after upgrade in one process: nothing that the system gives is kept. One test, in a child
//! process of its own, so that what it counts is its own.
//!
//! `REFIT_SWAPS` says how many upgrades; the full size is 10,000:
//! `REFIT_SWAPS=10000 cargo test --release -p refit-tests --test node -- --nocapture endurance`.

use crate::workshop;
use refit_admin::api::{Class, UpgradeState};
use refit_loader::{ArtifactId, VERDICTS_MAX};
use refit_node::REPORTS_MAX;
use refit_tests::Harness;
use refit_tests::process::{self, Counts};
use refit_upgrade::{OfferedModule, Plan};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Upgrades if `REFIT_SWAPS` says nothing.
const SWAPS: u64 = 60;

/// Part of the upgrades after which memory is looked at, but no more than [`WARM_MAX`]: by then the
/// allocator and the caches have their size.
const WARM_PART: u64 = 3;

/// Most upgrades before memory is looked at: by then all of the node's lists are full.
const WARM_MAX: u64 = 1_100;

/// Most bytes of one upgrade's report and generation in the node's lists of them.
const REPORT_BYTES: u64 = 1_024;

/// Most bytes of a probe's verdict, which has the module's whole description: its state's type and the
/// five of its interface, some 60 fields and variants of 150 bytes each, and the words of the interface, as many
/// names again with what else they may be called.
const VERDICT_BYTES: u64 = 24_576;

/// Most bytes of what a journal record has beside the report and the plan: the code before, and the program.
const CODE_BEFORE_BYTES: u64 = 512;

/// The memory that the node keeps of a block or a journal record beside its bytes, in bytes: the allocator's
/// share and the place in a queue that doubles when it is full.
const KEPT_OVERHEAD_BYTES: u64 = 128;

/// Most bytes of a block of this test: a header, and at most one message of a few words.
const BLOCK_BYTES: u64 = 256;

/// The settings of glibc's allocator in the child: one arena, and large blocks always from the system.
/// With an arena for each thread, resident memory grows in steps of a module's size whenever another
/// one holds such a block for the first time, which hides what is looked for.
const ALLOCATOR: [(&str, &str); 2] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// Set in the child.
const CHILD: &str = "REFIT_ENDURANCE_CHILD";

/// Upgrades between two looks at memory, which are printed.
const LOOK_EVERY: u64 = 250;

/// The longest time that the counts may take to settle: a joined thread is listed a little longer.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// Entries of the store: so that states of some size cross.
const ENTRIES: u64 = 100;

fn swaps() -> u64 {
    match std::env::var("REFIT_SWAPS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => SWAPS,
    }
}

/// The counts, once they are `expected`, or as they are when the time is up.
fn settled(expected: Counts) -> Counts {
    let deadline = Instant::now() + SETTLE_MAX;
    while process::counts() != expected && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    process::counts()
}

/// One version after the other, each time in bytes that never were before.
struct Releases {
    versions: [(OfferedModule, Vec<u8>); 2],
}

impl Releases {
    /// Two versions with one state and other code.
    fn new(node: &Harness, paths: [&Path; 2]) -> Self {
        let version = |path| (node.candidate("kv", path).unwrap(), fs::read(path).unwrap());
        Self {
            versions: paths.map(version),
        }
    }

    /// The plan to go to the `number`-th release.
    fn plan(&self, node: &Harness, number: u64) -> Plan {
        let (candidate, bytes) = &self.versions[(number % 2) as usize];
        let path = node.folder().join("release.so");
        // Bytes after the last table change nothing but the hash.
        let bytes = [&bytes[..], &number.to_le_bytes()].concat();
        fs::write(&path, &bytes).unwrap();
        let candidate = OfferedModule {
            path: path.to_str().unwrap().to_owned(),
            artifact: ArtifactId::of(&bytes).to_string(),
            ..candidate.clone()
        };
        Plan::make(&node.live(), &[candidate], None).unwrap()
    }
}

/// Upgrades once, then has the new code handle a message. Gives what the node's journal keeps of it,
/// in bytes.
fn swap(node: &Harness, releases: &Releases, number: u64) -> u64 {
    let plan = releases.plan(node, number);
    let report = node.apply(&plan).unwrap();
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Adopt),
        "{report:?}"
    );
    assert!(report.retired && report.pinned.is_empty(), "{report:?}");
    let key = format!("key-{:03}", number % ENTRIES);
    let value = format!("{number:020}");
    let reply = node
        .send("kv", json!({"put": {"key": key, "value": value}}))
        .unwrap();
    assert_eq!(reply.generation, report.to);
    let (told, planned) = (serde_json::to_vec(&report), serde_json::to_vec(&plan));
    let record = told.unwrap().len() + planned.unwrap().len();
    record as u64 + CODE_BEFORE_BYTES + KEPT_OVERHEAD_BYTES
}

#[test]
fn upgrade_after_upgrade_leaves_memory_mappings_threads_and_descriptors_as_they_were() {
    if std::env::var_os(CHILD).is_some() {
        return upgrade_after_upgrade();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "--nocapture",
        std::thread::current().name().unwrap(),
    ]);
    let status = child.env(CHILD, "1").envs(ALLOCATOR).status().unwrap();
    assert!(status.success(), "see above: {status}");
}

fn upgrade_after_upgrade() {
    let workshop = workshop();
    let versions = [workshop.kv_v2(), workshop.kv_v4()];
    let node = Harness::start(&workshop, &[("kv", "kv", &versions[0])]);
    for number in 0..ENTRIES {
        let (key, value) = (format!("key-{number:03}"), "0".repeat(20));
        node.send("kv", json!({"put": {"key": key, "value": value}}))
            .unwrap();
    }
    let releases = Releases::new(&node, [&versions[0], &versions[1]]);
    let swaps = swaps();
    let warm = (swaps / WARM_PART).clamp(1, WARM_MAX);
    for number in 0..warm {
        swap(&node, &releases, number);
    }
    let counts = settled(process::counts());
    let (began, resident, height) = (
        Instant::now(),
        process::resident_kib(),
        node.status().height.0,
    );
    let mut journal = 0;
    for number in warm..swaps {
        journal += swap(&node, &releases, number);
        assert_eq!(settled(counts), counts, "after {number} upgrades");
        if number.is_multiple_of(LOOK_EVERY) {
            println!(
                "after {number} upgrades: {} KiB, {counts:?}",
                process::resident_kib()
            );
        }
    }
    let growth = process::resident_kib().saturating_sub(resident);
    // The store in memory keeps the newest 32 MiB of each: history, which is there on purpose.
    let blocks = (node.status().height.0 - height) * (BLOCK_BYTES + KEPT_OVERHEAD_BYTES);
    // Lists that are full by a known number of upgrades.
    let entries = |full: usize| swaps.min(full as u64) - warm.min(full as u64);
    let listed = entries(REPORTS_MAX) * REPORT_BYTES + entries(VERDICTS_MAX) * VERDICT_BYTES;
    let history = (journal + blocks + listed) / 1024;
    println!(
        "{} upgrades in {:?}: resident memory grew by {growth} KiB from {resident} KiB, of which up \
         to {history} KiB are history; {counts:?}",
        swaps - warm,
        began.elapsed()
    );
    assert_eq!(
        node.query("kv", json!("length")).unwrap(),
        json!({"length": {"keys": ENTRIES}})
    );
    let libraries = node.status().libraries;
    assert_eq!((libraries.mapped, libraries.pinned), (1, 0));
    let allowed = history + resident / 100;
    assert!(
        growth <= allowed,
        "grew by {growth} KiB, {allowed} KiB are allowed"
    );
}
