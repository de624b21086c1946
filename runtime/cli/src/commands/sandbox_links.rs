//! Links inside of the data folder that lead out of it: the room of a confined node ends there, so it would fail later,
//! with an error of its store.
//!
//! They are not followed into the room. Engines write into the data folder: one could lay a link to whatever it would
//! like to reach, and the next start would open that to it.

use super::run_error::RunError;
use crate::files::behind_links;
use crate::source::BUILDS;
use std::fs::{DirEntry, read_dir};
use std::path::{Path, PathBuf};

/// Folders in the data folder of which the node opens what is in them. A release has one of its own beside.
const FOLDERS: [&str; 11] = [
    "",
    "store",
    "store/checkpoints",
    "store/code",
    RELEASES,
    BUILDS,
    "build",
    "build/artifacts",
    "build/locks",
    "build/overlays",
    "build/targets",
];

/// The folder of releases.
const RELEASES: &str = "releases";

/// Refuses a data folder, given by the name behind all links, a part of which lies elsewhere.
pub(super) fn refuse_links_out(data_dir: &Path) -> Result<(), Box<RunError>> {
    let folders = FOLDERS.iter().map(|folder| data_dir.join(folder));
    for folder in folders.chain(releases(data_dir)) {
        if let Some((path, target)) = links_out(&folder, data_dir).min() {
            return Err(Box::new(RunError::LeadsOut { path, target }));
        }
    }
    Ok(())
}

/// The folder of each release.
fn releases(data_dir: &Path) -> impl Iterator<Item = PathBuf> {
    let is_folder = |entry: &DirEntry| entry.file_type().is_ok_and(|it| it.is_dir());
    let entries = entries(&data_dir.join(RELEASES)).filter(is_folder);
    entries.map(|entry| entry.path())
}

/// What is in a folder, all of it: what is not looked at would be the link. In one that cannot be read there is nothing: whoever
/// needs it says so.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    let entries = read_dir(folder).into_iter().flatten();
    entries.flatten()
}

/// The links in a folder that lead out of the data folder, and where to.
fn links_out(folder: &Path, data_dir: &Path) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let is_link = |entry: &DirEntry| entry.file_type().is_ok_and(|it| it.is_symlink());
    let links = entries(folder).filter(is_link).map(|entry| entry.path());
    links.filter_map(move |link| {
        let target = behind_links(&link);
        (!target.starts_with(data_dir)).then_some((link, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::host::Explain;
    use std::fs::{create_dir, write};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_part_of_the_data_folder_that_lies_elsewhere_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap().join("data");
        let big = data.with_file_name("big");
        create_dir(&data).unwrap();
        create_dir(&big).unwrap();
        write(big.join("note"), "").unwrap();
        symlink(&data, data.join("itself")).unwrap();
        refuse_links_out(&data).unwrap();

        let (note, circle) = (big.join("note"), data.join("store"));
        let nothing = big.join("nothing");
        for (at, leads_to) in [
            ("store", &big),
            ("quarantine.json", &note),
            ("node.lock", &nothing),
        ] {
            let link = data.join(at);
            symlink(leads_to, &link).unwrap();
            let refused = *refuse_links_out(&data).unwrap_err();
            let RunError::LeadsOut { path, target } = refused else {
                panic!("{refused:?}");
            };
            assert_eq!((path, &target), (link.clone(), leads_to));
            std::fs::remove_file(link).unwrap();
        }
        for at in [
            "store/newest",
            "store/checkpoints/1.image",
            "releases/ab",
            "releases/cd/files",
            "builds/rooms",
            "build/targets",
            "build/artifacts/x",
        ] {
            let link = data.join(at);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(&note, &link).unwrap();
            assert!(refuse_links_out(&data).is_err(), "{at}");
            std::fs::remove_file(link).unwrap();
        }
        refuse_links_out(&data).unwrap();
        std::fs::remove_dir_all(&circle).unwrap();
        symlink(&circle, &circle).unwrap();
        // It leads nowhere else: whoever opens it says what is wrong with it.
        refuse_links_out(&data).unwrap();
    }
    #[test]
    fn a_link_that_leads_to_nothing_inside_of_the_folder_is_no_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap().join("data");
        let releases = data.join("releases");
        std::fs::create_dir_all(&releases).unwrap();
        symlink("releases", data.join("inside")).unwrap();
        for (at, target) in [
            (".#note", "op@host.123:456"),
            ("releases/1", "1"),
            ("releases/2", "../none"),
            ("one", "inside/../none/../two"),
        ] {
            let link = data.join(at);
            symlink(target, &link).unwrap();
            refuse_links_out(&data).unwrap();
        }
        for target in ["../../none", "../inside/../../none", "./../../none/x"] {
            let link = releases.join("3");
            symlink(target, &link).unwrap();
            let refused = *refuse_links_out(&data).unwrap_err();
            assert!(
                matches!(&refused, RunError::LeadsOut { path, target }
                    if *path == link && target.starts_with(folder.path().canonicalize().unwrap().join("none"))),
                "{refused:?}"
            );
            assert!(
                refuse_links_out(&data)
                    .unwrap_err()
                    .next()
                    .contains("remove it")
            );
            std::fs::remove_file(link).unwrap();
        }
    }
}
