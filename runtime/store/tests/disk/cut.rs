//! The power goes: of what was written since the last sync, any part may be there, the last one torn between sectors.

use proptest::prelude::*;
use refit_abi::Height;
use refit_store::{BlockLog, DiskStore, RecordChange, Store};
use refit_test_support::{Disk, Told, remains};
use std::sync::OnceLock;

const BLOCKS: u64 = 12;

/// The disk's whole story, and how much of it was over when each block and record was promised.
struct Story {
    told: Vec<Told>,
    /// Blocks that were promised when so many things had been told.
    promised: Vec<(usize, u64)>,
}

fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let store = DiskStore::open_with(folder.path(), disk.clone()).unwrap();
        let archive = store.archive().unwrap();
        let mut promised = vec![(disk.told().len(), 0)];
        for height in 1..=BLOCKS {
            store
                .append(Height(height), &vec![height as u8; 2_000])
                .unwrap();
            // It is behind the block: both are durable.
            let change = RecordChange::put("newest", height.to_le_bytes().to_vec());
            archive.set_records(vec![change]).unwrap();
            promised.push((disk.told().len(), height));
        }
        Story {
            told: disk.told(),
            promised,
        }
    })
}

fn holds(until: usize, bytes: Vec<u8>) {
    let past = story()
        .promised
        .iter()
        .take_while(|(told, _)| *told <= until);
    let Some((_, promised)) = past.last().copied() else {
        // The store was not made yet.
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open_with(folder.path(), Disk::of(bytes)).unwrap();
    let last = store.last().0;
    assert!(
        (promised..=BLOCKS).contains(&last),
        "{promised} were promised, {last} are there"
    );
    for height in 1..=last {
        assert_eq!(
            *store.read(Height(height)).unwrap(),
            vec![height as u8; 2_000]
        );
    }
    let newest = store.archive().unwrap().record("newest").unwrap();
    let newest = newest.map_or(0, |it| u64::from_le_bytes(it.try_into().unwrap()));
    assert!((promised..=last).contains(&newest), "{newest} of {last}");
}

#[test]
fn every_prefix_of_what_was_written_is_a_store_with_all_that_was_promised() {
    for until in 0..=story().told.len() {
        holds(until, remains(&story().told[..until], &[], usize::MAX));
    }
    eprintln!("{} prefixes", story().told.len() + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_part_of_what_was_not_synced_may_be_lost_or_torn(
        until in 0..=story().told.len(),
        kept in proptest::collection::vec(any::<bool>(), 0..40),
        torn in 0_usize..5_000,
    ) {
        holds(until, remains(&story().told[..until], &kept, torn));
    }
}
