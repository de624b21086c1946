//! What engines may have laid into the data folder, in the place of the node's own files: no start waits for it, nothing is
//! written behind it, and it is named.

use crate::node::{KV, Running, kv};
use crate::served::{Folder, Ran, ended};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Duration;

/// Longest wait for a command that refuses.
const SOON: Duration = Duration::from_secs(60);

/// A command that ends by itself, and soon.
fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = folder.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let exit = ended(&mut child, SOON).code().unwrap();
    let mut stderr = String::new();
    child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
    // It is wrapped for the reader.
    let stderr = stderr.replace(['\n', ' ', '│'], "");
    Ran {
        exit,
        stdout: String::new(),
        stderr,
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_keeps_no_command_waiting_and_is_named() {
    let folder = Folder::new();
    let engine = format!("kv={}", kv(&folder));
    let node = Running::serve(&folder, &engine, &[]);
    assert_eq!(node.stop(), Some(0));
    let data = folder.path().join("refit-data");
    let start = ["run", "--engine", &engine, "--workers", "1"];
    for (name, code) in [
        ("node.lock", "data-folder-unlockable"),
        ("quarantine.json", "quarantine-unreadable"),
        ("admin.sock.lock", "run-listen"),
        ("store/newest", "store-not-opened"),
        ("store/blocks.redb", "store-not-opened"),
        ("CACHEDIR.TAG", "CACHEDIR.TAG"),
    ] {
        let (path, kept) = (data.join(name), data.join("kept"));
        let is_kept = std::fs::rename(&path, &kept).is_ok();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let ran = run(&folder, &start);
        assert!(ran.stderr.contains(code), "{name}: {ran:?}");
        assert!(ran.stderr.contains("nofile"), "{name}: {ran:?}");
        assert!(ran.stderr.contains("removeit"), "{name}: {ran:?}");
        assert_ne!(ran.exit, 0, "{name}");
        let _looked = run(&folder, &["doctor"]);
        std::fs::remove_file(&path).unwrap();
        if is_kept {
            std::fs::rename(&kept, &path).unwrap();
        }
    }
    let node = Running::serve(&folder, &engine, &[]);
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_checkpoint_that_is_no_file_is_a_damaged_one() {
    let folder = Folder::new();
    let engine = format!("kv={}", kv(&folder));
    let node = Running::serve(&folder, &engine, &[]);
    assert_eq!(node.stop(), Some(0));
    let checkpoints = std::fs::read_dir(folder.path().join("refit-data/store/checkpoints"));
    let mut count = 0;
    for image in checkpoints.unwrap() {
        let path = image.unwrap().path();
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        count += 1;
    }
    assert!(count > 0);
    let ran = run(&folder, &["run", "--engine", &engine, "--workers", "1"]);
    assert!(ran.stderr.contains("nofile"), "{ran:?}");
    assert_ne!(ran.exit, 0, "{ran:?}");
    let looked = folder.run(&["doctor"]);
    assert!(looked.stdout.contains("it is no file"), "{looked:?}");
}

#[test]
fn nothing_is_built_behind_a_link_that_leads_out_of_the_data_folder() {
    let folder = Folder::new();
    let outside = folder.path().join("outside");
    let data = folder.path().join("refit-data");
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(&data).unwrap();
    symlink(&outside, data.join("build")).unwrap();
    let engine = format!("kv={KV}");
    let ran = run(&folder, &["run", "--engine", &engine]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.stderr.contains("sandbox-leads-out"), "{ran:?}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn no_command_that_works_on_the_folder_of_a_stopped_node_goes_through_a_link_out_of_it() {
    let folder = Folder::new();
    let outside = folder.path().join("outside");
    let data = folder.path().join("refit-data");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("thesis.txt"), "text").unwrap();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let snapshot = std::fs::read_dir(fixtures.join("snapshots")).unwrap();
    let snapshot = snapshot.map(|it| it.unwrap().path()).next().unwrap();
    let snapshot = snapshot.to_str().unwrap();
    for (link, order) in [
        ("store/checkpoints", &["block", "quarantine", "1"][..]),
        ("store/newest", &["block", "quarantine", "1"]),
        ("store/checkpoints", &["snapshot", "restore", snapshot]),
        ("build/artifacts", &["engine", "clean", "--all"]),
        ("builds/artifacts", &["engine", "clean", "--all"]),
    ] {
        let at = data.join(link);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(&outside, &at).unwrap();
        let ran = run(&folder, order);
        assert!(
            ran.stderr.contains("sandbox-leads-out"),
            "{order:?}: {ran:?}"
        );
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "{order:?}");
        std::fs::remove_dir_all(&data).unwrap();
    }
}

#[test]
fn a_lock_that_is_a_link_is_said_to_be_one() {
    let folder = Folder::new();
    let data = folder.path().join("refit-data");
    std::fs::create_dir(&data).unwrap();
    symlink("elsewhere", data.join("node.lock")).unwrap();
    let ran = run(&folder, &["run", "--engine", "kv=none.so"]);
    assert!(ran.stderr.contains("data-folder-unlockable"), "{ran:?}");
    assert!(ran.stderr.contains("isalink"), "{ran:?}");
    assert!(ran.stderr.contains("removeit"), "{ran:?}");
}
