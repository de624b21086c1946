//! What is told of a key, a keyset or a release that is another than the one that was meant.

use crate::node::{Running, kv};
use crate::releases::{
    before, done, json, make_keys, make_keyset, pack, pack_next, ran, refused, signed_keyset,
};
use crate::served::Folder;
use std::fs;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/releases");

#[test]
fn a_key_that_is_there_stays_and_a_public_one_signs_nothing() {
    let folder = Folder::new();
    make_keys(&folder);
    make_keyset(&folder);
    let again = "key generate --out r1.key";
    refused(&folder, again, 2, "no key is written over");
    // Whoever may read it.
    let public = "keyset sign acme.keyset --key r1.pub";
    refused(&folder, public, 2, "r1.pub is a public key");
    refused(&folder, public, 2, "key-malformed");
    let twice = "keyset create --network acme --root r1.pub --root r1.pub --root-threshold 1 --release p1.pub \
                 --release-threshold 1 --expires 1 --out twice";
    refused(&folder, twice, 2, "is named twice");
}

#[test]
fn a_key_without_a_say_signs_no_keyset_and_one_that_had_it_is_told() {
    let folder = Folder::new();
    make_keys(&folder);
    make_keyset(&folder);
    let file = folder.path().join("acme.keyset");
    let before = fs::read(&file).unwrap();
    let line = "keyset sign acme.keyset --key r1.key --key p1.key";
    refused(&folder, line, 2, "key-no-root");
    assert_eq!(fs::read(&file).unwrap(), before);
    done(
        &folder,
        "keyset rotate acme.keyset --root r2.pub --root-threshold 1 --expires 2000 --out next.keyset",
    );
    let signed = done(&folder, "keyset sign next.keyset --key r1.key");
    assert!(signed.stderr.contains("no root key"), "{signed:?}");
    let signed = done(&folder, "keyset sign next.keyset --key r2.key");
    assert!(!signed.stderr.contains("no root key"), "{signed:?}");
}

#[test]
fn a_release_that_could_never_come_in_is_not_packed() {
    let folder = Folder::new();
    let line = pack("none.so", "none.refit");
    refused(&folder, &format!("{line} --from 901"), 2, "from 901");
    let none = line.replace("--epoch 1", "--epoch 0");
    refused(&folder, &none, 2, "--epoch");
}

#[test]
fn a_signer_is_shown_the_source_and_is_told_of_a_damaged_archive() {
    let folder = Folder::new();
    make_keys(&folder);
    let shown = done(&folder, &format!("release show {FIXTURES}/v1-source.refit"));
    let root = shown.stdout.lines().find(|line| line.starts_with("source"));
    assert!(root.is_some_and(|line| line.len() > 64), "{shown:?}");
    assert!(!shown.stderr.contains("another copy"), "{shown:?}");
    let whole = fs::read(format!("{FIXTURES}/v1-library.refit")).unwrap();
    fs::write(folder.path().join("cut.refit"), &whole[..whole.len() - 9]).unwrap();
    for line in [
        "release show cut.refit",
        "release sign cut.refit --key p1.key",
    ] {
        let ran = done(&folder, line);
        assert!(ran.stderr.contains("another copy"), "{ran:?}");
    }
}

#[test]
fn of_two_ways_both_are_named_when_neither_is_given() {
    let folder = Folder::new();
    let attest = "release attest --library x --network acme --key k --out o";
    refused(&folder, attest, 2, "--source <DIR>|--release <FILE>");
    for line in [
        "keyset sign x",
        "release sign x",
        "release attest --library x --network acme --source s --out o",
    ] {
        refused(&folder, line, 2, "--key <FILE>|--with <FILE>");
    }
}

#[test]
fn the_keys_of_builders_in_the_configuration_are_told_by_name() {
    let folder = Folder::new();
    for (text, says) in [
        (
            "builders = [\"ed25519:00\"]",
            "`builders` in the configuration file, key 1",
        ),
        (
            "attestations = 1",
            "`attestations` in the configuration file",
        ),
    ] {
        folder.write("refit.toml", &format!("[node]\n{text}\n"));
        refused(&folder, "config check", 2, says);
    }
}

#[test]
fn what_is_no_release_is_named_and_keeps_no_other_file_from_being_imported() {
    let folder = Folder::new();
    signed_keyset(&folder);
    let file = pack_next(&folder, &kv(&folder), 1, "");
    let unsigned = pack(&kv(&folder), "unsigned.refit").replace("--sequence 1", "--sequence 8");
    done(&folder, &unsigned);
    folder.write("refit.toml", "[node]\nkeyset = \"acme.keyset\"\n");
    let node = Running::start(&folder, &before(&folder));
    let line = format!("release import acme.keyset unsigned.refit {file} --json");
    refused(&folder, &line, 2, "refit keyset install acme.keyset");
    let found = json(&ran(&folder, &line));
    assert_eq!(found[0]["code"], "record-malformed", "{found}");
    assert_eq!(found[1]["code"], "signatures-too-few", "{found}");
    let reason = found[1]["reason"].as_str().unwrap();
    assert!(reason.starts_with("unsigned.refit: "), "{reason}");
    assert!(found[2]["release"]["id"].is_string(), "{found}");
    done(&folder, "snapshot create --out one.snapshot");
    refused(
        &folder,
        "release import one.snapshot",
        2,
        "refit snapshot restore one.snapshot",
    );
    refused(&folder, "upgrade apply acme.keyset", 2, "file-no-plan");
    assert_eq!(node.stop(), Some(0));
}
