//! [`Expected`]: what may still come out of an archive.

use super::{ArchiveError, Item};
use crate::content::{FileId, SourceRoot};
use crate::manifest::Manifest;
use crate::tree::{LISTING_BYTES_MAX, Listing};
use std::collections::{BTreeMap, BTreeSet};

/// What the release names, and where in the order the reading is.
pub(super) struct Expected {
    root: Option<SourceRoot>,
    /// Files with their lengths, of the manifest and, once it was read, of the source.
    files: BTreeMap<FileId, u64>,
    /// Those of the source.
    of_source: BTreeSet<FileId>,
    last: Option<Item>,
    came: BTreeSet<FileId>,
}

impl Expected {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let files = manifest.files();
        Self {
            root: manifest.source.as_ref().map(|source| source.root),
            files: files.map(|file| (file.file, file.bytes)).collect(),
            of_source: BTreeSet::new(),
            last: None,
            came: BTreeSet::new(),
        }
    }

    /// Whether an item may come next with so many bytes.
    pub(super) fn admit(&mut self, item: Item, found: u64) -> Result<(), ArchiveError> {
        if self.last.is_some_and(|last| last >= item) {
            return Err(ArchiveError::Order { item });
        }
        self.last = Some(item);
        let (fits, expected) = match item {
            Item::Listing(root) if self.root == Some(root) => {
                let most = LISTING_BYTES_MAX as u64;
                (found <= most, most)
            }
            Item::File(file) if self.files.contains_key(&file) => {
                self.came.insert(file);
                let bytes = self.files[&file];
                (found == bytes, bytes)
            }
            _ => return Err(ArchiveError::Unnamed { item }),
        };
        match fits {
            true => Ok(()),
            false => Err(ArchiveError::Bytes {
                item,
                found,
                expected,
            }),
        }
    }

    /// From here on the files of the source may come.
    pub(super) fn hear(&mut self, listing: &Listing) {
        for file in listing.files() {
            // One with no bytes is there without being brought.
            if file.bytes > 0 {
                self.of_source.insert(file.content);
                // Of two lengths for one content one is wrong; its bytes will tell.
                self.files.entry(file.content).or_insert(file.bytes);
            }
        }
    }

    /// At the end: a source is there as a whole or not at all. Gives the manifest's files that did not come.
    pub(super) fn missing(&self) -> Result<Vec<FileId>, ArchiveError> {
        let missing = self.of_source.difference(&self.came).count();
        if missing > 0 {
            return Err(ArchiveError::SourceIncomplete { missing });
        }
        let is_missing = |file: &&FileId| !self.came.contains(*file);
        Ok(self.files.keys().filter(is_missing).copied().collect())
    }
}
