//! A command that writes never destroys: what `--out` names is looked at first, and only a file of the
//! command's own kind is replaced.

use crate::served::{Folder, Ran};
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

fn capture(folder: &Folder, out: &str) -> Ran {
    folder.run(&["engine", "capture", "kv", "--out", out])
}

fn plan(folder: &Folder, library: &str, out: &str) -> Ran {
    let engine = format!("kv={library}");
    folder.run(&["upgrade", "plan", &engine, "--out", out])
}

#[test]
fn a_file_of_another_kind_is_refused_before_anything_is_done() {
    let folder = Folder::new();
    let _served = folder.serve();
    folder.write("precious.txt", "precious");
    folder.write("other.json", "{\"format\": 1}");
    for file in ["precious.txt", "other.json"] {
        let before = fs::read(folder.path().join(file)).unwrap();
        for ran in [
            capture(&folder, file),
            plan(&folder, "absent.so", file),
            plan(&folder, file, file),
        ] {
            assert_eq!(ran.exit, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains("file-foreign"), "{}", ran.stderr);
        }
        assert_eq!(fs::read(folder.path().join(file)).unwrap(), before);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_captured_state_is_its_owners_alone_and_replaces_only_a_captured_state() {
    let folder = Folder::new();
    let _served = folder.serve();
    let path = folder.path().join("kv.json");
    // An empty file is nobody's: `mktemp` makes one.
    folder.write("kv.json", "");
    for _ in 0..2 {
        let ran = capture(&folder, "kv.json");
        assert_eq!(ran.exit, 0, "{}", ran.stderr);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let ran = plan(&folder, "absent.so", "kv.json");
    assert!(ran.stderr.contains("file-foreign"), "{}", ran.stderr);
}

#[test]
fn a_link_is_followed_and_what_is_no_file_is_written_into() {
    let folder = Folder::new();
    let _served = folder.serve();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("there")).unwrap();
    symlink("there/kv.json", at("link.json")).unwrap();
    assert_eq!(capture(&folder, "link.json").exit, 0);
    assert!(at("there/kv.json").is_file() && at("link.json").is_symlink());
    symlink("/dev/null", at("null.json")).unwrap();
    assert_eq!(capture(&folder, "null.json").exit, 0);
    let null = fs::metadata("/dev/null").unwrap().file_type();
    assert!(null.is_char_device() && at("null.json").is_symlink());
    let ran = capture(&folder, "there");
    assert!(ran.stderr.contains("file-no-file"), "{}", ran.stderr);
    symlink("b", at("a")).unwrap();
    symlink("a", at("b")).unwrap();
    let ran = capture(&folder, "a");
    assert!(ran.stderr.contains("file-unwritable"), "{}", ran.stderr);
}

#[test]
fn a_dash_is_stdout_which_then_has_nothing_else() {
    let folder = Folder::new();
    let _served = folder.serve();
    for flags in [&["--json"][..], &[]] {
        let capture = ["engine", "capture", "kv", "--out", "-"];
        let ran = folder.run(&[&capture, flags].concat());
        let read = refit_abi::fixture::Fixture::from_json(&ran.stdout).unwrap();
        assert_eq!(read, refit_test_support::fixture());
    }
    assert!(!folder.path().join("-").exists());
}

/// Runs `refit` by a shell, with its inputs and outputs as the shell's words say.
fn by_shell(folder: &Folder, words: &str) -> (bool, String) {
    let mut command = std::process::Command::new("/bin/sh");
    command
        .args(["-c", words, "sh", env!("CARGO_BIN_EXE_refit")])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.success(),
        text + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn what_is_open_is_written_into_pipe_or_file() {
    let folder = Folder::new();
    let _served = folder.serve();
    let is_fixture = |text: &str| {
        let read = refit_abi::fixture::Fixture::from_json(text).unwrap();
        assert_eq!(read, refit_test_support::fixture());
    };
    let capture = r#""$1" engine capture kv --out"#;
    for out in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let (done, text) = by_shell(&folder, &format!("{capture} {out} 2>/dev/null | /bin/cat"));
        assert!(done, "{text}");
        is_fixture(&text);
    }
    let (done, text) = by_shell(
        &folder,
        &format!("{capture} /dev/fd/3 3>&1 >/dev/null 2>&1 | /bin/cat"),
    );
    assert!(done, "{text}");
    is_fixture(&text);

    // Behind what is there, and into the very file.
    let file = format!("(echo before; {capture} /dev/stdout; echo behind) >> log 2>/dev/null");
    let (done, text) = by_shell(&folder, &file);
    assert!(done, "{text}");
    let (done, text) = by_shell(&folder, &format!("{capture} /dev/fd/3 3>> log"));
    assert!(done, "{text}");
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let (first, second) = log.split_once("behind\n").unwrap();
    is_fixture(first.strip_prefix("before\n").unwrap());
    is_fixture(second);
}

#[test]
fn a_dash_is_no_folder() {
    let folder = Folder::new();
    folder.write("file", "");
    for command in [
        &["engine", "build", "absent"][..],
        &["bench", "swap"],
        &["bench", "bus"],
    ] {
        for out in ["-", "file"] {
            let ran = folder.run(&[command, &["--out", out]].concat());
            assert_eq!(ran.exit, 2, "{ran:?}");
            assert!(ran.stderr.contains("file-not-a-folder"), "{ran:?}");
        }
    }
    assert!(!folder.path().join("-").exists());
}

#[test]
fn an_older_plan_is_set_aside_when_the_new_one_fails() {
    let folder = Folder::new();
    let _served = folder.serve();
    let older = r#"{"format": 1, "base": 1, "modules": []}"#;
    folder.write("plan.json", older);
    let ran = folder.run(&["upgrade", "plan", "kv=absent.so"]);
    assert_eq!(ran.exit, 2, "{}", ran.stderr);
    assert!(!folder.path().join("plan.json").exists());
    let before = fs::read_to_string(folder.path().join("plan.json.before"));
    assert_eq!(before.unwrap(), older);
}
