//! Flags go over environment variables, these over the file, this over the defaults.

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
        (["--rehearsal-wait", "10min"], "above the most, 300000 ms"),
        (["--rehearsal-wait", "0s"], "below the least, 100 ms"),
        (["--pause-limit", "0s"], "below the least, 100 ms"),
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
