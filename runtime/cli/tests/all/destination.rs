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
            assert!(ran.stderr.contains("file::foreign"), "{}", ran.stderr);
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
    assert!(ran.stderr.contains("file::foreign"), "{}", ran.stderr);
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
    assert!(ran.stderr.contains("file::no_file"), "{}", ran.stderr);
    symlink("b", at("a")).unwrap();
    symlink("a", at("b")).unwrap();
    let ran = capture(&folder, "a");
    assert!(ran.stderr.contains("file::unwritable"), "{}", ran.stderr);
}

#[test]
fn a_dash_is_stdout_which_then_has_nothing_else() {
    let folder = Folder::new();
    let _served = folder.serve();
    for flags in [&["--json"][..], &[]] {
        let capture = ["engine", "capture", "kv", "--out", "-"];
        let ran = folder.run(&[&capture, flags].concat());
        let read = refit_abi::fixture::Fixture::from_json(&ran.stdout).unwrap();
        assert_eq!(read, crate::double::fixture());
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
