//! The hash of a checkpoint's state stands in a later header, and a start holds the checkpoint against it.

use crate::{entry, put, workshop};
use refit_abi::{Generation, Height};
use refit_node::NodeParts;
use refit_ordering::{Block, STATE_DELAY_BLOCKS, StateOf};
use refit_store::{Checkpoint, Store};
use refit_tests::{Harness, opened, same_copy};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);

/// A node on a folder that makes a block each few milliseconds while a height is awaited, and its log.
fn node(folder: &Path) -> (Harness, Arc<dyn Store>) {
    node_idle(folder, 3)
}

/// The same, which makes one each so many milliseconds.
fn node_idle(folder: &Path, idle_ms: u64) -> (Harness, Arc<dyn Store>) {
    let workshop = workshop();
    let store: Arc<dyn Store> = Arc::new(opened(&folder.join("store")));
    let parts = NodeParts {
        store: store.clone(),
        ..NodeParts::default()
    };
    let library = workshop.kv_v1();
    let node = Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        // The same bytes at each start.
        config.engines[0].library = same_copy(&library, folder);
        config.probation_blocks = 0;
        config.idle_interval_ms = idle_ms;
    });
    (node, store)
}

/// The states that the log names, each with the height of its block.
fn named(store: &dyn Store) -> Vec<(Height, StateOf)> {
    let heights = (1..=store.last().0).map(Height);
    let blocks = heights.filter_map(|height| Some((height, store.read(height).ok()?)));
    let states = blocks.map(|(height, block)| (height, Block::header_of(&block).unwrap().state));
    states
        .filter_map(|(height, state)| Some((height, state?)))
        .collect()
}

fn checkpoints(store: &dyn Store) -> Vec<Checkpoint> {
    store.archive().unwrap().checkpoints().unwrap()
}

#[test]
fn a_checkpoint_s_state_is_named_once_and_one_that_differs_from_it_is_passed_over_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (first, store) = node(folder.path());
    first.send("kv", put("a", "before")).unwrap();
    first.upgrade("kv", &workshop().kv_v2());
    let deadline = Instant::now() + WAIT;
    while named(&*store).is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(2));
    }
    let newest = checkpoints(&*store).pop().unwrap();
    let (height, state) = named(&*store)[0];
    assert_eq!(state.checkpoint, newest.height);
    assert!(height.0 >= newest.height.0 + STATE_DELAY_BLOCKS);
    // Nothing is awaited any more.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(first.status().height, height);
    first.send("kv", put("b", "after")).unwrap();
    drop((first, store));

    // A whole image, and not that of this checkpoint: its own digest says nothing.
    let (mut of_other, store) = {
        let store: Arc<dyn Store> = Arc::new(opened(&folder.path().join("store")));
        (checkpoints(&*store), store)
    };
    of_other.retain(|other| other.number != newest.number);
    fs::copy(&of_other.pop().unwrap().path, &newest.path).unwrap();
    drop(store);
    for start in 0..2 {
        let (again, store) = node(folder.path());
        assert_eq!(entry(&again, "a").0, "before");
        assert_eq!(entry(&again, "b").0, "after");
        assert_eq!(again.generation(), Generation(2), "start {start}");
        let mut kept = checkpoints(&*store).into_iter();
        assert!(kept.all(|kept| kept.number != newest.number));
    }
}

#[test]
fn a_checkpoint_that_no_block_names_yet_is_held_against_what_was_kept_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // No block comes by itself that could name it.
    let (first, store) = node_idle(folder.path(), 60_000);
    first.send("kv", put("a", "before")).unwrap();
    first.upgrade("kv", &workshop().kv_v2());
    let deadline = Instant::now() + WAIT;
    while checkpoints(&*store).len() < 2 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(2));
    }
    drop((first, store));
    let (kept, store) = {
        let store: Arc<dyn Store> = Arc::new(opened(&folder.path().join("store")));
        (checkpoints(&*store), store)
    };
    assert_eq!(named(&*store), []);
    drop(store);
    // A whole image, and another one.
    let [older, newest] = &kept[..] else {
        panic!("{} checkpoints", kept.len())
    };
    fs::copy(&older.path, &newest.path).unwrap();
    let (again, store) = node_idle(folder.path(), 60_000);
    assert_eq!(entry(&again, "a").0, "before");
    assert_eq!(again.generation(), Generation(2));
    let mut left = checkpoints(&*store).into_iter();
    assert!(left.all(|left| left.number != newest.number));
}
