//! The promises of the in-memory store to its writers and readers.

use proptest::prelude::*;
use refit_abi::Height;
use refit_store::{
    AppendError, BLOCK_BYTES_MAX, BlockLog, JOURNAL_READ_RECORDS_MAX, JOURNAL_RECORD_BYTES_MAX,
    Journal, JournalAppendError, JournalReadError, MEMORY_JOURNAL_RECORDS_MAX,
    MEMORY_LOG_BYTES_MAX, MemoryStore, ReadError, Store,
};
use std::sync::Arc;

#[test]
fn the_traits_make_shared_objects() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let other = Arc::clone(&store);
    let writer = std::thread::spawn(move || other.append(Height(1), b"first"));
    writer.join().unwrap().unwrap();
    assert_eq!(&*store.read(Height(1)).unwrap(), b"first");
}

#[test]
fn a_store_goes_on_after_the_tip_it_was_made_for() {
    let store = MemoryStore::after(Height(41));
    assert_eq!(store.durable_height(), Height(41));
    store.append(Height(42), b"block").unwrap();
    assert_eq!(store.durable_height(), Height(42));
    let pruned = ReadError::Pruned {
        height: Height(41),
        oldest: Height(42),
    };
    assert_eq!(store.read(Height(41)), Err(pruned));
}

#[test]
fn a_full_log_drops_its_oldest_blocks_and_says_so() {
    let store = MemoryStore::default();
    let block = vec![7; BLOCK_BYTES_MAX / 2];
    let count = (MEMORY_LOG_BYTES_MAX / block.len() + 2) as u64;
    for height in 1..=count {
        store.append(Height(height), &block).unwrap();
    }
    let Err(ReadError::Pruned { oldest, .. }) = store.read(Height(1)) else {
        panic!("the first block is still there");
    };
    assert!(store.read(oldest).is_ok());
    assert_eq!(store.durable_height(), Height(count));
}

#[test]
fn what_is_too_large_is_refused_and_changes_nothing() {
    let store = MemoryStore::default();
    let block = vec![0; BLOCK_BYTES_MAX + 1];
    let too_large = AppendError::TooLarge {
        height: Height(1),
        bytes: block.len(),
    };
    assert_eq!(store.append(Height(1), &block), Err(too_large));
    assert_eq!(store.durable_height(), Height(0));
    let record = vec![0; JOURNAL_RECORD_BYTES_MAX + 1];
    let too_large = JournalAppendError::TooLarge {
        bytes: record.len(),
    };
    assert_eq!(store.journal_append(&record), Err(too_large));
    assert_eq!(store.journal_append(b"a").unwrap(), 0);
}

#[test]
fn a_long_journal_is_read_in_bounded_steps_and_drops_its_oldest_records() {
    let store = MemoryStore::default();
    let total = MEMORY_JOURNAL_RECORDS_MAX as u64 + 10;
    for index in 0..total {
        assert_eq!(store.journal_append(&index.to_le_bytes()).unwrap(), index);
    }
    assert_eq!(
        store.journal_read(9),
        Err(JournalReadError::Pruned {
            from: 9,
            oldest: 10
        })
    );
    let mut from = 10;
    loop {
        let records = store.journal_read(from).unwrap();
        assert!(records.len() <= JOURNAL_READ_RECORDS_MAX);
        let Some(last) = records.last() else { break };
        assert!(
            records
                .iter()
                .all(|record| *record.bytes == record.index.to_le_bytes())
        );
        from = last.index + 1;
    }
    assert_eq!(from, total);
}

proptest! {
    #[test]
    fn the_log_takes_only_the_next_height_and_gives_back_what_it_took(
        start in 0_u64..1000,
        attempts in proptest::collection::vec((0_u64..4, any::<[u8; 3]>()), 0..60),
    ) {
        let store = MemoryStore::after(Height(start));
        let mut model: Vec<[u8; 3]> = Vec::new();
        for (ahead, bytes) in attempts {
            let expected = Height(start + 1 + model.len() as u64);
            let height = Height(start + ahead + model.len() as u64);
            if height == expected {
                prop_assert_eq!(store.append(height, &bytes), Ok(()));
                model.push(bytes);
            } else {
                prop_assert_eq!(store.append(height, &bytes), Err(AppendError::Gap { height, expected }));
            }
        }
        let last = Height(start + model.len() as u64);
        prop_assert_eq!(store.durable_height(), last);
        for (place, bytes) in model.iter().enumerate() {
            let kept = store.read(Height(start + 1 + place as u64)).unwrap();
            prop_assert_eq!(&*kept, bytes);
        }
        let missing = ReadError::Missing { height: last.next(), last };
        prop_assert_eq!(store.read(last.next()), Err(missing));
    }
}
