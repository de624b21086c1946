//! [`Disk`]: the disk that is measured on, without which figures of durability are worth nothing: its file system, and
//! what one `fdatasync` of it takes in the same run.
//!
//! A disk that others write to as well has two modes, a quick one and one of many milliseconds. So syncs are taken
//! between what is measured, and never beforehand alone.

use crate::{BenchError, Spread};
use serde::Serialize;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

/// Bytes that are written before a sync: one page.
const PAGE_BYTES: usize = 4_096;

/// Pages of the file that is synced, which are written over in turn: a file that grows syncs its length too.
const PAGES: u64 = 64;

/// The disk of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disk {
    /// The file system's type, as the system calls it.
    pub file_system: String,
    /// One `fdatasync` after a page was written over, in microseconds.
    pub fdatasync_us: Spread,
}

/// A folder of a bench's own in `parent`, which is on the disk that is measured.
pub(crate) fn folder(parent: &Path) -> Result<tempfile::TempDir, BenchError> {
    fs::create_dir_all(parent).map_err(BenchError::file("create", parent))?;
    let folder = tempfile::Builder::new()
        .prefix(".refit-bench-")
        .tempdir_in(parent);
    folder.map_err(BenchError::file("create a folder in", parent))
}

/// Takes syncs of one disk.
#[derive(Debug)]
pub(crate) struct Syncs {
    file: File,
    file_system: String,
    page: u64,
    us: Vec<f64>,
}

impl Syncs {
    /// Of the disk that has `folder`, with a file of its own there.
    pub(crate) fn of(folder: &Path) -> Result<Self, BenchError> {
        let file = tempfile::tempfile_in(folder);
        let file = file.map_err(BenchError::file("create a file in", folder))?;
        let mut syncs = Self {
            file,
            file_system: file_system(folder)?,
            page: 0,
            us: Vec::new(),
        };
        for _ in 0..PAGES {
            syncs.write()?;
        }
        // The file has its length then, and its blocks.
        let synced = syncs.file.sync_all();
        synced.map_err(BenchError::file("sync a file in", folder))?;
        Ok(syncs)
    }

    /// Takes one, and gives what it took in microseconds.
    pub(crate) fn take(&mut self) -> Result<f64, BenchError> {
        self.write()?;
        let start = Instant::now();
        let synced = self.file.sync_data();
        synced.map_err(BenchError::file("sync", "a file of the bench's"))?;
        let us = start.elapsed().as_secs_f64() * 1e6;
        self.us.push(us);
        Ok(us)
    }

    /// The disk, by what was taken.
    pub(crate) fn disk(&self) -> Disk {
        Disk {
            file_system: self.file_system.clone(),
            fdatasync_us: Spread::of(self.us.iter().copied()),
        }
    }

    fn write(&mut self) -> Result<(), BenchError> {
        let page = [self.page as u8; PAGE_BYTES];
        let at = self.page % PAGES * PAGE_BYTES as u64;
        self.page += 1;
        let written = self.file.write_all_at(&page, at);
        written.map_err(BenchError::file("write to", "a file of the bench's"))
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread {
            p50, q1, q3, max, ..
        } = self.fdatasync_us;
        write!(
            f,
            "{}, one fdatasync {p50:.0} [{q1:.0}-{q3:.0}] µs, the longest {max:.0}",
            self.file_system
        )
    }
}

/// The type of the file system that has a folder: that of the longest mount point above it.
fn file_system(folder: &Path) -> Result<String, BenchError> {
    const MOUNTS: &str = "/proc/self/mountinfo";
    let text = fs::read_to_string(MOUNTS).map_err(BenchError::file("read", MOUNTS))?;
    let folder = folder
        .canonicalize()
        .map_err(BenchError::file("find", folder))?;
    let mount = |line: &str| {
        let (before, behind) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.to_owned();
        let kind = behind.split(' ').next()?.to_owned();
        folder.starts_with(&point).then_some((point, kind))
    };
    let mounts = text.lines().filter_map(mount);
    // Of two at one point the later one is over the other.
    let found = mounts.max_by_key(|(point, _)| point.len());
    found.map(|(_, kind)| kind).ok_or(BenchError::Unsaid {
        path: MOUNTS.into(),
        wanted: "the file system of the measured folder",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_says_its_file_system_and_what_a_sync_takes() {
        let folder = tempfile::tempdir().unwrap();
        let mut syncs = Syncs::of(folder.path()).unwrap();
        for _ in 0..3 {
            assert!(syncs.take().unwrap() > 0.0);
        }
        let disk = syncs.disk();
        assert!(!disk.file_system.is_empty());
        assert!(disk.fdatasync_us.min > 0.0 && disk.fdatasync_us.max >= disk.fdatasync_us.p50);
        assert_eq!(file_system(Path::new("/proc/self")).unwrap(), "proc");
    }
}
