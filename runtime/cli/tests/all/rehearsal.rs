//! Upgrades are rehearsed by a node that runs as the user runs it; and a pause that does not end
//! restarts it.

use crate::node::{Running, build};
use crate::served::Folder;
use refit_admin::api::Status;
use refit_build::EngineSource;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for a node that restarts.
const WAIT: Duration = Duration::from_secs(60);

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The source of the store, version 2, in a folder that the next run of the tests finds again; as
/// `edit` changes its migration.
pub(crate) fn version_2(name: &str, edit: impl FnOnce(String) -> String) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let history = repository().join("engines/kv/history");
    let read = |version| EngineSource::read(&history.join(version)).unwrap();
    let abi = repository().join("abi").canonicalize().unwrap();
    let source = read("v1").laid_over_by(read("v2"));
    let source = source.with_version("2.0.0").unwrap();
    let source = source.with_contract(&abi).unwrap();
    let state = edit(source.text("src/state.rs").unwrap().to_owned());
    // A copy publishes nothing of its own.
    let source = source.with_file("schema.lock", "format = 1\n");
    let source = source.with_file("src/state.rs", &state);
    source.write(&folder).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// A migration that never ends, if there is anything to migrate.
pub(crate) fn loops(text: String) -> String {
    let before = "let entry = |value: &String|";
    assert_eq!(text.matches(before).count(), 1);
    let endless = "if !old.entries.is_empty() { loop { std::hint::spin_loop(); } }\n    ";
    text.replace(before, &format!("{endless}{before}"))
}

pub(crate) fn put(folder: &Folder) {
    let put = r#"{"put":{"key":"a","value":"1"}}"#;
    let sent = folder.run(&["send", "kv", put]);
    assert_eq!(sent.exit, 0, "{sent:?}");
}

fn status(folder: &Folder) -> Option<Status> {
    let ran = folder.run(&["status", "--json"]);
    (ran.exit == 0).then(|| serde_json::from_str(&ran.stdout).unwrap())
}

#[test]
fn a_plan_shows_the_pause_that_was_rehearsed_and_one_that_loops_is_not_made() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let bad = format!("kv={}", build(&folder, &version_2("kv-loops", loops)));
    let good = format!("kv={}", build(&folder, &version_2("kv-good", |text| text)));
    let node = Running::start_with(&folder, &v1, &["--rehearsal-wait", "3s"]);
    put(&folder);

    let plan = folder.run(&["upgrade", "plan", &bad]);
    assert_eq!(plan.exit, 30, "{plan:?}");
    assert!(plan.stderr.contains("rehearsal-timeout"), "{plan:?}");
    assert!(plan.stderr.contains("engine `kv`"), "{plan:?}");
    assert!(!folder.path().join("plan.json").exists());

    let plan = folder.run(&["upgrade", "plan", &good, "--max-pause", "0us"]);
    assert_eq!(plan.exit, 3, "{plan:?}");
    assert!(plan.stderr.contains("pause-too-long"), "{plan:?}");
    assert!(!folder.path().join("plan.json").exists());

    let plan = folder.run(&["upgrade", "plan", &good]);
    assert_eq!(plan.exit, 0, "{plan:?}");
    assert!(plan.stdout.contains("predicted pause: "), "{plan:?}");
    assert!(plan.stdout.contains("(rehearsed on 1 engine, "), "{plan:?}");
    let written = std::fs::read_to_string(folder.path().join("plan.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    assert!(written["predicted_pause_us"].as_u64().is_some());

    let rehearse = ["upgrade", "rehearse", "plan.json"];
    let rehearsed = folder.run(&rehearse);
    assert_eq!(rehearsed.exit, 0, "{rehearsed:?}");
    let said = "(rehearsed on 1 engine, ";
    assert!(rehearsed.stdout.contains(said), "{rehearsed:?}");
    let bound = folder.run(&[&rehearse[..], &["--max-pause", "0us"]].concat());
    assert_eq!(bound.exit, 3, "{bound:?}");
    assert!(bound.stderr.contains("pause-too-long"), "{bound:?}");
    let generation = status(&folder).unwrap().generation.0;
    assert_eq!(generation, 1, "nothing is applied");

    let apply = ["upgrade", "apply", "plan.json"];
    let bound = folder.run(&[&apply[..], &["--max-pause", "0us"]].concat());
    assert_eq!(bound.exit, 3, "{bound:?}");
    assert!(bound.stderr.contains("pause-too-long"), "{bound:?}");
    let applied = folder.run(&apply);
    assert_eq!(applied.exit, 0, "{applied:?}");
    assert!(applied.stdout.contains("predicted  "), "{applied:?}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_pause_that_does_not_end_restarts_the_node_with_its_old_code_and_quarantines_the_new() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let own = folder.path().join("kv.so");
    std::fs::copy(&v1, &own).unwrap();
    let bad = format!("kv={}", build(&folder, &version_2("kv-loops", loops)));
    let flags = ["--no-rehearsal", "--pause-limit", "500ms"];
    let node = Running::start_with(&folder, own.to_str().unwrap(), &flags);
    put(&folder);
    let before = status(&folder).unwrap();
    assert_eq!(folder.run(&["upgrade", "plan", &bad]).exit, 0);
    // By now something else lies where the node was started from.
    std::fs::copy(bad.trim_start_matches("kv="), &own).unwrap();
    let apply = ["upgrade", "apply", "plan.json"];
    let ended = folder.run(&apply);
    assert_eq!(ended.exit, 30, "{ended:?}");
    assert!(ended.stderr.contains("pause-stuck"), "{ended:?}");
    assert!(ended.stderr.contains("did not return"), "{ended:?}");

    let list = folder.path().join("refit-data/quarantine.json");
    let after = until_restarted(&folder);
    assert!(list.exists());
    assert_eq!(after.node.pid, before.node.pid, "the same process");
    assert_eq!(after.kinds[0].artifact, before.kinds[0].artifact);
    put(&folder);

    let again = folder.run(&apply);
    assert_eq!(again.exit, 3, "{again:?}");
    assert!(again.stderr.contains("release-quarantined"), "{again:?}");
    let planned = folder.run(&["upgrade", "plan", &bad]);
    assert_eq!(planned.exit, 0, "{planned:?}");
    let warning = "warning[release-quarantined]";
    assert!(planned.stdout.contains(warning), "{planned:?}");
    let listed = folder.run(&["upgrade", "quarantine", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[0]["code"], "pause-stuck");
    let artifact = listed[0]["artifacts"][0].as_str().unwrap();
    assert!(
        again
            .stderr
            .replace(['\n', ' ', '│'], "")
            .contains(artifact),
        "{again:?}"
    );
    assert!(listed[0]["at_ms"].as_u64() > Some(0), "{listed}");
    let package = listed[0]["packages"][0].as_str().unwrap();
    assert!(package.starts_with("refit-kv "), "{listed}");
    let cleared = folder.run(&["upgrade", "quarantine", "--clear", &artifact[..8]]);
    assert_eq!(cleared.exit, 0, "{cleared:?}");
    assert!(!cleared.stdout.contains(&artifact[..8]), "{cleared:?}");
    let unknown = folder.run(&["upgrade", "quarantine", "--clear", artifact]);
    assert_eq!(unknown.exit, 4, "{unknown:?}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_list_that_cannot_be_written_is_kept_over_the_restart_and_the_code_is_the_one_of_before() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let own = folder.path().join("kv.so");
    std::fs::copy(&v1, &own).unwrap();
    let bad = format!("kv={}", build(&folder, &version_2("kv-loops", loops)));
    let flags = ["--no-rehearsal", "--pause-limit", "500ms"];
    let node = Running::start_with(&folder, own.to_str().unwrap(), &flags);
    put(&folder);
    let before = status(&folder).unwrap();
    assert_eq!(folder.run(&["upgrade", "plan", &bad]).exit, 0);
    std::fs::copy(bad.trim_start_matches("kv="), &own).unwrap();
    // As on a full disk: a folder is where the list is written before it takes its name.
    std::fs::create_dir(folder.path().join("refit-data/quarantine.new")).unwrap();
    let apply = ["upgrade", "apply", "plan.json"];
    assert_eq!(folder.run(&apply).exit, 30);
    let after = until_restarted(&folder);
    assert_eq!(after.node.pid, before.node.pid, "the same process");
    assert_eq!(after.kinds[0].artifact, before.kinds[0].artifact);
    assert!(!folder.path().join("refit-data/quarantine.json").exists());
    let why = after.quarantine_unwritten.unwrap();
    assert!(why.contains("quarantine.json"), "{why}");
    let shown = folder.run(&["status"]).stdout;
    assert!(shown.contains(&why), "{shown}");
    let again = folder.run(&apply);
    assert_eq!(again.exit, 3, "{again:?}");
    assert!(again.stderr.contains("release-quarantined"), "{again:?}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_node_that_restarts_again_and_again_keeps_no_file_of_the_processes_before() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let library = build(&folder, &version_2("kv-loops", loops));
    let bad = format!("kv={library}");
    let flags = ["--no-rehearsal", "--pause-limit", "500ms"];
    let node = Running::start_with(&folder, &v1, &flags);
    let open = format!("/proc/{}/fd", node.pid());
    // Connections come and go.
    let files = || {
        let files = std::fs::read_dir(&open).unwrap();
        let named = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        named
            .filter(|name| !name.to_string_lossy().starts_with("socket:"))
            .count()
    };
    let mut counts = Vec::new();
    for _ in 0..3 {
        put(&folder);
        assert_eq!(folder.run(&["upgrade", "plan", &bad]).exit, 0);
        assert_eq!(folder.run(&["upgrade", "apply", "plan.json"]).exit, 30);
        let _ = until_restarted(&folder);
        put(&folder);
        counts.push(files());
        let listed = folder.run(&["upgrade", "quarantine", "--json"]);
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        let artifact = listed[0]["artifacts"][0].as_str().unwrap();
        let clear = ["upgrade", "quarantine", "--clear", artifact];
        assert_eq!(folder.run(&clear).exit, 0);
    }
    assert_eq!(counts, [counts[0]; 3]);
    assert_eq!(node.stop(), Some(0));
}

/// A migration that goes elsewhere, and then never ends.
fn strays(text: String) -> String {
    let stays = loops(text);
    assert_eq!(stays.matches("loop { std").count(), 1);
    stays.replace(
        "loop { std",
        "let _ = std::env::set_current_dir(\"/\"); loop { std",
    )
}

#[test]
fn a_node_restarts_where_it_was_started_wherever_an_engine_has_gone() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let bad = format!("kv={}", build(&folder, &version_2("kv-strays", strays)));
    let flags = ["--no-rehearsal", "--pause-limit", "500ms"];
    let node = Running::start_with(&folder, &v1, &flags);
    put(&folder);
    let before = status(&folder).unwrap();
    assert_eq!(folder.run(&["upgrade", "plan", &bad]).exit, 0);
    let apply = ["upgrade", "apply", "plan.json"];
    assert_eq!(folder.run(&apply).exit, 30);
    let after = until_restarted(&folder);
    assert_eq!(after.node.pid, before.node.pid, "the same process");
    assert!(folder.path().join("refit-data/quarantine.json").exists());
    let again = folder.run(&apply);
    assert!(again.stderr.contains("release-quarantined"), "{again:?}");
    assert_eq!(node.stop(), Some(0));
}

/// The status of a node that has restarted in a pause.
fn until_restarted(folder: &Folder) -> Status {
    let deadline = Instant::now() + WAIT;
    loop {
        assert!(Instant::now() < deadline, "it does not restart");
        match status(folder) {
            Some(status) if is_restarted(&status) => return status,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Whether it is of a process that has started, and tells of the pause that did not end in the one before.
fn is_restarted(status: &Status) -> bool {
    let last = status.last_upgrade.as_ref();
    let reason = last.and_then(|last| last.reason.as_ref());
    let tells = reason.is_some_and(|reason| reason.code == "pause-stuck");
    tells && status.upgrade.is_none() && status.starting.is_none()
}

/// A migration that takes a second, if there is anything to migrate.
fn takes_a_second(text: String) -> String {
    let before = "let entry = |value: &String|";
    assert_eq!(text.matches(before).count(), 1);
    let sleep = "for _ in 0..100 { std::thread::sleep(std::time::Duration::from_millis(10)); }";
    let sleeps = format!("if !old.entries.is_empty() {{ {sleep} }}\n    ");
    text.replace(before, &format!("{sleeps}{before}"))
}

#[test]
fn time_in_which_the_process_is_stopped_is_not_held_against_a_pause() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let slow = format!(
        "kv={}",
        build(&folder, &version_2("kv-second", takes_a_second))
    );
    let flags = ["--no-rehearsal", "--pause-limit", "4s"];
    let node = Running::start_with(&folder, &v1, &flags);
    put(&folder);
    assert_eq!(folder.run(&["upgrade", "plan", &slow]).exit, 0);
    let apply = ["upgrade", "apply", "plan.json", "--no-wait"];
    assert_eq!(folder.run(&apply).exit, 0);
    let deadline = Instant::now() + WAIT;
    let armed = || folder.run(&["upgrade", "status", "1"]).stdout;
    while !armed().contains("armed") {
        assert!(Instant::now() < deadline, "no pause comes: {}", armed());
    }
    let pid = Pid::from_raw(i32::try_from(node.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    kill_process(pid, Signal::CONT).unwrap();
    while !armed().contains("committed") {
        assert!(Instant::now() < deadline, "it does not commit: {}", armed());
    }
    assert!(!folder.path().join("refit-data/quarantine.json").exists());
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_node_that_is_told_to_end_in_a_pause_that_does_not_end_ends() {
    let folder = Folder::new();
    let v1 = build(
        &folder,
        repository().join("engines/kv/history/v1").to_str().unwrap(),
    );
    let bad = format!("kv={}", build(&folder, &version_2("kv-loops", loops)));
    let flags = ["--no-rehearsal", "--pause-limit", "6s"];
    let node = Running::start_with(&folder, &v1, &flags);
    put(&folder);
    assert_eq!(folder.run(&["upgrade", "plan", &bad]).exit, 0);
    let apply = ["upgrade", "apply", "plan.json", "--no-wait"];
    assert_eq!(folder.run(&apply).exit, 0);
    // A node in a pause says how its engines were before it.
    let deadline = Instant::now() + WAIT;
    while status(&folder).unwrap().engines_at.is_none() {
        assert!(Instant::now() < deadline, "it does not come to the pause");
    }
    assert_eq!(node.stop(), Some(0));
    assert!(folder.path().join("refit-data/quarantine.json").exists());
}
