//! What a store promises while its disk is sound.

use refit_abi::Height;
use refit_abi::host::Explain;
use refit_store::{
    AppendError, Archive, ArchiveView, BLOCK_BYTES_MAX, BlockLog, CHECKPOINTS_KEPT, DiskStore,
    JOURNAL_BYTES_KEPT, JOURNAL_RECORD_BYTES_MAX, JOURNAL_RECORDS_KEPT, Journal, JournalReadError,
    Keep, NewBranch, RECORD_BYTES_MAX, ReadError, RecordChange, Store,
};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(60);

fn block(height: u64) -> Vec<u8> {
    format!("block {height}").into_bytes()
}

/// Waits until the log has the block for good.
pub(crate) fn durable(store: &DiskStore, height: u64) {
    let deadline = Instant::now() + WAIT;
    while store.durable_height() < Height(height) {
        assert!(Instant::now() < deadline && store.fault().is_none());
        std::thread::yield_now();
    }
}

fn append(store: &DiskStore, heights: std::ops::RangeInclusive<u64>) {
    let last = *heights.end();
    for height in heights {
        store.append(Height(height), &block(height)).unwrap();
    }
    durable(store, last);
}

fn checkpoint(store: &DiskStore, height: u64) {
    checkpoint_beside(store, height, None);
}

/// Keeps one, and an older one as well.
fn checkpoint_beside(store: &DiskStore, height: u64, also: Option<u64>) {
    let archive = store.archive().unwrap();
    let new = archive.new_checkpoint().unwrap();
    new.file().write_all(&block(height)).unwrap();
    let about = format!("about {height}").into_bytes();
    let keep = Keep {
        height: Height(height),
        about,
        also,
        changes: Vec::new(),
    };
    archive.keep_checkpoint(new, keep).unwrap();
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn all_that_was_durable_is_there_after_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    append(&store, 1..=100);
    assert_eq!(store.journal_append(b"zero").unwrap(), 0);
    assert_eq!(store.journal_append(b"one").unwrap(), 1);
    let archive = store.archive().unwrap();
    let put = |name: &str, content: &[u8]| RecordChange::put(name, content.to_vec());
    archive
        .set_records(vec![put("a/1", b"x"), put("a/2", b"y"), put("b", b"z")])
        .unwrap();
    archive
        .set_records(vec![RecordChange::remove("a/1")])
        .unwrap();
    checkpoint(&store, 90);
    let artifact = archive.keep_code(b"a library").unwrap();
    drop(store);

    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(
        (store.last(), store.durable_height()),
        (Height(100), Height(100))
    );
    assert_eq!(&*store.read(Height(100)).unwrap(), block(100));
    let records = store.journal_read(0).unwrap();
    assert_eq!(
        records.iter().map(|it| &*it.bytes).collect::<Vec<_>>(),
        [&b"zero"[..], b"one"]
    );
    let archive = store.archive().unwrap();
    assert_eq!(archive.record("b").unwrap().as_deref(), Some(&b"z"[..]));
    assert_eq!(
        archive.records("a/").unwrap(),
        [("a/2".to_owned(), b"y".to_vec())]
    );
    let checkpoints = archive.checkpoints().unwrap();
    let [kept] = &checkpoints[..] else {
        panic!("{checkpoints:?}")
    };
    assert_eq!(
        (kept.height, kept.about.as_slice()),
        (Height(90), &b"about 90"[..])
    );
    assert_eq!(std::fs::read(&kept.path).unwrap(), block(90));
    let code = archive.code(&artifact).unwrap();
    assert_eq!(std::fs::read(code).unwrap(), b"a library");
    assert_eq!(archive.code("../../etc/passwd"), None);
    append(&store, 101..=102);
}

#[test]
fn blocks_follow_each_other_and_what_is_not_durable_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    for height in 1..=50 {
        store.append(Height(height), &block(height)).unwrap();
        assert_eq!(&*store.read(Height(height)).unwrap(), block(height));
    }
    let gap = AppendError::Gap {
        height: Height(52),
        expected: Height(51),
    };
    assert_eq!(store.append(Height(52), b"x"), Err(gap));
    let bytes = BLOCK_BYTES_MAX + 1;
    let height = Height(51);
    let large = AppendError::TooLarge { height, bytes };
    assert_eq!(store.append(height, &vec![0; bytes]), Err(large));
    let missing = ReadError::Missing {
        height: Height(51),
        last: Height(50),
    };
    assert_eq!(store.read(Height(51)), Err(missing));
}

#[test]
fn its_owner_is_woken_for_each_growth_and_needs_no_look_at_a_clock() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    let (tell, told) = mpsc::channel();
    store.wake_with(Box::new(move || {
        let _ = tell.send(());
    }));
    for height in 1..=20 {
        store.append(Height(height), &block(height)).unwrap();
        while store.durable_height() < Height(height) {
            told.recv_timeout(WAIT).unwrap();
        }
    }
}

#[test]
fn two_checkpoints_are_kept_with_the_blocks_that_the_older_one_needs_and_no_file_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    for height in 0..=8_u64 {
        if height > 0 {
            append(&store, height * 10 - 9..=height * 10);
        }
        checkpoint(&store, height * 10);
    }
    let archive = store.archive().unwrap();
    let heights = |store: &DiskStore| {
        let kept = store.archive().unwrap().checkpoints().unwrap();
        kept.iter().map(|it| it.height.0).collect::<Vec<_>>()
    };
    assert_eq!(heights(&store), [70, 80]);
    assert_eq!(
        files(&folder.path().join("checkpoints")).len(),
        CHECKPOINTS_KEPT
    );
    // Removed behind the commits of others.
    append(&store, 81..=82);
    let pruned = ReadError::Pruned {
        height: Height(70),
        oldest: Height(71),
    };
    let deadline = Instant::now() + WAIT;
    while store.read(Height(70)) != Err(pruned.clone()) {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(&*store.read(Height(71)).unwrap(), block(71));
    let newest = archive.checkpoints().unwrap()[1].number;
    archive.drop_checkpoint(newest).unwrap();
    assert_eq!(heights(&store), [70]);
    assert_eq!(files(&folder.path().join("checkpoints")).len(), 1);
}

#[test]
fn a_log_whose_blocks_are_all_behind_its_checkpoint_goes_on_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    append(&store, 1..=5);
    checkpoint(&store, 5);
    checkpoint(&store, 5);
    store
        .journal_append(b"a commit behind which blocks are removed")
        .unwrap();
    drop(store);
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.last(), Height(5));
    append(&store, 6..=6);
}

#[test]
fn what_was_not_finished_is_swept_away_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    checkpoint(&store, 0);
    let archive = store.archive().unwrap();
    let begun = archive.new_checkpoint().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    assert_eq!(files(&checkpoints).len(), 2);
    std::mem::forget(begun);
    std::fs::write(
        checkpoints.join("00000000000000000077.image"),
        b"no list names it",
    )
    .unwrap();
    drop(store);
    let _store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(files(&checkpoints).len(), 1);
}

#[test]
fn a_library_that_was_changed_is_written_anew_and_what_nothing_needs_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    let archive = store.archive().unwrap();
    let [one, two] = [&b"one"[..], b"two"].map(|bytes| archive.keep_code(bytes).unwrap());
    let path = archive.code(&one).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"other").unwrap();
    assert_eq!(archive.keep_code(b"one").unwrap(), one);
    assert_eq!(std::fs::read(&path).unwrap(), b"one");
    archive
        .keep_only_code(&BTreeSet::from([one.clone()]))
        .unwrap();
    assert_eq!((archive.code(&one), archive.code(&two)), (Some(path), None));
}

#[test]
fn records_that_change_with_a_checkpoint_are_there_when_it_is_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    let put = |name: &str| RecordChange::put(name, b"x".to_vec());
    store.set_records(vec![put("trust/old")]).unwrap();
    let keep = || Keep {
        height: Height(1),
        about: b"about".to_vec(),
        also: None,
        changes: vec![RecordChange::remove("trust/old"), put("trust/new")],
    };
    let names = |store: &DiskStore| {
        let records = store.records("trust/").unwrap().into_iter();
        records.map(|(name, _)| name).collect::<Vec<_>>()
    };
    drop(store.new_checkpoint().unwrap());
    assert_eq!(names(&store), ["trust/old"]);
    let too_long = Keep {
        changes: vec![RecordChange::put(
            "trust/long",
            vec![0; RECORD_BYTES_MAX + 1],
        )],
        ..keep()
    };
    let new = store.new_checkpoint().unwrap();
    store.keep_checkpoint(new, too_long).unwrap_err();
    assert_eq!(store.checkpoints().unwrap().len(), 0);
    let new = store.new_checkpoint().unwrap();
    store.keep_checkpoint(new, keep()).unwrap();
    drop(store);
    let store = DiskStore::open(folder.path()).unwrap();
    assert_eq!(store.checkpoints().unwrap().len(), 1);
    assert_eq!(names(&store), ["trust/new"]);
}

#[test]
fn the_journal_keeps_its_newest_records() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    // In groups: each waits for its own commit.
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..(JOURNAL_RECORDS_KEPT + 160) / 16 {
                    store.journal_append(b"record").unwrap();
                }
            });
        }
    });
    let Err(JournalReadError::Pruned { oldest, .. }) = store.journal_read(0) else {
        panic!("the first record is still there");
    };
    let next = store.journal_append(b"last").unwrap();
    assert_eq!(next - oldest, JOURNAL_RECORDS_KEPT);
}

#[test]
fn a_file_of_another_form_or_that_is_no_store_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path()).unwrap();
    std::fs::write(folder.path().join("blocks.redb"), vec![7; 100_000]).unwrap();
    let refused = DiskStore::open(folder.path()).unwrap_err();
    assert_eq!(refused.code(), "store-damaged");
    assert!(refused.to_string().contains("blocks.redb"), "{refused}");

    let other = tempfile::tempdir().unwrap();
    drop(DiskStore::open(other.path()).unwrap());
    let table: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    let db = redb::Database::open(other.path().join("blocks.redb")).unwrap();
    let txn = db.begin_write().unwrap();
    txn.open_table(table).unwrap().insert("format", 9).unwrap();
    txn.commit().unwrap();
    drop(db);
    let refused = DiskStore::open(other.path()).unwrap_err();
    assert_eq!(refused.code(), "store-format");
    assert!(refused.to_string().contains("form 9"), "{refused}");
}

#[test]
fn a_checkpoint_that_a_way_back_needs_stays_with_the_blocks_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    append(&store, 1..=50);
    checkpoint(&store, 10);
    let number = store.archive().unwrap().checkpoints().unwrap()[0].number;
    for height in [20, 30, 40] {
        checkpoint_beside(&store, height, Some(number));
    }
    append(&store, 51..=52);
    let heights = |store: &DiskStore| {
        let kept = store.archive().unwrap().checkpoints().unwrap();
        let kept: Vec<_> = kept.iter().map(|kept| kept.height.0).collect();
        kept
    };
    assert_eq!(heights(&store), [10, 30, 40]);
    assert!(store.read(Height(11)).is_ok(), "it is needed behind 10");
    drop(store);
    let store = DiskStore::open(folder.path()).unwrap();
    append(&store, 53..=53);
    assert!(store.read(Height(11)).is_ok());
    checkpoint(&store, 50);
    append(&store, 54..=54);
    assert_eq!(heights(&store), [40, 50]);
    assert!(store.read(Height(40)).is_err(), "nothing needs it any more");
}

#[test]
fn a_branch_begins_with_all_that_belongs_to_it_and_the_old_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    append(&store, 1..=10);
    checkpoint(&store, 4);
    checkpoint(&store, 8);
    let newest = store.archive().unwrap().checkpoints().unwrap()[1].number;
    let begin = |store: &DiskStore, after, checkpoints| {
        let changes = vec![RecordChange::put("branch/1", vec![after as u8])];
        let after = Height(after);
        let archive = store.archive().unwrap();
        archive.begin_branch(NewBranch {
            after,
            checkpoints,
            changes,
        })
    };
    assert!(begin(&store, 11, vec![]).is_err(), "no block is there");
    begin(&store, 6, vec![newest]).unwrap();
    append(&store, 7..=7);
    drop(store);

    let store = DiskStore::open(folder.path()).unwrap();
    let archive = store.archive().unwrap();
    assert_eq!(store.last(), Height(7));
    let kept = archive.checkpoints().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].height, Height(4));
    assert_eq!(archive.record("branch/1").unwrap(), Some(vec![6]));
    let old = |height| archive.old_block(Height(height)).unwrap();
    assert_eq!(old(6), None, "it stayed in the log");
    assert_eq!((old(7), old(10)), (Some(block(7)), Some(block(10))));
    assert_eq!(old(11), None);

    append(&store, 8..=8);
    begin(&store, 7, vec![]).unwrap();
    assert_eq!((old(7), old(8)), (None, Some(block(8))), "one is kept");
    assert_eq!(old(10), None);
}

#[test]
fn the_journal_keeps_no_more_bytes_than_it_may_over_lives_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let record = vec![7; JOURNAL_RECORD_BYTES_MAX];
    let kept = JOURNAL_BYTES_KEPT / JOURNAL_RECORD_BYTES_MAX as u64;
    for life in 0..2 {
        let store = DiskStore::open(folder.path()).unwrap();
        for _ in 0..kept / 2 + 1 {
            store.journal_append(&record).unwrap();
        }
        assert!(
            life == 0 || store.journal_read(0).is_err(),
            "the oldest is gone"
        );
    }
    let store = DiskStore::open(folder.path()).unwrap();
    let Err(JournalReadError::Pruned { oldest, .. }) = store.journal_read(0) else {
        panic!("the oldest is kept");
    };
    assert_eq!(store.journal_read(oldest).unwrap().len() as u64, kept);
}

#[test]
fn a_log_that_is_gone_or_empty_beside_its_checkpoints_is_refused_and_nothing_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    append(&store, 1..=5);
    checkpoint(&store, 5);
    drop(store);
    let (log, checkpoints) = (
        folder.path().join("blocks.redb"),
        folder.path().join("checkpoints"),
    );
    std::fs::File::create(&log).unwrap();
    for _ in 0..2 {
        let refused = DiskStore::open(folder.path()).unwrap_err();
        assert_eq!(refused.code(), "store-damaged", "{refused}");
        assert_eq!(files(&checkpoints).len(), 1);
        let _ = std::fs::remove_file(&log);
    }
}

#[test]
fn what_is_not_the_stores_own_stays_wherever_its_folders_lead_to() {
    let place = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (place.path().join("store"), place.path().join("elsewhere"));
    drop(DiskStore::open(&folder).unwrap());
    std::fs::create_dir_all(elsewhere.join("photos")).unwrap();
    std::fs::write(elsewhere.join("thesis.txt"), "text").unwrap();
    std::fs::write(elsewhere.join("other.part"), "text").unwrap();
    for part in ["checkpoints", "code"] {
        std::fs::remove_dir(folder.join(part)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.join(part)).unwrap();
    }
    let store = DiskStore::open(&folder).unwrap();
    append(&store, 1..=1);
    checkpoint(&store, 1);
    let archive = store.archive().unwrap();
    archive.keep_code(b"library").unwrap();
    archive.keep_only_code(&BTreeSet::new()).unwrap();
    let kept = files(&elsewhere);
    for name in ["photos", "thesis.txt", "other.part"] {
        assert!(kept.contains(name), "{name}: {kept:?}");
    }
    drop(store);
    // The note of how far it came is written through no link.
    let note = folder.join("newest");
    std::fs::remove_file(&note).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("thesis.txt"), &note).unwrap();
    assert!(DiskStore::open(&folder).is_err());
    let text = std::fs::read_to_string(elsewhere.join("thesis.txt")).unwrap();
    assert_eq!(text, "text");
}

#[test]
fn a_folder_in_the_place_of_a_file_keeps_no_store_from_opening_and_no_checkpoint_from_being_kept() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    drop(DiskStore::open(folder).unwrap());
    for name in ["x", "new.part/y", "00000000000000000099.image/z"] {
        std::fs::create_dir_all(folder.join("checkpoints").join(name)).unwrap();
    }
    let store = DiskStore::open(folder).unwrap();
    assert_eq!(files(&folder.join("checkpoints")), ["x".to_owned()].into());
    append(&store, 1..=1);
    std::fs::create_dir_all(folder.join("checkpoints/new.part/y")).unwrap();
    checkpoint(&store, 1);
    assert_eq!(store.archive().unwrap().checkpoints().unwrap().len(), 1);
}

#[test]
fn a_note_of_any_length_is_read_within_its_bound() {
    let place = tempfile::tempdir().unwrap();
    drop(DiskStore::open(place.path()).unwrap());
    let note = std::fs::File::create(place.path().join("newest")).unwrap();
    // More than there is memory.
    note.set_len(1 << 42).unwrap();
    let store = DiskStore::open(place.path()).unwrap();
    append(&store, 1..=1);
}
