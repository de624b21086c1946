//! [`Destination`]: where `--out` puts what a command wrote.
//!
//! A command that writes never destroys. What is there is looked at before anything is done: a file is
//! replaced only if it is of the command's own kind (or empty), by one that is written whole beside it; what
//! is no regular file (a device, a pipe) is written into, and so is what this process was started with as an open
//! file (`/dev/fd/3`); `-` and `/dev/stdout` are stdout; a link is followed.

use crate::failure::Failure;
use crate::files::{self, Coming, FileError, PRIVATE, PUBLIC};
use crate::show;
use refit_abi::fixture::FIXTURE_TEXT_BYTES_MAX;
use refit_admin::PLAN_BYTES_MAX;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Links that are followed one after the other, as the system itself does.
const LINKS_MAX: usize = 40;

/// The folder in which Linux shows a process its own open files.
const OPEN_FILES: &str = "/proc/self/fd";

/// How a snapshot begins, in every form that it ever had.
const SNAPSHOT_BEGIN: &[u8] = b"refit snapshot\n";

/// The number of standard output.
const STDOUT: u32 = 1;

/// The kind of file that a command writes, which distinguishes its own files from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A plan of an upgrade.
    Plan,
    /// A captured state: clients' data, so only the owner reads it.
    Fixture,
    /// A snapshot: as a captured state.
    Snapshot,
}

/// The place that a command writes to.
#[derive(Debug)]
enum Place {
    Stdout,
    /// Written into: a device, a pipe.
    Stream(PathBuf),
    /// Replaced whole, or new.
    File(PathBuf),
}

/// The place where `--out` put a command's output.
#[derive(Debug)]
pub(crate) struct Destination {
    place: Place,
    content: Content,
}

impl Destination {
    /// Looks at what is at `path` and changes nothing.
    ///
    /// # Errors
    /// [`FileError::Foreign`], [`FileError::NoFile`], or what the system says.
    pub(crate) fn at(path: &Path, content: Content) -> Result<Self, FileError> {
        if path == Path::new("-") {
            let place = Place::Stdout;
            return Ok(Self { place, content });
        }
        let place = match target(path)? {
            Target::Open(STDOUT) => Place::Stdout,
            Target::Open(number) => open_file(number, content)?,
            Target::Path(path) => named(path, content)?,
        };
        Ok(Self { place, content })
    }

    /// Whether it is stdout, which then has nothing else.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.place, Place::Stdout)
    }

    /// Gives a file that is there another name, so that nothing reads it if no new one comes: `FILE.before`,
    /// which replaces an older one of that name only if that is of the same kind.
    pub(crate) fn set_aside(&self) -> Result<(), FileError> {
        let Place::File(path) = &self.place else {
            return Ok(());
        };
        if !path.exists() {
            return Ok(());
        }
        let mut before = path.clone().into_os_string();
        before.push(".before");
        match Self::at(Path::new(&before), self.content)?.place {
            Place::File(before) => files::rename(path, &before),
            Place::Stream(path) => Err(self.content.foreign(path)),
            Place::Stdout => Ok(()),
        }
    }

    /// The path of a file, new or replaced: what is a stream cannot be read back before it is relied on.
    pub(crate) fn file(&self) -> Result<&Path, FileError> {
        match &self.place {
            Place::File(path) => Ok(path),
            Place::Stdout => Err(self.no_file(Path::new("-"), "stream")),
            Place::Stream(path) => Err(self.no_file(path, "stream")),
        }
    }

    /// Begins to write bytes as they come.
    pub(crate) fn begin(&self) -> Result<Coming, FileError> {
        Coming::begin(self.content.mode(), self.file()?)
    }

    fn no_file(&self, path: &Path, found: &'static str) -> FileError {
        FileError::NoFile {
            path: path.to_owned(),
            found,
            what: self.content.name(),
        }
    }

    /// Writes `value` as JSON.
    pub(crate) fn write_json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        match &self.place {
            Place::Stdout => show::json(value),
            Place::Stream(path) => Ok(write_into(path, json(path, value)?.as_bytes())?),
            Place::File(path) => {
                let text = json(path, value)?;
                Ok(files::replace_as(self.content.mode(), path, |partial| {
                    let mut file = File::options().write(true).open(partial)?;
                    file.write_all(text.as_bytes())
                })?)
            }
        }
    }
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Content::Plan => "plan",
            Content::Fixture => "captured state",
            Content::Snapshot => "snapshot",
        }
    }

    fn mode(self) -> u32 {
        match self {
            Content::Plan => PUBLIC,
            Content::Fixture | Content::Snapshot => PRIVATE,
        }
    }

    fn bytes_max(self) -> u64 {
        match self {
            Content::Plan => PLAN_BYTES_MAX as u64,
            Content::Fixture => FIXTURE_TEXT_BYTES_MAX as u64,
            Content::Snapshot => SNAPSHOT_BEGIN.len() as u64,
        }
    }

    /// The names that a file of this kind has at its top, in every format that it ever had.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Content::Plan => &["format", "base", "modules"],
            Content::Fixture => &["format", "kind", "schema", "state"],
            Content::Snapshot => &[],
        }
    }

    fn foreign(self, path: PathBuf) -> FileError {
        let what = self.name();
        FileError::Foreign { path, what }
    }

    /// Whether the file at `path` is of this kind or empty.
    fn is_at(self, path: &Path, bytes: u64) -> Result<(), FileError> {
        if bytes == 0 {
            return Ok(());
        }
        let file = File::open(path).map_err(|_| self.foreign(path.to_owned()))?;
        let mut reader = BufReader::new(file.take(self.bytes_max()));
        if self == Content::Snapshot {
            let mut begin = Vec::new();
            let read = reader.read_to_end(&mut begin);
            return match read.is_ok() && begin == SNAPSHOT_BEGIN {
                true => Ok(()),
                false => Err(self.foreign(path.to_owned())),
            };
        }
        let names: BTreeMap<String, IgnoredAny> =
            serde_json::from_reader(reader).unwrap_or_default();
        match self.marks().iter().all(|mark| names.contains_key(*mark)) {
            true => Ok(()),
            false => Err(self.foreign(path.to_owned())),
        }
    }
}

/// The final target of a path.
enum Target {
    /// A file of this process that is open under this number: `/dev/stdout`, `/dev/fd/3`.
    Open(u32),
    /// A path that is no link.
    Path(PathBuf),
}

/// The final target of `path`: links are followed, the last one also to a file that does not exist yet. Where the
/// system shows the open files of this process, a link's text is of no use: a pipe has no path.
fn target(path: &Path) -> Result<Target, FileError> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(next) => {
                if let Some(number) = open_number(&path) {
                    return Ok(Target::Open(number));
                }
                let folder = path.parent().unwrap_or(Path::new(""));
                path = folder.join(next);
            }
            Err(_) => return Ok(Target::Path(path)),
        }
    }
    let source = io::Error::from(rustix::io::Errno::LOOP);
    Err(FileError::Unwritable { path, source })
}

/// The number of the open file of this process that the link at `path` names.
fn open_number(path: &Path) -> Option<u32> {
    let folder = path.parent()?.canonicalize().ok()?;
    let own = Path::new(OPEN_FILES).canonicalize().ok()?;
    match folder == own {
        true => path.file_name()?.to_str()?.parse().ok(),
        false => None,
    }
}

/// A new file, a file of the command's own kind, or something to write into.
fn named(path: PathBuf, content: Content) -> Result<Place, FileError> {
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::File(path)),
        Err(source) => Err(FileError::Unwritable { path, source }),
        Ok(found) if found.is_file() => {
            content.is_at(&path, found.len())?;
            Ok(Place::File(path))
        }
        Ok(found) => stream(path, found.file_type(), content),
    }
}

/// An open file is written into whatever it is, behind its present content: it was opened for that.
fn open_file(number: u32, content: Content) -> Result<Place, FileError> {
    let path = Path::new(OPEN_FILES).join(number.to_string());
    match fs::metadata(&path) {
        Err(source) => Err(FileError::Unwritable { path, source }),
        Ok(found) if found.is_file() => Ok(Place::Stream(path)),
        Ok(found) => stream(path, found.file_type(), content),
    }
}

/// The folder in which a command makes files of names that it chooses. `-` is none: it means stdout.
///
/// # Errors
/// [`FileError::NotAFolder`].
pub(crate) fn folder(path: &Path) -> Result<&Path, FileError> {
    let is_stdout = path == Path::new("-");
    let is_none = is_stdout || path.metadata().is_ok_and(|found| !found.is_dir());
    match is_none {
        true => Err(FileError::NotAFolder {
            path: path.to_owned(),
        }),
        false => Ok(path),
    }
}

/// A file that is not a regular one and can be written into.
fn stream(path: PathBuf, found: FileType, content: Content) -> Result<Place, FileError> {
    if found.is_char_device() || found.is_fifo() {
        return Ok(Place::Stream(path));
    }
    let found = match found {
        found if found.is_dir() => "folder",
        found if found.is_socket() => "socket",
        found if found.is_block_device() => "disk",
        _ => "thing of another kind",
    };
    let what = content.name();
    Err(FileError::NoFile { path, found, what })
}

fn write_into(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || {
        let mut file = OpenOptions::new()
            .append(true)
            .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
            .open(path)?;
        file.write_all(bytes)
    };
    write().map_err(|source| FileError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

fn json<T: Serialize>(path: &Path, value: &T) -> Result<String, FileError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| FileError::Unwritable {
        path: path.to_owned(),
        source: error.into(),
    })?;
    Ok(text + "\n")
}
