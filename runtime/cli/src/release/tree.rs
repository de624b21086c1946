//! A folder of source as a release takes it: every file below it, but for what builds and version control leave there.
//!
//! Nothing is followed: a link, a device or a socket makes the folder none that is taken.

use super::ReleaseFileError;
use crate::failure::Failure;
use crate::files::FileError;
use refit_release::tree::{Listing, TreeFile};
use refit_release::{FileId, SourceRoot};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Folders at the top that are no source: what was built, and what version control keeps.
const LEFT_OUT: [&str; 2] = ["target", ".git"];

/// Rights that make a file a program.
const EXECUTE: u32 = 0o111;

/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 64 << 10;

/// A tree of source, and where its contents are.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) listing: Listing,
    pub(crate) root: SourceRoot,
    /// Each content once, with its length; those without bytes are not among them.
    pub(crate) contents: BTreeMap<FileId, (PathBuf, u64)>,
}

impl Tree {
    /// The tree below `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let mut scan = Scan {
            top: folder,
            files: Vec::new(),
            contents: BTreeMap::new(),
        };
        scan.folder(folder)?;
        let Scan {
            files, contents, ..
        } = scan;
        let listing = Listing::of(files).map_err(ReleaseFileError::of(folder))?;
        let bytes = listing.write().map_err(ReleaseFileError::of(folder))?;
        Ok(Self {
            root: SourceRoot::of(&bytes),
            listing,
            contents,
        })
    }

    /// The folder in the tree in which the package is of this name; empty if that is the top.
    pub(crate) fn package(&self, folder: &Path, name: &str) -> Option<String> {
        let files = self.listing.files().iter();
        let manifests = files.filter_map(|file| {
            let of = file.path.strip_suffix("Cargo.toml")?;
            (of.is_empty() || of.ends_with('/')).then(|| of.trim_end_matches('/'))
        });
        let is_it = |of: &&str| {
            let found = crate::package::name(&folder.join(of));
            found.is_ok_and(|found| found == name)
        };
        let mut found: Vec<_> = manifests.filter(is_it).collect();
        // Vendored copies lie deeper.
        found.sort_by_key(|of| of.matches('/').count());
        found.first().map(|of| (*of).to_owned())
    }
}

struct Scan<'a> {
    top: &'a Path,
    files: Vec<TreeFile>,
    contents: BTreeMap<FileId, (PathBuf, u64)>,
}

impl Scan<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| unreadable(folder, source))?;
            let (path, name) = (entry.path(), entry.file_name());
            let is_left_out = folder == self.top && LEFT_OUT.iter().any(|it| name == *it);
            if !is_left_out {
                self.entry(&path)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<(), Failure> {
        let metadata = path
            .symlink_metadata()
            .map_err(|source| unreadable(path, source))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.folder(path);
        }
        let inside = path.strip_prefix(self.top).ok().and_then(Path::to_str);
        let (true, Some(inside)) = (kind.is_file(), inside) else {
            let path = path.to_owned();
            return Err(ReleaseFileError::NoSource { path }.into());
        };
        let (content, bytes) = hash(path).map_err(|source| unreadable(path, source))?;
        self.files.push(TreeFile {
            path: inside.to_owned(),
            executable: metadata.permissions().mode() & EXECUTE != 0,
            bytes,
            content,
        });
        if bytes > 0 {
            self.contents
                .entry(content)
                .or_insert_with(|| (path.to_owned(), bytes));
        }
        Ok(())
    }
}

fn unreadable(path: &Path, source: io::Error) -> Failure {
    let path = path.to_owned();
    FileError::Unreadable { path, source }.into()
}

/// The id and the length of a file's content.
fn hash(path: &Path) -> io::Result<(FileId, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let (mut piece, mut bytes) = (vec![0; PIECE_BYTES], 0);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            let id = FileId::from_bytes(*hasher.finalize().as_bytes());
            return Ok((id, bytes));
        }
        hasher.update(&piece[..read]);
        bytes += read as u64;
    }
}
