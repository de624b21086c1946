//! Releases in a node: who makes one, how it comes in, what is known of it after, and what keeps it out.

mod authority;
mod folder;
mod migrated;
mod restored;
mod restoring;

use crate::{assert_serves, put, workshop};
use authority::{Library, keyset, manifest, packed, packed_by, revocation, signed};
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::Refusal;
use refit_admin::api::{
    Authorised, Imported, ReleaseImported, ReleaseState, UpgradeReport, UpgradeState,
};
use refit_loader::ProbeCommand;
use refit_node::{NodeConfig, NodeParts};
use refit_release::archive::head;
use refit_release::manifest::{Manifest, Place, Source as ReleaseSource};
use refit_release::{Domain, Frame, Sequence, SourceRoot};
use refit_tests::{Harness, opened, same_copy};
use refit_upgrade::{OfferedModule, Plan, PlannedRelease};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A node on a folder that goes by the first keyset, with one store of version 1.
fn node(folder: &Path) -> Harness {
    node_with(folder, |_| ())
}

fn node_with(folder: &Path, configure: impl FnOnce(&mut NodeConfig)) -> Harness {
    let (workshop, store) = (workshop(), folder.join("store"));
    let parts = NodeParts {
        store: Arc::new(opened(&store)),
        ..NodeParts::default()
    };
    let library = workshop.kv_v1();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        // The same bytes at each start.
        config.engines[0].library = same_copy(&library, folder);
        config.workers = 1;
        config.probation_blocks = 50_000;
        config.idle_interval_ms = 5;
        config.data_dir = Some(folder.to_owned());
        config.keyset = Some(keyset(1));
        config.live_code = true;
        configure(config);
    })
}

/// The release of kv's next version, by its sequence.
fn next(node: &Harness, sequence: u64) -> (Manifest, PathBuf) {
    let path = workshop().kv_v2();
    let descriptor = node.candidate("kv", &path).unwrap().descriptor;
    let library = Library {
        path: &path,
        descriptor,
    };
    (manifest(sequence, &library), path)
}

fn import(node: &Harness, bytes: Vec<u8>) -> Result<Imported, Refusal> {
    node.node().import(Box::new(std::io::Cursor::new(bytes)))
}

#[track_caller]
fn imported(node: &Harness, bytes: Vec<u8>) -> ReleaseImported {
    match import(node, bytes).unwrap() {
        Imported::Release(release) => release,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Refusal>, code: &str) -> Refusal {
    let refusal = answer.unwrap_err();
    assert_eq!(refusal.why.code, code, "{refusal}");
    refusal
}

/// The plan of a release, as the command line makes it.
fn plan(node: &Harness, release: &str) -> Result<Plan, Refusal> {
    let offered = node.node().offered(release)?;
    let libraries = offered.libraries.into_iter();
    let candidates = libraries.map(|library| OfferedModule {
        path: library.path,
        artifact: library.artifact,
        meant: None,
        descriptor: library.descriptor,
        outside: library.outside,
    });
    let candidates: Vec<_> = candidates.collect();
    let mut plan = Plan::make(&node.live(), &candidates, None).unwrap();
    plan.release = Some(PlannedRelease {
        id: offered.release.id,
        name: offered.release.name,
        epoch: offered.release.epoch,
        sequence: offered.release.sequence,
    });
    Ok(plan)
}

#[track_caller]
fn applied(node: &Harness, plan: &Plan) -> UpgradeReport {
    let report = node.apply(plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    report
}

/// The place of the newest release that the node has committed to.
fn newest(node: &Harness) -> Option<(u64, u64)> {
    let keyset = node.node().keyset().unwrap();
    keyset.newest.map(|newest| (newest.epoch, newest.sequence))
}

#[test]
fn a_signed_release_comes_in_and_nothing_older_comes_after_it_over_starts_and_roll_backs() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path());
    let (seven, library) = next(&first, 7);
    let release = imported(&first, packed(&seven, &[&library]));
    assert_eq!((release.signers.len(), release.is_repeated), (2, false));
    let id = release.release.id.clone();
    let listed = first.node().releases().unwrap();
    let unpacked = listed.last().unwrap();
    assert_eq!(
        (unpacked.state, unpacked.release.as_ref()),
        (ReleaseState::Unpacked, Some(&release.release))
    );
    let again = imported(&first, packed(&seven, &[&library]));
    assert!(again.is_repeated);

    let report = applied(&first, &plan(&first, &id).unwrap());
    assert_eq!(report.release.as_ref(), Some(&release.release));
    assert_eq!(report.authorised, Some(Authorised::Keyset { version: 1 }));
    assert_serves(&first, "a");
    let listed = first.node().releases().unwrap();
    let live = listed
        .iter()
        .find(|kept| kept.state == ReleaseState::OnProbation);
    assert_eq!(live.unwrap().release.as_ref(), Some(&release.release));
    assert_eq!(listed.iter().filter(|it| it.release.is_some()).count(), 1);
    assert_eq!(newest(&first), Some((1, 7)));

    let older = |node: &Harness| {
        let (six, library) = next(node, 6);
        refused(import(node, packed(&six, &[&library])), "release-older");
        let mut other = next(node, 7).0;
        other.about = "Another one.".to_owned();
        let other = packed(&other, &[&library]);
        refused(import(node, other), "release-equivocation");
    };
    older(&first);
    drop(first);
    let second = node(folder.path());
    assert_eq!(second.generation(), Generation(2));
    older(&second);
    // Taken back, it is known all the same; the very release may come again.
    second.node().roll_back(0).unwrap();
    drop(second);
    let third = node(folder.path());
    assert_eq!(third.generation(), Generation(1));
    assert_eq!(newest(&third), Some((1, 7)));
    older(&third);
    applied(&third, &plan(&third, &id).unwrap());
    assert_eq!(third.generation(), Generation(2));
}

#[test]
fn what_an_operator_names_by_its_path_comes_in_with_and_without_a_keyset_and_history_says_so() {
    for with in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let node = node_with(folder.path(), |config| {
            config.keyset = config.keyset.take().filter(|_| with);
        });
        let report = node.upgrade("kv", &workshop().kv_v2());
        assert_eq!(report.state, UpgradeState::Committed);
        assert_eq!(report.authorised, Some(Authorised::Command));
        assert_eq!(report.release, None);
    }
}

#[test]
fn a_node_without_a_keyset_takes_no_release_and_one_that_is_installed_opens_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let node = node_with(folder.path(), |config| config.keyset = None);
    let (one, library) = next(&node, 1);
    let bytes = packed(&one, &[&library]);
    refused(import(&node, bytes.clone()), "keyset-missing");
    refused(node.node().keyset(), "keyset-missing");
    node.node().install_keyset(&keyset(1)).unwrap();
    let id = imported(&node, bytes).release.id;
    // Under the next keyset it counts no more.
    node.node().install_keyset(&keyset(2)).unwrap();
    refused(node.node().offered(&id), "release-other-epoch");
    refused(node.node().install_keyset(&keyset(1)), "keyset-not-next");
}

#[test]
fn nothing_of_a_release_is_decoded_kept_or_probed_before_its_signatures_and_hashes_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("probed");
    let probe = marking(&mark);
    let node = node_with(folder.path(), |config| config.probe = probe);
    let (good, library) = next(&node, 1);
    let probes = || fs::read_to_string(&mark).map_or(0, |text| text.lines().count());
    let before = probes();
    let kept = || {
        let entries = fs::read_dir(folder.path().join("releases")).unwrap();
        entries
            .map(|it| it.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    // Signed by too few; what would be decoded next is poison, and so is what lies behind it.
    let poison = Frame::unsigned(Domain::Release, vec![0xff; 400]).unwrap();
    for keys in [&[][..], &[11], &[1, 2, 3], &[21, 22]] {
        let bytes = head(&signed(poison.clone(), keys));
        let bytes = [&bytes[..], &[0xee; 64]].concat();
        refused(import(&node, bytes), "signatures-too-few");
        let frame = signed(good.unsigned().unwrap(), keys);
        let bytes = packed_by(&frame, &[&library]);
        refused(import(&node, bytes), "signatures-too-few");
    }
    // Signed, and poison: only now it is decoded.
    let bytes = head(&signed(poison, &[11, 12]));
    refused(import(&node, bytes), "manifest-malformed");
    // Signed, and its library is another one.
    let mut bytes = packed(&good, &[&library]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    refused(import(&node, bytes.clone()), "archive-damaged");
    refused(import(&node, bytes[..middle].to_vec()), "archive-damaged");
    assert_eq!((kept(), probes()), (Vec::new(), before));

    // Changed in the folder, once it is there.
    let id = imported(&node, packed(&good, &[&library])).release.id;
    assert_eq!(kept().len(), 1);
    let files = folder.path().join("releases").join(&id).join("files");
    let file = fs::read_dir(files).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    let changed = |bytes: &[u8]| {
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    };
    changed(b"\x7fELF poison");
    refused(node.node().offered(&id), "module-unreadable");
    assert_eq!(probes(), before);
    changed(&whole);
    node.node().offered(&id).unwrap();
    assert_eq!(probes(), before + 1);
    // And its record.
    let record = folder.path().join("releases").join(&id).join("release");
    fs::remove_file(&record).unwrap();
    fs::write(&record, signed(good.unsigned().unwrap(), &[11]).write()).unwrap();
    refused(node.node().offered(&id), "signatures-too-few");
}

/// A probe that leaves a line in a file each time it is started.
fn marking(mark: &Path) -> ProbeCommand {
    let script = format!("echo >> {}; exec \"$0\" \"$@\"", mark.display());
    ProbeCommand::new("/bin/sh")
        .argument("-c")
        .argument(script)
        .argument(env!("CARGO_BIN_EXE_refit-test-probe"))
        .deadline(Duration::from_secs(30))
}

#[test]
fn a_plan_is_one_of_its_release_and_within_its_window_or_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (mut one, library) = next(&node, 1);
    one.modules[0].kinds[0].strategy = refit_release::manifest::Strategy::RestartEngine;
    let restarted = one.modules[0].kinds[0].kind.clone();
    let id = imported(&node, packed(&one, &[&library])).release.id;
    let as_made = plan(&node, &id).unwrap();
    let refuses = |plan: &Plan, code: &str| refused(node.apply(plan).map(|it| it.id), code);
    // Its engines would go on with their states.
    refuses(&as_made, "release-plan-differs");
    let mut restarts = as_made.clone();
    restarts.directives.restart.insert(restarted);
    let named = |change: &dyn Fn(&mut PlannedRelease)| {
        let mut plan = restarts.clone();
        plan.release.as_mut().map(change).unwrap();
        plan
    };
    refuses(&named(&|it| it.sequence = 9), "release-plan-differs");
    refuses(
        &named(&|it| it.name = "kv".to_owned()),
        "release-plan-differs",
    );
    refuses(&named(&|it| it.id = "ab".repeat(32)), "release-unknown");
    let mut other = restarts.clone();
    other.modules[0].artifact = "cd".repeat(32);
    refuses(&other, "release-plan-differs");
    let (mut late, _) = next(&node, 2);
    late.window.from = Height(1 << 40);
    let id = imported(&node, packed(&late, &[&library])).release.id;
    let too_soon = plan(&node, &id).unwrap();
    refuses(&too_soon, "release-window");
    assert_eq!(newest(&node), None);
}

#[test]
fn code_that_is_not_what_was_signed_of_it_and_code_for_others_does_not_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let offered = |sequence: u64, change: &dyn Fn(&mut Manifest), contents: &[&Path]| {
        let (mut manifest, _) = next(&node, sequence);
        change(&mut manifest);
        let id = imported(&node, packed(&manifest, contents)).release.id;
        node.node().offered(&id)
    };
    let library = workshop().kv_v2();
    let with = [library.as_path()];
    let lies = |it: &mut Manifest| it.modules[0].kinds[0].version += 1;
    refused(offered(1, &lies, &with), "release-code-differs");
    let other = |it: &mut Manifest| it.modules[0].artifacts[0].target = "riscv64".to_owned();
    refused(offered(2, &other, &with), "release-not-for-node");
    let epoch = |it: &mut Manifest| it.modules[0].abi_epoch += 1;
    refused(offered(3, &epoch, &with), "release-not-for-node");
    refused(offered(4, &|_| (), &[]), "release-incomplete");
    let source = |it: &mut Manifest| {
        it.modules[0].artifacts.clear();
        it.source = Some(ReleaseSource {
            root: SourceRoot::of(b"elsewhere"),
            places: vec![Place::Inline],
        });
    };
    refused(offered(5, &source, &[]), "release-not-built");
    let restart = |it: &mut Manifest| {
        it.modules[0].kinds[0].strategy = refit_release::manifest::Strategy::RestartNode;
    };
    refused(offered(6, &restart, &with), "release-strategy");
    // What is missing may come later.
    let (manifest, _) = next(&node, 4);
    let release = imported(&node, packed(&manifest, &with));
    assert_eq!((release.is_repeated, release.missing.len()), (true, 0));
    node.node().offered(&release.release.id).unwrap();
}

#[test]
fn a_revocation_takes_an_upgrade_back_that_waits_and_keeps_its_release_out() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path());
    let (one, library) = next(&first, 1);
    let id = imported(&first, packed(&one, &[&library])).release.id;
    let mut waits = plan(&first, &id).unwrap();
    waits.at_height = Some(Height(1 << 40));
    let upgrade = first.begin(serde_json::to_string(&waits).unwrap()).unwrap();
    let Imported::Revocation(revoked) = import(&first, revocation(&id)).unwrap() else {
        panic!("it was taken for something else");
    };
    assert_eq!((revoked.cancelled, revoked.is_live), (Some(upgrade), false));
    let report = first.ended(upgrade);
    assert_eq!(report.state, UpgradeState::Refused);
    let why = report.reason.unwrap();
    assert!(why.detail.contains("revoked"), "{why:?}");
    drop(first);
    let second = node(folder.path());
    refused(second.node().offered(&id), "release-revoked");
    waits.at_height = None;
    refused(second.apply(&waits).map(|it| it.id), "release-revoked");
    let (one, library) = next(&second, 1);
    refused(
        import(&second, packed(&one, &[&library])),
        "release-revoked",
    );
    let listed = second.node().releases().unwrap();
    assert_eq!(listed.last().unwrap().state, ReleaseState::Revoked);
    // It can no longer come in: nobody needs it.
    let pruned = second.node().prune_releases().unwrap();
    assert_eq!(pruned.releases.len(), 1);
    assert!(pruned.bytes > 0);
    let (two, library) = next(&second, 2);
    let id = imported(&second, packed(&two, &[&library])).release.id;
    applied(&second, &plan(&second, &id).unwrap());
    assert!(second.node().prune_releases().unwrap().releases.is_empty());
}

#[test]
fn an_upgrade_that_waits_is_taken_back_if_the_next_keyset_does_not_sign_its_release() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let id = imported(&node, packed(&one, &[&library])).release.id;
    let mut waits = plan(&node, &id).unwrap();
    waits.at_height = Some(Height(1 << 40));
    let upgrade = node.begin(serde_json::to_string(&waits).unwrap()).unwrap();
    node.node().install_keyset(&keyset(2)).unwrap();
    let report = node.ended(upgrade);
    assert_eq!(report.state, UpgradeState::Refused);
    let why = report.reason.unwrap();
    assert!(why.detail.contains("keyset"), "{why:?}");
    assert_eq!((newest(&node), node.generation()), (None, Generation(1)));
    // Nothing of an earlier keyset's comes in any more.
    let pruned = node.node().prune_releases().unwrap();
    assert_eq!(pruned.releases.len(), 1);
}

#[test]
fn a_release_whose_window_is_over_needs_no_place_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (mut late, library) = next(&node, 1);
    late.window.until = Height(2);
    imported(&node, packed(&late, &[&library]));
    let (in_time, _) = next(&node, 2);
    let in_time = imported(&node, packed(&in_time, &[&library])).release.id;
    for _ in 0..3 {
        node.send("kv", put("key", "value")).unwrap();
    }
    let pruned = node.node().prune_releases().unwrap();
    assert_eq!(pruned.releases.len(), 1);
    assert!(node.node().offered(&in_time).is_ok());
}

#[test]
fn an_armed_release_comes_in_after_a_start_and_is_the_newest_then() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path());
    let (mut five, library) = next(&first, 1);
    five.position.sequence = Sequence(5);
    let id = imported(&first, packed(&five, &[&library])).release.id;
    let mut waits = plan(&first, &id).unwrap();
    let height = first.status().height;
    waits.at_height = Some(Height(height.0 + 40));
    let upgrade = first.begin(serde_json::to_string(&waits).unwrap()).unwrap();
    while first.node_report(upgrade).state == UpgradeState::Staging {
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(first);
    // The folder of releases is not needed for it: its code is kept with the armed record.
    fs::remove_dir_all(folder.path().join("releases")).unwrap();
    let second = node(folder.path());
    // The life before has ended its own report: the node was told to end.
    let deadline = Instant::now() + Duration::from_secs(60);
    let committed = || {
        let mut reports = second.node().upgrades().into_iter();
        reports.find(|report| report.state == UpgradeState::Committed)
    };
    let is_over = || newest(&second).is_some() && committed().is_some();
    while !is_over() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(newest(&second), Some((1, 5)));
    assert_eq!(second.generation(), Generation(2));
    let release = committed().and_then(|report| report.release);
    assert_eq!(release.map(|it| it.id), Some(id));
}
