//! A node that starts on the folder of one that has ended, however that ended: the same states, the same chain, the same
//! code, and each message once.

use crate::fixed_blocks::{SWAP_AFTER, scene, steps};
use refit_abi::host::Explain;
use refit_abi::{Generation, Height};
use refit_admin::api::UpgradeState;
use refit_admin::{ApplyOptions, Bytes, Node as _, OrderedBy};
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts, Prepared, StartError, doctor};
use refit_store::{BlockLog, DiskStore, Store};
use refit_tests::{Fixed, Harness, Played, Scene, Source, opened};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WORKERS: usize = 2;

/// The folder as a kill leaves it: copied while its node runs.
pub(crate) fn killed(folder: &Path) -> TempDir {
    let blocks = || fs::read(folder.join("blocks.redb")).unwrap();
    loop {
        let (before, copy) = (blocks(), tempfile::tempdir().unwrap());
        copy_all(folder, copy.path());
        // At one moment: a file that is written while it is copied is none that a kill leaves.
        if blocks() == before {
            return copy;
        }
    }
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_all(&path, &copy),
            // A checkpoint that is given its name meanwhile.
            false => drop(fs::copy(&path, &copy)),
        }
    }
}

/// What a node comes to that is never ended, after so many steps.
fn whole(scene: &Scene, played: usize) -> Played {
    let fixed = Fixed::start(scene);
    fixed.play(steps().drain(..played).collect());
    fixed.played()
}

fn same(found: &Played, wanted: &Played) {
    assert_eq!(found.blocks, wanted.blocks);
    assert_eq!(found.refused, None);
    assert!(
        found.states == wanted.states,
        "other states after {} blocks",
        wanted.blocks.len()
    );
    assert!(wanted.receipts.ends_with(&found.receipts));
}

/// Waits until there is a checkpoint of the generation that the upgrade has brought.
fn checkpoint_of_new_code(fixed: &Fixed) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while fixed.checkpoints() < 2 {
        assert!(Instant::now() < deadline, "{:?}", fixed.refused());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_node_that_is_killed_after_any_block_goes_on_as_if_nothing_had_happened() {
    let scene = scene(WORKERS);
    let all = whole(&scene, steps().len());
    for cut in 0..=steps().len() {
        let folder = tempfile::tempdir().unwrap();
        let first = Fixed::on_disk(&scene, folder.path());
        let (before, after) = (steps()[..cut].to_vec(), steps()[cut..].to_vec());
        first.play(before);
        let left = killed(folder.path());
        drop(first);
        let second = Fixed::on_disk(&scene, left.path());
        // Behind the last block of the old code nothing has told yet that the upgrade happened: it happens again.
        match cut as u64 == SWAP_AFTER {
            true => second.committed(),
            false => same(&second.played(), &whole(&scene, cut)),
        }
        second.play(after);
        same(&second.played(), &all);
        assert!(steps().len() as u64 > SWAP_AFTER);
        assert_eq!(
            second.harness().generation(),
            Generation(2),
            "cut after {cut}"
        );
    }
}

#[test]
fn an_upgrade_is_made_again_where_the_log_says_that_it_was_and_no_checkpoint_has_it() {
    let scene = scene(WORKERS);
    let folder = tempfile::tempdir().unwrap();
    let first = Fixed::on_disk(&scene, folder.path());
    first.play(steps());
    checkpoint_of_new_code(&first);
    let all = first.played();
    let reports = first.harness().node().upgrades();
    drop(first);
    // Without the newest checkpoint there is the one before the first block.
    let left = killed(folder.path());
    let store = DiskStore::open(left.path()).unwrap();
    let archive = store.archive().unwrap();
    let newest = archive.checkpoints().unwrap().pop().unwrap();
    archive.drop_checkpoint(newest.number).unwrap();
    drop(store);
    for _ in 0..3 {
        let again = Fixed::on_disk(&scene, left.path());
        same(&again.played(), &all);
        assert_eq!(again.harness().generation(), Generation(2));
        let told = again.harness().node().upgrades();
        assert_eq!(told.len(), reports.len(), "history has it once");
        assert_eq!(told[0].state, UpgradeState::Committed);
        drop(again);
    }
}

#[test]
fn a_damaged_checkpoint_is_told_and_the_one_before_is_taken() {
    let scene = scene(WORKERS);
    let folder = tempfile::tempdir().unwrap();
    let first = Fixed::on_disk(&scene, folder.path());
    first.play(steps());
    checkpoint_of_new_code(&first);
    let all = first.played();
    drop(first);
    let mut images: Vec<_> = fs::read_dir(folder.path().join("checkpoints"))
        .unwrap()
        .collect();
    images.sort_by_key(|it| it.as_ref().unwrap().path());
    let newest = images.pop().unwrap().unwrap().path();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let again = Fixed::on_disk(&scene, folder.path());
    same(&again.played(), &all);
}

/// A chain of one store that has begun, and its configuration.
struct Begun {
    folder: TempDir,
    libraries: TempDir,
}

impl Begun {
    fn new() -> Self {
        let begun = Self {
            folder: tempfile::tempdir().unwrap(),
            libraries: tempfile::tempdir().unwrap(),
        };
        let library = begun.library();
        fs::copy(crate::workshop().kv_v1(), library).unwrap();
        drop(begun.start(|_| ()).unwrap());
        begun
    }

    fn library(&self) -> PathBuf {
        self.libraries.path().join("libkv.so")
    }

    fn start(&self, change: impl FnOnce(&mut NodeConfig)) -> Result<Arc<Node>, StartError> {
        self.prepare(change)?.start()
    }

    /// A node whose engines are not there yet.
    fn prepare(&self, change: impl FnOnce(&mut NodeConfig)) -> Result<Prepared, StartError> {
        let engine = EngineConfig {
            name: "kv".to_owned(),
            kind: None,
            library: self.library(),
            config: "{}".to_owned(),
        };
        let mut config = NodeConfig::new(vec![engine], crate::workshop().probe());
        change(&mut config);
        Node::prepare_with(config, NodeParts::on_disk(self.folder.path()).unwrap())
    }

    /// The code of the refusal, and what it says.
    fn refused(&self, change: impl FnOnce(&mut NodeConfig)) -> (String, String) {
        let error = self.start(change).map(drop).unwrap_err();
        assert!(!error.next().is_empty());
        (error.code().to_owned(), error.to_string())
    }

    fn code(&self) -> PathBuf {
        let mut kept = fs::read_dir(self.folder.path().join("code")).unwrap();
        kept.next().unwrap().unwrap().path()
    }
}

#[test]
fn a_folder_of_another_chain_other_engines_or_other_code_is_refused_by_name() {
    let begun = Begun::new();
    let (code, said) = begun.refused(|config| config.chain = "other".to_owned());
    assert_eq!(code, "data-other-chain");
    assert!(
        said.contains("`solo`") && said.contains("`other`"),
        "{said}"
    );

    let (code, said) = begun.refused(|config| config.engines[0].name = "store".to_owned());
    assert_eq!(code, "data-other-engines");
    assert!(said.contains("`kv`") && said.contains("`store`"), "{said}");

    let other = crate::workshop().kv_v2();
    let (code, said) = begun.refused(|config| config.engines[0].library = other);
    assert_eq!(code, "data-other-code");
    assert!(said.contains("engine `kv`"), "{said}");
    // Whoever says that it may differ gets what was live.
    let other = crate::workshop().kv_v2();
    let live = |config: &mut NodeConfig| {
        config.engines[0].library = other;
        config.live_code = true;
    };
    let node = begun.start(live).unwrap();
    assert_eq!(node.status().unwrap().kinds[0].descriptor.version, 1);
    drop(node);
    // The same configuration in other words.
    let words = |config: &mut NodeConfig| config.engines[0].config = " { } ".to_owned();
    drop(begun.start(words).unwrap());
}

#[test]
fn a_plan_or_a_cancel_that_comes_while_a_node_makes_its_upgrades_again_is_refused() {
    let begun = Begun::new();
    let prepared = begun.prepare(|_| ()).unwrap();
    let node = prepared.node().clone();
    let apply = node.apply(
        Bytes::from_static(b"{}"),
        OrderedBy::default(),
        ApplyOptions::default(),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(apply).unwrap_err();
    assert_eq!((refused.status, &*refused.why.code), (503, "node-starting"));
    let refused = node.cancel_upgrade(1).unwrap_err();
    assert_eq!((refused.status, &*refused.why.code), (503, "node-starting"));
    let node = prepared.start().unwrap();
    assert_eq!(node.cancel_upgrade(1).unwrap(), None);
}

#[test]
fn the_doctor_says_of_a_folder_of_another_chain_what_a_start_says() {
    // The store of the data folder is in the folder `store` there.
    let begun = Begun::new();
    let data = tempfile::tempdir().unwrap();
    copy_all(begun.folder.path(), &data.path().join("store"));
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let engine = doctor::ConfiguredEngine {
        name: "kv".to_owned(),
        kind: None,
        path: begun.library(),
        config: "{}".to_owned(),
    };
    let mut wanted = doctor::Wanted::engines(vec![engine]);
    let probe = crate::workshop().probe();
    let worst = |wanted: &doctor::Wanted| {
        let look = doctor::Look {
            folder: data.path(),
            wanted: Some(wanted),
            keyset: None,
            all: true,
            probe: &probe,
        };
        let found = doctor::judge(&doctor::look(&look));
        found.into_iter().max_by_key(|it| it.severity).unwrap()
    };
    let found = worst(&wanted);
    assert_eq!(found.severity, doctor::Severity::Ok, "{found:?}");
    wanted.chain = "other".to_owned();
    let found = worst(&wanted);
    assert_eq!(found.code, "data-other-chain");
    let (_, said) = begun.refused(|config| config.chain = "other".to_owned());
    assert_eq!(found.detail, said);
}

#[test]
fn a_kept_library_that_is_missing_or_was_changed_is_refused_and_nothing_is_lost() {
    let begun = Begun::new();
    let kept = begun.code();
    let away = begun.libraries.path().join("away.so");
    fs::copy(&kept, &away).unwrap();
    fs::remove_file(&kept).unwrap();
    let (code, said) = begun.refused(|_| ());
    assert_eq!(code, "kept-code-missing");
    assert!(said.contains("`kv`"), "{said}");

    // Another library that loads.
    fs::copy(crate::workshop().kv_v2(), &kept).unwrap();
    let (code, said) = begun.refused(|_| ());
    assert_eq!(code, "kept-code-changed");
    assert!(
        said.contains(kept.file_name().unwrap().to_str().unwrap()),
        "{said}"
    );

    fs::remove_file(&kept).unwrap();
    fs::copy(&away, &kept).unwrap();
    let node = begun.start(|_| ()).unwrap();
    assert!(node.outlives() && node.receipt(Height(1)).is_none());
}

#[test]
fn a_log_without_a_checkpoint_is_refused_and_not_begun_anew() {
    let begun = Begun::new();
    let store = DiskStore::open(begun.folder.path()).unwrap();
    store.append(Height(1), b"a block").unwrap();
    let archive = store.archive().unwrap();
    let only = archive.checkpoints().unwrap().pop().unwrap();
    archive.drop_checkpoint(only.number).unwrap();
    drop(store);
    let (code, said) = begun.refused(|_| ());
    assert_eq!(code, "checkpoint-unreadable");
    assert!(said.contains("blocks up to 1"), "{said}");
}

#[test]
fn a_chain_whose_states_cannot_be_written_begins_anew_at_each_start_and_executes_its_whole_log() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = tempfile::tempdir().unwrap();
    let library = libraries.path().join("libunruly.so");
    let workshop = crate::workshop();
    let unruly = workshop.library("unruly", || Source::fixture("unruly"));
    fs::copy(unruly, &library).unwrap();
    let start = || {
        let parts = NodeParts {
            store: Arc::new(opened(folder.path())),
            ..NodeParts::default()
        };
        let engines: [(&str, &str, &Path); 1] = [("sum", "unwritten", &library)];
        Harness::start_on(&workshop, &engines, parts, |config| {
            config.engines[0].library.clone_from(&library);
        })
    };
    let mut sum = 0;
    for life in 1..=4_u64 {
        let node = start();
        assert_eq!(node.query("sum", Value::Null).unwrap(), sum);
        node.send_keyed("sum", "ada/1", json!(100)).unwrap();
        node.send("sum", json!(life)).unwrap();
        sum = if life == 1 { 101 } else { sum + life };
        assert_eq!(
            node.query("sum", Value::Null).unwrap(),
            sum,
            "the key holds over lives"
        );
    }
    let store = opened(folder.path());
    assert!(store.archive().unwrap().checkpoints().unwrap().is_empty());
}

#[test]
fn a_checkpoint_of_another_form_is_refused_and_kept_for_the_program_that_wrote_it() {
    let begun = Begun::new();
    let mut images = fs::read_dir(begun.folder.path().join("checkpoints")).unwrap();
    let image = images.next().unwrap().unwrap().path();
    let sound = fs::read(&image).unwrap();
    let mut other = sound.clone();
    // The form stands behind the twelve bytes with which an image begins.
    other[12] += 1;
    fs::write(&image, &other).unwrap();
    for _ in 0..2 {
        let (code, said) = begun.refused(|_| ());
        assert_eq!(code, "checkpoint-unreadable");
        assert!(said.contains("of form"), "{said}");
    }
    assert_eq!(fs::read(&image).unwrap(), other);
    fs::write(&image, &sound).unwrap();
    drop(begun.start(|_| ()).unwrap());
}
