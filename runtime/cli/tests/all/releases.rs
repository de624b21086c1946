//! `refit key`, `keyset`, `release`: from nothing to a release that two of three have signed, and what is refused on the way.

use crate::node::{build, kv};
use crate::rehearsal::version_2;
use crate::served::{Folder, Ran};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Root keys, then release keys.
const KEYS: [&str; 6] = ["r1", "r2", "r3", "p1", "p2", "p3"];

#[track_caller]
pub(crate) fn done(folder: &Folder, line: &str) -> Ran {
    let ran = ran(folder, line);
    assert_eq!(ran.exit, 0, "{line}: {}", ran.stderr);
    ran
}

#[track_caller]
pub(crate) fn refused(folder: &Folder, line: &str, exit: i32, code: &str) {
    let ran = ran(folder, line);
    assert_eq!(ran.exit, exit, "{line}: {}", ran.stderr);
    assert!(ran.stderr.contains(code), "{line}: {}", ran.stderr);
}

pub(crate) fn ran(folder: &Folder, line: &str) -> Ran {
    let arguments: Vec<_> = line.split(' ').collect();
    folder.run(&arguments)
}

pub(crate) fn make_keys(folder: &Folder) {
    for key in KEYS {
        let made = done(folder, &format!("key generate --out {key}.key"));
        folder.write(&format!("{key}.pub"), &made.stdout);
    }
}

/// The keyset of these keys: two of three root keys, two of three release keys.
pub(crate) fn make_keyset(folder: &Folder) {
    done(
        folder,
        "keyset create --network acme --root r1.pub --root r2.pub --root r3.key --root-threshold 2 \
         --release p1.pub --release p2.pub --release p3.pub --release-threshold 2 --expires 1000 --out acme.keyset",
    );
}

pub(crate) fn pack(library: &str, out: &str) -> String {
    format!(
        "release pack --engine kv={} --name kv --network acme --epoch 1 --sequence 1 --until 900 --out {out}",
        library.trim()
    )
}

#[test]
fn a_secret_key_is_its_owners_alone_and_is_never_written_over() {
    let folder = Folder::new();
    let made = done(&folder, "key generate --out a.key");
    assert!(made.stdout.starts_with("ed25519:"), "{made:?}");
    let path = folder.path().join("a.key");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = fs::read_to_string(&path).unwrap();
    refused(&folder, "key generate --out a.key", 2, "file-foreign");
    assert_eq!(fs::read_to_string(&path).unwrap(), secret);
    let shown = done(&folder, "key inspect a.key");
    assert_eq!(shown.stdout, made.stdout);
    let fed = folder.run_fed(&secret, &["key", "inspect", "-"]);
    assert_eq!((fed.exit, fed.stdout), (0, made.stdout));
    folder.write("b.key", "ed25519-secret:00");
    refused(&folder, "key inspect b.key", 2, "key-malformed");
    // Typed where a file is meant: it is told to nobody else.
    let typed = secret.trim();
    for order in [
        "key inspect",
        "release sign x.refit --key",
        "keyset create --network acme --root",
    ] {
        let ran = folder.run(
            &order
                .split(' ')
                .chain([typed, "--json"])
                .collect::<Vec<_>>(),
        );
        assert_eq!(ran.exit, 2, "{order}: {ran:?}");
        let digits = typed.rsplit(':').next().unwrap();
        let told = [ran.stdout, ran.stderr].concat();
        assert!(!told.contains(digits), "{order}: {told}");
    }
    let weak = format!("ed25519:01{}", "0".repeat(62));
    folder.write("weak.pub", &weak);
    refused(&folder, "key inspect weak.pub", 2, "key-refused");
}

#[test]
fn a_keyset_counts_once_its_root_keys_have_signed_and_hands_on_to_the_next() {
    let folder = Folder::new();
    make_keys(&folder);
    make_keyset(&folder);
    refused(
        &folder,
        "keyset rotate none --expires 9 --out x",
        2,
        "file-unreadable",
    );
    // Apart, as those who keep root keys do.
    fs::copy(
        folder.path().join("acme.keyset"),
        folder.path().join("copy"),
    )
    .unwrap();
    done(&folder, "keyset sign acme.keyset --key r1.key");
    done(&folder, "keyset sign copy --key r3.key");
    let shown = done(&folder, "keyset inspect acme.keyset --json");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["is_signed"], false);
    let shown = done(&folder, "keyset sign acme.keyset --with copy --json");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["is_signed"], true, "{shown}");

    done(
        &folder,
        "keyset rotate acme.keyset --root r2.pub --root r3.pub --root-threshold 1 --expires 2000 --out next.keyset",
    );
    let inspect = "keyset inspect next.keyset --after acme.keyset";
    done(&folder, "keyset sign next.keyset --key r2.key");
    refused(&folder, inspect, 23, "signatures-too-few");
    done(&folder, "keyset sign next.keyset --key r1.key");
    done(&folder, inspect);
    refused(
        &folder,
        "keyset inspect acme.keyset --after next.keyset",
        23,
        "keyset",
    );
    refused(
        &folder,
        "keyset sign next.keyset --with acme.keyset",
        2,
        "another record",
    );
    let twice = "keyset create --network acme --root r1.pub --root r1.pub --root-threshold 1 --release p1.pub \
                 --release-threshold 1 --expires 1 --out twice";
    refused(&folder, twice, 2, "quorum-malformed");
}

#[test]
fn a_release_is_packed_signed_and_verified_and_a_changed_byte_is_found() {
    let folder = Folder::new();
    make_keys(&folder);
    make_keyset(&folder);
    done(&folder, "keyset sign acme.keyset --key r1.key --key r2.key");
    done(&folder, &pack(&kv(&folder), "kv.refit"));
    let verify = "release verify kv.refit --keyset acme.keyset";
    refused(&folder, verify, 23, "signatures-too-few");
    // Root keys sign keysets, and no release.
    done(
        &folder,
        "release sign kv.refit --key r1.key --key r2.key --key p1.key",
    );
    refused(&folder, verify, 23, "signatures-too-few");
    done(&folder, "release sign kv.refit --key p3.key");
    done(&folder, verify);
    refused(
        &folder,
        &format!("{verify} --at 1001"),
        23,
        "keyset-expired",
    );

    let shown = done(&folder, "release show kv.refit --json");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["manifest"]["modules"][0]["kinds"][1]["kind"], "kv");
    assert_eq!(shown["signed_by"].as_array().unwrap().len(), 4);
    let differs = done(&folder, "release diff kv.refit kv.refit");
    assert_eq!(differs.stdout, "nothing differs\n");

    let path = folder.path().join("kv.refit");
    let whole = fs::read(&path).unwrap();
    for at in [20, 60, whole.len() / 2, whole.len() - 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let ran = ran(&folder, verify);
        assert!(matches!(ran.exit, 2 | 23), "byte {at}: {ran:?}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    refused(&folder, verify, 23, "archive-damaged");
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    refused(&folder, verify, 23, "archive-damaged");
}

#[test]
fn a_release_of_other_libraries_or_signed_with_a_key_that_others_read_is_not_made() {
    let folder = Folder::new();
    make_keys(&folder);
    let library = kv(&folder);
    let other = pack(&library, "kv.refit").replace("--engine kv=", "--engine accounts=");
    refused(&folder, &other, 2, "pack-refused");
    assert!(!folder.path().join("kv.refit").exists());
    let engine = format!("--engine kv={}", library.trim());
    let twice = pack(&library, "kv.refit").replace(&engine, &format!("{engine} {engine}"));
    refused(&folder, &twice, 2, "pack-refused");
    done(&folder, &pack(&library, "kv.refit"));
    refused(&folder, &pack(&library, "kv.refit"), 2, "file-foreign");
    let exposed = folder.path().join("p1.key");
    fs::set_permissions(&exposed, fs::Permissions::from_mode(0o640)).unwrap();
    refused(
        &folder,
        "release sign kv.refit --key p1.key",
        2,
        "key-exposed",
    );
}

#[test]
fn releases_are_looked_through_without_a_keyset_and_what_was_not_checked_is_said() {
    let folder = Folder::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/releases");
    let names = ["v1-elsewhere", "v1-library", "v1-source"];
    let files = names.map(|name| format!("{fixtures}/{name}.refit"));
    let line = format!("release verify {}", files.join(" "));
    let verified = done(&folder, &line);
    assert_eq!(verified.stdout.lines().count(), 3, "{verified:?}");
    let asks = "2 signatures, 2 by keys of";
    assert!(verified.stdout.lines().all(|it| it.contains(asks)));
    assert!(verified.stderr.contains("who may sign is not checked"));
    let verified = done(
        &folder,
        &format!("{line} --keyset {fixtures}/fixtures.keyset"),
    );
    assert!(verified.stdout.contains("2 of the keyset's keys"));
    assert!(!verified.stderr.contains("not checked"), "{verified:?}");

    // One that is not taken keeps the others from nothing.
    let mut damaged = fs::read(&files[1]).unwrap();
    let last = damaged.len() - 3;
    damaged[last] ^= 1;
    fs::write(folder.path().join("damaged.refit"), damaged).unwrap();
    let line = format!("release verify damaged.refit {} --json", files[2]);
    refused(&folder, &line, 23, "archive-damaged");
    let found = ran(&folder, &line);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found[0]["code"], "archive-damaged");
    assert_eq!(found[1]["of_keyset"], 2, "{found}");
}

/// The version of kv that these nodes begin with.
pub(crate) fn before(folder: &Folder) -> String {
    build(folder, &version_2("kv-before-released", |state| state))
}

pub(crate) fn signed_keyset(folder: &Folder) {
    make_keys(folder);
    make_keyset(folder);
    done(folder, "keyset sign acme.keyset --key r1.key --key r2.key");
}

/// Packs the next version of kv, and has two release keys sign it.
pub(crate) fn pack_next(folder: &Folder, library: &str, sequence: u64, more: &str) -> String {
    let out = format!("kv-{sequence}.refit");
    let line = format!(
        "release pack --engine kv={library} --name next --network acme --epoch 1 --sequence {sequence} \
         --until 9000000 --out {out}{more}"
    );
    done(folder, &line);
    done(
        folder,
        &format!("release sign {out} --key p1.key --key p2.key"),
    );
    out
}

pub(crate) fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}
