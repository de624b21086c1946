//! A byte on the disk is another one than was written: what is read is what was written, or an error; never something
//! else, and never a panic.
//!
//! Each byte of the record of an armed upgrade and of the newest block is flipped, and of the rest each
//! `REFIT_FLIP_STEP`th, 2,048 if that is not set. In full:
//!
//! ```text
//! REFIT_FLIP_STEP=64 cargo test -p refit-store --test disk -- --nocapture flips
//! ```

use refit_abi::Height;
use refit_store::{BlockLog, DiskStore, Journal, Keep, OpenError, RecordChange, Store};
use refit_test_support::Disk;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const BLOCKS: u64 = 8;

/// The block whose states are kept.
const CHECKPOINT: u64 = 2;

/// The name of the record of an armed upgrade.
const ARMED: &str = "upgrade/00ff";

/// Its content: digits, in which a flipped bit may well give another number.
fn armed() -> Vec<u8> {
    b"{\"attempts\":1,\"probation_blocks\":32,\"artifact\":\"0123456789abcdef\"}".to_vec()
}

fn block(height: u64) -> Vec<u8> {
    format!("block {height} of the chain; ")
        .repeat(3)
        .into_bytes()
}

fn written(folder: &Path) -> Vec<u8> {
    let disk = Disk::default();
    let store = DiskStore::open_with(folder, disk.clone()).unwrap();
    for height in 1..=BLOCKS {
        store.append(Height(height), &block(height)).unwrap();
    }
    let archive = store.archive().unwrap();
    let new = archive.new_checkpoint().unwrap();
    let keep = Keep {
        height: Height(CHECKPOINT),
        about: b"about the states".to_vec(),
        also: None,
        changes: Vec::new(),
    };
    archive.keep_checkpoint(new, keep).unwrap();
    store.journal_append(b"a report").unwrap();
    let record = RecordChange::put(ARMED, armed());
    archive.set_records(vec![record]).unwrap();
    drop(store);
    disk.bytes()
}

/// Where the bytes of `part` are.
fn places(bytes: &[u8], part: &[u8]) -> Vec<std::ops::Range<usize>> {
    let windows = bytes.windows(part.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == part);
    found.map(|(place, _)| place..place + part.len()).collect()
}

/// What a flip came to.
#[derive(Debug, Default)]
struct Seen {
    flips: u64,
    refused: u64,
    /// It opens, and something of it is not read.
    found: u64,
    /// All is as it was.
    same: u64,
    /// It opens as it was before the last commit.
    older: u64,
}

fn flip(bytes: &[u8], place: usize, seen: &mut Seen) {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1 << (place % 8);
    seen.flips += 1;
    let folder = tempfile::tempdir().unwrap();
    let opened = catch_unwind(AssertUnwindSafe(|| {
        DiskStore::open_with(folder.path(), Disk::of(bytes))
    }));
    let store = match opened.unwrap_or_else(|_| panic!("byte {place}")) {
        Err(OpenError::Damaged { .. } | OpenError::Format { .. }) => {
            seen.refused += 1;
            return;
        }
        Err(other) => panic!("byte {place}: {other}"),
        Ok(store) => store,
    };
    let (mut wrong, mut missing) = (0, 0);
    // Those before may have gone: no checkpoint needs them.
    for height in CHECKPOINT + 1..=store.last().0.min(BLOCKS) {
        match store.read(Height(height)) {
            Ok(read) => assert_eq!(*read, block(height), "byte {place}, block {height}"),
            Err(_) => wrong += 1,
        }
    }
    missing += u64::from(store.last() != Height(BLOCKS));
    let archive = store.archive().unwrap();
    match archive.record(ARMED) {
        Ok(Some(content)) => assert_eq!(content, armed(), "byte {place}"),
        Ok(None) => missing += 1,
        Err(_) => wrong += 1,
    }
    match store.journal_read(0) {
        Ok(read) if read.is_empty() => missing += 1,
        Ok(read) => assert_eq!(*read[0].bytes, *b"a report", "byte {place}"),
        Err(_) => wrong += 1,
    }
    match archive.checkpoints() {
        Ok(kept) if kept.is_empty() => missing += 1,
        Ok(kept) => {
            let (height, about) = (kept[0].height, &*kept[0].about);
            assert_eq!(
                (height, about),
                (Height(CHECKPOINT), &b"about the states"[..])
            );
        }
        Err(_) => wrong += 1,
    }
    match (wrong, missing) {
        (0, 0) => seen.same += 1,
        (0, _) => seen.older += 1,
        _ => seen.found += 1,
    }
}

#[test]
fn a_flipped_byte_is_never_taken_for_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = written(folder.path());
    let mut seen = Seen::default();
    let parts = [armed(), block(BLOCKS)];
    for part in &parts {
        let places = places(&bytes, part);
        assert!(!places.is_empty());
        places
            .into_iter()
            .flatten()
            .for_each(|place| flip(&bytes, place, &mut seen));
    }
    assert_eq!(seen.flips, seen.found + seen.refused, "{seen:?}");
    eprintln!("the armed record and the newest block: {seen:?}");
    let step = std::env::var("REFIT_FLIP_STEP");
    let step = step.map_or(2_048, |step| step.parse().unwrap());
    let mut rest = Seen::default();
    (0..bytes.len())
        .step_by(step)
        .for_each(|place| flip(&bytes, place, &mut rest));
    eprintln!("each {step}th of {} bytes: {rest:?}", bytes.len());
}
