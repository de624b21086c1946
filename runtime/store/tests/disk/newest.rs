//! The newest commit of a killed node does not read back: whoever opens the store is told, and nothing older is taken for
//! what was written.

use crate::promises::durable;
use refit_abi::Height;
use refit_abi::host::Explain;
use refit_store::{BlockLog, DiskStore, OpenError, Store, StoreReader};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const BLOCKS: u64 = 6;

fn block(height: u64) -> Vec<u8> {
    format!("block {height} of the chain; ")
        .repeat(3)
        .into_bytes()
}

/// Appends a block, and waits until it is durable: each is a commit of its own, and nothing is committed behind it that
/// would have the block in what is older than the newest commit.
fn append(store: &DiskStore, height: u64) {
    store.append(Height(height), &block(height)).unwrap();
    durable(store, height);
}

/// The folder as a kill leaves it, after so many blocks.
fn killed(folder: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for name in ["blocks.redb", "newest"] {
        fs::copy(folder.join(name), left.path().join(name)).unwrap();
    }
    left
}

/// Flips a bit of what was written last.
fn flip_newest(folder: &Path, content: &[u8]) {
    let path = folder.join("blocks.redb");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<_> = bytes
        .windows(content.len())
        .enumerate()
        .filter(|(_, window)| *window == content)
        .map(|(place, _)| place)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place] ^= 1;
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_that_lost_its_newest_commit_is_not_opened_until_whoever_has_it_gives_that_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    (1..=BLOCKS).for_each(|height| append(&store, height));
    let left = killed(folder.path());
    drop(store);
    // As it was left it opens, and so does a copy of it.
    for _ in 0..2 {
        let sound = killed(left.path());
        assert_eq!(
            DiskStore::open(sound.path()).unwrap().last(),
            Height(BLOCKS)
        );
    }
    flip_newest(left.path(), &block(BLOCKS));
    let refused = DiskStore::open(left.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Cut { .. }), "{refused}");
    assert!(refused.next().contains("newest"), "{}", refused.next());
    let refused = StoreReader::open(left.path()).unwrap_err();
    assert_eq!(refused.code(), "store-cut", "a doctor is told too");
    fs::remove_file(left.path().join("newest")).unwrap();
    let store = DiskStore::open(left.path()).unwrap();
    assert_eq!(store.last(), Height(BLOCKS - 1));
    append(&store, BLOCKS);
    drop(store);
    let again = DiskStore::open(left.path()).unwrap();
    assert_eq!(*again.read(Height(BLOCKS)).unwrap(), block(BLOCKS));
}

#[test]
fn what_takes_blocks_off_the_log_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    (1..=BLOCKS).for_each(|height| append(&store, height));
    store.archive().unwrap().set_aside(Height(BLOCKS)).unwrap();
    let left = killed(folder.path());
    drop(store);
    for folder in [left.path(), folder.path()] {
        let store = DiskStore::open(folder).unwrap();
        assert_eq!(store.last(), Height(BLOCKS - 1));
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_the_store_is_neither_opened_nor_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pipe =
        |path: &Path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let library = {
        let store = DiskStore::open(folder).unwrap();
        append(&store, 1);
        let archive = store.archive().unwrap();
        let library = archive.keep_code(b"a library").unwrap();
        let path = archive.code(&library).unwrap();
        fs::remove_file(&path).unwrap();
        pipe(&path);
        assert_eq!(archive.code(&library), None);
        assert_eq!(archive.keep_code(b"a library").unwrap(), library);
        fs::read(path).unwrap()
    };
    assert_eq!(library, b"a library");
    for name in ["newest", "blocks.redb"] {
        let (path, kept) = (folder.join(name), folder.join("kept"));
        fs::rename(&path, &kept).unwrap();
        pipe(&path);
        for refused in [
            DiskStore::open(folder).err().unwrap(),
            StoreReader::open(folder).err().unwrap(),
        ] {
            assert_eq!(refused.code(), "store-not-opened", "{refused}");
            assert!(refused.to_string().contains("it is no file"), "{refused}");
            assert!(refused.next().contains("remove it"), "{}", refused.next());
        }
        fs::rename(&kept, &path).unwrap();
    }
    drop(DiskStore::open(folder).unwrap());
}
