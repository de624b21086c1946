//! `refit release source`, `build` and `attest`: an engine's tree, packed, signed, built from the release, and signed for.

use crate::confined::on_and_off;
use crate::node::{KV, Running, kv};
use crate::releases::{before, done, json, signed_keyset};
use crate::sandbox::is_zombie;
use crate::served::{Folder, Ran};
use rustix::io::ioctl_fionread;
use serde_json::Value;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

on_and_off!(a_node_builds_a_release_that_came_as_source_alone_and_history_says_at_which_level);

#[test]
fn a_build_ends_with_the_process_that_hears_it() {
    let folder = Folder::new();
    let builder = folder.command(&["release-builder", "--library", "none", "release"]);
    // A shell that starts it and waits. Its order comes from a pipe that stays open: it is waited for.
    let (order, mut orders) = io::pipe().unwrap();
    let mut hears = Command::new("/bin/sh");
    hears.args(["-c", "exec 3<&0; \"$0\" \"$@\" <&3 & echo $!; wait"]);
    hears.arg(builder.get_program()).args(builder.get_args());
    hears
        .stdin(order.try_clone().unwrap())
        .stdout(Stdio::piped());
    let mut hears = hears.current_dir(folder.path()).spawn().unwrap();
    let mut number = String::new();
    let said = hears.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut number).unwrap();
    let process = number.trim().parse().unwrap();
    let has_ended = || !Path::new(&format!("/proc/{process}")).exists() || is_zombie(process);
    // Once it reads, it has said that it ends with the shell.
    orders.write_all(b"{").unwrap();
    until(|| ioctl_fionread(&order).unwrap() == 0);
    assert!(!has_ended());
    hears.kill().unwrap();
    until(has_ended);
    hears.wait().unwrap();
}

fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `release build` of a release, in a folder that the next run of the tests finds again.
fn build(file: &str, more: &str) -> String {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("releases");
    format!(
        "release build {file} --keyset acme.keyset --root {}{more}",
        root.display()
    )
}

/// Runs it where there is a compiler.
fn ran(folder: &Folder, line: &str) -> Ran {
    let mut command = folder.command(&line.split(' ').collect::<Vec<_>>());
    command.env_clear().envs(std::env::vars_os());
    Ran::of(command.output().unwrap())
}

#[track_caller]
pub(crate) fn made(folder: &Folder, line: &str) -> Ran {
    let ran = ran(folder, line);
    assert_eq!(ran.exit, 0, "{line}: {}", ran.stderr);
    ran
}

#[track_caller]
fn refused(folder: &Folder, line: &str, exit: i32, code: &str) {
    let ran = ran(folder, line);
    assert_eq!(ran.exit, exit, "{line}: {}", ran.stderr);
    assert!(ran.stderr.contains(code), "{line}: {}", ran.stderr);
}

#[test]
fn a_release_is_built_from_the_source_in_it_and_what_comes_of_it_is_attested() {
    let folder = Folder::new();
    signed_keyset(&folder);
    let library = kv(&folder);
    made(&folder, &format!("release source {KV} --out tree"));
    // What a node's system does not need is there without content.
    let tree = folder.path().join("tree");
    let emptied = fs::read_dir(tree.join("vendor")).unwrap().flatten();
    let mut emptied = emptied.filter(|it| it.file_name().to_string_lossy().starts_with("winapi"));
    let code = emptied.next().unwrap().path().join("src/lib.rs");
    assert_eq!(fs::read(code).unwrap(), b"");
    refused(
        &folder,
        &format!("release source {KV} --out tree"),
        2,
        "file-foreign",
    );

    let pack = |source: &str, sequence: u32, out: &str| {
        done(
            &folder,
            &format!(
                "release pack --engine kv={library} --name kv --network acme --epoch 1 --sequence {sequence} --until 900 \
                 --source {source} --out {out}"
            ),
        );
    };
    pack("tree", 1, "kv.refit");
    refused(&folder, &build("kv.refit", ""), 23, "signatures-too-few");
    done(&folder, "release sign kv.refit --key p1.key --key p2.key");
    let built = made(&folder, &build("kv.refit", " --out built --json"));
    assert!(built.stderr.contains("level=L"), "{built:?}");
    assert!(built.stderr.contains("another library"), "{built:?}");
    let found: Value = json(&built);
    assert_eq!(
        (&found[0]["package"], &found[0]["is_named"]),
        (&"refit-kv".into(), &false.into())
    );
    let first = found[0]["library"].as_str().unwrap().to_owned();

    // Packed with the library that came of the source, it is the one that is named.
    let again = format!(
        "release pack --engine kv={first} --name kv --network acme --epoch 1 --sequence 2 --until 900 --source tree --out kv-2.refit"
    );
    done(&folder, &again);
    done(&folder, "release sign kv-2.refit --key p2.key --key p3.key");
    let built = made(&folder, &build("kv-2.refit", ""));
    let is_same = built.stderr.contains("the library that the release names");
    assert!(
        is_same || !found[0]["is_reproducible"].as_bool().unwrap(),
        "{built:?}"
    );
    done(
        &folder,
        &format!(
            "release attest --library {first} --release kv-2.refit --network acme --key p1.key --out one"
        ),
    );
    done(
        &folder,
        &format!(
            "release attest --library {first} --source tree --network acme --key p1.key --out same"
        ),
    );
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("one"), read("same"));
    what_cannot_be_built_is_refused(&folder, &library);
}

fn a_node_builds_a_release_that_came_as_source_alone_and_history_says_at_which_level(
    sandbox: &str,
) {
    let folder = Folder::new();
    signed_keyset(&folder);
    let library = kv(&folder);
    made(&folder, &format!("release source {KV} --out tree"));
    done(
        &folder,
        &format!(
            "release pack --engine kv={library} --name next --network acme --epoch 1 --sequence 4 --until 9000000 \
             --source tree --source-only --out only.refit"
        ),
    );
    done(&folder, "release sign only.refit --key p1.key --key p3.key");
    // Builders are asked of libraries that came: what the node has built itself needs nobody's word.
    let builder = fs::read_to_string(folder.path().join("r1.pub")).unwrap();
    folder.write(
        "refit.toml",
        &format!(
            "[node]\nkeyset = \"acme.keyset\"\nprobation_blocks = 0\nbuilders = [\"{}\"]\n",
            builder.trim()
        ),
    );
    if sandbox == "--sandbox=on" {
        nothing_is_built_where_engines_reach_it(&folder);
    }
    let node = Running::compiling(&folder, &before(&folder), &[sandbox]);
    let planned = done(&folder, "upgrade plan only.refit");
    let said = planned.stderr.as_str();
    assert!(said.contains("the node has built it at L"), "{said}");
    done(&folder, "upgrade apply plan.json");
    let history = done(&folder, "upgrade history");
    assert!(history.stdout.contains("built here at L"), "{history:?}");
    let status = json(&done(&folder, "upgrade status --json"));
    let level = status["built"].as_str().unwrap();
    assert!(level.starts_with('L'), "{status}");
    // Nothing is built twice: the library is there.
    let again = done(&folder, "release import only.refit --json");
    assert_eq!(json(&again)[0]["is_repeated"], true);
    assert_eq!(node.stop(), Some(0));
}

fn nothing_is_built_where_engines_reach_it(folder: &Folder) {
    let cache = [
        "--sandbox=on",
        "--data-dir",
        "refit-data",
        "--cache-dir",
        "refit-data/cache",
    ];
    let node = Running::start_with(folder, &before(folder), &cache);
    let planned = ran(folder, "upgrade plan only.refit");
    assert!(planned.stderr.contains("builds-in-reach"), "{planned:?}");
    assert!(!folder.path().join("refit-data/cache").exists());
    assert_eq!(node.stop(), Some(0));
}

fn what_cannot_be_built_is_refused(folder: &Folder, library: &str) {
    // No machine is at a level above the highest one.
    refused(
        folder,
        &build("kv.refit", " --min-build-level L4"),
        2,
        "L0, L1, L2 and L3",
    );
    let without = format!(
        "release pack --engine kv={library} --name kv --network acme --epoch 1 --sequence 3 --until 900 --out none.refit"
    );
    done(folder, &without);
    done(folder, "release sign none.refit --key p1.key --key p2.key");
    refused(folder, &build("none.refit", ""), 3, "release-incomplete");
    // It would reach out of its tree, which nobody else has.
    let outside = format!(
        "release pack --engine kv={library} --name kv --network acme --epoch 1 --sequence 4 --until 900 --source {KV} --out out.refit"
    );
    done(folder, &outside);
    done(folder, "release sign out.refit --key p1.key --key p2.key");
    refused(folder, &build("out.refit", ""), 50, "no-lock");
    let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join("releases/rooms");
    let left = fs::read_dir(left).unwrap().flatten();
    let mut left = left.filter(|it| it.file_name().to_string_lossy().contains("-unpacked-"));
    assert!(left.next().is_none(), "what was unpacked is left behind");
}
