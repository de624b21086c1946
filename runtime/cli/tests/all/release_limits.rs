//! What a node does not do for a release, whoever has signed it: build it at less than its level, or give it the disk that the log
//! needs; and what is left of a build whose node was killed.

use crate::confined::on_and_off;
use crate::node::{KV, Running, kv};
use crate::rehearsal::put;
use crate::release_built::made;
use crate::releases::{before, done, pack_next, refused, signed_keyset};
use crate::served::{Folder, ended};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

on_and_off!(
    a_release_is_not_built_at_less_than_the_level_that_the_node_asks_for,
    files_that_come_leave_the_disk_that_the_log_needs,
);

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(120);

/// What a node keeps free, in bytes: its store says so.
const RESERVE: u64 = 64 << 20;

/// A signed release of kv as source alone.
fn source_only(folder: &Folder) -> String {
    signed_keyset(folder);
    let library = kv(folder);
    made(folder, &format!("release source {KV} --out tree"));
    pack_next(folder, &library, 4, " --source tree --source-only")
}

fn configure(folder: &Folder, more: &str) {
    let text = format!("[node]\nkeyset = \"acme.keyset\"\nprobation_blocks = 0\n{more}");
    folder.write("refit.toml", &text);
}

fn a_release_is_not_built_at_less_than_the_level_that_the_node_asks_for(sandbox: &str) {
    let folder = Folder::new();
    let file = source_only(&folder);
    configure(&folder, "min_build_level = \"L3\"\n");
    let before = before(&folder);
    // As on a kernel that lets nobody in particular make namespaces.
    let namespaces = [
        "--user",
        "--map-user=1000",
        "--map-group=1000",
        "--keep-caps",
    ];
    let lines = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all";
    let node = Running::within(&folder, &namespaces, lines, &before, &[sandbox]);
    refused(
        &folder,
        &format!("upgrade plan {file}"),
        50,
        "sandbox-too-weak",
    );
    assert_eq!(built(&folder), None, "nothing was built");
    assert_eq!(node.stop(), Some(0));
}

/// The folder of the one release that a node has.
fn kept(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder.join("refit-data/releases")).unwrap();
    let kept = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    kept
}

/// What that release says of what was built here.
fn built(folder: &Folder) -> Option<String> {
    fs::read_to_string(kept(folder.path()).join("built")).ok()
}

fn files_that_come_leave_the_disk_that_the_log_needs(sandbox: &str) {
    let folder = Folder::new();
    signed_keyset(&folder);
    let (next, first) = (kv(&folder), before(&folder));
    let source = folder.path().join("large");
    fs::create_dir(&source).unwrap();
    fs::write(
        source.join("Cargo.toml"),
        "[package]\nname = \"refit-kv\"\n",
    )
    .unwrap();
    fs::write(source.join("data"), vec![7; 1 << 20]).unwrap();
    let only = pack_next(&folder, &next, 1, " --source large --source-only");
    let library = pack_next(&folder, &next, 2, "");
    let places = ["refit-data/releases", "refit-data/offered"];
    for place in places {
        fs::create_dir_all(folder.path().join(place)).unwrap();
    }
    configure(&folder, "");
    // Disks of their own, with less room than the library and the source have.
    let size = RESERVE + (256 << 10);
    let mount = |place| format!("mount -t tmpfs -o size={size} floor {place}");
    let lines = format!("{} && exec", places.map(mount).join(" && "));
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let node = Running::within(&folder, &namespaces, &lines, &first, &[sandbox]);
    for file in [&only, &library] {
        refused(&folder, &format!("release import {file}"), 5, "disk-full");
    }
    refused(&folder, &format!("upgrade plan kv={next}"), 5, "disk-full");
    // Nothing is left of what was begun, and the node serves.
    let seen = PathBuf::from(format!("/proc/{}/root", node.pid()));
    let seen = seen.join(folder.path().strip_prefix("/").unwrap());
    for place in places {
        let left: Vec<_> = fs::read_dir(seen.join(place)).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
    put(&folder);
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_node_that_is_killed_during_a_build_has_nothing_half_and_builds_when_it_is_asked_again() {
    let folder = Folder::new();
    let file = source_only(&folder);
    configure(&folder, "");
    let first = before(&folder);
    let mut node = Running::compiling(&folder, &first, &[]);
    done(&folder, &format!("release import {file}"));
    let kept = kept(folder.path());
    let files = || fs::read_dir(kept.join("files")).unwrap().count();
    let before = files();
    let mut plans = folder.command(&["upgrade", "plan", &file]);
    plans.stdout(Stdio::null()).stderr(Stdio::null());
    let mut plans = plans.spawn().unwrap();
    let deadline = Instant::now() + SOON;
    while !kept.join("built.part").exists() {
        assert!(Instant::now() < deadline, "nothing is built");
        std::thread::sleep(Duration::from_millis(5));
    }
    node.kill();
    assert!(!ended(&mut plans, SOON).success());
    assert!(kept.join("built.part").exists(), "it was killed too late");
    assert_eq!((built(&folder), files()), (None, before));

    let node = Running::compiling(&folder, &first, &[]);
    let listed = done(&folder, "release list");
    assert!(listed.stdout.contains("unpacked"), "{listed:?}");
    let planned = done(&folder, &format!("upgrade plan {file}"));
    let is_built = planned.stderr.contains("the node has built it at L");
    assert!(is_built, "{planned:?}");
    assert_eq!(files(), before + 1);
    assert!(built(&folder).is_some() && !kept.join("built.part").exists());
    assert_eq!(node.stop(), Some(0));
}
