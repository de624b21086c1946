//! The demo itself, short: what it promises must be in what it says.

use crate::served::{Folder, compiled};
use serde_json::Value;

#[test]
fn the_demo_swaps_aborts_and_swaps_under_load_and_loses_nothing() {
    let folder = Folder::new();
    let record = folder.path().join("record");
    let arguments = [
        "demo",
        "--json",
        "--window",
        "1",
        "--rate",
        "200",
        "--clients",
        "4",
    ];
    let mut command = folder.command(&arguments);
    command
        .env_clear()
        .envs(std::env::vars_os())
        .env("REFIT_CACHE_DIR", compiled())
        .arg("--record")
        .arg(&record);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        said.contains("releases: 4, packed with their source, signed by 2 of 3 keys, verified")
    );

    let upgrades = document["upgrades"].as_array().unwrap();
    let outcomes: Vec<_> = upgrades.iter().map(|upgrade| &upgrade["outcome"]).collect();
    assert_eq!(outcomes, ["aborted", "committed", "aborted", "committed"]);
    let classes: Vec<_> = upgrades.iter().map(|upgrade| &upgrade["class"]).collect();
    // Two steps run as one are one function.
    let at_once = "migrate-by-hand";
    assert_eq!(classes, [at_once, at_once, "migrate", "adopt"]);
    assert_eq!(upgrades[0]["reason"]["code"], "upgrade-message-failed");
    assert_eq!(upgrades[0]["reason"]["engine"], "kv-index");
    assert_eq!(upgrades[2]["reason"]["code"], "transition-failed");
    assert_eq!(upgrades[2]["reason"]["engine"], "kv");
    for upgrade in upgrades {
        assert!(upgrade["pause_us"].as_u64().unwrap() > 0, "{upgrade}");
        assert!(!upgrade["phases"].as_array().unwrap().is_empty());
        // Each came as a release, and the node has built it itself.
        assert_eq!(upgrade["release"].as_str().unwrap().len(), 64, "{upgrade}");
        assert_eq!(upgrade["built"], "L3", "{upgrade}");
    }
    for count in ["lost", "duplicated", "reordered", "mixed_generation"] {
        assert_eq!(document[count], 0, "{count}");
    }
    assert_eq!(document["clients"]["errors"], 0);
    assert_eq!(document["clients"]["sent"], document["clients"]["answered"]);
    assert_eq!(document["mapped_libraries"]["before"], 2);
    assert_eq!(document["mapped_libraries"]["after"], 2);
    let spawned = &document["spawned"];
    assert_eq!(spawned["engine"], "kv-index");
    assert_eq!(spawned["indexed"], spawned["stored"]);
    let books = &document["books"];
    let of = |what: &str| books[what].as_u64().unwrap();
    assert_eq!(of("available") + of("held"), of("minted"));
    assert_eq!((of("in_holds"), of("failed")), (of("held"), 0));
    assert!(of("transfers") > 0);
    let faults = &document["faults"];
    for count in [
        "lost",
        "duplicated",
        "reordered",
        "mixed_generation",
        "errors",
    ] {
        assert_eq!(faults["clients"][count], 0, "{count}: {faults}");
    }
    assert_ne!(faults["kill"]["state"], "staging", "in mid-upgrade");
    let rolled_back = &faults["rollback"]["report"];
    assert_eq!(rolled_back["code"], "probation-panic");
    assert_eq!(rolled_back["lost"], 0);
    every_request_is_recorded(&record, document["clients"]["sent"].as_u64().unwrap());
}

fn every_request_is_recorded(record: &std::path::Path, sent: u64) {
    let text = std::fs::read_to_string(record.join("requests.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "client,sequence,intended_us,sent_us,answered_us,tries,status,generation,height,outcome"
    );
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len() as u64, sent);
    let generations = |wanted: &str| rows.iter().any(|row| row[7] == wanted);
    // Three generations served: before, between and after the two swaps that were committed.
    assert!(["1", "2", "3"].into_iter().all(generations));
}
