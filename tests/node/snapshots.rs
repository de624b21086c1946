//! Snapshots: taken while the node serves, of one moment, and the beginning of another node that goes on from there.

use crate::fixed_blocks::{SWAP_AFTER, scene, steps};
use crate::{get, put, workshop};
use refit_abi::host::Explain;
use refit_abi::{EngineId, Height};
use refit_admin::{Entrance, Node as _, Refusal, TakenSnapshot};
use refit_node::snapshot::{
    Offered, Part, Restore, RestoreError, Restored, SnapshotDifference, SnapshotFile, Vouched, diff,
};
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts};
use refit_ordering::SealedBlock;
use refit_store::{BlockLog, DiskStore, RecordChange, Store};
use refit_tests::{Fixed, Harness, Played, Source, opened};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WORKERS: usize = 2;

/// Takes a snapshot into this file.
pub(crate) fn take(node: &Node, with_code: bool, path: &Path) -> Result<Height, Refusal> {
    let TakenSnapshot {
        mut body,
        bytes,
        moment,
    } = node.snapshot(with_code)?;
    let mut content = Vec::new();
    body.read_to_end(&mut content).unwrap();
    assert_eq!(content.len() as u64, bytes);
    fs::write(path, content).unwrap();
    Ok(moment.height)
}

pub(crate) fn restore(
    file: &Path,
    store: &Path,
    libraries: &[Offered],
) -> Result<Restored, RestoreError> {
    let restore = Restore {
        file,
        libraries,
        vouched: Vouched::Nobody,
    };
    restore.check()?.into_store(store)
}

/// What a node comes to that is never ended.
fn whole() -> Played {
    let fixed = Fixed::start(&scene(WORKERS));
    fixed.play(steps());
    fixed.played()
}

#[test]
fn a_chain_that_is_restored_after_any_block_comes_to_the_same_states_and_receipts() {
    let (scene, all) = (scene(WORKERS), whole());
    for cut in 1..steps().len() {
        let folder = tempfile::tempdir().unwrap();
        let (file, store) = (folder.path().join("s"), folder.path().join("store"));
        let first = Fixed::start(&scene);
        first.play(steps()[..cut].to_vec());
        if cut as u64 == SWAP_AFTER {
            first.committed();
        }
        let height = take(first.harness().node(), true, &file).unwrap();
        assert_eq!(height, Height(cut as u64));
        let states = first.played().states;
        drop(first);
        let restored = restore(&file, &store, &[]).unwrap();
        assert_eq!((restored.height, restored.branch), (height, 1));
        assert_eq!(restored.chain, "solo");
        let second = Fixed::on_disk(&scene, &store);
        assert!(second.harness().states() == states, "after {cut}");
        second.play(steps()[cut..].to_vec());
        assert_eq!(second.refused(), None, "after {cut}");
        assert!(second.harness().states() == all.states, "after {cut}");
        let heights = cut as u64 + 1..=steps().len() as u64;
        let receipts = heights
            .clone()
            .map(|height| second.receipt(height).root.to_string());
        assert!(all.receipts.ends_with(&receipts.collect::<Vec<_>>()));
        drop(second);
        // Its blocks are others: they say that they are on another branch.
        let store = opened(&store);
        for height in heights {
            let block = SealedBlock::from_bytes(&store.read(Height(height)).unwrap()).unwrap();
            assert_eq!(block.block.header.branch.0, 1);
            assert_ne!(
                block.block.hash().to_string(),
                all.blocks[height as usize - 1]
            );
        }
    }
}

/// The states of the herd.
#[derive(Debug, Deserialize)]
struct Shepherd {
    sheep: Vec<EngineId>,
    said: u64,
    _digest: u64,
}

#[derive(Debug, Deserialize)]
struct Sheep {
    _shepherd: Option<EngineId>,
    heard: u64,
    _said: BTreeMap<EngineId, u64>,
    late: u64,
}

fn state<T: for<'de> Deserialize<'de>>(file: &mut SnapshotFile, engine: EngineId) -> T {
    let state = file.fixture(engine).unwrap().state;
    postcard::from_bytes(&state).unwrap()
}

/// A herd, whose shepherd has every sheep hear two messages for each count, in one block.
fn herd(sheep: u32, parts: NodeParts) -> Harness {
    let workshop = workshop();
    let herd = workshop.library("herd", || Source::fixture("herd"));
    let (kv, herd) = (workshop.kv_v1(), herd.as_path());
    let engines = [("kv", "kv", kv.as_path()), ("dog", "shepherd", herd)];
    let node = Harness::start_on(&workshop, &engines, parts, |_| ());
    node.send("dog", json!({"gather": {"sheep": sheep}}))
        .unwrap();
    node
}

#[test]
fn under_load_the_node_goes_on_and_each_snapshot_is_of_one_moment() {
    const SHEEP: u32 = 300;
    let folder = tempfile::tempdir().unwrap();
    let node = herd(
        SHEEP,
        NodeParts::on_disk(&folder.path().join("store")).unwrap(),
    );
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut counted = 0;
            while !ends.load(Ordering::Relaxed) {
                node.send("dog", json!({"count": {"times": 1}})).unwrap();
                counted += 1;
            }
            counted
        });
        let (mut heights, mut most) = (Vec::new(), 0);
        for number in 0..4 {
            let path = folder.path().join(number.to_string());
            let height = take(node.node(), false, &path).unwrap();
            let mut file = SnapshotFile::open(&path).unwrap();
            file.verify().unwrap();
            assert_eq!(file.header().height, height);
            let dog: Shepherd = state(&mut file, EngineId::root("dog").unwrap());
            assert_eq!(dog.sheep.len(), SHEEP as usize);
            let mut heard = 0;
            for sheep in dog.sheep {
                let sheep: Sheep = state(&mut file, sheep);
                assert_eq!(sheep.late, 0);
                heard += sheep.heard;
            }
            assert_eq!(heard, 2 * u64::from(SHEEP) * dog.said, "snapshot {number}");
            assert!(dog.said >= most);
            most = dog.said;
            heights.push(height);
            // The node goes on: the next one is of a later moment.
            let deadline = Instant::now() + Duration::from_secs(60);
            while node.node().moment().height <= height {
                assert!(Instant::now() < deadline, "no block after the snapshot");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(heights.is_sorted_by(|one, next| one < next), "{heights:?}");
        ends.store(true, Ordering::Relaxed);
        assert!(load.join().unwrap() > 0);
    });
    node.send("kv", put("after", "the load")).unwrap();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        5,
        "nothing else is left"
    );
}

#[test]
fn another_snapshot_waits_for_the_end_of_the_one_under_way() {
    let node = herd(1, NodeParts::default());
    let first = node.node().snapshot(false).unwrap();
    let refused = node.node().snapshot(false).unwrap_err();
    assert_eq!(
        (refused.status, refused.why.code()),
        (503, "snapshot-under-way")
    );
    drop(first);
    node.node().snapshot(true).unwrap();
}

/// A chain with a store, its library at one path.
struct Chain {
    folder: TempDir,
    library: PathBuf,
}

impl Chain {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libkv.so");
        fs::copy(workshop().kv_v1(), &library).unwrap();
        Self { folder, library }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, store: &str) -> Arc<Node> {
        let engine = EngineConfig {
            name: "kv".to_owned(),
            kind: None,
            library: self.library.clone(),
            config: "{}".to_owned(),
        };
        let config = NodeConfig::new(vec![engine], workshop().probe());
        let parts = NodeParts {
            store: Arc::new(opened(&self.path(store))),
            ..NodeParts::default()
        };
        Node::start_with(config, parts).unwrap()
    }

    /// A node that has executed a few messages, and its snapshot.
    fn taken(&self, with_code: bool) -> PathBuf {
        let (node, file) = (self.start("first"), self.path("taken"));
        send(&node, "me/1", put("a", "1")).unwrap();
        send(&node, "me/2", put("b", "2")).unwrap();
        send(&node, "ada/1", put("ada", "lovelace")).unwrap();
        let expires = json!({"expire_at": {"key": "ada", "height": 40}});
        send(&node, "ada/2", expires).unwrap();
        take(&node, with_code, &file).unwrap();
        file
    }

    fn offered(&self) -> Offered {
        Offered {
            kind: "kv".to_owned(),
            path: self.library.clone(),
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().unwrap()
}

fn send(node: &Node, key: &str, message: Value) -> Result<refit_admin::Replied, Refusal> {
    let (engine, key) = (EngineId::root("kv").unwrap(), key.parse().unwrap());
    let body = message.to_string().into();
    runtime().block_on(node.send(engine, Entrance::UNIX, Some(key), body))
}

fn query(node: &Node, key: &str) -> Value {
    let engine = EngineId::root("kv").unwrap();
    let answer = runtime().block_on(node.query(engine, get(key).to_string().into()));
    serde_json::from_slice(&answer.unwrap().body).unwrap()
}

#[test]
fn on_another_machine_the_answers_the_keys_and_the_timers_are_the_same() {
    let chain = Chain::new();
    let file = chain.taken(true);
    let restored = restore(&file, &chain.path("second"), &[]).unwrap();
    let node = chain.start("second");
    assert!(node.moment().height >= restored.height);
    assert_eq!(query(&node, "ada")["value"]["entry"]["value"], "lovelace");
    let again = send(&node, "ada/1", put("ada", "lovelace")).unwrap();
    assert!(again.repeated && again.height <= restored.height);
    let other = send(&node, "ada/1", put("ada", "byron")).unwrap_err();
    assert_eq!(other.why.code(), "key-used");
    // The timer that was set before fires at its height.
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut sequence = 10;
    while node.moment().height < Height(41) {
        assert!(Instant::now() < deadline);
        sequence += 1;
        send(&node, &format!("eve/{sequence}"), put("eve", "1")).unwrap();
    }
    assert_eq!(query(&node, "ada"), json!({"value": {"entry": null}}));
    // A restored node restarts as any.
    drop(node);
    let node = chain.start("second");
    assert_eq!(query(&node, "eve")["value"]["entry"]["value"], "1");
}

#[test]
fn a_folder_that_has_a_chain_is_left_as_it_is() {
    let chain = Chain::new();
    let file = chain.taken(true);
    let error = restore(&file, &chain.path("first"), &[]).unwrap_err();
    assert_eq!(error.code(), "snapshot-chain-there");
    assert!(!error.next().is_empty());
    let node = chain.start("first");
    assert!(
        send(&node, "ada/1", put("ada", "lovelace"))
            .unwrap()
            .repeated
    );
    assert!(node.moment().height >= Height(4));
}

#[test]
fn code_that_is_not_in_the_snapshot_is_named_and_must_be_the_very_file() {
    let chain = Chain::new();
    let file = chain.taken(false);
    let store = chain.path("second");
    let error = restore(&file, &store, &[]).unwrap_err();
    assert_eq!(error.code(), "snapshot-code-missing");
    assert!(error.next().contains("--library kv="), "{}", error.next());

    let other = Offered {
        path: workshop().kv_v2(),
        ..chain.offered()
    };
    let error = restore(&file, &store, &[other]).unwrap_err();
    assert_eq!(error.code(), "snapshot-other-code", "{error}");
    let stray = Offered {
        kind: "stray".to_owned(),
        ..chain.offered()
    };
    let error = restore(&file, &store, &[stray, chain.offered()]).unwrap_err();
    assert!(error.to_string().contains("`stray`"), "{error}");
    assert!(!store.exists(), "nothing was made");

    restore(&file, &store, &[chain.offered()]).unwrap();
    let node = chain.start("second");
    assert_eq!(query(&node, "ada")["value"]["entry"]["value"], "lovelace");
}

#[test]
fn a_restore_that_ended_before_its_checkpoint_had_a_name_is_done_again() {
    let chain = Chain::new();
    let file = chain.taken(true);
    let store = chain.path("second");
    {
        // All that a restore writes before that.
        let store = DiskStore::open(&store).unwrap();
        let archive = store.archive().unwrap();
        archive
            .keep_code(&fs::read(&chain.library).unwrap())
            .unwrap();
        let identity = SnapshotFile::open(&file).unwrap();
        let identity = identity.header().identity.get().as_bytes().to_vec();
        let change = RecordChange::put("identity", identity);
        archive.set_records(vec![change]).unwrap();
        let new = archive.new_checkpoint().unwrap();
        std::io::Write::write_all(&mut new.file(), b"a part of it").unwrap();
        std::mem::forget(new);
        assert_eq!(
            (store.last(), archive.checkpoints().unwrap().len()),
            (Height(0), 0)
        );
    }
    restore(&file, &store, &[]).unwrap();
    let node = chain.start("second");
    assert_eq!(query(&node, "ada")["value"]["entry"]["value"], "lovelace");
}

/// Whether a file with these bytes is taken.
fn verified(bytes: &[u8], path: &Path) -> Result<(), String> {
    fs::write(path, bytes).unwrap();
    let verified = SnapshotFile::open(path).and_then(|mut file| file.verify());
    verified.map(drop).map_err(|error| error.code().to_owned())
}

#[test]
fn a_snapshot_that_is_cut_or_changed_anywhere_is_neither_verified_nor_restored() {
    let chain = Chain::new();
    let bytes = fs::read(chain.taken(false)).unwrap();
    let path = chain.path("changed");
    assert_eq!(verified(&bytes, &path), Ok(()));
    for end in 0..bytes.len() {
        let code = verified(&bytes[..end], &path).unwrap_err();
        assert!(
            matches!(&*code, "snapshot-cut" | "snapshot-none"),
            "{end}: {code}"
        );
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let code = verified(&changed, &path).unwrap_err();
        assert!(code.starts_with("snapshot-"), "{at}: {code}");
        if at % 97 == 0 {
            let store = chain.path("never");
            let error = restore(&path, &store, &[chain.offered()]).unwrap_err();
            assert!(error.code().starts_with("snapshot-"), "{at}: {error}");
            assert!(!store.exists());
        }
    }
    let mut newer = bytes;
    newer[16] += 1;
    assert_eq!(verified(&newer, &path), Err("snapshot-format".to_owned()));
}

fn difference(a: &Path, b: &Path) -> SnapshotDifference {
    let open = |path| SnapshotFile::open(path).unwrap();
    diff(&mut open(a), &mut open(b), 20).unwrap()
}

#[test]
fn a_difference_names_engines_and_the_entries_of_their_states() {
    let workshop = workshop();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let node = herd(1, NodeParts::default());
    node.send("kv", put("same", "1")).unwrap();
    node.send("kv", put("gone", "2")).unwrap();
    node.send("kv", put("other", "3")).unwrap();
    take(node.node(), false, &path("a")).unwrap();
    assert_eq!(
        difference(&path("a"), &path("a")),
        SnapshotDifference::default()
    );
    node.send("kv", put("other", "4")).unwrap();
    node.send("kv", json!({"delete": {"key": "gone"}})).unwrap();
    node.send("kv", put("new", "5")).unwrap();
    node.send("dog", json!({"gather": {"sheep": 1}})).unwrap();
    take(node.node(), false, &path("b")).unwrap();

    let found = difference(&path("a"), &path("b"));
    let facts: Vec<_> = found.facts.iter().map(|fact| &*fact.path).collect();
    assert_eq!(facts, ["block", "height", "time"]);
    let of = |name: &str| {
        let mut engines = found.engines.iter();
        engines.find(|engine| engine.engine == name).unwrap()
    };
    let entries = &of("kv").entries.as_ref().unwrap().first;
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.path, entry.a.as_deref(), entry.b.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            (r#"entries["gone"]"#, Some(r#""2""#), None),
            (r#"entries["other"]"#, Some(r#""3""#), Some(r#""4""#)),
            (r#"entries["new"]"#, None, Some(r#""5""#)),
        ]
    );
    assert!(of("dog").changed.contains(&Part::State));
    let alone = found
        .engines
        .iter()
        .filter(|it| it.changed.contains(&Part::Engine));
    let alone: Vec<_> = alone.collect();
    assert_eq!(alone.len(), 1, "the sheep that was started");
    assert!(alone[0].a.is_none() && alone[0].b.as_ref().unwrap().kind == "sheep");

    // Over an upgrade the schema is another, and entries are still named.
    let version_2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &version_2)], None).unwrap();
    node.apply(&plan).unwrap();
    take(node.node(), false, &path("c")).unwrap();
    let found = difference(&path("b"), &path("c"));
    let facts: Vec<_> = found.facts.iter().map(|fact| &*fact.path).collect();
    assert!(
        facts.contains(&"generation") && facts.contains(&"kinds.kv.version"),
        "{facts:?}"
    );
    let kv = found.engines.iter().find(|it| it.engine == "kv").unwrap();
    assert!(kv.changed.contains(&Part::Schema));
    let entries = kv.entries.as_ref().unwrap();
    assert!(
        entries
            .first
            .iter()
            .any(|it| it.path == r#"entries["same"]"#),
        "{entries:?}"
    );
}

/// The snapshot of form 1 that stays readable.
fn of_form_1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/snapshots/form-1.snapshot")
}

#[test]
fn a_snapshot_of_each_published_form_stays_readable() {
    let path = of_form_1();
    if std::env::var_os("REFIT_BLESS").is_some_and(|bless| bless == "1") {
        fs::copy(Chain::new().taken(false), &path).unwrap();
    }
    let mut file = SnapshotFile::open(&path).unwrap();
    file.verify().unwrap();
    let (header, kv) = (file.header(), EngineId::root("kv").unwrap());
    assert_eq!(
        (header.chain_name().as_str(), header.height),
        ("solo", Height(4))
    );
    assert_eq!(header.kinds[0].kind, "kv");
    let fixture = file.fixture(kv).unwrap();
    assert_eq!((fixture.kind.as_str(), fixture.version), ("kv", 1));
    let error = file.fixture(EngineId::root("nobody").unwrap()).unwrap_err();
    assert_eq!(error.code(), "snapshot-no-engine");
}

#[test]
fn a_poisoned_engine_is_in_a_snapshot_without_a_state() {
    let fixed = Fixed::start(&scene(WORKERS));
    fixed.play(steps()[..5].to_vec());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    take(fixed.harness().node(), false, &path).unwrap();
    let mut file = SnapshotFile::open(&path).unwrap();
    let one = EngineId::root("one").unwrap();
    let poisoned = file
        .engines()
        .iter()
        .find(|engine| engine.id == one)
        .unwrap();
    assert_eq!(poisoned.state_bytes, None);
    assert_eq!(file.fixture(one).unwrap_err().code(), "snapshot-no-state");
}
