//! Who looks into a store changes nothing, and sees what a start would: also after a kill, and in a file that is damaged.

use crate::promises::durable;
use refit_abi::Height;
use refit_abi::host::Explain;
use refit_store::{
    Archive, ArchiveView, BlockLog, DiskStore, Journal, Keep, LogEnds, RecordChange, StoreReader,
};
use std::fs;
use std::io::Write;
use std::path::Path;

const BLOCKS: u64 = 20;

/// A folder as a kill leaves it: copied while its store is open.
fn killed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    let new = store.new_checkpoint().unwrap();
    new.file().write_all(b"a state").unwrap();
    store
        .keep_checkpoint(
            new,
            Keep {
                height: Height(0),
                about: b"about it".to_vec(),
                also: None,
                changes: Vec::new(),
            },
        )
        .unwrap();
    for height in 1..=BLOCKS {
        let block = height.to_le_bytes().repeat(300);
        store.append(Height(height), &block).unwrap();
    }
    let change = RecordChange::put("upgrade/a", b"armed".to_vec());
    store.set_records(vec![change]).unwrap();
    store.journal_append(b"a report").unwrap();
    let artifact = store.keep_code(b"a library").unwrap();
    assert!(store.code(&artifact).is_some());
    durable(&store, BLOCKS);
    let left = tempfile::tempdir().unwrap();
    copy(folder.path(), left.path());
    left
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => {
                fs::create_dir(&copied).unwrap();
                copy(&path, &copied);
            }
            false => drop(fs::copy(&path, &copied).unwrap()),
        }
    }
}

#[test]
fn all_of_a_killed_store_is_seen_and_nothing_of_it_is_changed() {
    let folder = killed();
    let file = folder.path().join("blocks.redb");
    let before = fs::read(&file).unwrap();
    let reader = StoreReader::open(folder.path()).unwrap();
    let wanted = LogEnds {
        first: Height(1),
        last: Height(BLOCKS),
        count: BLOCKS,
    };
    assert_eq!(reader.log().unwrap(), Some(wanted));
    let block = reader.block(Height(7)).unwrap().unwrap();
    assert_eq!(block, 7_u64.to_le_bytes().repeat(300));
    assert_eq!(reader.block(Height(BLOCKS + 1)).unwrap(), None);
    let checkpoints = reader.checkpoints().unwrap();
    assert_eq!(checkpoints.len(), 1);
    assert_eq!(fs::read(&checkpoints[0].path).unwrap(), b"a state");
    let records = reader.records("upgrade/").unwrap();
    assert_eq!(records, [("upgrade/a".to_owned(), b"armed".to_vec())]);
    assert_eq!(reader.record("upgrade/b").unwrap(), None);
    assert_eq!(reader.journal().unwrap(), [b"a report"]);
    let files = reader.files().unwrap();
    let lengths: Vec<_> = files.iter().map(|file| file.bytes).collect();
    assert_eq!(lengths, [7, 9]);
    drop(reader);
    assert!(fs::read(&file).unwrap() == before);
    // And whoever writes finds it as it was.
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.last(), Height(BLOCKS));
}

#[test]
fn a_file_that_is_cut_short_or_something_else_is_refused_by_name_and_never_a_panic() {
    let folder = killed();
    let file = folder.path().join("blocks.redb");
    let whole = fs::read(&file).unwrap();
    let mut refused = 0;
    for part in 1..=64 {
        fs::write(&file, &whole[..whole.len() * part / 65]).unwrap();
        match StoreReader::open(folder.path()) {
            Ok(reader) => drop(reader.log()),
            Err(error) => {
                assert_eq!(error.code(), "store-damaged", "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 32, "{refused}");
    fs::write(&file, b"no store".repeat(1_000)).unwrap();
    let error = StoreReader::open(folder.path()).unwrap_err();
    assert_eq!(error.code(), "store-damaged", "{error}");
    fs::remove_file(&file).unwrap();
    let error = StoreReader::open(folder.path()).unwrap_err();
    assert_eq!(error.code(), "store-not-opened", "{error}");
}
