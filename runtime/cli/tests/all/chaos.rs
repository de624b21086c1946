//! `refit chaos`: a node that is killed under load, at steps and in recoveries, and in upgrades, loses and doubles nothing.

use crate::served::{Folder, Ran, compiled};
use serde_json::Value;

/// Runs it, with what it builds where the other tests find it.
fn chaos(folder: &Folder, arguments: &[&str]) -> Value {
    let dir = folder.path().join("rounds");
    let mut command = folder.command(&[&["chaos", "--json"], arguments].concat());
    command
        .env_clear()
        .envs(std::env::vars_os())
        .env("REFIT_CACHE_DIR", compiled())
        .arg("--dir")
        .arg(&dir);
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.exit, 0, "{}\n{}", ran.stdout, ran.stderr);
    // Nothing is left of a round without a violation.
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["violations"], serde_json::json!([]));
    report
}

fn count(report: &Value, what: &str) -> u64 {
    report[what].as_u64().unwrap()
}

#[test]
fn a_node_that_is_killed_at_random_under_load_and_in_upgrades_loses_and_doubles_nothing() {
    let folder = Folder::new();
    let report = chaos(&folder, &["--rounds", "1", "--seed", "7"]);
    assert_eq!(count(&report, "seed"), 7);
    // Each node is killed at rest too, and two more rounds show which steps there are.
    assert_eq!(count(&report, "rounds"), 1);
    assert_eq!(count(&report, "showing_rounds"), 2);
    assert!(count(&report, "kills") > 1 + 3, "{report}");
    // A restore that was killed is done again.
    let (kills, restored) = (count(&report, "kills"), count(&report, "restored"));
    assert_eq!(kills + restored, count(&report, "restarts"));
    assert!(restored > 0, "{report}");
    for what in ["acknowledged", "verified", "repeated"] {
        assert!(count(&report, what) > 100, "{report}");
    }
    for what in ["committed", "offline", "taken_back"] {
        assert!(count(&report["upgrades"], what) > 0, "{report}");
    }
}

#[test]
fn a_node_is_killed_at_the_very_steps_that_are_named_also_as_it_recovers_rolls_back_or_is_restored()
{
    let folder = Folder::new();
    let recovers = [
        "put-identity-begins",
        "keep-begins",
        "put-upgrade-done",
        "block-read",
        "put-replay-done",
    ];
    let changes = [
        "put-rollback-done",
        "branch-done",
        "restart-upgrade",
        "phase-resumed",
        "restore/keep-begins",
    ];
    for (steps, restores) in [(recovers, 0), (changes, 1)] {
        let report = chaos(&folder, &["--seed", "5", "--kill", &steps.join(",")]);
        assert_eq!(report["missed"], serde_json::json!([]), "{steps:?}");
        for step in steps {
            let step = step.trim_start_matches("restore/");
            assert_eq!(report["kills_per_step"][step], 1, "{report}");
        }
        // At rest too; and the node whose snapshot is restored.
        assert_eq!(count(&report, "kills"), steps.len() as u64 + restores + 1);
    }
}

#[test]
fn a_node_that_is_to_announce_on_what_is_not_open_says_so_and_kills_are_written_as_they_are_shown()
{
    let folder = Folder::new();
    let ran = folder.run(&["run", "--announce-steps", "77"]);
    assert_eq!(ran.exit, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("run-announce"), "{}", ran.stderr);
    let ran = folder.run(&["chaos", "--kill", "blocks done"]);
    assert_eq!(ran.exit, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("blocks-done#3"), "{}", ran.stderr);
}
