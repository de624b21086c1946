//! The folder of releases: what several imports make of it, and what is told of one that somebody has changed.

use super::authority::{packed, packed_by, signed};
use super::{applied, import, imported, next, node, plan, refused};
use refit_admin::Node as _;
use refit_admin::api::{Imported, KeptRelease, ReleaseState, WhyKept};
use refit_release::{Frame, ReleaseBytes};
use refit_tests::Harness;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_release_whose_folder_was_damaged_is_mended_by_an_import_or_goes_with_a_prune() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let id = imported(&node, packed(&one, &[&library])).release.id;
    let kept = folder.path().join("releases").join(&id);
    fs::remove_dir_all(kept.join("files")).unwrap();
    refused(node.node().offered(&id), "release-incomplete");
    assert!(imported(&node, packed(&one, &[&library])).is_repeated);
    node.node().offered(&id).unwrap();
    fs::remove_file(kept.join("about")).unwrap();
    assert!(node.node().prune_releases().unwrap().bytes > 0);
    assert!(!kept.exists());
    assert!(!imported(&node, packed(&one, &[&library])).is_repeated);
    applied(&node, &plan(&node, &id).unwrap());
}

#[test]
fn what_an_import_has_left_unfinished_is_gone_at_the_next_start_and_is_never_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path());
    let (one, library) = next(&first, 1);
    let id = imported(&first, packed(&one, &[&library])).release.id;
    drop(first);
    // As a node leaves it that is killed before the last name: all of it is there, under no name that counts.
    let releases = folder.path().join("releases");
    fs::rename(releases.join(&id), releases.join("new.part")).unwrap();
    let second = node(folder.path());
    assert!(!releases.join("new.part").exists());
    refused(second.node().offered(&id), "release-unknown");
    let again = imported(&second, packed(&one, &[&library]));
    assert!(!again.is_repeated);
    second.node().offered(&id).unwrap();
}

#[test]
fn a_release_that_comes_again_with_fewer_signatures_keeps_those_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let by = |keys: &[u8]| signed(one.unsigned().unwrap(), keys);
    let taken = |frame: &Frame| imported(&node, packed_by(frame, &[&library])).signers.len();
    assert_eq!(taken(&by(&[11, 12])), 2);
    assert_eq!(taken(&by(&[11, 13])), 3, "those of before, and one more");
    // A key that is none of the keyset's adds nothing, and a wrong signature takes nothing away.
    assert_eq!(taken(&by(&[11, 12, 21])), 3);
    let mut wrong = by(&[11, 12, 13]).write();
    // The last byte of the last signature.
    *wrong.last_mut().unwrap() ^= 1;
    let wrong = ReleaseBytes::read(&wrong).unwrap().into_frame();
    assert_eq!(taken(&wrong), 3);
    let id = imported(&node, packed_by(&by(&[12, 13]), &[]));
    assert_eq!((id.signers.len(), id.missing.len()), (3, 0));
    applied(&node, &plan(&node, &id.release.id).unwrap());
}

#[test]
fn whoever_sends_a_release_slowly_keeps_no_other_import_and_no_prune_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let (two, _) = next(&node, 2);
    let bytes = packed(&one, &[&library]);
    let (begun, rest) = bytes.split_at(bytes.len() / 2);
    let (from, mut to) = io::pipe().unwrap();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| node.node().import(Box::new(from)));
        to.write_all(begun).unwrap();
        // The pipe holds less than was written: it is being read.
        let other = imported(&node, packed(&two, &[&library]));
        assert!(!other.is_repeated);
        assert!(imported(&node, packed(&two, &[&library])).is_repeated);
        node.node().prune_releases().unwrap();
        // The very same release may overtake itself.
        assert!(!imported(&node, packed(&one, &[&library])).is_repeated);
        to.write_all(rest).unwrap();
        drop(to);
        let Imported::Release(slow) = slow.join().unwrap().unwrap() else {
            panic!("it was taken for something else");
        };
        assert!(slow.is_repeated && slow.missing.is_empty());
    });
    // Nothing is left of how they came.
    let names = fs::read_dir(folder.path().join("releases")).unwrap();
    assert_eq!(names.count(), 2);
}

/// The listed release that is damaged, with its id.
fn damaged(node: &Harness) -> Option<(KeptRelease, String)> {
    let listed = node.node().releases().unwrap().into_iter();
    let mut damaged = listed.filter(|kept| kept.state == ReleaseState::Damaged);
    let kept = damaged.next()?;
    assert!(damaged.next().is_none());
    match &kept.why[..] {
        [WhyKept::Damaged { id, why }] => {
            assert!(why.next.contains("refit release prune"), "{why:?}");
            Some((kept.clone(), id.clone()))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_release_is_listed_as_damaged_until_it_is_imported_again_or_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let id = imported(&node, packed(&one, &[&library])).release.id;
    let kept = folder.path().join("releases").join(&id);
    assert!(damaged(&node).is_none());
    for record in ["about", "release"] {
        for bytes in [None, Some(&b"{"[..])] {
            fs::remove_file(kept.join(record)).unwrap();
            if let Some(bytes) = bytes {
                fs::write(kept.join(record), bytes).unwrap();
            }
            let (shown, of) = damaged(&node).unwrap();
            assert_eq!((of, shown.release), (id.clone(), None), "{record}");
            assert!(imported(&node, packed(&one, &[&library])).is_repeated);
            assert!(damaged(&node).is_none());
        }
    }
    fs::remove_file(kept.join("release")).unwrap();
    assert!(node.node().prune_releases().unwrap().bytes > 0);
    assert!(damaged(&node).is_none() && !kept.exists());
}

#[test]
fn what_somebody_has_put_into_the_place_of_a_file_is_replaced_by_an_import() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let id = imported(&node, packed(&one, &[&library])).release.id;
    let kept = folder.path().join("releases").join(&id);
    let file = fs::read_dir(kept.join("files")).unwrap().next();
    let file = file.unwrap().unwrap().path();
    for place in [&kept.join("release"), &kept.join("about"), &file] {
        fs::remove_file(place).unwrap();
        fs::create_dir_all(place.join("a/folder")).unwrap();
        imported(&node, packed(&one, &[&library]));
        node.node().offered(&id).unwrap();
        assert!(damaged(&node).is_none());
    }
    for place in [&kept.join("files"), &kept] {
        fs::remove_dir_all(place).unwrap();
        fs::write(place, "no folder").unwrap();
        imported(&node, packed(&one, &[&library]));
        node.node().offered(&id).unwrap();
        assert!(damaged(&node).is_none());
    }
    applied(&node, &plan(&node, &id).unwrap());
}

#[test]
fn a_link_in_the_place_of_a_release_leads_no_import_into_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let (two, _) = next(&node, 2);
    let ids = [&one, &two].map(|it| imported(&node, packed(it, &[&library])).release.id);
    let releases = folder.path().join("releases");
    let outside = tempfile::tempdir().unwrap();
    let [kept, other] = [&ids[0], &ids[1]].map(|id| releases.join(id));
    for (place, to) in [
        (kept.clone(), &*other),
        (kept.join("files"), outside.path()),
    ] {
        fs::remove_dir_all(&place).unwrap();
        std::os::unix::fs::symlink(to, &place).unwrap();
        imported(&node, packed(&one, &[&library]));
        assert!(damaged(&node).is_none());
        for id in &ids {
            node.node().offered(id).unwrap();
        }
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn whatever_lies_in_the_place_of_a_release_is_damaged_and_goes_with_a_prune() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let releases = folder.path().join("releases");
    let place = |number: usize| releases.join(format!("{number:064x}"));
    std::os::unix::fs::symlink(place(1), place(1)).unwrap();
    std::os::unix::fs::symlink(folder.path(), place(2)).unwrap();
    fs::create_dir(place(3)).unwrap();
    // Under a short name first: that of a socket has a bound.
    let short = folder.path().join("s");
    let _socket = std::os::unix::net::UnixListener::bind(&short).unwrap();
    fs::rename(short, place(3).join("release")).unwrap();
    fs::create_dir_all(place(4).join("about")).unwrap();
    fs::create_dir(place(5)).unwrap();
    std::os::unix::fs::symlink("release", place(5).join("release")).unwrap();
    let listed = node.node().releases().unwrap().into_iter();
    let damaged = listed.filter(|kept| kept.state == ReleaseState::Damaged);
    assert_eq!(damaged.count(), 5);
    assert_eq!(node.node().prune_releases().unwrap().damaged.len(), 5);
    assert_eq!(fs::read_dir(&releases).unwrap().count(), 0);
}

#[test]
fn a_prune_takes_no_release_that_an_import_mends_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let bytes = packed(&one, &[&library]);
    let id = imported(&node, bytes.clone()).release.id;
    let kept = folder.path().join("releases").join(&id);
    for _ in 0..100 {
        fs::remove_file(kept.join("about")).unwrap();
        let begin = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let import = scope.spawn(|| {
                begin.wait();
                imported(&node, bytes.clone());
            });
            begin.wait();
            // It is damaged until the import has come to its end, and whole from then on.
            while !import.is_finished() {
                node.node().prune_releases().unwrap();
            }
        });
        node.node().offered(&id).unwrap();
    }
}

/// Puts a pipe in the place of a file; whoever opens it waits until somebody writes.
fn pipe(path: &Path) {
    let _ = fs::remove_file(path);
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn a_pipe_in_the_folder_of_a_release_is_waited_for_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    let (one, library) = next(&node, 1);
    let id = imported(&node, packed(&one, &[&library])).release.id;
    let kept = folder.path().join("releases").join(&id);
    let looked = AtomicBool::new(false);
    for (record, is_damaged) in [("built", false), ("about", true), ("release", true)] {
        looked.store(false, Ordering::Release);
        pipe(&kept.join(record));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut waits = 0;
                while !looked.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(20));
                    waits += 1;
                    if waits == 1_000 {
                        eprintln!("{record} is waited for");
                        std::process::abort();
                    }
                }
            });
            assert_eq!(damaged(&node).is_some(), is_damaged, "{record}");
            let offered = node.node().offered(&id);
            assert_eq!(offered.is_ok(), record != "release", "{record}");
            looked.store(true, Ordering::Release);
        });
        fs::remove_file(kept.join(record)).unwrap();
        import(&node, packed(&one, &[&library])).unwrap();
    }
    let library = fs::read_dir(kept.join("files")).unwrap().next();
    pipe(&library.unwrap().unwrap().path());
    refused(node.node().offered(&id), "release-incomplete");
}

#[test]
fn whatever_lies_in_the_folder_under_the_name_of_an_import_goes_and_the_node_starts() {
    let folder = tempfile::tempdir().unwrap();
    let releases = folder.path().join("releases");
    fs::create_dir_all(releases.join("7.part/files")).unwrap();
    fs::write(releases.join("8.part"), "no folder").unwrap();
    pipe(&releases.join("9.part"));
    let first = node(folder.path());
    for part in ["7.part", "8.part", "9.part"] {
        assert!(!releases.join(part).exists(), "{part}");
    }
    // A file in the place of a release goes with a prune, which says so.
    let (one, library) = next(&first, 1);
    let id = imported(&first, packed(&one, &[&library])).release.id;
    fs::remove_dir_all(releases.join(&id)).unwrap();
    fs::write(releases.join(&id), "no folder").unwrap();
    let pruned = first.node().prune_releases().unwrap();
    assert_eq!((pruned.damaged, pruned.releases.len()), (vec![id], 0));
    assert_eq!(fs::read_dir(&releases).unwrap().count(), 0);
    drop(first);
    drop(node(folder.path()));
}
