//! Upgrades without a node that serves: of a snapshot, and of a node that restarts in its own place for it.

use crate::node::{Running, kv};
use crate::served::{Folder, Ran};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn done(folder: &Folder, arguments: &[&str]) -> Ran {
    let ran = folder.run(arguments);
    assert_eq!(ran.exit, 0, "{arguments:?}: {ran:?}");
    ran
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = done(folder, &[arguments, &["--json"]].concat());
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The same code with another hash: a few bytes after the last table, which no one reads.
fn other(library: &str, folder: &Folder) -> PathBuf {
    let mut bytes = fs::read(library).unwrap();
    bytes.extend_from_slice(b"another");
    let path = folder.path().join("other.so");
    fs::write(&path, bytes).unwrap();
    path
}

fn put(folder: &Folder, key: &str) -> Ran {
    let message = r#"{"put": {"key": "a", "value": "1"}}"#;
    folder.run(&["send", "kv", message, "--key", key])
}

#[test]
fn a_snapshot_is_upgraded_and_a_node_goes_on_from_it_with_that_in_its_history() {
    let folder = Folder::new();
    let library = kv(&folder);
    let other = other(&library, &folder);
    let node = Running::start(&folder, &library);
    assert_eq!(put(&folder, "ada/1").exit, 0);
    done(&folder, &["snapshot", "create", "--out", "before"]);
    let engine = format!("kv={}", other.display());
    // The code that the states are of is in the node's data folder.
    let migrate = [
        "snapshot", "migrate", "--from", "before", "--engine", &engine,
    ];
    let checked = json(&folder, &[&migrate[..], &["--check"]].concat());
    assert_eq!(
        (&checked["written"], &checked["engines"]),
        (&Value::Null, &2.into())
    );
    assert!(!folder.path().join("after").exists());
    fs::write(folder.path().join("none.txt"), b"precious").unwrap();
    let foreign = folder.run(&[&migrate[..], &["--out", "none.txt"]].concat());
    assert!(foreign.stderr.contains("file-foreign"), "{foreign:?}");
    let before = fs::read(folder.path().join("before")).unwrap();
    let source = folder.run(&[&migrate[..], &["--out", "before"]].concat());
    assert_eq!(source.exit, 2, "{source:?}");
    assert!(source.stderr.contains("file-is-source"), "{source:?}");
    assert_eq!(fs::read(folder.path().join("before")).unwrap(), before);
    let same = format!("kv={}", library);
    let same = folder.run(&[
        "snapshot", "migrate", "--from", "before", "--engine", &same, "--out", "after",
    ]);
    assert_eq!(same.exit, 4, "{same:?}");
    assert!(same.stderr.contains("plan-identical-code"), "{same:?}");
    assert!(
        !folder.path().join("after").exists(),
        "nothing is left of it"
    );
    let bare = folder.run(&[&migrate[..], &["--out", "bare"]].concat());
    let next = "refit snapshot restore bare --library KIND=PATH";
    assert!(bare.stderr.contains(next), "{bare:?}");
    let out = ["--out", "after", "--with-code"];
    let written = json(&folder, &[&migrate[..], &out].concat());
    assert_eq!(written["digest"], checked["digest"]);
    assert_eq!(
        (
            &written["written"]["generation"],
            &written["written"]["libraries"]
        ),
        (&2.into(), &1.into())
    );
    assert_eq!(node.stop(), Some(0));

    let second = ["--data-dir", "second"];
    done(
        &folder,
        &[&["snapshot", "restore", "after"], &second[..]].concat(),
    );
    let node = Running::start_with(
        &folder,
        &library,
        &["--data-dir", "second", "--code", "live"],
    );
    let history = json(&folder, &[&["upgrade", "history"], &second[..]].concat());
    assert_eq!(
        (&history[0]["state"], &history[0]["offline"]["on"]),
        (&"committed".into(), &"snapshot".into())
    );
    let shown = done(&folder, &[&["upgrade", "history"], &second[..]].concat()).stdout;
    assert!(shown.contains("committed (offline)"), "{shown}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_plan_that_the_node_would_not_begin_says_so() {
    for (flags, says) in [
        (["--store", "memory"], "in memory"),
        (["--max-downtime", "0s"], "max_downtime = 0"),
    ] {
        let folder = Folder::new();
        let library = kv(&folder);
        let engine = format!("kv={}", other(&library, &folder).display());
        let node = Running::start_with(&folder, &library, &flags);
        let plan = ["upgrade", "plan", &engine, "--strategy", "offline"];
        let planned = done(&folder, &plan);
        let said = planned.stderr.replace('\n', " ");
        assert!(said.contains("the node refuses this plan"), "{planned:?}");
        assert!(said.contains(says), "{planned:?}");
        assert_eq!(node.stop(), Some(0));
    }
}

#[test]
fn a_node_stops_for_an_upgrade_and_serves_again_in_its_own_place() {
    let folder = Folder::new();
    let library = kv(&folder);
    let other = other(&library, &folder);
    let configured = folder.path().join("node.toml");
    fs::write(&configured, "[node]\nprobation_blocks = 40\n").unwrap();
    let node = Running::start_with(&folder, &library, &["--config", "node.toml"]);
    assert_eq!(put(&folder, "ada/1").exit, 0);
    let before = json(&folder, &["status"]);
    let engine = format!("kv={}", other.display());
    let planned = done(
        &folder,
        &["upgrade", "plan", &engine, "--strategy", "offline"],
    );
    assert!(
        planned.stdout.contains("the node stops for it"),
        "{planned:?}"
    );
    // Nobody is there who could mend it when the node starts again.
    fs::write(&configured, "[node\n").unwrap();
    done(&folder, &["upgrade", "apply", "plan.json"]);
    let after = json(&folder, &["status"]);
    assert_eq!(after["generation"], 2);
    assert_eq!(
        after["node"]["pid"], before["node"]["pid"],
        "in its own place"
    );
    assert_ne!(after["node"]["life"], before["node"]["life"]);
    let history = json(&folder, &["upgrade", "history"]);
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    assert_eq!(
        (&history[0]["state"], &history[0]["offline"]["on"]),
        (&"committed".into(), &"node".into())
    );
    assert!(history[0]["offline"]["downtime_us"].as_u64().unwrap() > 0);
    let again = put(&folder, "ada/1");
    assert!(
        again
            .stderr
            .contains("the recorded reply of an earlier send"),
        "{again:?}"
    );
    assert_eq!(node.stop(), Some(0));
}
