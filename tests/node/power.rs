//! The power goes at some moment of an upgrade or of its roll-back, or the disk is full or fails from some write of an
//! upgrade on: the node that starts then is entirely of the old code or entirely of the new, and has each message that was
//! answered, once. A roll-back that was accepted is carried out.
//!
//! The disk under the log is one in memory ([`Disk`]): of what was not synced, any part may be lost or torn. States and
//! libraries are files beside it, each whole before its name stands in the log. The tests begin at each
//! `REFIT_CUT_STEP`th place, 30 if that is not set. In full:
//!
//! ```text
//! REFIT_CUT_STEP=1 cargo test -p refit-tests --test node -- --nocapture power
//! ```

use crate::{entry, workshop};
use proptest::prelude::any;
use refit_abi::Generation;
use refit_admin::Node as _;
use refit_admin::api::UpgradeState;
use refit_node::NodeParts;
use refit_store::DiskStore;
use refit_test_support::{Disk, Fails, Told, check, remains};
use refit_tests::{Harness, UPGRADE_WAIT_MAX, same_copy};
use refit_upgrade::Plan;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Messages before the upgrade, before its roll-back, and all of them.
const BEFORE: u64 = 3;
const MESSAGES: u64 = 6;
const ALL: u64 = 8;

/// No probation ends by itself.
const PROBATION_BLOCKS: u64 = 90_000;

/// Random parts of what was not synced that are lost.
const VARIANTS_PER_STEP: usize = 150;
const VARIANTS_MAX: usize = 100;

/// Most bytes of a write that a power cut leaves, so that most are torn.
const TORN_MAX: usize = 5_000;

/// Between two looks at an upgrade.
const LOOK: Duration = Duration::from_millis(1);

fn step() -> usize {
    let step = std::env::var("REFIT_CUT_STEP");
    step.map_or(30, |step| step.parse().unwrap())
}

/// A node over this disk, with its files in this folder.
fn node(folder: &Path, disk: Disk) -> Option<Harness> {
    let (workshop, library) = (workshop(), workshop().kv_v1());
    let store = DiskStore::open_with(&folder.join("store"), disk).ok()?;
    let parts = NodeParts {
        store: Arc::new(store),
        ..NodeParts::default()
    };
    Some(Harness::start_on(
        &workshop,
        &[("kv", "kv", &library)],
        parts,
        |config| {
            config.engines[0].library = same_copy(&library, folder);
            config.workers = 1;
            config.probation_blocks = PROBATION_BLOCKS;
        },
    ))
}

/// An answer that left the node.
#[derive(Clone, Debug)]
struct Promise {
    /// What the disk had been told by then.
    told: usize,
    number: u64,
    body: String,
    generation: Generation,
}

/// Sends a message under its key; gives the answer, and whether it is a repeated one.
fn send(node: &Harness, number: u64) -> Option<(Promise, bool)> {
    // Each says what was there before: done twice, or not at all, the next one says so.
    let expected = (number > 1).then(|| format!("value {}", number - 1));
    let value = format!("value {number}");
    let message = json!({"compare_and_set": {"key": "a", "expected": expected, "value": value}});
    let sent = node.send_keyed("kv", &format!("ada/{number}"), message);
    let replied = sent.ok()?;
    let body = String::from_utf8(replied.body.to_vec()).unwrap();
    assert!(body.contains("stored"), "message {number}: {body}");
    let promise = Promise {
        told: 0,
        number,
        body,
        generation: replied.generation,
    };
    Some((promise, replied.repeated))
}

/// Sends the messages of these numbers until one is refused, and notes what was promised.
fn sends(node: &Harness, disk: &Disk, numbers: std::ops::RangeInclusive<u64>) -> Vec<Promise> {
    let sent = numbers.map_while(|number| send(node, number));
    let promised = sent.map(|(promise, _)| Promise {
        told: disk.told().len(),
        ..promise
    });
    promised.collect()
}

/// What the disk was told over a whole upgrade and its roll-back, and what was promised meanwhile.
struct Story {
    told: Vec<Told>,
    promised: Vec<Promise>,
    /// When the node had begun.
    begins: usize,
    /// When the roll-back was accepted.
    taken_back: usize,
    /// All that there ever were: what the log does not name is swept away.
    files: TempDir,
}

fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        let (files, disk) = (tempfile::tempdir().unwrap(), Disk::default());
        let first = node(files.path(), disk.clone()).unwrap();
        let begins = disk.told().len();
        let mut promised = sends(&first, &disk, 1..=BEFORE);
        let report = first.upgrade("kv", &workshop().kv_v2());
        assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
        promised.extend(sends(&first, &disk, BEFORE + 1..=MESSAGES));
        first.node().roll_back(0).unwrap();
        let taken_back = disk.told().len();
        drop(first);
        let kept = linked(files.path());
        let second = node(files.path(), disk.clone()).unwrap();
        assert_eq!(second.generation(), Generation(1));
        promised.extend(sends(&second, &disk, MESSAGES + 1..=ALL));
        assert_eq!(promised.len() as u64, ALL);
        drop(second);
        link(files.path(), kept.path());
        Story {
            told: disk.told(),
            promised,
            begins,
            taken_back,
            files: kept,
        }
    })
}

/// Adds the files of a folder to those of another.
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            link(&path, &copy);
        } else if !copy.exists() {
            fs::hard_link(&path, &copy).unwrap();
        }
    }
}

/// A copy of a folder's files. A store's are never written again once they have their names.
fn linked(from: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    link(from, copy.path());
    copy
}

/// What a node must have.
#[derive(Debug, Default)]
struct Promised {
    answers: Vec<Promise>,
    /// A roll-back.
    is_taken_back: bool,
}

impl Promised {
    /// When the disk had been told so much of the story.
    fn at(until: usize) -> Self {
        let answers = story().promised.iter().filter(|it| it.told <= until);
        Self {
            answers: answers.cloned().collect(),
            is_taken_back: until >= story().taken_back,
        }
    }
}

/// A node that starts over these bytes has what was promised, and goes on.
fn holds(files: &Path, bytes: Vec<u8>, promised: &Promised) {
    let folder = linked(files);
    let node = node(folder.path(), Disk::of(bytes)).unwrap();
    let status = node.status();
    assert_eq!(status.halted, None);
    let generation = status.generation;
    // What a roll-back takes back is told by the code of before.
    let now = |told: Generation| match status.branch {
        0 => told,
        _ => told.min(Generation(1)),
    };
    assert!(status.branch == 1 || !promised.is_taken_back);
    let told_of = promised.answers.iter().map(|it| now(it.generation));
    let range = told_of.max().unwrap_or(Generation(1))..=now(Generation(2));
    assert!(range.contains(&generation), "{generation}: {promised:?}");
    let [kind] = &status.kinds[..] else {
        panic!("{:?}", status.kinds);
    };
    assert_eq!(u64::from(kind.descriptor.version), generation.0);
    for promise in &promised.answers {
        let (again, repeated) = send(&node, promise.number).unwrap();
        assert_eq!((&again.body, repeated), (&promise.body, true));
        assert_eq!(again.generation, now(promise.generation));
    }
    // It goes on, and each has come once.
    for number in 1..=ALL {
        send(&node, number).unwrap();
    }
    assert_eq!(entry(&node, "a").0, format!("value {ALL}"));
}

#[test]
fn after_every_prefix_of_what_an_upgrade_and_its_roll_back_write_the_node_is_the_old_one_or_the_new_one()
 {
    let story = story();
    let (mut count, last) = (0, story.told.len());
    for until in (story.begins..last).step_by(step()).chain([last]) {
        count += 1;
        let bytes = remains(&story.told[..until], &[], usize::MAX);
        holds(story.files.path(), bytes, &Promised::at(until));
    }
    eprintln!("{count} prefixes of {} writes and syncs", story.told.len());
}

#[test]
fn after_any_part_of_what_an_upgrade_and_its_roll_back_write_is_lost_or_torn_the_node_is_whole() {
    let story = story();
    let cases = (VARIANTS_PER_STEP / step()).min(VARIANTS_MAX) as u32;
    let until = story.begins..=story.told.len();
    let kept = proptest::collection::vec(any::<bool>(), 0..40);
    check(cases, &(until, kept, 0..TORN_MAX), |(until, kept, torn)| {
        let bytes = remains(&story.told[..until], &kept, torn);
        holds(story.files.path(), bytes, &Promised::at(until));
        Ok(())
    });
}

/// Applies a plan; whether the upgrade has happened before the node failed.
fn is_applied(node: &Harness, plan: &Plan) -> bool {
    let Ok(id) = node.begin(serde_json::to_string(plan).unwrap()) else {
        return false;
    };
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while node.node().failed().is_none() {
        assert!(Instant::now() < deadline, "{:?}", node.node_report(id));
        let state = node.node_report(id).state;
        if state.is_final() {
            return state == UpgradeState::Committed;
        }
        std::thread::sleep(LOOK);
    }
    false
}

/// Has the disk fail at each place of an upgrade in turn, until it is so late that it does not.
fn each(fails: impl Fn(usize, (usize, usize)) -> Fails) -> usize {
    for place in (0..).step_by(step()) {
        let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::default());
        let first = node(folder.path(), disk.clone()).unwrap();
        let mut answers = sends(&first, &disk, 1..=BEFORE);
        let plan = first.plan(&[("kv", &workshop().kv_v2())], None).unwrap();
        disk.fails(fails(place, disk.counts()));
        let is_upgraded = is_applied(&first, &plan);
        answers.extend(sends(&first, &disk, BEFORE + 1..=MESSAGES));
        let is_sound = is_upgraded && answers.len() as u64 == MESSAGES;
        let promised = Promised {
            answers,
            ..Promised::default()
        };
        drop(first);
        holds(folder.path(), disk.bytes(), &promised);
        if is_sound {
            return place;
        }
    }
    unreachable!("there is no end of numbers")
}

#[test]
fn a_disk_that_is_full_at_any_write_of_an_upgrade_leaves_the_old_node_or_the_new_one() {
    let writes = each(|place, (writes, _)| Fails {
        write: Some(writes + place),
        sync: None,
    });
    eprintln!("full at each {}th of {writes} writes", step());
}

#[test]
fn a_sync_that_fails_anywhere_in_an_upgrade_leaves_the_old_node_or_the_new_one() {
    let syncs = each(|place, (_, syncs)| Fails {
        write: None,
        sync: Some(syncs + place),
    });
    eprintln!("each {}th of {syncs} syncs failed", step());
}
