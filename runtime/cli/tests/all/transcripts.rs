//! The transcripts of each command.

use crate::golden::Transcript;
use crate::served::Folder;
use refit_admin::api::HaltedStatus;
use refit_test_support::Double;

#[test]
fn status_fits_on_one_screen() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["status"])
        .run(&["status", "--json"])
        .is("status");
}

#[test]
fn a_node_that_has_halted_says_so_in_its_status_and_what_to_do() {
    let folder = Folder::new();
    let halted = HaltedStatus {
        code: "block-receipt".to_owned(),
        detail: "block 42 is refused: its parent's receipt is not this node's".to_owned(),
        next: "compare the receipts".to_owned(),
    };
    let (detail, next) = (halted.detail.clone(), halted.next.clone());
    let _served = folder.serve_double(Double {
        halted: Some(halted),
        ..Double::default()
    });
    let ran = folder.run(&["status"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let mut lines = ran.stdout.lines();
    let line = lines.find(|line| line.starts_with("halted ")).unwrap();
    assert_eq!(line.split_once(' ').unwrap().1.trim(), detail);
    assert_eq!(lines.next().unwrap().trim(), next);
    let json = folder.run(&["status", "--json"]).stdout;
    assert!(json.contains("\"code\": \"block-receipt\""), "{json}");
}

#[test]
fn a_message_and_a_query_get_their_replies() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["send", "kv", r#"{"Put":["a","1"]}"#])
        .run(&["send", "kv", r#"{"Put":["a","1"]}"#, "--key", "ada/1"])
        .run(&["send", "kv", r#"{"Put":["a","1"]}"#, "--key", "ada/1"])
        .run(&["query", "kv", r#"{"Get":"a"}"#])
        .is("send-and-query");
}

#[test]
fn events_come_one_on_a_line_and_go_on_behind_the_one_that_is_named() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["events", "--help"])
        .run(&["events", "--all", "--count", "3"])
        .run(&[
            "events", "--after", "0.40.0", "--engine", "auction", "--count", "1", "--json",
        ])
        .run(&["events", "--after", "0.7.0"])
        .run(&["events", "--after", "7"])
        .is("events");
}

#[test]
fn a_batch_of_messages_gets_a_line_for_each() {
    let folder = Folder::new();
    let _served = folder.serve();
    let line = |engine: &str, key: &str, message: u64| {
        format!("{{\"engine\":\"{engine}\",\"key\":\"{key}\",\"message\":{message}}}\n")
    };
    let good = [line("kv", "ada/1", 1), line("kv", "ada/1", 1)].concat();
    folder.write("good", &good);
    let bad = [
        line("kv", "ada/2", 2),
        "{\n".to_owned(),
        line("faulty", "ada/3", 3),
    ];
    folder.write("bad", &bad.concat());
    Transcript::new(&folder)
        .run(&["send", "--batch", "good"])
        .run(&["send", "--batch", "bad"])
        .run(&["send", "--batch", "missing"])
        .run(&["send", "--batch", "good", "kv", "1"])
        .run(&["send", "kv"])
        .is("send-batch");
    let ran = folder.run_fed(
        &line("kv", "ada/4", 4).repeat(2_000),
        &["send", "--batch", "-"],
    );
    assert_eq!(
        (ran.exit, ran.stdout.lines().count()),
        (0, 2_000),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_bad_message_is_refused_where_it_is_first_known() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["send", "kv", "{Put}"])
        .run(&["send", "KV", "1"])
        .run(&["send", "kv", "1", "--key", "ada"])
        .run(&["send", "nobody", "1"])
        .run(&["query", "nobody", "1"])
        .is("refused-messages");
}

#[test]
fn apply_follows_the_upgrade_to_its_end() {
    let folder = Folder::new();
    let _served = folder.serve();
    for (name, plan) in [
        ("commits.json", r#"{"upgrade": 1}"#),
        ("aborts.json", r#"{"upgrade": 2}"#),
        ("refused.json", r#"{"upgrade": 3}"#),
        ("later.json", r#"{"upgrade": 4}"#),
        ("stale.json", r#"{"stale": true}"#),
        ("no.json", "plan"),
    ] {
        folder.write(name, plan);
    }
    Transcript::new(&folder)
        .run(&["upgrade", "apply", "commits.json"])
        .run(&["upgrade", "apply", "aborts.json"])
        .run(&["upgrade", "apply", "refused.json"])
        .run(&["upgrade", "apply", "later.json", "--no-wait"])
        .run(&["upgrade", "apply", "later.json", "--wait-max", "0s"])
        .run(&["upgrade", "apply", "stale.json"])
        .run(&["upgrade", "apply", "no.json"])
        .run(&["upgrade", "apply", "absent.json"])
        .is("upgrade-apply");
}

#[test]
fn releases_are_listed_with_why_they_are_kept() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["upgrade", "list"])
        .run(&["upgrade", "list", "--json"])
        .run(&["upgrade", "bundle", "--help"])
        .is("upgrade-list");
}

#[test]
fn past_upgrades_are_told() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["upgrade", "history"])
        .run(&["upgrade", "status"])
        .run(&["upgrade", "status", "2"])
        .run(&["upgrade", "status", "1", "--json"])
        .run(&["upgrade", "status", "99"])
        .is("upgrade-status");
}

#[test]
fn quarantined_code_is_listed_and_cleared_by_as_many_digits_as_tell_it() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["upgrade", "quarantine"])
        .run(&["upgrade", "quarantine", "--clear", "abab"])
        .run(&["upgrade", "quarantine", "--clear", "a"])
        .run(&["upgrade", "quarantine", "--clear", "abac"])
        .run(&["upgrade", "quarantine", "--clear", "kv"])
        .is("quarantine");
}

#[test]
fn a_plan_comes_by_stdin_too() {
    let folder = Folder::new();
    let _served = folder.serve();
    let apply = ["upgrade", "apply", "-"];
    let ran = folder.run_fed(r#"{"upgrade": 1}"#, &apply);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.contains("kv 3.0.0 → 3.0.1"), "{ran:?}");
    let ran = folder.run_fed("plan", &apply);
    assert_eq!(ran.exit, 2, "{ran:?}");
    for said in ["file-no-plan", "stdin is no plan"] {
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn a_name_that_no_engine_has_is_said_where_it_would_be_waited_for_in_silence() {
    let folder = Folder::new();
    let _served = folder.serve();
    let wanted = ["events", "--all", "--count", "1", "--engine", "auction"];
    let ran = folder.run(&wanted);
    assert!(ran.stderr.contains("no engine `auction` runs"), "{ran:?}");
    let granted = |grant| folder.run(&["parameters", "set", "--grant", grant]).stderr;
    let said = granted("kvx=none");
    assert!(said.contains("no engine has the kind `kvx`"), "{said}");
    assert!(!granted("kv=none").contains("no engine has"));
    let child = folder.run(&["engine", "capture", "kv#0", "--out", "child.json"]);
    assert_eq!(child.exit, 3, "{child:?}");
    assert!(child.stderr.contains("engine-unknown"), "{child:?}");
}

#[test]
fn an_upgrade_is_taken_back_until_its_gate_closes() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["upgrade", "cancel", "4"])
        .run(&["upgrade", "cancel", "5"])
        .run(&["upgrade", "cancel", "1"])
        .run(&["upgrade", "cancel", "99"])
        .run(&["upgrade", "cancel"])
        .is("upgrade-cancel");
}

#[test]
fn parameters_are_shown_and_set_and_an_absurd_value_is_refused() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["parameters", "show"])
        .run(&["parameters", "set", "block.messages=100000"])
        .run(&[
            "parameters",
            "set",
            "--grant",
            "index=declared",
            "--grant",
            "kv=message:index",
        ])
        .run(&["parameters", "set", "dead_letters.bytes=0", "--json"])
        .run(&["parameters", "set", "block.messages=5", "--key", "op/10"])
        .run(&["parameters", "set", "block.messages=5", "--key", "op/9"])
        .run(&["parameters", "set", "block.messages=0"])
        .run(&["parameters", "set", "block.mesages=7"])
        .run(&["parameters", "set", "block.messages"])
        .run(&["parameters", "set"])
        .is("parameters");
}

#[test]
fn a_poisoned_engine_is_revived() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["engine", "revive", "cache"])
        .run(&["engine", "revive", "cache", "--json"])
        .run(&["engine", "revive", "cache", "--key", "op/9"])
        .run(&["engine", "revive", "kv"])
        .run(&["engine", "revive", "nobody"])
        .is("engine-revive");
}

#[test]
fn an_engine_is_started_afresh() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["engine", "restart", "kv"])
        .run(&["engine", "restart", "cache"])
        .run(&["engine", "restart", "cache", "--json"])
        .run(&["engine", "restart", "kv", "--key", "op/9"])
        .run(&["engine", "restart", "nobody"])
        .run(&["engine", "restart", "kv#x"])
        .is("engine-restart");
}

#[test]
fn a_node_that_does_not_answer_is_named() {
    let folder = Folder::new();
    folder.write("plan.json", "{}");
    Transcript::new(&folder)
        .run(&["status"])
        .run(&["--node", "unix:/nowhere/admin.sock", "query", "kv", "1"])
        .run(&[
            "--node",
            "http://127.0.0.1:1",
            "upgrade",
            "apply",
            "plan.json",
        ])
        .run(&["--node", "https://127.0.0.1:1", "status"])
        .is("unreachable");
}

#[test]
fn a_fault_in_the_configuration_is_shown_with_its_place() {
    let folder = Folder::new();
    folder.write("key.toml", "[node]\nworkers = 2\nblock_interval_ms = 10\n");
    folder.write("type.toml", "[admin]\ntcp = \"localhost\"\n");
    folder.write("syntax.toml", "[node\n");
    Transcript::new(&folder)
        .run(&["--config", "key.toml", "status"])
        .run(&["--config", "type.toml", "status"])
        .run(&["--config", "syntax.toml", "status"])
        .run(&["--config", "absent.toml", "status"])
        .is("bad-configuration");
}

#[test]
fn help_documents_commands_and_exit_codes() {
    let folder = Folder::new();
    Transcript::new(&folder)
        .run(&["--help"])
        .run(&["upgrade", "--help"])
        .run(&["upgrade", "apply", "--help"])
        .run(&["engine", "--help"])
        .is("help");
}

#[test]
fn a_file_that_is_no_engine_is_refused_with_the_rule_it_breaks() {
    let folder = Folder::new();
    let _served = folder.serve();
    folder.write("text.so", "not a library");
    folder.write("empty.so", "");
    Transcript::new(&folder)
        .run(&["engine", "inspect", "text.so"])
        .run(&["engine", "inspect", "empty.so"])
        .run(&["engine", "inspect", "/proc/self/exe"])
        .run(&["engine", "inspect", "absent.so"])
        .run(&["upgrade", "plan", "kv=text.so"])
        .run(&["upgrade", "plan", "kv"])
        .is("refused-libraries");
}

#[test]
fn a_live_state_is_written_to_a_file_that_says_what_it_is() {
    let folder = Folder::new();
    let _served = folder.serve();
    Transcript::new(&folder)
        .run(&["engine", "capture", "kv", "--out", "kv.json"])
        .run(&["engine", "capture", "kv", "--out", "again.json", "--json"])
        .run(&["engine", "capture", "nobody", "--out", "nobody.json"])
        .run(&["engine", "capture", "cache", "--out", "cache.json"])
        .run(&["engine", "capture", "kv", "--out", "absent/kv.json"])
        .run(&["engine", "capture", "kv"])
        .is("capture");
    let written = std::fs::read_to_string(folder.path().join("kv.json")).unwrap();
    let read = refit_abi::fixture::Fixture::from_json(&written).unwrap();
    assert_eq!(read, refit_test_support::fixture());
    assert_eq!(written, read.to_json().unwrap());
    assert!(!folder.path().join("nobody.json").exists());
}

#[test]
fn a_machine_without_cargo_is_told_what_is_missing() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("source")).unwrap();
    Transcript::new(&folder)
        .run(&["engine", "build", "source"])
        .is("no-cargo");
}

#[test]
fn a_node_that_cannot_run_says_why() {
    let folder = Folder::new();
    folder.write("kv.so", "not a library");
    let date = "[[engine]]\nname = \"kv\"\npath = \"kv.so\"\nconfig = { from = 2026-01-01 }";
    folder.write("date.toml", date);
    let engine = ["run", "--engine", "kv=kv.so"];
    Transcript::new(&folder)
        .run(&["run"])
        .run(&engine)
        .run(&[&engine[..], &["--tcp", "127.0.0.1:0"]].concat())
        .run(&[&engine[..], &["--tcp", "0.0.0.0:0"]].concat())
        .run(&[&engine[..], &["--tcp", "example.org:80"]].concat())
        .run(&[&engine[..], &["--allow-host", "*.example"]].concat())
        .run(&[&engine[..], &["--workers", "0"]].concat())
        .run(&[&engine[..], &["--log", "refit=loud"]].concat())
        .run(&[&engine[..], &["--no-rehearsal", "--max-pause", "5ms"]].concat())
        .run(&["--config", "date.toml", "run"])
        .run(&["--data-dir", "kv.so", "run", "--engine", "kv=kv.so"])
        .is("refused-run");
}

#[test]
fn a_new_engine_is_refused_before_anything_is_written() {
    let folder = Folder::new();
    folder.write("file", "");
    std::fs::create_dir_all(folder.path().join("full/of")).unwrap();
    Transcript::new(&folder)
        .run(&["engine", "new", "Hello"])
        .run(&["engine", "new", "a-name-that-is-too-long"])
        .run(&["engine", "new", "9lives"])
        .run(&["engine", "new", "match"])
        .run(&["engine", "new", "serde"])
        .run(&["engine", "new", "hello", "--path", "full"])
        .run(&["engine", "new", "hello", "--path", "file"])
        .run(&["engine", "new", "hello", "--refit", "full"])
        .is("refused-new");
    assert!(!folder.path().join("hello").exists());
}

#[test]
fn a_lock_that_cannot_be_used_is_refused_before_the_build() {
    let folder = Folder::new();
    for (name, text) in [("broken", "format = "), ("later", "format = 9\n")] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        folder.write(&format!("{name}/schema.lock"), text);
    }
    std::fs::create_dir(folder.path().join("none")).unwrap();
    Transcript::new(&folder)
        .run(&["engine", "freeze", "broken"])
        .run(&["engine", "freeze", "later"])
        .run(&["engine", "freeze", "none", "--restore", "v1"])
        .run(&["engine", "freeze", "none", "--forget", "kv"])
        .run(&["engine", "check", "none"])
        .run(&["engine", "check", "none", "--baseline", "HEAD"])
        .is("refused-lock");
}
