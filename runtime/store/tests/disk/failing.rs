//! A disk that is full, or fails, at every place where it can: what was said to be durable is there, nothing else is
//! promised, and nothing is tried twice.

use refit_abi::Height;
use refit_store::{BlockLog, DiskStore, Fault, Journal, RecordChange, Store};
use refit_test_support::{Disk, Fails};

const BLOCKS: u64 = 6;

/// What was promised before the disk failed.
#[derive(Debug, Default)]
struct Promised {
    height: u64,
    records: u64,
    journal: u64,
    fault: Option<Fault>,
}

/// Writes a little of everything, until it is refused.
fn write(store: &DiskStore) -> Promised {
    let mut promised = Promised::default();
    let archive = store.archive().unwrap();
    for height in 1..=BLOCKS {
        let block = vec![height as u8; 3_000];
        if store.append(Height(height), &block).is_err() {
            break;
        }
        let change = RecordChange::put("newest", height.to_le_bytes().to_vec());
        if archive.set_records(vec![change]).is_err() {
            break;
        }
        promised.records = height;
        if store.journal_append(b"record").is_err() {
            break;
        }
        promised.journal = height;
    }
    promised.height = store.durable_height().0;
    promised.fault = store.fault();
    promised
}

fn holds(promised: &Promised, disk: &Disk) {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open_with(folder.path(), Disk::of(disk.bytes())).unwrap();
    assert!(store.last().0 >= promised.height, "{promised:?}: {store:?}");
    for height in 1..=promised.height {
        assert_eq!(
            *store.read(Height(height)).unwrap(),
            vec![height as u8; 3_000]
        );
    }
    let newest = store.archive().unwrap().record("newest").unwrap();
    let newest = newest.map_or(0, |it| u64::from_le_bytes(it.try_into().unwrap()));
    assert!(newest >= promised.records, "{promised:?}: {newest}");
    let journal = store.journal_read(0).unwrap().len() as u64;
    assert!(journal >= promised.journal, "{promised:?}: {journal}");
}

/// Runs without a fault behind which there is no place left. How much one commit takes is a matter of time, and so is
/// their number.
const SOUND_RUNS: usize = 5;

/// Has the disk fail at each place in turn, until it is so late that it does not.
fn each(fails: impl Fn(usize) -> Fails, expected: impl Fn(&Fault) -> bool) -> usize {
    let mut sound = 0;
    for place in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::failing(fails(place));
        // A store that cannot be made promises nothing.
        let Ok(store) = DiskStore::open_with(folder.path(), disk.clone()) else {
            continue;
        };
        let promised = write(&store);
        let Some(fault) = &promised.fault else {
            sound += 1;
            match sound == SOUND_RUNS {
                true => return place,
                false => continue,
            }
        };
        sound = 0;
        assert!(expected(fault), "{fault:?}");
        // Nothing is taken any more, and nothing is tried again.
        let counts = disk.counts();
        assert!(store.append(store.last().next(), b"more").is_err());
        assert!(store.journal_append(b"more").is_err());
        assert_eq!(disk.counts(), counts);
        drop(store);
        holds(&promised, &disk);
    }
    unreachable!("there is no end of numbers");
}

#[test]
fn a_disk_that_is_full_at_any_write_loses_nothing_that_was_promised() {
    let fails = |place| Fails {
        write: Some(place),
        sync: None,
    };
    let writes = each(fails, |fault| *fault == Fault::DiskFull);
    eprintln!("full at each of {writes} writes");
    assert!(writes > 10);
}

#[test]
fn a_sync_that_fails_is_the_end_and_is_not_tried_again() {
    let fails = |place| Fails {
        write: None,
        sync: Some(place),
    };
    let syncs = each(fails, |fault| matches!(fault, Fault::Disk { .. }));
    eprintln!("each of {syncs} syncs failed");
    assert!(syncs > 5);
}
