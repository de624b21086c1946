//! An author's way, with real builds: a new engine, tested, published, changed, refused, migrated.

use crate::node::Running;
use crate::served::{Folder, Ran};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kept between runs, so that only the first one compiles the dependencies.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// `refit` in this folder, with the author's environment.
fn refit(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(arguments);
    command
        .env_clear()
        .envs(std::env::vars_os())
        .env("REFIT_CACHE_DIR", crate::served::compiled())
        .env("REFIT_DATA_DIR", kept("built"));
    Ran::of(command.output().unwrap())
}

/// As [`refit`], of which success is expected.
#[track_caller]
fn done(folder: &Folder, arguments: &[&str]) -> Ran {
    let ran = refit(folder, arguments);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    ran
}

#[track_caller]
fn edit(folder: &Folder, file: &str, edits: &[(&str, &str)]) {
    let path = folder.path().join(file);
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (old, new) in edits {
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {text}");
        text = text.replace(old, new);
    }
    std::fs::write(path, text).unwrap();
}

/// Builds what must be refused with this code, and what it says.
#[track_caller]
fn refused(folder: &Folder, code: &str) -> String {
    let ran = refit(folder, &["engine", "build", "hello", "--profile", "dev"]);
    assert_eq!(ran.exit, 50, "{ran:?}");
    assert!(ran.stderr.contains(code), "no `{code}` in {}", ran.stderr);
    ran.stderr
}

const BUILD: [&str; 5] = ["engine", "build", "hello", "--profile", "dev"];

#[test]
fn an_engine_goes_from_nothing_to_a_migrated_state() {
    let folder = Folder::named("authoring-hello");
    done(&folder, &["engine", "new", "hello"]);
    its_own_tests_pass(&folder);
    let first = done(&folder, &BUILD);
    assert!(
        first.stderr.contains("nothing is published yet"),
        "{first:?}"
    );
    let first = first.stdout;
    let node = Running::serve(&folder, &format!("hello={}", first.trim()), &[]);
    told(&folder, &["send", "hello", r#"{"add":{"amount":2}}"#], "2");

    a_library_of_another_package_is_not_published(&folder, first.trim());
    // What a node runs is published without its source, and is what the source gives.
    let freeze = ["engine", "freeze", "hello", "--library", first.trim()];
    done(&folder, &freeze);
    let v1 = std::fs::read_to_string(folder.path().join("hello/src/v1.rs")).unwrap();
    let message = "#[serde(rename_all = \"snake_case\")]\npub enum Message {";
    assert!(v1.contains(message), "older clients write so: {v1}");
    let again = done(&folder, &["engine", "freeze", "hello"]);
    assert!(again.stdout.contains("nothing is changed"), "{again:?}");
    done(&folder, &BUILD);
    done(&folder, &["engine", "check", "hello"]);

    a_changed_state_is_refused_with_its_stub(&folder);
    the_pasted_stub_passes(&folder);
    a_running_node_takes_it_on(&folder);
    assert_eq!(node.stop(), Some(0));
    an_edited_frozen_type_is_refused_and_restored(&folder);

    every_published_version_must_come_to_the_head(&folder);

    a_lock_that_lost_a_version_is_refused(&folder);
    std::fs::remove_file(folder.path().join("hello/schema.lock")).unwrap();
    let said = refused(&folder, "author-lock-missing");
    assert!(said.contains("from version control"), "{said}");
    a_lock_that_is_lost_is_not_begun_anew(&folder);
}

fn a_library_of_another_package_is_not_published(folder: &Folder, library: &str) {
    done(folder, &["engine", "new", "other"]);
    let freeze = refit(folder, &["engine", "freeze", "other", "--library", library]);
    assert_eq!(freeze.exit, 2, "{freeze:?}");
    assert!(freeze.stderr.contains("author-other-package"), "{freeze:?}");
    assert!(!folder.path().join("other/src/v1.rs").exists());
    let nowhere = ["engine", "freeze", "not-there", "--library", library];
    let freeze = refit(folder, &nowhere);
    assert_eq!(freeze.exit, 2, "{freeze:?}");
    assert!(freeze.stderr.contains("not-a-package"), "{freeze:?}");
    assert!(!folder.path().join("not-there").exists());
}

/// With the older versions' modules in place, and nothing that says what they were.
fn a_lock_that_is_lost_is_not_begun_anew(folder: &Folder) {
    let freeze = refit(folder, &["engine", "freeze", "hello"]);
    assert_eq!(freeze.exit, 50, "{freeze:?}");
    assert!(freeze.stderr.contains("author-lock-missing"), "{freeze:?}");
    for unwritten in ["hello/schema.lock", "hello/src/v3.rs"] {
        assert!(!folder.path().join(unwritten).exists(), "{unwritten}");
    }
}

/// As a merge may take it: from before the versions were published.
fn a_lock_that_lost_a_version_is_refused(folder: &Folder) {
    let path = folder.path().join("hello/schema.lock");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, "format = 1\n").unwrap();
    let said = refused(folder, "author-lock-stale");
    assert!(said.contains("v1.rs, v2.rs"), "{said}");
    let freeze = refit(folder, &["engine", "freeze", "hello"]);
    assert_eq!(freeze.exit, 50, "{freeze:?}");
    std::fs::write(&path, whole).unwrap();
    done(folder, &BUILD);
}

/// Asks the running node, of which this answer is expected.
#[track_caller]
fn told(folder: &Folder, arguments: &[&str], answer: &str) {
    let ran = folder.run(arguments);
    assert_eq!((ran.exit, ran.stdout.trim()), (0, answer), "{ran:?}");
}

/// The node that runs version 1 goes to version 2 and keeps its state.
fn a_running_node_takes_it_on(folder: &Folder) {
    let library = done(folder, &BUILD).stdout;
    let plan = folder.run(&["upgrade", "plan", &format!("hello={}", library.trim())]);
    assert_eq!(plan.exit, 0, "{plan:?}");
    for part in ["1 → 2", "+ names: Vec<String>", "predicted pause: "] {
        assert!(plan.stdout.contains(part), "no `{part}` in {plan:?}");
    }
    let apply = folder.run(&["upgrade", "apply", "plan.json"]);
    assert_eq!(apply.exit, 0, "{apply:?}");
    told(folder, &["query", "hello", "\"count\""], "2");
    told(folder, &["send", "hello", r#"{"add":{"amount":3}}"#], "5");
    let history = folder.run(&["upgrade", "history"]);
    assert!(history.stdout.contains("committed"), "{history:?}");
}

/// `cargo test` of the new package.
fn its_own_tests_pass(folder: &Folder) {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(folder.path().join("hello"))
        .env("CARGO_TARGET_DIR", kept("new-engine"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
    let passed = String::from_utf8_lossy(&output.stdout);
    assert!(passed.contains("2 passed"), "{passed}");
}

fn a_changed_state_is_refused_with_its_stub(folder: &Folder) {
    let field = "    pub count: u64,\n";
    let more = "    pub count: u64,\n    /// Who added.\n    pub names: Vec<String>,\n";
    edit(folder, "hello/src/lib.rs", &[(field, more)]);
    let said = refused(folder, "author-state-changed");
    for part in [
        "+ names: Vec<String>",
        "#[state(version = 2)]",
        "#[migrate(from = crate::v1::Hello)]",
        "    #[migrate(default)]\n    names: Vec<String>,",
        "    count: u64, // moves over",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let check = refit(folder, &["engine", "check", "hello"]);
    assert_eq!(check.exit, 51, "{check:?}");
    assert!(check.stderr.contains("author-migration-missing"));
    edit(
        folder,
        "hello/src/lib.rs",
        &[("#[state(version = 1)]", "#[state(version = 2)]")],
    );
    refused(folder, "author-no-migration");
}

fn the_pasted_stub_passes(folder: &Folder) {
    edit(
        folder,
        "hello/src/lib.rs",
        &[
            (
                "use refit_abi::{Context,",
                "pub mod v1;\n\nuse refit_abi::{Migrate, Context,",
            ),
            (
                "State, Serialize, Deserialize)]\n#[state(version = 2)]",
                "State, Migrate, Serialize, Deserialize)]\n#[state(version = 2)]\n\
                 #[migrate(from = crate::v1::Hello)]",
            ),
            ("    pub names", "    #[migrate(default)]\n    pub names"),
        ],
    );
    done(folder, &BUILD);
    let check = refit(folder, &["engine", "check", "hello", "--json"]);
    let impact: Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!((check.exit, &impact["needs"]), (51, &"minor".into()));
    assert!(check.stderr.contains("author-bump-missing"), "{check:?}");
    a_version_without_its_bump_is_not_published(folder);
    raise(folder, "hello");
    done(folder, &["engine", "check", "hello"]);
}

/// What `check` asks for, `freeze` asks for as well.
fn a_version_without_its_bump_is_not_published(folder: &Folder) {
    let lock = folder.path().join("hello/schema.lock");
    let before = std::fs::read_to_string(&lock).unwrap();
    let freeze = refit(folder, &["engine", "freeze", "hello"]);
    assert_eq!(freeze.exit, 51, "{freeze:?}");
    for part in ["author-bump-missing", "minor version", "`version` in"] {
        assert!(freeze.stderr.contains(part), "no `{part}` in {freeze:?}");
    }
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), before);
}

/// Raises the new package's version by what a state with its step needs.
#[track_caller]
fn raise(folder: &Folder, package: &str) {
    let (old, new) = ("version = \"0.1.0\"", "version = \"0.1.1\"");
    edit(folder, &format!("{package}/Cargo.toml"), &[(old, new)]);
    let named = |version: &str| format!("name = \"{package}\"\n{version}");
    let (old, new) = (named(old), named(new));
    edit(folder, &format!("{package}/Cargo.lock"), &[(&old, &new)]);
}

fn an_edited_frozen_type_is_refused_and_restored(folder: &Folder) {
    let count = [(
        "    pub count: u64,\n",
        "    pub count: u64,\n    pub extra: u8,\n",
    )];
    edit(folder, "hello/src/v1.rs", &count);
    edit(
        folder,
        "hello/src/lib.rs",
        &[(
            "(from = crate::v1::Hello)",
            "(from = crate::v1::Hello, drop(extra))",
        )],
    );
    let said = refused(folder, "author-frozen-type-edited");
    assert!(said.contains("+ extra: u8"), "{said}");
    an_edited_file_is_set_aside_once(folder);
    edit(folder, "hello/src/lib.rs", &[(", drop(extra))", ")")]);
    done(folder, &BUILD);
}

/// The author's step may stand in it.
fn an_edited_file_is_set_aside_once(folder: &Folder) {
    let [module, before] = ["v1.rs", "v1.rs.before"].map(|file| {
        let source = folder.path().join("hello/src");
        source.join(file)
    });
    let edited = std::fs::read_to_string(&module).unwrap();
    let restore = ["engine", "freeze", "hello", "--restore", "v1"];
    let restored = done(folder, &restore);
    assert!(restored.stderr.contains("v1.rs.before"), "{restored:?}");
    assert_eq!(std::fs::read_to_string(&before).unwrap(), edited);
    let frozen = std::fs::read_to_string(&module).unwrap();
    assert!(!frozen.contains("extra"), "{frozen}");
    // What is as it was frozen needs no other name.
    done(folder, &restore);

    std::fs::write(&module, "other\n").unwrap();
    let again = refit(folder, &restore);
    assert_eq!(again.exit, 2, "{again:?}");
    assert!(
        again.stderr.contains("author-set-aside-before"),
        "{again:?}"
    );
    assert_eq!(std::fs::read_to_string(&before).unwrap(), edited);
    assert_eq!(std::fs::read_to_string(&module).unwrap(), "other\n");
    std::fs::remove_file(&before).unwrap();
    done(folder, &restore);
    std::fs::remove_file(&before).unwrap();
}

/// Version 2 is published, version 3 starts from it, and version 1 is not forgotten.
fn every_published_version_must_come_to_the_head(folder: &Folder) {
    let frozen = done(folder, &["engine", "freeze", "hello"]);
    let carried = "#[migrate(from = super::v1::Hello)]";
    assert!(frozen.stderr.contains(carried), "{}", frozen.stderr);
    edit(
        folder,
        "hello/src/lib.rs",
        &[
            ("pub mod v1;", "pub mod v1;\npub mod v2;"),
            ("#[state(version = 2)]", "#[state(version = 3)]"),
            ("(from = crate::v1::Hello)", "(from = crate::v2::Hello)"),
            ("    #[migrate(default)]\n", ""),
        ],
    );
    let said = refused(folder, "author-no-migration");
    assert!(said.contains("published version 1"), "{said}");
    edit(
        folder,
        "hello/src/v2.rs",
        &[
            ("use refit_abi::State;", "use refit_abi::{Migrate, State};"),
            (
                "PartialEq, State, Serialize, Deserialize)]\n#[state(version = 2)]",
                "PartialEq, State, Migrate, Serialize, Deserialize)]\n#[state(version = 2)]\n\
                 #[migrate(from = super::v1::Hello)]",
            ),
            ("    pub names", "    #[migrate(default)]\n    pub names"),
        ],
    );
    done(folder, &BUILD);
}

#[test]
fn frozen_types_have_the_schema_and_the_layout_of_the_original() {
    let folder = Folder::named("authoring-shapes");
    done(&folder, &["engine", "new", "shapes"]);
    let library = folder.path().join("shapes/src/lib.rs");
    std::fs::write(&library, SHAPES).unwrap();
    let original = described(&folder);
    done(&folder, &["engine", "freeze", "shapes"]);

    std::fs::write(&library, AFTER_SHAPES).unwrap();
    let step = &described(&folder)["migrations"][0];
    assert_eq!(step["from_schema"], original["schema"]);
    assert_eq!(step["from_layout"], original["layout"]);
    assert_eq!(step["from"], original["state"]);
    the_next_version_takes_what_is_frozen(&folder);
}

/// Version 2 is published too: what it has in common with version 1 is one type.
fn the_next_version_takes_what_is_frozen(folder: &Folder) {
    raise(folder, "shapes");
    let frozen = done(folder, &["engine", "freeze", "shapes"]);
    assert!(
        frozen.stdout.contains("shapes 2 is published"),
        "{frozen:?}"
    );
    let second = std::fs::read_to_string(folder.path().join("shapes/src/v2.rs")).unwrap();
    assert!(second.contains("pub use super::v1::Place;"), "{second}");
    let library = format!("{AFTER_SHAPES}pub mod v2;\n");
    std::fs::write(folder.path().join("shapes/src/lib.rs"), library).unwrap();
    described(folder);
}

/// The one kind of the package `shapes`, as its built library describes it.
fn described(folder: &Folder) -> Value {
    let build = ["engine", "build", "shapes", "--profile", "dev", "--json"];
    let built: Value = serde_json::from_str(&done(folder, &build).stdout).unwrap();
    let library = built["library"].as_str().unwrap();
    let inspected = done(folder, &["engine", "inspect", library, "--json"]);
    let mut inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    inspected["descriptor"]["kinds"][0].take()
}

#[test]
fn an_engine_is_made_outside_of_the_checkout_as_well() {
    let folder = Folder::new();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert!(!folder.path().starts_with(checkout.canonicalize().unwrap()));
    done(&folder, &["engine", "new", "hello"]);
    its_own_tests_pass(&folder);
}

#[test]
fn a_printed_stub_compiles_in_the_place_of_the_struct() {
    let folder = Folder::named("authoring-stubbed");
    done(&folder, &["engine", "new", "stubbed"]);
    let save = |state: &str| folder.write("stubbed/src/lib.rs", &format!("{state}{STUBBED}"));
    let state = |fields: &str| {
        format!(
            "use refit_abi::State;\n\n#[derive(State, Serialize, Deserialize)]\n\
             #[state(version = 1)]\npub struct Stubbed {{ {fields} }}\n"
        )
    };
    save(&state("count: u64, label: String"));
    done(&folder, &["engine", "freeze", "stubbed"]);
    let build = ["engine", "build", "stubbed", "--profile", "dev"];
    for (fields, part) in [
        (
            "count: u64, label: String, names: Vec<String>",
            "#[migrate(default)]",
        ),
        (
            "count: u128, label: String",
            "#[migrate(with = count_from_v1)]",
        ),
    ] {
        save(&state(fields));
        let said = refit(&folder, &build).stderr;
        let (_, stub) = said.split_once("to paste and complete:\n\n").unwrap();
        let (stub, _) = stub.split_once("\nauthor-state-changed").unwrap();
        assert!(stub.contains(part), "no `{part}` in {stub}");
        save(stub);
        done(&folder, &build);
    }
}

/// What an engine needs beside its state.
const STUBBED: &str = include_str!("authoring/stubbed.rs.txt");

/// A state of every form.
const SHAPES: &str = include_str!("authoring/shapes.rs.txt");

/// Its next version: one step by hand from the frozen types.
const AFTER_SHAPES: &str = include_str!("authoring/after_shapes.rs.txt");

#[test]
fn a_baseline_is_a_git_revision_a_library_or_a_folder() {
    let folder = Folder::named("authoring-baseline");
    done(&folder, &["engine", "new", "hello"]);
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=author",
            "-c",
            "user.email=author@example.org",
            "commit",
            "--quiet",
            "--message=first",
        ],
    ] {
        let mut git = Command::new("git");
        let status = git.args(arguments).current_dir(folder.path()).status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    }
    let built = done(&folder, &BUILD).stdout;
    edit(
        &folder,
        "hello/src/lib.rs",
        &[
            ("    type Reply = u64;", "    type Reply = Option<u64>;"),
            (
                "message: Message) -> Result<u64, Fault>",
                "message: Message) -> Result<Option<u64>, Fault>",
            ),
            (
                "        Ok(self.count)\n    }\n\n    fn query",
                "        Ok(Some(self.count))\n    }\n\n    fn query",
            ),
        ],
    );
    for baseline in ["HEAD", built.trim()] {
        let check = refit(
            &folder,
            &["engine", "check", "hello", "--baseline", baseline],
        );
        assert_eq!(check.exit, 51, "{check:?}");
        assert!(check.stdout.contains("hello reply (major)"), "{check:?}");
    }
    let names = "#[serde(rename_all = \"snake_case\")]\npub enum Message {";
    edit(
        &folder,
        "hello/src/lib.rs",
        &[(names, "pub enum Message {")],
    );
    let check = refit(&folder, &["engine", "check", "hello", "--baseline", "HEAD"]);
    for part in ["hello message (major): clients write", "~ Message: "] {
        assert!(check.stdout.contains(part), "no `{part}` in {check:?}");
    }
    let same = done(
        &folder,
        &["engine", "check", "hello", "--baseline", "hello"],
    );
    assert!(same.stdout.contains("code only"), "{same:?}");
    let left = kept("built/baselines/authoring-baseline");
    assert!(!left.exists(), "the revision is not left behind");
}
