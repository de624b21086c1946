//! Folders of output, marked by a tag: the files in them are nobody's source.
//!
//! A data folder or a folder of libraries may lie inside the package that is built. The tag is
//! cargo's own (<https://bford.info/cachedir/>), so programs that make backups know it too.

use crate::place::open_file;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The name of the tag in the folder.
const TAG: &str = "CACHEDIR.TAG";

/// The start of a tag.
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55";

/// The name of the tag in a folder of data: nobody's source either, but backups have to take it.
const DATA_TAG: &str = ".refit-data";

/// How a tag goes on that this program has written.
const OURS: &str = "# This tag was written by refit: the folder holds";

/// Longest part of a tag that is looked at, in bytes.
const TAG_BYTES_MAX: u64 = 4096;

/// Whether `folder` says of itself that it holds output or data.
pub fn is_output(folder: &Path) -> bool {
    [TAG, DATA_TAG].iter().any(|tag| is_tag(&folder.join(tag)))
}

fn is_tag(path: &Path) -> bool {
    let mut begin = [0; SIGNATURE.len()];
    let tag = open_file(path, File::options().read(true));
    let read = tag.and_then(|mut tag| tag.read_exact(&mut begin));
    read.is_ok() && begin == SIGNATURE.as_bytes()
}

/// Lets `create` make the folder at `path` and those above it, and tags the uppermost of those that
/// were not there. A folder that was there with something in it belongs to somebody else, and is not
/// tagged.
///
/// # Errors
/// The error of `create`, or of the system if the tag cannot be written.
pub fn make_output(path: &Path, create: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let ours = uppermost_new(path);
    create(path)?;
    match ours {
        Some(folder) => tag(&folder),
        None => Ok(()),
    }
}

/// As [`make_output`], for a folder with data in it that backups have to take. The tag of output that a build may have
/// put there, or an older release, is taken away: what is output in it is tagged itself.
///
/// # Errors
/// What `create` gives, and what the system says when a tag cannot be written or taken away.
pub fn make_data(path: &Path, create: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let ours = uppermost_new(path);
    create(path)?;
    if let Some(uppermost) = &ours {
        keep_names(path, uppermost)?;
    }
    let was_output = is_ours(&path.join(TAG))?;
    if ours.is_some() || was_output {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true);
        let path = path.join(DATA_TAG);
        let mut tag = open_file(&path, options).map_err(|error| of(&path, &error))?;
        tag.write_all(format!("{SIGNATURE}\n{OURS} data.\n").as_bytes())?;
    }
    match was_output {
        true => fs::remove_file(path.join(TAG)),
        false => Ok(()),
    }
}

/// Has the names of a new folder, and of those that were made above it from `uppermost` on, outlive a power cut: what is
/// kept in it is no safer than they are.
fn keep_names(path: &Path, uppermost: &Path) -> io::Result<()> {
    let made = path.ancestors().take_while(|it| it.starts_with(uppermost));
    for folder in made.filter_map(Path::parent) {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // One may write names into a folder whose names one may not read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Names the file that an error is about.
fn of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Whether this program wrote the tag at `path`.
fn is_ours(path: &Path) -> io::Result<bool> {
    let mut bytes = Vec::new();
    match open_file(path, File::options().read(true)) {
        Ok(tag) => tag.take(TAG_BYTES_MAX).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(of(path, &error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let second = text.lines().nth(1);
    Ok(second.is_some_and(|line| line.starts_with(OURS)))
}

/// Tags a folder that is there, if it is not tagged yet.
pub(crate) fn tag(folder: &Path) -> io::Result<()> {
    if is_output(folder) {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true);
    let mut tag = open_file(&folder.join(TAG), options)?;
    tag.write_all(format!("{SIGNATURE}\n{OURS} output.\n").as_bytes())
}

/// The uppermost folder on the way to `path` that is not there; `path` itself if it is empty.
fn uppermost_new(path: &Path) -> Option<PathBuf> {
    if let Ok(mut entries) = fs::read_dir(path) {
        return entries.next().is_none().then(|| path.to_owned());
    }
    let named = path.ancestors().filter(|one| !one.as_os_str().is_empty());
    let missing = named.take_while(|one| !one.exists());
    missing.last().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_tagged_and_what_was_there_is_not() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        fs::write(root.join("Cargo.toml"), "").unwrap();
        make_output(root, |path| fs::create_dir_all(path)).unwrap();
        assert!(!is_output(root), "a package is no output");
        make_output(&root.join("a/b"), |path| fs::create_dir_all(path)).unwrap();
        assert!(is_output(&root.join("a")) && root.join("a/b").is_dir());
        fs::create_dir(root.join("empty")).unwrap();
        make_output(&root.join("empty"), |path| fs::create_dir_all(path)).unwrap();
        assert!(is_output(&root.join("empty")));
    }

    #[test]
    fn a_folder_of_data_is_no_source_and_no_cache_also_if_a_build_was_there_first() {
        let place = tempfile::tempdir().unwrap();
        for is_built in [true, false] {
            let data = place.path().join(format!("data-{is_built}"));
            if is_built {
                make_output(&data.join("build"), |path| fs::create_dir_all(path)).unwrap();
                assert!(data.join(TAG).exists());
            }
            make_data(&data, |path| fs::create_dir_all(path)).unwrap();
            assert!(is_output(&data), "builds pass it by");
            assert!(!data.join(TAG).exists(), "backups take it");
        }
        let foreign = place.path().join("foreign");
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join(TAG), format!("{SIGNATURE}\n# another's\n")).unwrap();
        make_data(&foreign, |path| fs::create_dir_all(path)).unwrap();
        assert!(foreign.join(TAG).exists() && !foreign.join(DATA_TAG).exists());
    }

    #[test]
    fn another_file_of_that_name_is_no_tag() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(TAG), "Signature: none").unwrap();
        assert!(!is_output(place.path()));
    }
}
