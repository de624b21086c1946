//! A real node whose upgrade is taken back by the command: it restarts in its place, and serves on.

use crate::node::{Running, build};
use crate::rehearsal::{put, repository, version_2};
use crate::served::{Folder, Ran};
use refit_abi::Generation;
use refit_admin::api::{QuarantineEntry, Status, UpgradeReport, UpgradeState};
use refit_build::EngineSource;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) fn status(folder: &Folder) -> Status {
    let ran = folder.run(&["status", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The libraries before and after an upgrade, and what a panic does on probation.
struct Brought<'a> {
    before: &'a str,
    after: &'a str,
    on_panic: &'a str,
}

impl Brought<'_> {
    /// A node on which it was done, on probation for long.
    fn node(&self, folder: &Folder) -> Running {
        let flags = [
            "--probation-blocks",
            "10000",
            "--probation-panic",
            self.on_panic,
        ];
        let node = Running::start_with(folder, self.before, &flags);
        put(folder);
        let kv = format!("kv={}", self.after);
        assert_eq!(folder.run(&["upgrade", "plan", &kv]).exit, 0);
        let applied = folder.run(&["upgrade", "apply", "plan.json"]);
        assert_eq!(applied.exit, 0, "{applied:?}");
        node
    }
}

/// A node whose store is on version 2.
pub(crate) fn upgraded(folder: &Folder) -> Running {
    let v1 = repository().join("engines/kv/history/v1");
    Brought {
        before: &build(folder, v1.to_str().unwrap()),
        after: &build(folder, &version_2("kv-back", |text| text)),
        on_panic: "poison",
    }
    .node(folder)
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
    let v1 = repository().join("engines/kv/history/v1");
    let kv = format!("kv={}", build(&folder, v1.to_str().unwrap()));
    let planned = folder.run(&["upgrade", "plan", &kv, "--out", "later.json"]);
    assert!(
        planned.stderr.contains("refuses this plan until block"),
        "{planned:?}"
    );
    let unknown = folder.run(&["engine", "revive", "nobody"]);
    assert!(unknown.stderr.contains("engine-unknown"), "{unknown:?}");

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
fn a_node_restarts_in_its_place_with_what_it_was_started_with_whatever_became_of_the_files() {
    let folder = Folder::new();
    let token = |name: &str, text: &str| {
        let new = folder.path().join(format!("{name}.new"));
        fs::write(&new, text.repeat(40)).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, folder.path().join(name)).unwrap();
    };
    token("token", "a");
    token("first", "a");
    let group = Command::new("id").arg("-gn").output().unwrap().stdout;
    let group = String::from_utf8(group).unwrap();
    // As long as a configuration may be.
    let text = format!(
        "[admin]\nsocket_group = \"{}\"\ntoken_file = \"token\"\ntcp = \"127.0.0.1:0\"\n{}",
        group.trim(),
        "# Long.\n".repeat(120_000)
    );
    folder.write("refit.toml", &text);
    let node = upgraded(&folder);
    let on = status(&folder);
    // New files under their names, as an editor leaves them.
    token("token", "b");
    fs::remove_file(folder.path().join("refit.toml")).unwrap();
    let back = folder.run(&["upgrade", "rollback"]);
    assert_eq!(back.exit, 0, "{back:?}");
    let after = status(&folder);
    assert_eq!((after.node.pid, after.branch), (on.node.pid, 1));
    let mut tcp = after.node.addresses.iter();
    let tcp = tcp.rfind(|it| it.starts_with("http://")).unwrap();
    let asked = |token| folder.run(&["status", "--node", tcp, "--token-file", token]);
    let first = asked("first");
    assert_eq!(first.exit, 0, "{first:?}");
    assert_ne!(
        asked("token").exit,
        0,
        "that one was not there at its start"
    );
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

/// Longest wait for a node that rolls itself back.
const WAIT: Duration = Duration::from_secs(60);

/// A version of the store that panics when something is put under one of these keys.
fn panics_at(folder: &Folder, version: &str, keys: &str) -> String {
    let history = repository().join("engines/kv/history");
    let read = |version| EngineSource::read(&history.join(version)).unwrap();
    let abi = repository().join("abi").canonicalize().unwrap();
    let source = match version {
        "v1" => read("v1"),
        _ => read("v1").laid_over_by(read(version)),
    };
    let source = source.with_contract(&abi).unwrap();
    let engine = source.text("src/engine.rs").unwrap().to_owned();
    let before = "fn put(&mut self, key: String, value: String) -> Result<Reply, Fault> {";
    assert_eq!(engine.matches(before).count(), 1);
    let panics =
        format!("{before}\n        assert!(!matches!(key.as_str(), {keys}), \"no such key\");");
    let source = source.with_file("schema.lock", "format = 1\n");
    let source = source.with_file("src/engine.rs", &engine.replace(before, &panics));
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kv-panics-{version}"));
    source.write(&to).unwrap();
    build(folder, to.to_str().unwrap())
}

fn put_at(folder: &Folder, key: &str) -> Ran {
    let put = format!(r#"{{"put":{{"key":"{key}","value":"1"}}}}"#);
    folder.run(&["send", "kv", &put])
}

/// A node whose store panics at `both` before and after its upgrade, and at `new` after it alone.
fn on_probation(folder: &Folder, policy: &str) -> Running {
    Brought {
        before: &panics_at(folder, "v1", "\"both\""),
        after: &panics_at(folder, "v2", "\"both\" | \"new\""),
        on_panic: policy,
    }
    .node(folder)
}

#[test]
fn a_panic_on_probation_rolls_the_node_back_if_the_policy_says_so() {
    let folder = Folder::new();
    let node = on_probation(&folder, "rollback");
    let before = status(&folder);
    let tried = folder.run(&["upgrade", "rollback", "--check"]);
    assert_eq!(tried.exit, 0, "{tried:?}");
    assert!(tried.stdout.contains("branch"), "{tried:?}");
    assert!(!folder.path().join("refit-data/trial").exists());
    assert_eq!(status(&folder).branch, 0, "nothing is decided");

    assert_ne!(put_at(&folder, "new").exit, 0);
    let deadline = Instant::now() + WAIT;
    let after = loop {
        assert!(Instant::now() < deadline, "it is not rolled back");
        let ran = folder.run(&["status", "--json"]);
        let status = serde_json::from_str::<Status>(&ran.stdout).ok();
        match status {
            Some(status) if status.branch == 1 && status.starting.is_none() => break status,
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    assert_eq!(after.node.pid, before.node.pid);
    assert_eq!(after.generation, Generation(1));
    assert!(
        after.poisoned.is_empty(),
        "the code of before keeps it whole"
    );
    let last = after.last_upgrade.unwrap();
    assert_eq!(last.state, UpgradeState::RolledBack);
    let shown = folder.run(&["upgrade", "status"]).stdout;
    assert!(
        shown.contains("no: the code of before is live again"),
        "{shown}"
    );
    let refused = folder.run(&["upgrade", "quarantine", "--json"]).stdout;
    let refused: Vec<QuarantineEntry> = serde_json::from_str(&refused).unwrap();
    assert_eq!(refused[0].artifacts.len(), 1);
    assert_eq!(refused[0].packages.len(), 1);
    assert_eq!(last.reason.unwrap().code, "probation-panic");
    // Whoever sent it was told of a panic; now it was stored.
    assert_eq!(last.rolled_back.unwrap().revised, 1);
    put(&folder);
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_message_at_which_the_code_of_before_panics_too_rolls_nothing_back() {
    let folder = Folder::new();
    let node = on_probation(&folder, "rollback");
    assert_ne!(put_at(&folder, "both").exit, 0);
    // The trial takes its time; what it finds is that nothing is to be done.
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let status = status(&folder);
        assert_eq!((status.branch, status.generation), (0, Generation(2)));
        assert_eq!(status.poisoned.len(), 1);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_panic_on_probation_halts_the_node_if_the_policy_says_so_and_it_can_be_taken_back() {
    let folder = Folder::new();
    let node = on_probation(&folder, "halt");
    assert_ne!(put_at(&folder, "new").exit, 0);
    let deadline = Instant::now() + WAIT;
    while status(&folder).halted.is_none() {
        assert!(Instant::now() < deadline, "it goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = put_at(&folder, "other");
    assert_eq!(refused.exit, 40, "{refused:?}");
    let shown = folder.run(&["status"]).stdout;
    assert!(!shown.contains("expected in"), "{shown}");
    let back = folder.run(&["upgrade", "rollback"]);
    assert_eq!(back.exit, 0, "{back:?}");
    assert!(back.stdout.contains("1 revised"), "{back:?}");
    assert_eq!(put_at(&folder, "other").exit, 0);
    assert_eq!(node.stop(), Some(0));
}
