//! Files of figures: begun anew beside what is there, and never in the place of somebody else's file.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How every report starts as JSON.
pub(crate) const JSON_MARK: &str = "{\n  \"machine\": ";

/// Permissions of a file of figures, as far as the user's mask lets them.
const MODE: u32 = 0o666;

/// A new file at `path`, that begins with `mark`. One that is there is replaced if it begins so too, or is empty: a
/// reader that has it open keeps the old one.
///
/// # Errors
/// What the system says; [`io::ErrorKind::AlreadyExists`] if what is there is no such file.
pub fn begin(path: &Path, mark: &str) -> io::Result<File> {
    if !may_replace(path, mark)? {
        let reason = "it is there and no file of these figures; give another folder";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".refit-")
        .suffix(".partial")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?;
    file.write_all(mark.as_bytes())?;
    file.persist(path).map_err(|error| error.error)
}

/// Writes the whole `text`, which begins with `mark`: see [`begin`].
///
/// # Errors
/// As [`begin`].
pub fn write(path: &Path, mark: &str, text: &str) -> io::Result<()> {
    let rest = text.strip_prefix(mark).unwrap_or(text);
    begin(path, mark)?.write_all(rest.as_bytes())
}

fn may_replace(path: &Path, mark: &str) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
        Ok(found) if !found.is_file() => return Ok(false),
        Ok(found) if found.len() == 0 => return Ok(true),
        Ok(_) => {}
    }
    let mut start = Vec::new();
    File::open(path)?
        .take(mark.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_replace_figures_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write(&path, "x,y\n", "x,y\n1,2\n").unwrap();
        write(&path, "x,y\n", "x,y\n3,4\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x,y\n3,4\n");
        fs::write(&path, "precious").unwrap();
        assert!(write(&path, "x,y\n", "x,y\n").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        assert!(write(&link, "x,y\n", "x,y\n").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
