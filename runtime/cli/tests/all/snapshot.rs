//! `refit snapshot`: the words of each command, and a real node that goes on in another data folder.

use crate::golden::Transcript;
use crate::node::{Running, kv};
use crate::releases;
use crate::served::{Folder, Ran};
use refit_abi::fixture::Fixture;
use refit_test_support::{Double, SNAPSHOT};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_snapshot_is_taken_looked_into_and_restored_with_its_code_alone() {
    let folder = Folder::new();
    let _served = folder.serve();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("cut.snapshot", &SNAPSHOT[..SNAPSHOT.len() - 1]);
    let mut newer = SNAPSHOT.to_vec();
    newer[16] += 1;
    write("newer.snapshot", &newer);
    let mut damaged = SNAPSHOT.to_vec();
    damaged[40] ^= 1;
    write("damaged.snapshot", &damaged);
    write("none.txt", b"precious");
    Transcript::new(&folder)
        .run(&["snapshot", "create"])
        .run(&[
            "snapshot",
            "create",
            "--with-code",
            "--out",
            "code.snapshot",
        ])
        .run(&["snapshot", "create", "--out", "none.txt"])
        .run(&["snapshot", "create", "--out", "-"])
        .run(&["snapshot", "verify", "41.snapshot"])
        .run(&["snapshot", "verify", "cut.snapshot"])
        .run(&["snapshot", "verify", "newer.snapshot"])
        .run(&["snapshot", "verify", "damaged.snapshot"])
        .run(&["snapshot", "verify", "none.txt"])
        .run(&["snapshot", "verify", "absent"])
        .run(&["snapshot", "inspect", "41.snapshot"])
        .run(&[
            "snapshot",
            "inspect",
            "41.snapshot",
            "--engine",
            "kv",
            "--out",
            "kv.json",
        ])
        .run(&[
            "snapshot",
            "inspect",
            "41.snapshot",
            "--engine",
            "no",
            "--out",
            "no.json",
        ])
        .run(&["snapshot", "diff", "41.snapshot", "41.snapshot"])
        .run(&["snapshot", "restore", "41.snapshot", "--data-dir", "new"])
        .run(&[
            "snapshot",
            "restore",
            "damaged.snapshot",
            "--data-dir",
            "new",
        ])
        .is("snapshot");
    let taken = folder.path().join("41.snapshot");
    assert_eq!(fs::read(&taken).unwrap(), SNAPSHOT);
    let mode = taken.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "clients' data is its owner's alone");
    let fixture = fs::read_to_string(folder.path().join("kv.json")).unwrap();
    assert_eq!(Fixture::from_json(&fixture).unwrap().kind, "kv");
    assert!(!folder.path().join("new").exists());
    assert_eq!(
        fs::read(folder.path().join("none.txt")).unwrap(),
        b"precious"
    );
}

#[test]
fn what_a_node_sends_is_not_kept_unless_all_of_it_is_whole() {
    for snapshot in [&SNAPSHOT[..SNAPSHOT.len() / 2], &SNAPSHOT[1..], b""] {
        let folder = Folder::new();
        let _served = folder.serve_double(Double {
            snapshot,
            ..Double::default()
        });
        folder.write("41.snapshot", "");
        let ran = folder.run(&["snapshot", "create", "--out", "41.snapshot"]);
        assert_ne!(ran.exit, 0, "{ran:?}");
        assert!(ran.stderr.contains("snapshot-"), "{ran:?}");
        let mut names = fs::read_dir(folder.path()).unwrap();
        assert!(names.all(|name| {
            let name = name.unwrap().file_name();
            name == "41.snapshot" || name == "refit-data"
        }));
        assert_eq!(fs::read(folder.path().join("41.snapshot")).unwrap(), b"");
    }
}

fn done(folder: &Folder, arguments: &[&str]) -> Ran {
    let ran = folder.run(arguments);
    assert_eq!(ran.exit, 0, "{arguments:?}: {ran:?}");
    ran
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = done(folder, &[arguments, &["--json"]].concat());
    serde_json::from_str(&ran.stdout).unwrap()
}

fn put(folder: &Folder, place: &[&str], key: &str, entry: &str) -> Ran {
    let message = format!(r#"{{"put": {{"key": "{entry}", "value": "1"}}}}"#);
    folder.run(&[&["send", "kv", message.as_str(), "--key", key], place].concat())
}

#[test]
fn a_real_node_goes_on_in_another_data_folder_and_the_difference_is_named() {
    let folder = Folder::new();
    let library = kv(&folder);
    let first = Running::start(&folder, &library);
    assert_eq!(put(&folder, &[], "ada/1", "a").exit, 0);
    let taken = json(
        &folder,
        &["snapshot", "create", "--with-code", "--out", "one"],
    );
    assert_eq!(
        (&taken["height"], &taken["libraries"]),
        (&1.into(), &1.into())
    );
    assert_eq!(put(&folder, &[], "ada/2", "b").exit, 0);
    done(&folder, &["snapshot", "create", "--out", "two"]);
    let diff = done(&folder, &["snapshot", "diff", "one", "two"]).stdout;
    assert!(diff.contains(r#"entries["b"]: - → "#), "{diff}");
    assert!(diff.contains("engine  kv (kv 3) state"), "{diff}");

    // Not into the folder of a node that runs, nor into one that has a chain.
    let busy = folder.run(&["snapshot", "restore", "one"]);
    assert!(busy.stderr.contains("data-folder-in-use"), "{busy:?}");
    assert_eq!(first.stop(), Some(0));
    let there = folder.run(&["snapshot", "restore", "one"]);
    assert!(there.stderr.contains("snapshot-chain-there"), "{there:?}");

    let second = ["--data-dir", "second"];
    let restored = json(
        &folder,
        &[&["snapshot", "restore", "one"], &second[..]].concat(),
    );
    assert_eq!(
        (&restored["branch"], &restored["height"]),
        (&1.into(), &1.into())
    );
    let node = Running::start_with(&folder, &library, &second);
    let again = put(&folder, &second, "ada/1", "a");
    assert_eq!(again.exit, 0, "{again:?}");
    assert!(
        again
            .stderr
            .contains("the recorded reply of an earlier send"),
        "the key was used before: {again:?}"
    );
    let get = |entry: &str| format!(r#"{{"get": {{"key": "{entry}"}}}}"#);
    let query = |entry| {
        done(
            &folder,
            &[&["query", "kv", &get(entry)], &second[..]].concat(),
        )
        .stdout
    };
    assert!(query("a").contains("\"1\""), "{}", query("a"));
    assert!(
        query("b").contains("null"),
        "what came later is not in it: {}",
        query("b")
    );
    assert_eq!(node.stop(), Some(0));
}

/// A node of this folder's keyset, which ends once its snapshot is taken.
fn keyed_snapshot(folder: &Folder, library: &str) {
    folder.write("refit.toml", "[node]\nkeyset = \"acme.keyset\"\n");
    let node = Running::start(folder, library);
    releases::done(folder, "snapshot create --with-code --out taken");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_snapshot_with_a_keyset_is_restored_for_those_alone_who_trust_that_keyset() {
    let (folder, other) = (Folder::new(), Folder::new());
    let library = kv(&folder);
    for folder in [&folder, &other] {
        releases::signed_keyset(folder);
    }
    keyed_snapshot(&folder, &library);
    let inspected = json(&folder, &["snapshot", "inspect", "taken"]);
    let trust = &inspected["trust"];
    assert_eq!(trust["keyset"]["version"], 1, "{inspected}");
    assert_eq!(trust["keyset"]["network"], "acme");
    assert_eq!(
        (&trust["newest"], &trust["revoked"]),
        (&Value::Null, &0.into())
    );
    let id = trust["keyset"]["id"].as_str().unwrap();
    let shown = releases::done(&folder, "snapshot inspect taken").stdout;
    assert!(shown.contains(&format!("{id}, version 1 of the network `acme`")));

    // Of another authority, who calls the network the same.
    let theirs = folder.path().join("taken").display().to_string();
    let restore = |folder: &Folder, more: &str| {
        folder.run(
            &format!("snapshot restore {theirs} --data-dir new{more}")
                .split(' ')
                .collect::<Vec<_>>(),
        )
    };
    let refused = |more: &str| {
        let ran = restore(&other, more);
        assert_eq!(ran.exit, 23, "{ran:?}");
        assert!(ran.stderr.contains("snapshot-keyset-untrusted"), "{ran:?}");
        assert!(ran.stderr.replace(['\n', ' '], "").contains(id), "{ran:?}");
        assert!(!other.path().join("new").exists());
    };
    refused("");
    other.write("refit.toml", "[node]\nkeyset = \"acme.keyset\"\n");
    refused("");
    let mine = releases::done(&other, "keyset inspect acme.keyset --json");
    let mine: Value = serde_json::from_str(&mine.stdout).unwrap();
    refused(&format!(" --trust-keyset {}", mine["id"].as_str().unwrap()));
    assert_eq!(restore(&other, " --trust-keyset no").exit, 2);

    let named = restore(&other, &format!(" --trust-keyset {id} --json"));
    let named: Value = serde_json::from_str(&named.stdout).unwrap();
    assert_eq!(named["keyset"], trust["keyset"]);
    let by_configuration = restore(&folder, "");
    assert_eq!(by_configuration.exit, 0, "{by_configuration:?}");
    assert!(by_configuration.stderr.contains(id), "{by_configuration:?}");
}
