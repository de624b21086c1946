//! Writes down what is handed out of a room.

use super::strange;
use crate::error::SandboxError;
use crate::limits::{Limits, Over};
use crate::wire::GivenFile;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The modes of what is written: the writer's to write, everybody's to read or run.
const PLAIN: u32 = 0o644;
const EXECUTABLE: u32 = 0o755;

/// A file that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Where it is now.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Writes files into one folder.
#[derive(Debug)]
pub(super) struct Writer {
    into: PathBuf,
    limits: Limits,
    bytes: u64,
    given: Vec<Given>,
    open: Option<Open>,
}

/// The file whose bytes come now.
#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    left: u64,
    modified: Duration,
}

impl Writer {
    pub(super) fn new(into: &Path, limits: &Limits) -> Self {
        Self {
            into: into.to_owned(),
            limits: *limits,
            bytes: 0,
            given: Vec::new(),
            open: None,
        }
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, file: GivenFile) -> Result<(), SandboxError> {
        if self.open.is_some() {
            return Err(strange("a file before the end of another"));
        }
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if file.path.as_os_str().is_empty() || !file.path.components().all(is_plain) {
            return Err(strange("a file that is not in the target"));
        }
        self.bytes = self.bytes.saturating_add(file.bytes);
        let files = self.given.len() as u64 + 1;
        if self.bytes > self.limits.given_bytes || files > self.limits.given_files {
            let over = Over::Given;
            let limit = over.of(&self.limits);
            return Err(SandboxError::Over { over, limit });
        }
        let path = self.into.join(&file.path);
        let made = create(&path, file.executable).map_err(io("create", &path))?;
        self.given.push(Given {
            path: path.clone(),
            bytes: file.bytes,
        });
        self.open = Some(Open {
            file: made,
            path,
            left: file.bytes,
            modified: Duration::from_nanos(file.modified_ns),
        });
        self.write(&[])
    }

    /// Writes bytes of the file that was begun.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SandboxError> {
        let Some(open) = &mut self.open else {
            return Err(strange("bytes of no file"));
        };
        let Some(left) = open.left.checked_sub(bytes.len() as u64) else {
            return Err(strange("more bytes than a file has"));
        };
        open.left = left;
        let path = open.path.clone();
        open.file.write_all(bytes).map_err(io("write", &path))?;
        if left == 0 {
            let times = FileTimes::new().set_modified(UNIX_EPOCH + open.modified);
            open.file.set_times(times).map_err(io("date", &path))?;
            self.open = None;
        }
        Ok(())
    }

    /// What was written, whole; nothing is if the command failed.
    pub(super) fn all(&mut self, succeeded: bool) -> Result<Vec<Given>, SandboxError> {
        match self.open {
            Some(_) if succeeded => Err(strange("the end before the end of a file")),
            _ => Ok(std::mem::take(&mut self.given)),
        }
    }
}

fn create(path: &Path, executable: bool) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mode = if executable { EXECUTABLE } else { PLAIN };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SandboxError + use<> {
    let path = path.to_owned();
    move |source| SandboxError::Io {
        action,
        path,
        source,
    }
}
