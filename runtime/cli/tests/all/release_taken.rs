//! Releases in a node that runs as the user runs it: imported, planned, applied, revoked and refused, with a sandbox and without.

use crate::confined::on_and_off;
use crate::node::{KV, Running, kv};
use crate::releases::{before, done, json, pack, pack_next, refused, signed_keyset};
use crate::served::Folder;
use std::fs;

on_and_off!(
    nothing_older_comes_after_a_release_over_a_roll_back_a_kill_and_the_next_keyset,
    a_release_is_imported_planned_applied_listed_and_named_in_the_history,
    a_release_is_applied_from_its_file_at_once_and_a_revoked_one_is_not,
    source_goes_into_a_release_as_a_tree_and_builders_say_what_comes_of_it,
);

/// `refit run` with kv, going by the keyset of these tests.
fn node(folder: &Folder, sandbox: &str, more: &str) -> Running {
    folder.write(
        "refit.toml",
        &format!("[node]\nkeyset = \"acme.keyset\"\nprobation_blocks = 0\n{more}"),
    );
    Running::start_with(folder, &before(folder), &[sandbox])
}

fn a_release_is_imported_planned_applied_listed_and_named_in_the_history(sandbox: &str) {
    let folder = Folder::new();
    signed_keyset(&folder);
    let next = kv(&folder);
    let file = pack_next(&folder, &next, 7, "");
    let node = node(&folder, sandbox, "");
    let shown = done(&folder, "keyset show");
    assert!(shown.stdout.contains("none yet"), "{shown:?}");

    // Not signed by those who may: nothing of it is kept.
    let unsigned = pack(&next, "unsigned.refit").replace("--sequence 1", "--sequence 8");
    done(&folder, &unsigned);
    refused(
        &folder,
        "release import unsigned.refit",
        23,
        "signatures-too-few",
    );
    refused(
        &folder,
        "upgrade plan unsigned.refit",
        23,
        "signatures-too-few",
    );
    let imported = json(&done(&folder, &format!("release import {file} --json")));
    let id = imported[0]["release"]["id"].as_str().unwrap().to_owned();
    let listed = done(&folder, "release list");
    assert!(listed.stdout.contains("unpacked") && listed.stdout.contains("next (1.7)"));
    assert_eq!(done(&folder, "upgrade list").stdout, listed.stdout);
    refused(&folder, "upgrade plan abcdef", 2, "release-unknown");
    refused(
        &folder,
        &format!("upgrade plan {id} kv={next}"),
        2,
        "plan-beside-release",
    );

    let planned = done(&folder, &format!("upgrade plan {}", &id[..8]));
    assert!(
        planned.stdout.contains("the release next (1.7)"),
        "{planned:?}"
    );
    done(&folder, "upgrade apply plan.json");
    let history = done(&folder, "upgrade history");
    assert!(history.stdout.contains("next (1.7)"), "{history:?}");
    let status = done(&folder, "upgrade status");
    assert!(status.stdout.contains("by release keys of keyset 1"));
    let shown = done(&folder, "keyset show");
    assert!(shown.stdout.contains("1.7"), "{shown:?}");
    refused(
        &folder,
        &format!("upgrade apply {id}"),
        4,
        "plan-identical-code",
    );
    assert_eq!(node.stop(), Some(0));
    // Its folder says the same.
    let listed = done(&folder, "release list");
    assert!(listed.stdout.contains("next (1.7)"), "{listed:?}");
}

fn a_release_is_applied_from_its_file_at_once_and_a_revoked_one_is_not(sandbox: &str) {
    let folder = Folder::new();
    signed_keyset(&folder);
    let next = kv(&folder);
    let (two, three) = (
        pack_next(&folder, &next, 2, ""),
        pack_next(&folder, &next, 3, ""),
    );
    let node = node(&folder, sandbox, "");
    let shown = json(&done(&folder, &format!("release show {two} --json")));
    let id = shown["id"].as_str().unwrap();
    let revoke = format!("release revoke {id} --network acme --reason bad --key p1.key --out bad");
    done(&folder, &revoke);
    refused(&folder, "release import bad", 23, "signatures-too-few");
    let more = format!(
        "release revoke {id} --network acme --reason bad --key p3.key --with bad --out worse"
    );
    done(&folder, &more);
    let revoked = done(&folder, "release import worse");
    assert!(revoked.stdout.contains("is revoked: bad"), "{revoked:?}");
    refused(
        &folder,
        &format!("upgrade apply {two}"),
        23,
        "release-revoked",
    );
    done(&folder, &format!("upgrade apply {three}"));
    refused(
        &folder,
        &format!("upgrade plan {two}"),
        23,
        "release-revoked",
    );
    assert_eq!(node.stop(), Some(0));
}

fn source_goes_into_a_release_as_a_tree_and_builders_say_what_comes_of_it(sandbox: &str) {
    let folder = Folder::new();
    signed_keyset(&folder);
    let (source, next) = (KV, kv(&folder));
    let with_source = format!(" --source {source}");
    let file = pack_next(&folder, &next, 2, &with_source);
    let shown = json(&done(&folder, &format!("release show {file} --json")));
    let root = shown["manifest"]["source"]["root"].clone();
    assert!(root.is_array() || root.is_string(), "{shown}");
    let verified = json(&done(
        &folder,
        &format!("release verify {file} --keyset acme.keyset --json"),
    ));
    assert_eq!(verified[0]["has_source"], true);
    let only = pack_next(&folder, &next, 3, &format!("{with_source} --source-only"));

    let linked = folder.path().join("linked");
    fs::create_dir(&linked).unwrap();
    fs::write(
        linked.join("Cargo.toml"),
        "[package]\nname = \"refit-kv\"\n",
    )
    .unwrap();
    let pack = format!(
        "release pack --engine kv={next} --name next --network acme --epoch 1 --sequence 9 --until 9 --source linked --out"
    );
    done(&folder, &format!("{pack} whole"));
    std::os::unix::fs::symlink("/etc/passwd", linked.join("link")).unwrap();
    refused(&folder, &format!("{pack} x"), 2, "source-refused");
    fs::remove_file(linked.join("link")).unwrap();
    fs::write(linked.join("CARGO.toml"), "").unwrap();
    refused(&folder, &format!("{pack} x"), 2, "source-refused");
    assert!(!folder.path().join("x").exists());

    let key = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let builders = format!(
        "builders = [\"{}\", \"{}\", \"{}\"]\nattestations = 2\n",
        key("p1.pub").trim(),
        key("p2.pub").trim(),
        key("r3.pub").trim()
    );
    let node = node(&folder, sandbox, &builders);
    refused(
        &folder,
        &format!("upgrade plan {file}"),
        23,
        "attestations-too-few",
    );
    refused(&folder, &format!("upgrade plan {only}"), 50, "no-lock");
    let attest = |more: &str| {
        let line =
            format!("release attest --library {next} --source {source} --network acme{more}");
        done(&folder, &line);
    };
    attest(" --key p1.key --out one");
    refused(&folder, "release import one", 23, "attestations-too-few");
    attest(" --key r3.key --with one --out two");
    done(&folder, "release import two");
    done(&folder, &format!("upgrade apply {file}"));
    assert_eq!(node.stop(), Some(0));
}

/// The keyset that follows, of the same keys.
fn next_keyset(folder: &Folder) {
    done(
        folder,
        "keyset rotate acme.keyset --expires 2000 --out next.keyset",
    );
    done(folder, "keyset sign next.keyset --key r1.key --key r2.key");
}

fn nothing_older_comes_after_a_release_over_a_roll_back_a_kill_and_the_next_keyset(sandbox: &str) {
    let folder = Folder::new();
    signed_keyset(&folder);
    next_keyset(&folder);
    let (next, first) = (kv(&folder), before(&folder));
    let at = |name: &str| folder.path().join(name);
    let other = pack_next(&folder, &next, 7, " --about other");
    fs::rename(at(&other), at("other.refit")).unwrap();
    let [six, seven, eight] = [6, 7, 8].map(|sequence| pack_next(&folder, &next, sequence, ""));
    folder.write(
        "refit.toml",
        "[node]\nkeyset = \"acme.keyset\"\nprobation_blocks = 50000\n",
    );
    let older = || {
        refused(
            &folder,
            &format!("release import {six}"),
            23,
            "release-older",
        );
        refused(
            &folder,
            &format!("upgrade apply {six}"),
            23,
            "release-older",
        );
        let other = "release import other.refit";
        refused(&folder, other, 23, "release-equivocation");
    };
    let mut node = Running::start_with(&folder, &first, &[sandbox]);
    done(&folder, &format!("upgrade apply {seven}"));
    older();
    done(&folder, "upgrade rollback");
    older();
    node.kill();
    let node = Running::start_with(&folder, &first, &[sandbox]);
    older();
    done(&folder, "keyset install next.keyset");
    let late = format!("release import {eight}");
    refused(&folder, &late, 23, "release-other-epoch");
    assert_eq!(node.stop(), Some(0));
}
