//! `--json` is the interface's own shape, alone on stdout; a program can feed and read the command.

use crate::served::Folder;
use refit_admin::api::{Status, UpgradeReport};
use serde_json::Value;

#[test]
fn json_on_stdout_reads_back_as_the_interfaces_types() {
    let folder = Folder::new();
    let _served = folder.serve();
    let status: Status = serde_json::from_str(&folder.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!((status.height.0, status.engines.len()), (41, 2));
    let history = folder.run(&["upgrade", "history", "--json"]).stdout;
    let history: Vec<UpgradeReport> = serde_json::from_str(&history).unwrap();
    assert_eq!(history.len(), 4);
    folder.write("plan.json", r#"{"upgrade": 2}"#);
    let applied = folder.run(&["upgrade", "apply", "plan.json", "--json"]);
    let report: UpgradeReport = serde_json::from_str(&applied.stdout).unwrap();
    assert_eq!((applied.exit, report), (30, history[1].clone()));
}

#[test]
fn json_can_be_asked_for_by_the_environment() {
    let folder = Folder::new();
    let _served = folder.serve();
    let ran = folder.run_with(&[("REFIT_JSON", "1")], &["status"]);
    assert_eq!(
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["generation"],
        2
    );
}

#[test]
fn a_message_can_come_from_stdin() {
    let folder = Folder::new();
    let _served = folder.serve();
    let ran = folder.run_fed("{\"Get\":\n1}", &["query", "kv", "-"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let reply: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(reply["echo"]["Get"], 1);
    assert_eq!(folder.run_fed("{", &["query", "kv", "-"]).exit, 2);
}

#[test]
fn a_message_past_the_limit_is_refused_before_it_is_sent() {
    let folder = Folder::new();
    let text = format!("\"{}\"", "x".repeat(refit_admin::MESSAGE_BYTES_MAX));
    let mut command = folder.command(&["query", "kv", "-"]);
    folder.write("long", &text);
    command.stdin(std::fs::File::open(folder.path().join("long")).unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("input-too-large"));
}
