//! Swaps of every class access no invalid memory: a node runs them under valgrind, which looks at
//! every access, also after the code that made a state is unmapped.
//!
//! It runs where `valgrind` is installed (Debian's package `valgrind`), and says so where it is not.
//! `REFIT_ROUNDS` says how many rounds of swaps; one takes some ten seconds. One is the full size, because it meets
//! each class; more of them look for what is rare.

use crate::workshop;
use refit_admin::api::{Class, UpgradeState};
use refit_tests::Harness;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// Names the libraries, in the child.
const CHILD: &str = "REFIT_MEMORY_CHILD";

/// Rounds if `REFIT_ROUNDS` says nothing.
const ROUNDS: u64 = 1;

/// Entries of the store whose state crosses.
const ENTRIES: u64 = 20;

/// The exit code of valgrind when it saw a wrong access, which no test ends with by itself.
const WRONG_ACCESS: i32 = 99;

/// The classes by which the state crosses to each version, in the order in which they come in.
const CLASSES: [Class; 5] = [
    Class::Migrate,
    Class::Adopt,
    Class::Translate,
    Class::Translate,
    Class::Adopt,
];

#[test]
fn swaps_of_every_class_touch_no_memory_that_is_not_theirs() {
    if let Ok(paths) = std::env::var(CHILD) {
        return rounds(&serde_json::from_str::<Vec<PathBuf>>(&paths).unwrap());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed (Debian's package valgrind): nothing was looked at");
        return;
    }
    // Built here: the builder is not what is looked at.
    let workshop = workshop();
    let (v2, v4) = (workshop.kv_v2(), workshop.kv_v4());
    let other = workshop.kv_v2_of_another_layout();
    let paths = [
        &workshop.accounts_v1(),
        &workshop.kv_v1(),
        &v2,
        &v4,
        &other,
        &v2,
        &v4,
    ];
    let mut child = Command::new("valgrind");
    child
        .args(["--quiet", "--fair-sched=yes", "--num-callers=30"])
        .arg(format!("--error-exitcode={WRONG_ACCESS}"))
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            std::thread::current().name().unwrap(),
        ])
        .env(CHILD, serde_json::to_string(&paths).unwrap());
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(WRONG_ACCESS), "{said}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {told}{said}", output.status);
    assert!(told.contains("swaps under valgrind"), "{told}{said}");
}

/// One engine is carried all the way, the other one goes through all versions.
fn rounds(paths: &[PathBuf]) {
    let rounds = std::env::var("REFIT_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let [carried, first, versions @ ..] = paths else {
        panic!("two libraries and the versions");
    };
    let workshop = workshop();
    let mut swaps = 0;
    for _ in 0..rounds {
        let engines = [
            ("kv", "kv", first.as_path()),
            ("accounts", "accounts", carried.as_path()),
        ];
        let node = Harness::start(&workshop, &engines);
        for number in 0..ENTRIES {
            put(&node, number);
        }
        for (version, class) in versions.iter().zip(CLASSES) {
            let report = node.upgrade("kv", version);
            assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
            assert_eq!(report.class, class, "{report:?}");
            assert!(report.retired, "{report:?}");
            put(&node, swaps % ENTRIES);
            swaps += 1;
        }
        let length = node.query("kv", json!("length")).unwrap();
        assert_eq!(length, json!({"length": {"keys": ENTRIES}}));
    }
    println!("{swaps} swaps under valgrind");
}

fn put(node: &Harness, number: u64) {
    let (key, value) = (format!("key-{number}"), format!("value-{number}"));
    node.send("kv", json!({"put": {"key": key, "value": value}}))
        .unwrap();
}
