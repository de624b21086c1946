//! `refit doctor` on real folders: what it says of each is what a start does with it, and it changes nothing.

use crate::node::{Running, build, fixture};
use crate::rehearsal::version_2;
use crate::releases::{done, make_keys, make_keyset};
use crate::served::{Folder, Ran};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);

/// A folder in which a node has run, and its library.
struct Begun {
    folder: Folder,
    library: String,
}

impl Begun {
    /// A node has handled three messages, and was told to stop.
    fn new() -> Self {
        let begun = Self::running();
        assert_eq!(begun.1.stop(), Some(0));
        begun.0
    }

    /// A node that has handled three messages runs on it.
    fn running() -> (Self, Running) {
        let folder = Folder::new();
        let library = fixture(&folder);
        folder.write("refit.toml", &configured("kv", &library));
        let node = Running::start(&folder, &library);
        for key in ["a", "b", "c"] {
            let put = format!(r#"{{"put":{{"key":"{key}","value":"1"}}}}"#);
            assert_eq!(folder.run(&["send", "kv", &put]).exit, 0);
        }
        (Self { folder, library }, node)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("refit-data")
    }

    /// The only file in a folder of the store.
    fn only(&self, name: &str) -> PathBuf {
        let mut files = files_in(&self.data().join("store").join(name));
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    fn start(&self) -> Ran {
        let engine = format!("kv={}", self.library);
        self.folder.run(&["run", "--engine", &engine])
    }

    /// What the doctor says; nothing has changed since.
    #[track_caller]
    fn doctor(&self, exit: i32) -> Said {
        let before = contents(&self.data());
        let ran = self.folder.run(&["doctor", "--json"]);
        assert!(contents(&self.data()) == before, "it has changed something");
        assert_eq!(ran.exit, exit, "{ran:?}");
        Said(serde_json::from_str(&ran.stdout).unwrap())
    }

    /// The doctor finds a fault with this code, and a start ends with it.
    #[track_caller]
    fn is_refused(&self, code: &str) {
        let said = self.doctor(61);
        assert_eq!(said.0["worst"], "fault");
        said.has("fault", code);
        let ran = self.start();
        assert!(ran.stderr.lines().any(|line| line == code), "{ran:?}");
    }
}

/// The document of the doctor.
struct Said(Value);

impl Said {
    #[track_caller]
    fn has(&self, severity: &str, code: &str) -> String {
        let mut findings = self.0["findings"].as_array().unwrap().iter();
        let found = findings.find(|it| it["severity"] == severity && it["code"] == code);
        let found = found.unwrap_or_else(|| panic!("no {severity} {code}: {:#}", self.0));
        found["detail"].as_str().unwrap().to_owned()
    }
}

fn configured(name: &str, library: &str) -> String {
    format!("[[engine]]\nname = \"{name}\"\npath = \"{library}\"\n")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

/// The bytes of every file in a folder and below it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop().filter(|folder| folder.is_dir()) {
        for path in files_in(&folder) {
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.clone(), fs::read(&path).unwrap_or_default())),
            }
        }
    }
    found
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_folder_in_order_has_nothing_that_is_not_ok() {
    let begun = Begun::new();
    let said = begun.doctor(0);
    assert_eq!(said.0["worst"], "ok", "{:#}", said.0);
    for code in [
        "folder-free",
        "store-sound",
        "checkpoint-sound",
        "config-same",
    ] {
        said.has("ok", code);
    }
    let log = said.has("ok", "log-sound");
    assert!(log.contains("each follows the one before"), "{log}");
    let live = said.has("ok", "release-live");
    assert!(
        live.contains("generation 1") && live.contains("kv: refit-kv 1."),
        "{live}"
    );
    let people = begun.folder.run(&["doctor"]);
    assert_eq!(people.exit, 0, "{people:?}");
    assert!(people.stdout.contains("ok  log-sound"), "{}", people.stdout);
    assert!(people.stderr.contains("next: refit run"), "{people:?}");
}

#[test]
fn of_a_node_that_was_killed_the_doctor_says_what_the_next_start_executes() {
    let (begun, mut node) = Begun::running();
    node.kill();
    begun.folder.write("refit.toml", "");
    let said = begun.doctor(0);
    let replay = said.has("ok", "replay-due");
    assert!(replay.contains("blocks again, 1 to"), "{replay}");
    assert_eq!(said.0["facts"]["store"]["log"]["first"], 1);
    let node = Running::start(&begun.folder, &begun.library);
    let length = begun.folder.run(&["query", "kv", r#""length""#]);
    assert_eq!(length.stdout, "{\"length\":{\"keys\":3}}\n");
    drop(node);
}

#[test]
fn a_node_that_runs_is_asked_and_its_store_is_left_alone() {
    let (begun, node) = Begun::running();
    let ran = begun.folder.run(&["doctor", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let said = Said(serde_json::from_str(&ran.stdout).unwrap());
    let held = said.has("note", "data-folder-in-use");
    assert!(held.contains(&format!("process {}", node.pid())), "{held}");
    let serves = said.has("ok", "node-serves");
    assert!(serves.contains("generation 1"), "{serves}");
    assert_eq!(said.0["facts"]["store"]["state"], "in-use");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_flipped_byte_of_the_only_checkpoint_is_a_fault_and_of_the_newer_one_a_warning() {
    let begun = Begun::new();
    let sound = begun.only("checkpoints");
    let whole = fs::read(&sound).unwrap();
    flip(&sound);
    begun.folder.write("refit.toml", "");
    begun.is_refused("checkpoint-unreadable");
    fs::write(&sound, whole).unwrap();

    let node = Running::start(&begun.folder, &begun.library);
    let next = build(&begun.folder, &version_2("kv-doctor", |state| state));
    let kind = format!("kv={next}");
    let planned = begun
        .folder
        .run(&["upgrade", "plan", &kind, "--out", "plan.json"]);
    assert_eq!(planned.exit, 0, "{planned:?}");
    let applied = begun
        .folder
        .run(&["upgrade", "apply", "plan.json", "--no-rehearsal"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    // Each upgrade is followed by a checkpoint.
    let checkpoints = || files_in(&begun.data().join("store/checkpoints"));
    let deadline = Instant::now() + WAIT;
    while checkpoints().len() < 2
        || checkpoints()
            .iter()
            .any(|it| it.extension().unwrap() == "part")
    {
        assert!(Instant::now() < deadline, "{:?}", checkpoints());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(node.stop(), Some(0));
    // The older one in its place is whole, and is not what was kept.
    let (older, newer) = (checkpoints()[0].clone(), checkpoints()[1].clone());
    let sound = fs::read(&newer).unwrap();
    fs::copy(&older, &newer).unwrap();
    let other = begun.doctor(61).has("warning", "checkpoint-damaged");
    assert!(other.contains("not the one that was kept"), "{other}");
    fs::write(&newer, sound).unwrap();
    flip(&newer);
    let said = begun.doctor(61);
    assert_eq!(said.0["worst"], "warning");
    said.has("warning", "checkpoint-damaged");
    let again = said.has("note", "upgrade-again");
    assert!(again.contains("refit-kv 2.0.0"), "{again}");
    let live = said.has("ok", "release-live");
    assert!(
        live.contains("generation 2") && live.contains("refit-kv 2.0.0"),
        "{live}"
    );
    let node = Running::start(&begun.folder, &begun.library);
    let status = begun.folder.run(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["generation"], 2);
    drop(node);
}

#[test]
fn kept_code_that_is_missing_or_was_changed_is_named_as_a_start_names_it() {
    let begun = Begun::new();
    begun.folder.write("refit.toml", "");
    let kept = begun.only("code");
    let library = fs::read(&kept).unwrap();
    fs::remove_file(&kept).unwrap();
    begun.is_refused("kept-code-missing");
    let other = build(&begun.folder, &version_2("kv-doctor", |state| state));
    fs::copy(&other, &kept).unwrap();
    begun.is_refused("kept-code-changed");
    fs::remove_file(&kept).unwrap();
    fs::write(&kept, library).unwrap();
    begun.doctor(0);
}

#[test]
fn a_configuration_of_another_chain_or_of_other_code_is_a_fault() {
    let begun = Begun::new();
    begun
        .folder
        .write("refit.toml", &configured("store", &begun.library));
    let said = begun.doctor(61);
    let detail = said.has("fault", "data-other-engines");
    assert!(detail.contains("`store` with"), "{detail}");
    let other = build(&begun.folder, &version_2("kv-doctor", |state| state));
    begun.folder.write("refit.toml", &configured("kv", &other));
    let said = begun.doctor(61);
    said.has("fault", "data-other-code");
    let ran = begun.folder.run(&["run"]);
    assert!(ran.stderr.starts_with("data-other-code"), "{ran:?}");
}

#[test]
fn a_store_that_is_cut_short_is_damaged_and_a_folder_that_is_none_is_said_so() {
    let begun = Begun::new();
    begun.folder.write("refit.toml", "");
    let store = begun.data().join("store/blocks.redb");
    let length = fs::metadata(&store).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&store).unwrap();
    file.set_len(length / 3).unwrap();
    drop(file);
    begun.is_refused("store-damaged");

    let folder = Folder::new();
    for (name, says) in [("absent", "there is no folder"), (".", "nothing of a node")] {
        let ran = folder.run(&["doctor", "--data-dir", name]);
        assert_eq!(ran.exit, 61, "{ran:?}");
        assert!(
            ran.stdout.contains("FAULT  folder-none") && ran.stdout.contains(says),
            "{ran:?}"
        );
        assert!(ran.stderr.starts_with("doctor-found\n"), "{ran:?}");
        let begin = "refit run --engine NAME=PATH --data-dir";
        assert!(ran.stdout.contains(begin), "{ran:?}");
    }
    assert!(!folder.path().join("absent").exists());
    assert!(files_in(folder.path()).is_empty());
    folder.write("refit.toml", "");
    let ran = folder.run(&["doctor", "--data-dir", "refit.toml"]);
    assert!(ran.stdout.contains("refit.toml is no folder"), "{ran:?}");
    assert!(!ran.stdout.contains("refit run"), "{ran:?}");
}

/// A keyset of the same network that its own root key alone has signed.
fn make_foreign_keyset(folder: &Folder) {
    done(
        folder,
        "keyset create --network acme --root p1.pub --root-threshold 1 --release p2.pub --release-threshold 1 \
         --expires 1000 --out foreign.keyset",
    );
    done(folder, "keyset sign foreign.keyset --key p1.key");
}

#[test]
fn a_keyset_that_a_start_refuses_is_a_fault() {
    let begun = Begun::new();
    let folder = &begun.folder;
    make_keys(folder);
    make_keyset(folder);
    done(folder, "keyset sign acme.keyset --key r1.key --key r2.key");
    done(
        folder,
        "keyset rotate acme.keyset --expires 2000 --out next.keyset",
    );
    done(folder, "keyset sign next.keyset --key r1.key --key r2.key");
    make_foreign_keyset(folder);
    let trusts = |keyset: &str| {
        let engine = configured("kv", &begun.library);
        folder.write(
            "refit.toml",
            &format!("[node]\nkeyset = \"{keyset}\"\n{engine}"),
        );
    };
    trusts("acme.keyset");
    begun.doctor(0);
    trusts("nothere.keyset");
    begun.is_refused("file-unreadable");
    trusts("refit.toml");
    begun.is_refused("record-malformed");

    trusts("acme.keyset");
    drop(Running::start(folder, &begun.library));
    begun.doctor(0);
    trusts("foreign.keyset");
    begun.is_refused("keyset-conflict");
    trusts("next.keyset");
    begun.doctor(0);
    drop(Running::start(folder, &begun.library));
    trusts("acme.keyset");
    begun.doctor(0);
    trusts("foreign.keyset");
    begun.is_refused("keyset-unrelated");
}

#[test]
fn a_link_that_leads_out_of_the_folder_is_a_fault_where_a_start_enters_the_sandbox() {
    let begun = Begun::new();
    let (store, away) = (begun.data().join("store"), begun.folder.path().join("away"));
    fs::rename(&store, &away).unwrap();
    symlink(&away, &store).unwrap();
    begun.is_refused("sandbox-leads-out");
    let said = begun.doctor(61).has("fault", "sandbox-leads-out");
    assert!(said.contains("refit-data/store leads to"), "{said}");
    let engine = configured("kv", &begun.library);
    let text = format!("[node]\nsandbox = \"off\"\n{engine}");
    begun.folder.write("refit.toml", &text);
    begun.doctor(0);
    // Before there is a chain, too.
    let folder = Folder::new();
    fs::create_dir(folder.path().join("refit-data")).unwrap();
    symlink("/etc", folder.path().join("refit-data/store")).unwrap();
    let ran = folder.run(&["doctor"]);
    assert_eq!(ran.exit, 61, "{ran:?}");
    let is_link = |line: &str| line.starts_with("FAULT    sandbox-leads-out");
    assert!(ran.stdout.lines().any(is_link), "{ran:?}");
}

#[test]
fn a_setting_that_a_start_refuses_is_a_fault() {
    let begun = Begun::new();
    let engine = configured("kv", &begun.library);
    for (setting, code) in [
        ("workers = 257", "beyond-bound"),
        ("probation_replies = \"hold\"", "probation-holds-too-long"),
        ("builders = [\"nobody\"]", "key-malformed"),
    ] {
        let text = format!("[node]\n{setting}\n{engine}");
        begun.folder.write("refit.toml", &text);
        begun.is_refused(code);
    }
}
