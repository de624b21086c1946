//! What is kept of upgrades over the ends of a node: the history, the releases, and the bundle for a report.

use crate::node::{Running, build, fixture};
use crate::rehearsal::version_2;
use crate::served::Folder;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = folder.run(&[arguments, &["--json"]].concat());
    assert_eq!(ran.exit, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Each upgrade of the history: its number, how it ended, and why.
fn history(folder: &Folder) -> Vec<(u64, String, String)> {
    let told = json(folder, &["upgrade", "history"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |report: &Value| {
        let id = report["id"].as_u64().unwrap();
        (id, text(&report["state"]), text(&report["reason"]["code"]))
    };
    told.as_array().unwrap().iter().map(line).collect()
}

/// Waits until an upgrade is in this state.
fn until(folder: &Folder, id: &str, state: &str) {
    let deadline = Instant::now() + WAIT;
    while json(folder, &["upgrade", "status", id])["state"] != state {
        assert!(Instant::now() < deadline, "upgrade {id} is never {state}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn plans(folder: &Folder, name: &str, flags: &[&str]) {
    let library = build(folder, &version_2("kv-kept", |state| state));
    let kind = format!("kv={library}");
    let plan = ["upgrade", "plan", &kind, "--no-rehearsal", "--out", name];
    let planned = folder.run(&[&plan, flags].concat());
    assert_eq!(planned.exit, 0, "{planned:?}");
}

#[test]
fn upgrades_that_were_refused_or_ended_with_their_node_are_in_the_history_of_the_next_one() {
    let folder = Folder::new();
    let library = fixture(&folder);
    let mut node = Running::start(&folder, &library);
    plans(&folder, "plan.json", &[]);
    plans(&folder, "later.json", &["--at-height", "1000000"]);
    let refused = folder.run(&["upgrade", "apply", "plan.json", "--max-pause", "0us"]);
    assert!(refused.stderr.contains("pause-too-long"), "{refused:?}");
    let applied = [
        "upgrade",
        "apply",
        "later.json",
        "--no-rehearsal",
        "--no-wait",
    ];
    assert_eq!(folder.run(&applied).exit, 0);
    until(&folder, "2", "armed");
    assert_eq!(folder.run(&["upgrade", "cancel", "2"]).exit, 0);
    assert_eq!(folder.run(&applied).exit, 0);
    until(&folder, "3", "armed");
    node.kill();

    let mut node = Running::start(&folder, &library);
    let told = history(&folder);
    let refused = |id, code: &str| (id, "refused".to_owned(), code.to_owned());
    let two = [
        refused(1, "pause-too-long"),
        refused(2, "upgrade-cancelled"),
    ];
    assert_eq!(told[..2], two);
    // The third waits on, and the plan that was taken back is known.
    assert_eq!(told.len(), 3);
    until(&folder, "3", "armed");
    let record = json(&folder, &["upgrade", "bundle", "2", "--out", "-"]);
    assert_eq!(record["plan"]["at_height"], 1_000_000);
    assert_eq!(folder.run(&["upgrade", "cancel", "3"]).exit, 0);
    // Its record is written once it is over.
    let deadline = Instant::now() + WAIT;
    while json(&folder, &["upgrade", "bundle", "3", "--out", "-"])["plan"].is_null() {
        assert!(Instant::now() < deadline, "there is never a record of it");
        std::thread::sleep(Duration::from_millis(20));
    }
    node.kill();
    let _node = Running::start(&folder, &library);
    assert_eq!(history(&folder)[2], refused(3, "upgrade-cancelled"));
}

#[test]
fn the_releases_that_are_kept_are_listed_with_why_and_an_upgrade_is_bundled_for_a_report() {
    let folder = Folder::new();
    let library = fixture(&folder);
    folder.write("token", &"secret-of-the-node-".repeat(3));
    let token = folder.path().join("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let flags = ["--tcp", "127.0.0.1:0", "--token-file", "token"];
    let node = Running::start_with(&folder, &library, &flags);
    let put = r#"{"put":{"key":"a","value":"a-value-of-a-client"}}"#;
    assert_eq!(folder.run(&["send", "kv", put, "--key", "ada/1"]).exit, 0);
    plans(&folder, "plan.json", &[]);
    let applied = folder.run(&["upgrade", "apply", "plan.json", "--no-rehearsal"]);
    assert_eq!(applied.exit, 0, "{applied:?}");

    let listed = json(&folder, &["upgrade", "list"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(
        (&listed[0]["generation"], &listed[0]["state"]),
        (&1.into(), &"old".into())
    );
    assert_eq!(listed[0]["libraries"][0]["version"], "1.0.0");
    assert_eq!(listed[1]["generation"], 2);
    assert_eq!(listed[1]["why"][0]["because"], "live");
    assert_eq!(listed[1]["libraries"][0]["version"], "2.0.0");
    assert!(
        listed[1]["libraries"][0]["bytes"].as_u64() > Some(100_000),
        "{listed:#?}"
    );

    // The record is written once the upgrade is over.
    let deadline = Instant::now() + WAIT;
    while json(&folder, &["upgrade", "bundle", "1", "--out", "-"])["plan"].is_null() {
        assert!(Instant::now() < deadline, "there is never a record of it");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran = folder.run(&["upgrade", "bundle", "1"]);
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (0, "upgrade-1.bundle.json\n"),
        "{ran:?}"
    );
    let path = folder.path().join("upgrade-1.bundle.json");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["report"]["state"], "committed");
    assert!(bundle["report"]["pause_us"].as_u64() > Some(0), "{text}");
    assert_eq!(bundle["plan"]["modules"][0]["version"], "2.0.0");
    assert_eq!(bundle["before"]["kinds"][0]["package_version"], "1.0.0");
    assert_eq!(bundle["after"]["generation"], 2);
    assert!(bundle["carried_out_by"]["compiler"].is_string(), "{text}");
    assert!(bundle["log"]["lines"].is_null(), "{text}");
    for secret in ["secret-of-the-node", "a-value-of-a-client"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(folder.run(&["upgrade", "bundle", "9"]).exit, 3);
    assert_eq!(node.stop(), Some(0));

    let ran = folder.run(&["upgrade", "list"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.contains("refit-kv 2.0.0"), "{}", ran.stdout);
    assert!(ran.stderr.contains("no node runs"), "{ran:?}");
    assert!(ran.stderr.contains("next: refit doctor"), "{ran:?}");
}
