//! Links inside of the data folder that lead out of it: the room of a confined node ends there, so it would fail later,
//! with an error of its store.
//!
//! They are not followed into the room. Engines write into the data folder: one could lay a link to whatever it would
//! like to reach, and the next start would open that to it.

use super::run_error::RunError;
use std::fs::read_dir;
use std::path::{Path, PathBuf};

/// The folder of blocks and states, whose files are looked at too.
const STORE: &str = "store";

/// Entries of a folder that are looked at, at most.
const ENTRIES_MAX: usize = 4096;

/// Refuses a data folder, given by the name behind all links, a part of which lies elsewhere.
pub(super) fn refuse_links_out(data_dir: &Path) -> Result<(), Box<RunError>> {
    let folders = links_out(data_dir, data_dir).filter(|(_, target)| target.is_dir());
    let store = data_dir.join(STORE);
    let files = links_out(&store, data_dir);
    match folders.chain(files).min() {
        Some((path, target)) => Err(Box::new(RunError::LeadsOut { path, target })),
        None => Ok(()),
    }
}

/// The links in a folder that lead out of the data folder, and where to. A folder that cannot be read has none: whoever
/// needs it says so.
fn links_out(folder: &Path, data_dir: &Path) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let entries = read_dir(folder).into_iter().flatten().take(ENTRIES_MAX);
    entries.filter_map(move |entry| {
        let entry = entry.ok()?;
        entry.file_type().ok().filter(|it| it.is_symlink())?;
        let target = entry.path().canonicalize().ok()?;
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
        // Inside, to nothing, and to a file of somebody's: the node opens none of them.
        symlink(&data, data.join("itself")).unwrap();
        symlink("nothing", data.join("broken")).unwrap();
        symlink(big.join("note"), data.join("note")).unwrap();
        refuse_links_out(&data).unwrap();

        symlink(&big, data.join(STORE)).unwrap();
        let refused = *refuse_links_out(&data).unwrap_err();
        let RunError::LeadsOut { path, target } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((path, target), (data.join(STORE), big.clone()));

        std::fs::remove_file(data.join(STORE)).unwrap();
        create_dir(data.join(STORE)).unwrap();
        symlink(big.join("note"), data.join(STORE).join("newest")).unwrap();
        assert!(refuse_links_out(&data).is_err());
    }
}
