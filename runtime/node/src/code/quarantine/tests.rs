//! The list in its file: what it forbids after a restart, and a file that it cannot read.

use super::*;
use std::fs;

fn entry(artifact: &str, state: QuarantineState) -> QuarantineEntry {
    QuarantineEntry {
        artifacts: vec![artifact.to_owned(), "shared".to_owned()],
        packages: vec!["kv 3.0.1".to_owned(), "accounts 1.0.0".to_owned()],
        at_ms: 1_790_000_000_000,
        height: 7,
        state,
        code: "pause-stuck".to_owned(),
        reason: "a transition did not return".to_owned(),
    }
}

#[test]
fn what_is_quarantined_is_forbidden_after_a_restart_until_it_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    let list = Quarantine::open(path.clone()).unwrap();
    list.add(entry("bad", QuarantineState::Quarantined))
        .unwrap();
    list.add(entry("weak", QuarantineState::Failed)).unwrap();
    list.add(entry("bad", QuarantineState::Failed)).unwrap();

    assert!(list.is_recorded(&entry("bad", QuarantineState::Quarantined)));
    let list = Quarantine::open(path.clone()).unwrap();
    assert_eq!((list.entries().len(), list.refusing()), (2, 1));
    let Forbidden {
        entry: found,
        artifact,
    } = list.forbids(["good", "bad"].into_iter()).unwrap();
    assert_eq!((found.height, artifact), (7, "bad"));
    assert!(list.forbids(["weak", "good"].into_iter()).is_none());

    assert_eq!(list.clear("bad").unwrap(), 1);
    assert_eq!(list.clear("bad").unwrap(), 0);
    let list = Quarantine::open(path).unwrap();
    assert!(list.forbids(["bad", "weak"].into_iter()).is_none());
}

#[test]
fn each_artifact_that_does_not_come_in_again_is_counted_once() {
    let list = Quarantine::in_memory();
    for (artifact, state) in [
        ("bad", QuarantineState::Quarantined),
        ("worse", QuarantineState::Quarantined),
        ("weak", QuarantineState::Failed),
    ] {
        list.add(entry(artifact, state)).unwrap();
    }
    // `bad`, `worse`, and `shared`, which both name.
    assert_eq!(list.refusing(), 2);
    assert_eq!(list.list.lock().refused_artifacts(), 3);
}

#[test]
fn what_the_disk_did_not_take_holds_in_this_process_and_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    let list = Quarantine::open(path.clone()).unwrap();
    // A folder is where the list is written before it takes its name.
    fs::create_dir(path.with_extension("new")).unwrap();
    let bad = entry("bad", QuarantineState::Quarantined);
    let refused = list.add(bad.clone()).unwrap_err();
    assert_eq!(refused.code(), "quarantine-unwritable");
    assert!(list.forbids(["bad"].into_iter()).is_some());
    assert!(!list.is_recorded(&bad));
    assert!(!Quarantine::in_memory().is_recorded(&bad));
}

#[test]
fn who_watches_learns_of_each_change_and_whether_the_disk_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    let list = Quarantine::open(path.clone()).unwrap();
    list.add(entry("bad", QuarantineState::Quarantined))
        .unwrap();
    let metrics = Arc::new(Metrics::new());
    list.tell(metrics.clone());
    let shows = |quarantined: u32, unwritten: u32| {
        let text = metrics.encode();
        for line in [
            format!("refit_quarantined {quarantined}"),
            format!("refit_quarantine_unwritten {unwritten}"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    };
    shows(2, 0);
    fs::create_dir(path.with_extension("new")).unwrap();
    assert!(
        list.add(entry("worse", QuarantineState::Quarantined))
            .is_err()
    );
    shows(3, 1);
    assert!(list.unwritten().unwrap().contains("quarantine.json"));
    fs::remove_dir(path.with_extension("new")).unwrap();
    // The next change has the whole list written.
    assert_eq!(list.clear("worse").unwrap(), 1);
    shows(2, 0);
    assert_eq!(list.unwritten(), None);
}

#[test]
fn a_list_of_an_older_node_is_read_and_says_no_times_and_packages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    let older = r#"{"format":1,"entries":[{"artifacts":["bad"],"height":7,"state":"quarantined",
        "code":"pause-stuck","reason":"a transition did not return"}]}"#;
    fs::write(&path, older).unwrap();
    let list = Quarantine::open(path).unwrap();
    let Forbidden { entry: found, .. } = list.forbids(["bad"].into_iter()).unwrap();
    assert_eq!((found.at_ms, found.packages.len()), (0, 0));
}

#[test]
fn a_list_that_cannot_be_read_is_not_taken_for_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    fs::write(&path, "{\"format\":1").unwrap();
    let error = Quarantine::open(path.clone()).unwrap_err();
    assert_eq!(error.code(), "quarantine-not-understood");
    fs::write(&path, "{\"format\":2,\"entries\":[]}").unwrap();
    assert_eq!(Quarantine::open(path).unwrap_err().code(), error.code());
    assert_eq!(
        Quarantine::open(folder.path().to_owned())
            .unwrap_err()
            .code(),
        "quarantine-unreadable"
    );
}

#[test]
fn code_that_comes_to_live_is_not_on_record_as_failed_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    let list = Quarantine::open(path.clone()).unwrap();
    for (name, state) in [
        ("mended", QuarantineState::Failed),
        ("third", QuarantineState::Failed),
        ("bad", QuarantineState::Quarantined),
    ] {
        list.add(entry(name, state)).unwrap();
    }
    list.succeeded(&["mended".to_owned(), "bad".to_owned()])
        .unwrap();
    let list = Quarantine::open(path).unwrap();
    let names = |name: &str| {
        let entries = list.entries();
        entries
            .iter()
            .any(|entry| entry.artifacts.iter().any(|named| named == name))
    };
    assert_eq!(["mended", "third", "bad"].map(names), [false, true, true]);
}

#[test]
fn a_full_list_forgets_first_what_refuses_nothing() {
    let list = Quarantine::in_memory();
    list.add(entry("first", QuarantineState::Quarantined))
        .unwrap();
    for number in 0..QUARANTINE_ENTRIES_MAX + 3 {
        let failed = entry(&number.to_string(), QuarantineState::Failed);
        list.add(failed).unwrap();
    }
    assert_eq!(list.entries().len(), QUARANTINE_ENTRIES_MAX);
    assert!(list.forbids(["first"].into_iter()).is_some());
}

/// A list in a folder where nothing can be written, until what it is given with is removed.
fn on_a_full_disk() -> (tempfile::TempDir, PathBuf, Quarantine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarantine.json");
    let list = Quarantine::open(path.clone()).unwrap();
    list.add(entry("old", QuarantineState::Quarantined))
        .unwrap();
    let beside = path.with_extension("new");
    fs::create_dir(&beside).unwrap();
    (folder, beside, list)
}

fn on_disk(list: &Quarantine) -> Vec<QuarantineEntry> {
    let path = list.path().unwrap().to_owned();
    Quarantine::open(path).unwrap().entries()
}

#[test]
fn what_the_disk_did_not_take_is_written_by_the_next_call_that_changes_nothing() {
    type Call = fn(&Quarantine);
    let calls: [Call; 4] = [
        |list| list.add(entry("bad", QuarantineState::Failed)).unwrap(),
        |list| list.succeeded(&["other".to_owned()]).unwrap(),
        |list| assert_eq!(list.clear("other").unwrap(), 0),
        |list| list.settle().unwrap(),
    ];
    for (number, call) in calls.iter().enumerate() {
        let (_folder, beside, list) = on_a_full_disk();
        let bad = entry("bad", QuarantineState::Quarantined);
        list.add(bad.clone()).unwrap_err();
        assert!(list.unwritten().is_some() && list.settle().is_err());
        fs::remove_dir(beside).unwrap();
        call(&list);
        assert!(list.is_recorded(&bad), "call {number}");
        assert_eq!(list.unwritten(), None);
    }
}

#[test]
fn a_clearing_that_the_disk_does_not_take_is_none_and_may_be_repeated() {
    let (_folder, beside, list) = on_a_full_disk();
    for _again in 0..2 {
        let error = list.clear("old").unwrap_err();
        assert_eq!(error.code(), "quarantine-unwritable");
        assert!(list.forbids(["old"].into_iter()).is_some());
        // The file has what the list has.
        assert_eq!(list.unwritten(), None);
    }
    fs::remove_dir(beside).unwrap();
    assert_eq!(list.clear("old").unwrap(), 1);
    assert_eq!((on_disk(&list), list.entries()), (vec![], vec![]));
}

#[test]
fn what_was_never_written_is_cleared_without_the_disk() {
    let (_folder, _beside, list) = on_a_full_disk();
    list.add(entry("bad", QuarantineState::Quarantined))
        .unwrap_err();
    assert_eq!(list.clear("bad").unwrap(), 1);
    assert_eq!(list.unwritten(), None);
    assert_eq!(on_disk(&list), list.entries());
}
