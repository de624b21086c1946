//! Flags go over environment variables, these over the file, this over the defaults.

use crate::node::fixture;
use crate::served::Folder;

/// The node that a command in `folder` looks for.
fn looks_for(folder: &Folder, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let ran = folder.run_with(variables, &[arguments, &["status"]].concat());
    assert_eq!(ran.exit, 40, "{ran:?}");
    let (_, rest) = ran.stderr.split_once("no node answers at ").unwrap();
    rest.lines().next().unwrap().to_owned()
}

#[test]
fn the_address_comes_from_flag_then_environment_then_file_then_default() {
    let folder = Folder::new();
    let env = [("REFIT_NODE", "unix:/env")];
    assert_eq!(looks_for(&folder, &[], &[]), "unix:refit-data/admin.sock");
    folder.write("refit.toml", "[node]\ndata_dir = \"data\"");
    assert_eq!(looks_for(&folder, &[], &[]), "unix:data/admin.sock");
    folder.write("refit.toml", "[admin]\nsocket = \"/file\"");
    assert_eq!(looks_for(&folder, &[], &[]), "unix:/file");
    assert_eq!(looks_for(&folder, &env, &[]), "unix:/env");
    assert_eq!(
        looks_for(&folder, &env, &["--node", "unix:/flag"]),
        "unix:/flag"
    );
}

#[test]
fn the_data_folder_comes_from_flag_then_environment_then_file() {
    let folder = Folder::new();
    folder.write("refit.toml", "[node]\ndata_dir = \"/file\"");
    let env = [("REFIT_DATA_DIR", "/env")];
    assert_eq!(looks_for(&folder, &[], &[]), "unix:/file/admin.sock");
    assert_eq!(looks_for(&folder, &env, &[]), "unix:/env/admin.sock");
    assert_eq!(
        looks_for(&folder, &env, &["--data-dir", "/flag"]),
        "unix:/flag/admin.sock"
    );
}

#[test]
fn paths_of_a_file_are_taken_from_its_folder() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    folder.write("etc/other.toml", "[node]\ndata_dir = \"data\"");
    let env = [("REFIT_CONFIG", "etc/other.toml")];
    assert_eq!(looks_for(&folder, &env, &[]), "unix:etc/data/admin.sock");
}

#[test]
fn times_that_would_mean_something_else_are_refused_before_anything_starts() {
    let folder = Folder::new();
    for (flags, says) in [
        (["--rehearsal-wait", "10min"], "above the most, 5min"),
        (["--rehearsal-wait", "0s"], "below the least, 100ms"),
        (["--pause-limit", "0s"], "below the least, 100ms"),
    ] {
        let ran = folder.run(&[&["run", "--engine", "kv=absent.so"], &flags[..]].concat());
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_line_and_column() {
    let folder = Folder::new();
    folder.write("refit.toml", "[node]\nworkers = 2\n  worker = 3\n");
    let ran = folder.run(&["status"]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""));
    for part in [
        "refit.toml:3:3",
        "worker = 3",
        "unknown field `worker`",
        "config-invalid",
    ] {
        assert!(ran.stderr.contains(part), "no `{part}` in {}", ran.stderr);
    }
}

#[test]
fn colours_are_off_when_asked_and_off_a_terminal() {
    let folder = Folder::new();
    for variables in [
        &[][..],
        &[("NO_COLOR", "1"), ("TERM", "xterm-256color")][..],
    ] {
        let ran = folder.run_with(variables, &["status"]);
        assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
}

#[test]
fn no_flag_takes_a_secret() {
    let folder = Folder::new();
    for command in [
        &["status"][..],
        &["send"],
        &["query"],
        &["upgrade", "apply"],
    ] {
        let help = folder.run(&[command, &["--help"]].concat()).stdout;
        let secret = |line: &&str| line.trim_start().starts_with("--token ");
        assert!(
            help.contains("--token-file") && help.lines().find(secret).is_none(),
            "{help}"
        );
    }
}

#[test]
fn the_next_command_is_for_the_node_that_was_named() {
    let folder = Folder::new();
    let _node = folder.serve();
    let said = |arguments: &[&str]| {
        let ran = folder.run(arguments);
        assert_eq!(ran.exit, 0, "{ran:?}");
        ran.stderr
    };
    let said_of_none = said(&["status"]);
    assert!(
        said_of_none.contains("next: refit upgrade"),
        "{said_of_none}"
    );
    for flags in [
        ["--data-dir", "refit-data"],
        ["--node", "unix:refit-data/admin.sock"],
    ] {
        let next = format!("next: refit {} upgrade", flags.join(" "));
        let before = said(&[&flags[..], &["status"]].concat());
        assert!(before.contains(&next), "{before}");
        let behind = said(&[&["status"], &flags[..]].concat());
        assert!(behind.contains(&next), "{behind}");
    }
}

/// The rows of a table, without its head.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let cells = |line| str::split_whitespace(line).collect();
    table.lines().skip(1).map(cells).collect()
}

#[test]
fn what_init_writes_is_taken_as_it_is() {
    let folder = Folder::new();
    folder.write("kv.so", "");
    let written = folder.run(&["init", "--engine", "kv=kv.so"]);
    assert_eq!(
        (written.exit, written.stdout.as_str()),
        (0, "./refit.toml\n")
    );
    let checked = folder.run(&["config", "check"]);
    assert_eq!(checked.exit, 0, "{checked:?}");
    let rows = rows(&checked.stdout);
    assert!(
        rows.contains(&vec!["engine.kv", "kv.so", "file"]),
        "{rows:?}"
    );
    let others = rows.iter().filter(|row| row[0] != "engine.kv");
    for row in others {
        assert_eq!(row.last(), Some(&"default"), "{row:?}");
    }
    let again = folder.run(&["init"]);
    assert_eq!(again.exit, 2);
    assert!(
        again.stderr.contains("refit.toml is there already"),
        "{again:?}"
    );
    let named = folder.run(&["init", "--config", "other.toml"]);
    assert_eq!(
        (named.exit, named.stdout.as_str()),
        (0, "./other.toml\n"),
        "{named:?}"
    );
    assert!(named.stderr.contains("--config ./other.toml"), "{named:?}");
}

#[test]
fn a_check_says_where_each_value_comes_from() {
    let folder = Folder::new();
    let text = "[node]\ncall_limit = \"1min 30s\"\nstop_limit = \"40s\"\npause_limit = \"50s\"\n\
        [[engine]]\nname = \"kv\"\npath = \"kv.so\"\n";
    folder.write("other.toml", text);
    folder.write("kv.so", "");
    let check = |arguments: &[&str]| {
        let env = [("REFIT_STOP_LIMIT", "41s"), ("REFIT_PAUSE_LIMIT", "51s")];
        let ran = folder.run_with(
            &env,
            &[&["config", "check", "other.toml"], arguments].concat(),
        );
        assert_eq!(ran.exit, 0, "{ran:?}");
        ran.stdout
    };
    let table = check(&["--pause-limit", "52s"]);
    for line in [
        "node.call_limit 1min 30s file",
        "node.stop_limit 41s environment",
        "node.pause_limit 52s flag",
        "node.rehearsal_wait 20s default",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        assert!(rows(&table).contains(&words), "{line}\n{table}");
    }
    let json: serde_json::Value = serde_json::from_str(&check(&["--json"])).unwrap();
    let values = json.as_array().unwrap();
    let stop = values
        .iter()
        .find(|value| value["key"] == "node.stop_limit");
    assert_eq!(stop.unwrap()["from"], "environment");
}

#[test]
fn a_check_refuses_what_a_run_would() {
    let folder = Folder::new();
    let engine = "[[engine]]\nname = \"kv\"\npath = \"absent\"\n";
    for (text, says) in [
        (String::new(), "config-no-engines"),
        (engine.to_owned(), "config-engine-missing"),
        (engine.repeat(2), "engine-start"),
        (engine.replace("kv", "sixteen-letters-"), "engine-name"),
        (
            format!("[admin]\ntcp = \"127.0.0.1:1\"\n{engine}"),
            "config-token-missing",
        ),
        (
            format!("[admin]\ntcp = \"10.0.0.1:1\"\n{engine}"),
            "config-beyond-loopback",
        ),
        (
            format!("[node]\nmax_pause = \"5ms\"\nrehearsal = false\n{engine}"),
            "config-bound-without-rehearsal",
        ),
        (
            "[node]\nmax_pause_ms = 5\n".to_owned(),
            "unknown field `max_pause_ms`",
        ),
    ] {
        folder.write("refit.toml", &text);
        let ran = folder.run(&["config", "check"]);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.stderr.contains(says), "{says}\n{}", ran.stderr);
    }
}

#[test]
fn a_check_makes_the_checks_that_a_start_makes_of_its_settings() {
    let folder = Folder::new();
    folder.write("no.keyset", "no keyset");
    let library = fixture(&folder);
    let engine = format!("[[engine]]\nname = \"kv\"\npath = \"{library}\"\n");
    for (settings, says) in [
        ("workers = 257", "beyond-bound"),
        ("block_interval = \"2min\"", "beyond-bound"),
        ("probation_blocks = 100001", "beyond-bound"),
        ("probation_replies = \"hold\"", "probation-holds-too-long"),
        ("keyset = \"none.keyset\"", "file-unreadable"),
        ("keyset = \"no.keyset\"", "record-malformed"),
        ("builders = [\"nobody\"]", "key-malformed"),
    ] {
        folder.write("refit.toml", &format!("[node]\n{settings}\n{engine}"));
        let checked = folder.run(&["config", "check"]);
        let ran = folder.run(&["run"]);
        for said in [&checked, &ran] {
            assert_eq!(said.exit, 2, "{settings}: {said:?}");
            assert!(said.stderr.contains(says), "{settings}: {said:?}");
        }
        assert!(checked.stdout.contains("engine.kv"), "{checked:?}");
    }
    folder.write("refit.toml", &engine);
    for (flags, says) in [
        (["--workers", "257"], "beyond-bound"),
        (["--log", "loud=very"], "config-log"),
    ] {
        let checked = folder.run(&[&["config", "check"], &flags[..]].concat());
        assert_eq!(checked.exit, 2, "{checked:?}");
        assert!(checked.stderr.contains(says), "{checked:?}");
    }
}
