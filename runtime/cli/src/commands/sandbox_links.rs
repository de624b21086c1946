//! Links inside of the data folder that lead out of it: the room of a confined node ends there, so it would fail later,
//! with an error of its store.
//!
//! They are not followed into the room. Engines write into the data folder: one could lay a link to whatever it would
//! like to reach, and the next start would open that to it.

use super::run_error::RunError;
use std::fs::read_dir;
use std::path::{Path, PathBuf};

/// Folders in the data folder of which the node opens what is in them.
const FOLDERS: [&str; 5] = ["", "store", "store/checkpoints", "store/code", "releases"];

/// Entries of a folder that are looked at, at most.
const ENTRIES_MAX: usize = 4096;

/// Refuses a data folder, given by the name behind all links, a part of which lies elsewhere.
pub(super) fn refuse_links_out(data_dir: &Path) -> Result<(), Box<RunError>> {
    for folder in FOLDERS {
        let folder = data_dir.join(folder);
        if let Some((path, target)) = links_out(&folder, data_dir).min() {
            return Err(Box::new(RunError::LeadsOut { path, target }));
        }
    }
    Ok(())
}

/// The links in a folder that lead out of the data folder, and where to. A folder that cannot be read has none: whoever
/// needs it says so.
fn links_out(folder: &Path, data_dir: &Path) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let entries = read_dir(folder).into_iter().flatten().take(ENTRIES_MAX);
    entries.filter_map(move |entry| {
        let entry = entry.ok()?;
        entry.file_type().ok().filter(|it| it.is_symlink())?;
        // Of one that leads to nothing, or in a circle, where it says.
        let target = entry.path().canonicalize();
        let target = target.or_else(|_| entry.path().read_link()).ok()?;
        (!target.starts_with(data_dir)).then(|| (entry.path(), target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
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
        for at in ["store/newest", "store/checkpoints/1.image", "releases/ab"] {
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
}
