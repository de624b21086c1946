//! One way to fail: codes that are told of, exits that tell apart, and JSON for programs.

use crate::golden::Transcript;
use crate::served::{Folder, Ran};
use refit_abi::codes::{Exit, GROUPS, Known};
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;

/// The guide to all codes, from the constants.
fn guide() -> String {
    let mut text = "\
# Errors

Every error of a node and of `refit` has a code: one word that stays, for programs and for this page. It stands first in
what a command prints, and as `code` in JSON, over HTTP and with `--json`. `refit explain CODE` prints what stands here.
The number is the exit code of a command that ends with the error; what the numbers mean is in the
[README](README.md#exit-codes), and in `refit --help`. A plan that the linter refuses ends with 22, also
where its code is said of something else. Codes that are not here are an engine's own, from its faults: an upgrade that one of them ends, in its
rehearsal or its pause, ends with 30.

This page is written from the constants in `abi/src/codes`; a test holds both together.
"
    .to_owned();
    for group in GROUPS {
        writeln!(text, "\n## {}\n\n{}\n", group.title, group.about).unwrap();
        writeln!(
            text,
            "| code | exit | what it means | what to do |\n|---|---|---|---|"
        )
        .unwrap();
        for known in group.codes {
            writeln!(text, "{}", row(known)).unwrap();
        }
    }
    text
}

fn row(known: &Known) -> String {
    let exit = match known.exit {
        Exit::Done => String::new(),
        exit => exit.number().to_string(),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    let (means, next) = (cell(known.means()), cell(known.next));
    format!("| `{}` | {exit} | {means} | {next} |", known.code)
}

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

#[test]
fn every_code_stands_in_the_guide_with_what_to_do() {
    let (path, guide) = (page("ERRORS.md"), guide());
    if std::env::var_os("REFIT_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &guide).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == guide,
        "runtime/ERRORS.md is not what the constants say: run this test with REFIT_BLESS=1"
    );
}

#[test]
fn every_exit_code_stands_in_the_readme_and_in_the_help() {
    let readme = std::fs::read_to_string(page("README.md")).unwrap();
    let help = Folder::new().run(&["--help"]).stdout;
    for exit in Exit::ALL {
        let (number, means) = (exit.number(), exit.means());
        assert!(
            readme.contains(&format!("| {number} | {means} |")),
            "{number}"
        );
        assert!(help.contains(&format!("{number:>4}  {means}")), "{number}");
    }
}

#[test]
fn the_help_of_every_command_names_the_exit_codes() {
    let folder = Folder::new();
    for command in ["send", "upgrade", "upgrade apply", "engine build", "run"] {
        let mut words: Vec<_> = command.split(' ').collect();
        words.push("--help");
        let ran = folder.run(&words);
        assert!(
            ran.stdout.contains("Exit codes: 0, 2, 3, 4, 5, 20"),
            "{ran:?}"
        );
    }
}

#[test]
fn a_code_is_explained() {
    let folder = Folder::new();
    Transcript::new(&folder)
        .run(&["explain", "key-used"])
        .run(&["explain", "key-used", "--json"])
        .run(&["explain", "pinned-threads"])
        .run(&["explain", "too-poor"])
        .is("explain");
    let all = folder.run(&["explain"]).stdout;
    let known = GROUPS.iter().flat_map(|group| group.codes);
    assert!(known.into_iter().all(|known| all.contains(known.code)));
}

/// The problem on stdout, which is its last line.
#[track_caller]
fn problem(ran: &Ran, exit: i32, code: &str) -> Value {
    assert_eq!(ran.exit, exit, "{ran:?}");
    let line = ran.stdout.lines().last().unwrap_or_default();
    let problem: Value = serde_json::from_str(line).unwrap_or_default();
    assert_eq!(problem["code"], code, "{ran:?}");
    assert_eq!(problem["type"], format!("urn:refit:problem:{code}"));
    assert_eq!(problem["exit"], exit);
    for member in ["title", "detail", "next"] {
        let text = problem[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{member}: {ran:?}");
    }
    problem
}

#[test]
fn with_json_an_error_is_a_problem_on_stdout_and_people_have_their_text() {
    let folder = Folder::new();
    let commands: &[&[&str]] = &[
        &["status"],
        &["send", "kv", "1"],
        &["query", "kv", "1"],
        &["events"],
        &["parameters", "show"],
        &["upgrade", "history"],
        &["upgrade", "status"],
        &["upgrade", "quarantine"],
        &["engine", "restart", "kv"],
    ];
    for command in commands {
        let ran = folder.run(&[command, &["--json"][..]].concat());
        problem(&ran, 40, "node-unreachable");
        let people = folder.run(command);
        assert_eq!(people.stdout, "", "{people:?}");
        assert_eq!(people.stderr, ran.stderr);
        assert!(ran.stderr.starts_with("node-unreachable\n"), "{ran:?}");
    }
    let ran = folder.run(&["engine", "inspect", "absent.so", "--json"]);
    problem(&ran, 2, "module-unreadable");
    let ran = folder.run_with(&[("REFIT_JSON", "1")], &["status"]);
    problem(&ran, 40, "node-unreachable");
    let ran = folder.run(&["status", "--json", "--nothing"]);
    problem(&ran, 2, "command-invalid");
    let ran = folder.run_with(&[("REFIT_JSON", "1")], &["status", "--nothing"]);
    problem(&ran, 2, "command-invalid");
    let ran = folder.run_with(&[("REFIT_JSON", "0")], &["status", "--nothing"]);
    assert_eq!((ran.exit, &*ran.stdout), (2, ""), "{ran:?}");
    let told = problem(&folder.run(&["send", "kv", "--json"]), 2, "command-invalid");
    assert!(
        told["detail"].as_str().unwrap().contains("<JSON>"),
        "{told}"
    );
}

#[test]
fn with_json_there_is_one_document_whatever_the_end() {
    let folder = Folder::new();
    let _served = folder.serve();
    folder.write("fails.json", r#"{"upgrade": 2}"#);
    let ran = folder.run(&["upgrade", "apply", "fails.json", "--json"]);
    assert_eq!(ran.exit, 30, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["reason"]["code"].is_string(), "{ran:?}");
}

#[test]
fn with_json_a_refusal_is_the_nodes_own_problem_and_a_reply_one_document() {
    let folder = Folder::new();
    let _served = folder.serve();
    let told = problem(
        &folder.run(&["send", "nobody", "1", "--json"]),
        3,
        "engine-unknown",
    );
    assert_eq!(told["status"], 404);
    assert!(told["instance"].as_str().unwrap().ends_with("/messages"));
    let ran = folder.run(&["send", "kv", r#"{"Put":["a","1"]}"#, "--json"]);
    let reply: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(
        reply["height"].is_u64() && reply["generation"].is_u64(),
        "{ran:?}"
    );
    assert_eq!(reply["repeated"], false);
    assert!(reply.get("reply").is_some(), "{ran:?}");
}

#[test]
fn a_path_where_no_library_is_ends_alike_wherever_it_is_named() {
    let folder = Folder::new();
    let _node = folder.serve();
    let run = folder.run(&["run", "--data-dir", "own", "--engine", "kv=absent.so"]);
    let inspect = folder.run(&["engine", "inspect", "absent.so"]);
    for ran in [&run, &inspect] {
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.stderr.contains("module-unreadable"), "{ran:?}");
        assert!(ran.stderr.contains("absent.so"), "{ran:?}");
    }
    let plan = folder.run(&["upgrade", "plan", "kv=absent.so"]);
    assert_eq!(plan.exit, 2, "{plan:?}");
    assert!(plan.stderr.contains("module-unreadable"), "{plan:?}");
}

#[test]
fn a_path_is_never_broken_in_a_pipe() {
    let folder = Folder::new();
    let long = format!("{}/of-a-plan.json", "a-folder-with-a-long-name".repeat(8));
    let ran = folder.run(&["upgrade", "apply", &long]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.stderr.contains(&long), "{}", ran.stderr);
}
