//! `refit bench durable`, `recovery` and `rollback`, short: real nodes on a real disk, and figures that hold together. Each
//! bench itself fails if an answer is not what it should be, or if a start does not find what was answered.

use crate::served::{Folder, compiled};
use serde_json::Value;

fn bench(arguments: &[&str]) -> Value {
    let folder = Folder::new();
    let arguments = [&["bench"], arguments, &["--json", "--dir", "figures"]].concat();
    let mut command = folder.command(&arguments);
    command.env_clear().envs(std::env::vars_os());
    command.env("REFIT_CACHE_DIR", compiled());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// The disk is said, and each target has what was asked and what was measured.
fn says_the_disk_and_targets(report: &Value, targets: usize) {
    let disk = &report["disk"];
    assert!(!disk["file_system"].as_str().unwrap().is_empty());
    assert!(number(&disk["fdatasync_us"]["p50"]) > 0.0, "{disk}");
    let judged = report["targets"].as_array().unwrap();
    assert_eq!(judged.len(), targets, "{report:#}");
    for target in judged {
        assert!(number(&target["value"]) > 0.0, "{target}");
        assert!(number(&target["limit"]) > 0.0, "{target}");
    }
}

#[test]
fn durable_messages_share_commits_and_a_short_run_says_all_that_the_long_one_does() {
    let report = bench(&[
        "durable",
        "--clients",
        "8",
        "--group",
        "20",
        "--seconds",
        "0.3",
        "--pairs",
        "1",
        "--lone",
        "5",
        "--swaps",
        "1",
    ]);
    says_the_disk_and_targets(&report, 3);
    let durable = &report["floods"][0]["durable"];
    let (blocks, commits) = (number(&durable["blocks"]), number(&durable["commits"]));
    assert!(0.0 < commits && commits <= blocks, "{durable}");
    let memory = &report["floods"][0]["memory"];
    assert!(memory["commits"].is_null() && number(&memory["per_s"]) > 0.0);
}

#[test]
fn a_start_is_timed_with_a_state_and_with_a_log() {
    let report = bench(&[
        "recovery",
        "--state",
        "2",
        "--messages",
        "500",
        "--repetitions",
        "1",
    ]);
    says_the_disk_and_targets(&report, 3);
    assert!(number(&report["state"]["checkpoint_bytes"]) > 2e6);
    assert_eq!(number(&report["log"]["messages"]), 500.0);
    assert!(number(&report["log"]["blocks"]) > 0.0);
}

#[test]
fn a_roll_back_is_timed_from_the_last_answer_before_to_the_first_one_after() {
    let report = bench(&[
        "rollback",
        "--state",
        "1",
        "--messages",
        "300",
        "--repetitions",
        "1",
    ]);
    says_the_disk_and_targets(&report, 1);
    let row = &report["rows"][0];
    assert!(number(&row["same"]) >= 300.0, "{row}");
    let (silent, without) = (number(&row["silent_ms"]), number(&row["without_ms"]));
    assert!(0.0 < silent && silent <= without, "{row}");
}

#[test]
fn an_option_out_of_range_is_refused_before_anything_is_built() {
    let folder = Folder::new();
    let refused = folder.run(&["bench", "recovery", "--messages", "0"]);
    assert_eq!(refused.exit, 2, "{}", refused.stderr);
    let said = "messages is 0; give 1 to 500000";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert!(!refused.stderr.contains("building"), "{}", refused.stderr);
}
