//! What a node writes into its log of the code that comes and goes: who reads it later knows what ran when.

use crate::node::build;
use crate::rehearsal::repository;
use crate::served::Folder;
use refit_admin::api::{Status, UpgradeReport, UpgradeState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// For a node that starts, on a machine that does much else.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn the_log_names_the_code_that_comes_and_goes_and_so_do_plan_history_and_status() {
    let folder = Folder::new();
    let library = |path: &str| build(&folder, repository().join(path).to_str().unwrap());
    let (v1, next) = (library("engines/kv/history/v1"), library("engines/kv"));
    let log = folder.path().join("log");
    let engine = format!("kv={v1}");
    // One upgrade follows another at once.
    let run = ["run", "--engine", &engine, "--probation-blocks", "0"];
    let mut command = folder.command(&run);
    command
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + SOON;
    while folder.run(&["query", "kv", r#""length""#]).exit != 0 {
        assert!(Instant::now() < deadline, "the node does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    let status =
        || -> Status { serde_json::from_str(&folder.run(&["status", "--json"]).stdout).unwrap() };
    let before = status();
    let old = &before.kinds[0];
    assert_eq!(old.file, v1);
    assert!(!old.package_version.is_empty());
    assert!(
        before.node.addresses[0].ends_with("admin.sock"),
        "{before:?}"
    );
    let data = folder.path().join("refit-data");
    assert_eq!(before.node.data_dir.as_deref(), data.to_str());

    let kv = format!("kv={next}");
    let planned = folder.run(&["upgrade", "plan", &kv]);
    assert_eq!(planned.exit, 0, "{planned:?}");
    // A plan of an older release names no package.
    let text = std::fs::read_to_string(folder.path().join("plan.json")).unwrap();
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    let module = plan["modules"][0].as_object_mut().unwrap();
    let version = module.remove("version").unwrap();
    assert!(module.remove("package").is_some());
    folder.write("older.json", &plan.to_string());
    let applied = folder.run(&["upgrade", "apply", "older.json"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    let refused = folder.run(&["upgrade", "apply", "plan.json"]);
    assert_eq!(refused.exit, 22, "{refused:?}");

    let after = status();
    let new = &after.kinds[0];
    assert_eq!(
        (new.file.as_str(), &version),
        (next.as_str(), &new.package_version.clone().into())
    );
    let versions = format!("{} → {}", old.package_version, new.package_version);
    let history = folder.run(&["upgrade", "history"]).stdout;
    for told in [&planned.stdout, &applied.stdout] {
        assert!(told.contains(&new.artifact[..12]), "{told}");
    }
    assert!(history.contains(&format!("kv {versions}")), "{history}");
    let report: UpgradeReport =
        serde_json::from_str(&folder.run(&["upgrade", "status", "1", "--json"]).stdout).unwrap();
    assert!(report.began_at_ms > 0 && report.ended_at_ms >= Some(report.began_at_ms));

    // One that waits for its height is left to the next start when the node stops.
    let back = format!("kv={v1}");
    let wait = [
        "upgrade",
        "plan",
        &back,
        "--restart",
        "kv",
        "--at-height",
        "1000000",
    ];
    let planned = folder.run(&wait);
    assert_eq!(planned.exit, 0, "{planned:?}");
    let applied = folder.run(&["upgrade", "apply", "plan.json", "--no-wait"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    while folder
        .run(&["upgrade", "status", "2"])
        .stdout
        .contains(&UpgradeState::Staging.to_string())
    {
        assert!(Instant::now() < deadline, "it is not armed");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());

    let log = std::fs::read_to_string(log).unwrap();
    let line = |words: &str| {
        let found = log.lines().find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("no `{words}` in {log}"))
    };
    assert!(line("the node serves").contains(&old.artifact), "{log}");
    assert!(line("upgrade taken on").contains(&new.artifact), "{log}");
    let committed = line("upgrade committed");
    for told in [
        versions.as_str(),
        new.package.as_str(),
        new.artifact.as_str(),
    ] {
        assert!(committed.contains(told), "no `{told}` in {committed}");
    }
    assert!(
        line("plan refused").contains("plan-other-generation"),
        "{log}"
    );
    assert!(line("upgrade rehearsed").contains("id=1"), "{log}");
    let waits = line("upgrade armed");
    assert!(waits.contains("id=2 height=1000000"), "{waits}");
    assert!(line("the next start takes it up").contains("id=2"), "{log}");
    line("the node stops");
}
