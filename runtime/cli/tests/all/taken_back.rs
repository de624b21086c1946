//! A real node whose upgrade is taken back by the command: it restarts in its place, and serves on.

use crate::node::{Running, build};
use crate::rehearsal::{put, repository, version_2};
use crate::served::Folder;
use refit_abi::Generation;
use refit_admin::api::{Status, UpgradeReport, UpgradeState};

fn status(folder: &Folder) -> Status {
    let ran = folder.run(&["status", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A node whose store is on version 2, on probation for long.
fn upgraded(folder: &Folder) -> Running {
    let v1 = repository().join("engines/kv/history/v1");
    let v1 = build(folder, v1.to_str().unwrap());
    let v2 = format!("kv={}", build(folder, &version_2("kv-back", |text| text)));
    let node = Running::start_with(folder, &v1, &["--probation-blocks", "10000"]);
    put(folder);
    assert_eq!(folder.run(&["upgrade", "plan", &v2]).exit, 0);
    let applied = folder.run(&["upgrade", "apply", "plan.json"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    node
}

#[test]
fn a_node_restarts_in_its_place_to_take_an_upgrade_back_and_serves_on() {
    let folder = Folder::new();
    let node = upgraded(&folder);
    let on = status(&folder);
    assert_eq!(on.generation, Generation(2));
    let shown = folder.run(&["status"]).stdout;
    assert!(shown.contains("refit upgrade rollback"), "{shown}");
    let b = r#"{"put":{"key":"b","value":"2"}}"#;
    let sent = folder.run(&["send", "kv", b, "--key", "ada/1"]);
    assert_eq!(sent.exit, 0, "{sent:?}");

    // Another plan waits for the operator's word.
    let refused = folder.run(&["upgrade", "apply", "plan.json"]);
    assert_ne!(refused.exit, 0);

    let back = folder.run(&["upgrade", "rollback", "--json"]);
    assert_eq!(back.exit, 0, "{back:?}");
    let report: UpgradeReport = serde_json::from_str(&back.stdout).unwrap();
    assert_eq!(report.state, UpgradeState::RolledBack);
    let rolled_back = report.rolled_back.unwrap();
    assert_eq!((rolled_back.same, rolled_back.revised), (1, 0));
    let after = status(&folder);
    assert_eq!(after.node.pid, on.node.pid, "the same process");
    assert_eq!((after.generation, after.branch), (Generation(1), 1));
    let repeated = folder.run(&["send", "kv", b, "--key", "ada/1"]);
    assert_eq!(repeated.exit, 0, "{repeated:?}");
    assert!(repeated.stderr.contains("recorded"), "{repeated:?}");
    put(&folder);
    let again = folder.run(&["upgrade", "rollback"]);
    assert_eq!(again.exit, 3, "{again:?}");
    assert!(again.stderr.contains("not-on-probation"), "{again:?}");
    let history = folder.run(&["upgrade", "history"]).stdout;
    assert!(history.contains("rolled-back"), "{history}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_confirmed_upgrade_is_permanent_and_the_next_plan_is_taken_on() {
    let folder = Folder::new();
    let node = upgraded(&folder);
    let confirmed = folder.run(&["upgrade", "confirm"]);
    assert_eq!(confirmed.exit, 0, "{confirmed:?}");
    assert!(confirmed.stdout.contains("permanent"), "{confirmed:?}");
    assert_eq!(status(&folder).probation, None);
    let refused = folder.run(&["upgrade", "rollback"]);
    assert_eq!(refused.exit, 3, "{refused:?}");
    let other = format!(
        "kv={}",
        build(
            &folder,
            &version_2("kv-other", |text| text + "\n// Another.\n")
        )
    );
    let plan = folder.run(&["upgrade", "plan", &other]);
    assert!([0, 4].contains(&plan.exit), "{plan:?}");
    assert_eq!(node.stop(), Some(0));
}
