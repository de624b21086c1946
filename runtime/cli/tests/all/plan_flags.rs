//! What an operator says of an upgrade beside its code: `--restart`, `--budget`, `--allow`, and the
//! grants of the configuration, which bind. Each against a node that runs as the user runs it.

use crate::node::{Running, build};
use crate::rehearsal::{put, repository};
use crate::served::{Folder, Ran};
use refit_admin::api::Status;

const APPLY: [&str; 3] = ["upgrade", "apply", "plan.json"];

/// A node of the store, version 1, whose next version starts an index in its migration.
struct Store {
    folder: Folder,
    running: Running,
    /// `kv=LIBRARY` of version 3.
    next: String,
}

impl Store {
    /// A node with this `refit.toml`.
    fn start(configuration: &str) -> Self {
        let folder = Folder::new();
        folder.write("refit.toml", configuration);
        let library = |path: &str| build(&folder, repository().join(path).to_str().unwrap());
        let v1 = library("engines/kv/history/v1");
        let next = format!("kv={}", library("engines/kv"));
        let running = Running::start_with(&folder, &v1, &[]);
        Self {
            folder,
            running,
            next,
        }
    }

    /// `refit upgrade plan kv=LIBRARY FLAGS`.
    fn plan(&self, flags: &[&str]) -> Ran {
        let plan = ["upgrade", "plan", self.next.as_str()];
        self.folder.run(&[&plan, flags].concat())
    }

    fn apply(&self, flags: &[&str]) -> Ran {
        self.folder.run(&[&APPLY, flags].concat())
    }

    fn status(&self) -> Status {
        serde_json::from_str(&self.folder.run(&["status", "--json"]).stdout).unwrap()
    }

    /// How many keys there are.
    fn keys(&self) -> String {
        self.folder.run(&["query", "kv", r#""length""#]).stdout
    }

    /// The generation, the engines, the code, and what the store says it has.
    fn look(&self) -> (u64, Vec<String>, Vec<String>, String) {
        let status = self.status();
        let engines = status.engines.into_iter().map(|engine| engine.id);
        let code = status.kinds.into_iter().map(|kind| kind.artifact);
        let all = r#"{"range":{"from":"","to":null,"limit":10}}"#;
        let entries = self.folder.run(&["query", "kv", all]);
        assert_eq!(entries.exit, 0, "{entries:?}");
        let (engines, code) = (engines.collect(), code.collect());
        (status.generation.0, engines, code, entries.stdout)
    }

    fn has_plan(&self) -> bool {
        self.folder.path().join("plan.json").exists()
    }

    fn stop(self) {
        assert_eq!(self.running.stop(), Some(0));
    }
}

/// That it ended with this code, and says what went wrong and what to do, in these words.
fn assert_says(ran: &Ran, exit: i32, parts: &[&str]) {
    assert_eq!(ran.exit, exit, "{ran:?}");
    // Lines are broken to fit a terminal, at hyphens too.
    let joined = |text: &str| text.replace([' ', '\n', '│'], "");
    let text = joined(&ran.stderr);
    for part in parts {
        assert!(text.contains(&joined(part)), "no `{part}` in {ran:?}");
    }
}

#[test]
fn engines_that_are_restarted_lose_their_states_as_the_plan_says_and_keep_their_ids() {
    let store = Store::start("");
    put(&store.folder);
    let plan = store.plan(&["--restart", "kv"]);
    assert_eq!(plan.exit, 0, "{plan:?}");
    for part in ["restart-engine", "data-dropped"] {
        assert!(plan.stdout.contains(part), "no `{part}` in {plan:?}");
    }
    assert_eq!(store.keys(), "{\"length\":{\"keys\":1}}\n");
    let applied = store.apply(&[]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    assert_eq!(store.keys(), "{\"length\":{\"keys\":0}}\n");
    put(&store.folder);
    assert_eq!(store.keys(), "{\"length\":{\"keys\":1}}\n");
    assert_eq!(store.status().generation.0, 2);
    store.stop();
}

#[test]
fn a_budget_that_is_too_small_is_told_in_the_rehearsal_and_aborts_the_upgrade_without_one() {
    let store = Store::start("");
    put(&store.folder);
    let before = store.look();
    let spent = ["bus-budget-spent", "help: "];
    let plan = store.plan(&["--budget", "bytes=1"]);
    assert_says(&plan, 30, &spent);
    assert!(!store.has_plan());

    let plan = store.plan(&["--budget", "bytes=1", "--no-rehearsal"]);
    assert_eq!(plan.exit, 0, "{plan:?}");
    assert_says(&store.apply(&[]), 30, &spent);
    assert_says(&store.apply(&["--no-rehearsal"]), 30, &spent);
    assert_eq!(store.look(), before);

    assert_eq!(store.plan(&["--budget", "bytes=1000"]).exit, 0);
    assert_eq!(store.apply(&[]).exit, 0);
    // The same code again is no upgrade, and the plan of before is not left to be applied.
    assert!(store.has_plan());
    assert_ne!(store.plan(&[]).exit, 0);
    assert!(!store.has_plan());
    store.stop();
}

#[test]
fn an_error_of_the_linter_refuses_a_plan_unless_its_code_is_allowed() {
    // It may start an index, and has nothing to send it.
    let store = Store::start("[grants.kv]\nspawn = [\"index\"]");
    let says = [
        "capability-missing",
        "`kv` needs to message `index`, and the node does not grant it",
        "help: grant it in the node's configuration, or plan with --allow capability-missing",
    ];
    assert_says(&store.plan(&[]), 22, &says);
    assert!(!store.has_plan());
    // Another code does not let it pass.
    assert_says(&store.plan(&["--allow", "data-dropped"]), 22, &says);
    assert!(!store.has_plan());

    let plan = store.plan(&["--allow", "capability-missing"]);
    assert_eq!(plan.exit, 0, "{plan:?}");
    assert!(plan.stdout.contains("capability-missing"), "{plan:?}");
    let applied = store.apply(&[]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    assert_eq!(store.status().generation.0, 2);
    store.stop();
}

#[test]
fn a_height_is_judged_when_it_is_planned_and_an_upgrade_that_waits_for_one_is_taken_back() {
    let store = Store::start("");
    put(&store.folder);
    let passed = store.plan(&["--at-height", "0"]);
    assert_says(&passed, 22, &["height-passed", "help: plan again"]);
    assert!(!store.has_plan());

    let far = store.plan(&["--at-height", "900000000", "--no-rehearsal"]);
    assert_eq!(far.exit, 0, "{far:?}");
    for part in ["height-far", "after block 900000000 (expected in"] {
        assert!(far.stdout.contains(part), "no `{part}` in {far:?}");
    }
    let applied = store.apply(&["--no-wait", "--no-rehearsal"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    let status = store.folder.run(&["status"]);
    let waits = "1 under way, after block 900000000 (expected in";
    assert!(status.stdout.contains(waits), "{status:?}");
    let cancelled = store.folder.run(&["upgrade", "cancel", "1"]);
    assert_eq!(cancelled.exit, 0, "{cancelled:?}");
    assert!(
        cancelled.stdout.contains("upgrade-cancelled"),
        "{cancelled:?}"
    );

    let soon = store.plan(&["--in", "1s", "--no-rehearsal"]);
    assert!(soon.stdout.contains("(expected in"), "{soon:?}");
    let applied = store.apply(&["--no-rehearsal"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    assert_eq!(store.status().generation.0, 2);
    store.stop();
}

#[test]
fn code_for_a_kind_that_no_engine_has_is_refused_with_what_to_do() {
    let store = Store::start("");
    let before = store.look();
    let nobody = store.next.replacen("kv=", "nobody=", 1);
    let plan = store.folder.run(&["upgrade", "plan", &nobody]);
    assert_says(&plan, 2, &["plan-kind-not-in-module", "`nobody`", "help: "]);
    assert!(!store.has_plan());
    assert_eq!(store.look(), before);
    store.stop();
}

#[test]
fn what_the_configuration_does_not_grant_is_refused_by_the_plan_and_by_the_node() {
    let store = Store::start("[grants.kv]");
    put(&store.folder);
    let before = store.look();
    let missing = ["capability-missing", "help: "];
    let plan = store.plan(&[]);
    assert_says(&plan, 22, &["capability-missing", "help: grant it"]);
    assert!(!store.has_plan());

    let allow = ["--allow", "capability-missing"];
    assert_says(&store.plan(&allow), 30, &missing);
    assert!(!store.has_plan());
    let plan = store.plan(&[&allow[..], &["--no-rehearsal"]].concat());
    assert_eq!(plan.exit, 0, "{plan:?}");
    assert_says(&store.apply(&[]), 30, &missing);
    assert_says(&store.apply(&["--no-rehearsal"]), 30, &missing);
    assert_eq!(store.look(), before);
    put(&store.folder);
    store.stop();
}
