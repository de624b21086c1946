//! A generation on probation is taken back: the state and the code of before, and what came after it once more.

use crate::{entry, put, workshop};
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::{UpgradeReport, UpgradeState};
use refit_node::{NodeParts, Replies};
use refit_store::{BlockLog as _, DiskStore, Store as _};
use refit_tests::{Harness, Source, opened, same_copy};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(60);

/// Long enough for all that a test does before it decides.
const BLOCKS: u64 = 50_000;

/// A node on a folder, with one store of version 1, and a probation of so many blocks.
fn node(folder: &Path, blocks: u64) -> Harness {
    let (workshop, store) = (workshop(), folder.join("store"));
    let parts = NodeParts::on_disk(&store).unwrap();
    let library = workshop.kv_v1();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        // The same bytes at each start.
        config.engines[0].library = same_copy(&library, folder);
        config.workers = 1;
        config.probation_blocks = blocks;
        config.idle_interval_ms = 5;
    })
}

/// As many blocks as fit into half of a client's wait, at 5 ms each.
const BLOCKS_HELD_MAX: u64 = 3_000;

/// A node that holds back replies while a generation is on probation.
fn holding(folder: &Path, blocks: u64) -> Harness {
    let (workshop, store) = (workshop(), folder.join("store"));
    let parts = NodeParts::on_disk(&store).unwrap();
    let library = workshop.kv_v1();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        config.engines[0].library = same_copy(&library, folder);
        config.probation_blocks = blocks;
        config.idle_interval_ms = 5;
        config.replies = Replies::Held;
    })
}

fn keyed_or_refused(node: &Harness, key: &str, message: Value) -> Result<(), refit_admin::Refusal> {
    node.send_keyed("kv", key, message).map(drop)
}

fn upgraded(node: &Harness, library: &Path) -> UpgradeReport {
    let report = node.upgrade("kv", library);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    report
}

pub(crate) fn keyed(node: &Harness, key: &str, message: Value) -> (Value, bool) {
    let replied = node.send_keyed("kv", key, message).unwrap();
    let body = serde_json::from_slice(&replied.body).unwrap();
    (body, replied.repeated)
}

/// Takes the generation back; gives the node that starts then.
fn rolled_back(node: Harness, folder: &Path) -> Harness {
    let accepted = node.node().roll_back(0).unwrap();
    assert_eq!(accepted.probation.generation, Generation(2));
    drop(node);
    self::node(folder, BLOCKS)
}

/// Version 2 whose stored values are told otherwise.
pub(crate) fn tells_otherwise() -> Source {
    Source::kv_v2().replacing(
        "src/engine.rs",
        "Ok(Reply::Stored { previous })",
        "{ let _ = previous; Ok(Reply::Stored { previous: Some(\"otherwise\".to_owned()) }) }",
    )
}

#[test]
fn what_came_after_the_upgrade_is_done_anew_by_the_code_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    keyed(&first, "ada/1", put("a", "before"));
    let report = upgraded(&first, &workshop().kv_v2());
    let on = first.status().probation.unwrap();
    assert_eq!((on.upgrade, on.generation), (report.id, Generation(2)));
    assert_eq!(on.until.0, on.after.0 + BLOCKS);
    keyed(&first, "ada/2", put("a", "after"));
    keyed(&first, "bob/1", put("b", "after"));
    let told = keyed(&first, "ada/3", put("b", "twice"));
    assert_eq!(first.status().branch, 0);

    let mut second = rolled_back(first, folder.path());
    for start in 0..3 {
        let status = second.status();
        assert_eq!((status.generation, status.branch), (Generation(1), 1));
        assert_eq!(status.probation, None);
        assert_eq!(status.kinds[0].descriptor.version, 1, "start {start}");
        assert_eq!(entry(&second, "a").0, "after");
        assert_eq!(entry(&second, "b").0, "twice");
        // Each message once, and with the same answer.
        let again = keyed(&second, "ada/3", put("b", "twice"));
        assert_eq!(again, (told.0.clone(), true));
        let last = status.last_upgrade.unwrap();
        assert_eq!((last.id, last.state), (report.id, UpgradeState::RolledBack));
        let back = last.rolled_back.unwrap();
        assert_eq!((back.same, back.revised, back.lost), (3, 0, 0));
        assert!(back.is_whole);
        assert_eq!(back.after, on.after);
        drop(second);
        second = node(folder.path(), BLOCKS);
    }
    // It goes on as any other.
    keyed(&second, "ada/4", put("c", "new"));
    upgraded(&second, &workshop().kv_v2());
    assert_eq!(second.generation(), Generation(2));
    assert_eq!(entry(&second, "c").0, "new");
}

#[test]
fn replies_that_are_held_leave_when_the_generation_is_permanent() {
    let folder = tempfile::tempdir().unwrap();
    let first = holding(folder.path(), 20);
    first.send("kv", put("a", "before")).unwrap();
    upgraded(&first, &workshop().kv_v2());
    let status = first.status().probation.unwrap();
    assert!(status.holds_replies);
    assert!(first.node().is_unconfirmed());
    // The answer is the sign that the probation is over, and not before.
    first.send("kv", put("b", "since")).unwrap();
    let height = first.status().height;
    assert!(height >= status.until, "{height} is on probation still");
    assert!(!first.node().is_unconfirmed());
    assert_eq!(entry(&first, "b").0, "since");
}

#[test]
fn replies_that_are_held_leave_on_an_operators_word_or_never_once_it_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = holding(folder.path(), BLOCKS_HELD_MAX);
    let report = upgraded(&first, &workshop().kv_v2());
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| first.send("kv", put("b", "since")));
        while first.query("kv", crate::get("b")).unwrap()["value"]["entry"].is_null() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(
            !sent.is_finished(),
            "what is read is there before the reply"
        );
        first.node().confirm_upgrade(report.id).unwrap();
        sent.join().unwrap().unwrap();
    });
    let again = upgraded(&first, &workshop().kv_v4());
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| keyed_or_refused(&first, "ada/1", put("c", "lost")));
        while first.query("kv", crate::get("c")).unwrap()["value"]["entry"].is_null() {
            std::thread::sleep(Duration::from_millis(5));
        }
        first.node().roll_back(again.id).unwrap();
        first.node().stop();
        assert!(sent.join().unwrap().is_err(), "nobody was told");
    });
    drop(first);
    let second = holding(folder.path(), BLOCKS_HELD_MAX);
    let back = second.status().last_upgrade.unwrap().rolled_back.unwrap();
    assert_eq!((back.revised, back.lost), (0, 0), "{back:?}");
    // Told now, by the code of before.
    let (_, repeated) = keyed(&second, "ada/1", put("c", "lost"));
    assert!(repeated);
}

#[test]
fn after_much_of_the_log_the_way_back_begins_shortly_before_the_upgrade() {
    const VALUE_BYTES: usize = 512 << 10;
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    keyed(&first, "ada/1", put("a", "before"));
    let large = "x".repeat(VALUE_BYTES);
    for _ in 0..10 {
        first.send("kv", put("b", &large)).unwrap();
    }
    let begins = first.status().height;
    upgraded(&first, &workshop().kv_v2());
    let on = first.status().probation.unwrap();
    keyed(&first, "ada/2", put("a", "after"));
    drop(first);
    let heights = || {
        let store = opened(&folder.path().join("store"));
        let kept = store.archive().unwrap().checkpoints().unwrap().into_iter();
        kept.map(|kept| kept.height).collect::<Vec<_>>()
    };
    let before = heights().into_iter().filter(|height| *height <= on.after);
    assert_eq!(before.max(), Some(begins));
    // It is still there when the one behind the upgrade is: without it there would be no way back.
    let again = node(folder.path(), BLOCKS);
    let second = rolled_back(again, folder.path());
    assert_eq!(second.generation(), Generation(1));
    assert_eq!(entry(&second, "a").0, "after");
    drop(second);
    assert!(heights().contains(&begins));
}

#[test]
fn a_reply_that_comes_out_otherwise_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    keyed(&first, "ada/1", put("a", "before"));
    upgraded(
        &first,
        &workshop().library("kv-tells-otherwise", tells_otherwise),
    );
    let (told, _) = keyed(&first, "ada/2", put("b", "x"));
    first.send("kv", put("b", "y")).unwrap();
    first.send("kv", json!({"delete": {"key": "a"}})).unwrap();

    let second = rolled_back(first, folder.path());
    let back = second.status().last_upgrade.unwrap().rolled_back.unwrap();
    assert_eq!((back.same, back.revised, back.lost), (1, 2, 0), "{back:?}");
    assert_eq!(back.shown.len(), 2);
    assert_eq!(back.shown[0].engine, "kv");
    assert!(back.shown[0].key.as_deref().unwrap().ends_with(", 2"));
    assert_eq!(back.shown[1].key, None);
    let (now, repeated) = keyed(&second, "ada/2", put("b", "x"));
    assert!(repeated && now != told, "{now}");
}

#[test]
fn another_plan_is_refused_on_probation_and_taken_on_once_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    let report = upgraded(&first, &workshop().kv_v2());
    let v3 = workshop().kv_v3();
    let plan = first.plan(&[("kv", &v3)], None).unwrap();
    let refused = first.apply(&plan).unwrap_err();
    assert_eq!((refused.status, &*refused.why.code), (409, "on-probation"));
    let other = first.node().confirm_upgrade(report.id + 1).unwrap_err();
    assert_eq!(other.why.code, "not-on-probation");
    first.node().confirm_upgrade(report.id).unwrap();
    assert_eq!(first.status().probation, None);
    let refused = first.node().roll_back(0).unwrap_err();
    assert_eq!(refused.why.code, "not-on-probation");
    drop(first);
    // A start knows it too, although its checkpoint is from before.
    let second = node(folder.path(), BLOCKS);
    assert_eq!(second.status().probation, None);
    let plan = second.plan(&[("kv", &v3)], None).unwrap();
    assert_eq!(second.apply(&plan).unwrap().state, UpgradeState::Committed);
}

#[test]
fn a_probation_outlives_the_node_and_ends_with_its_last_block() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), 300);
    upgraded(&first, &workshop().kv_v2());
    let on = first.status().probation.unwrap();
    drop(first);
    let second = node(folder.path(), 300);
    assert_eq!(second.status().probation, Some(on.clone()));
    // An idle node makes blocks until it is over.
    let deadline = Instant::now() + WAIT;
    while second.status().probation.is_some() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(second.status().height >= on.until);
    let refused = second.node().roll_back(0).unwrap_err();
    assert_eq!(refused.why.code, "not-on-probation");
}

/// How many checkpoints are kept in a node's folder; not those that are being written.
fn checkpoints(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("store/checkpoints")).unwrap();
    let names = files.map(|file| file.unwrap().file_name());
    names
        .filter(|name| !name.to_string_lossy().ends_with(".part"))
        .count()
}

#[test]
fn a_node_that_was_restarted_on_probation_can_be_taken_back_and_says_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    keyed(&first, "ada/1", put("a", "before"));
    upgraded(&first, &workshop().kv_v2());
    keyed(&first, "ada/2", put("a", "after"));
    // A checkpoint of the new code: what was told before it is not known to the next start.
    let deadline = Instant::now() + WAIT;
    while checkpoints(folder.path()) < 2 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(first);
    let second = node(folder.path(), BLOCKS);
    assert_eq!(second.generation(), Generation(2));
    keyed(&second, "ada/3", put("a", "later"));
    let third = rolled_back(second, folder.path());
    assert_eq!(third.generation(), Generation(1));
    assert_eq!(entry(&third, "a").0, "later");
    let back = third.status().last_upgrade.unwrap().rolled_back.unwrap();
    assert!(!back.is_whole, "{back:?}");
    assert!(keyed(&third, "ada/2", put("a", "after")).1);
}

/// A node as above, whose configuration names version 2.
fn named_v2(folder: &Path) -> Harness {
    let (workshop, store) = (workshop(), folder.join("store"));
    let parts = NodeParts::on_disk(&store).unwrap();
    let library = workshop.kv_v2();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        config.engines[0].library = same_copy(&library, folder);
        config.workers = 1;
        config.probation_blocks = BLOCKS;
        config.idle_interval_ms = 5;
    })
}

#[test]
fn a_configuration_that_names_the_code_that_is_taken_back_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    let v2 = same_copy(&workshop().kv_v2(), folder.path());
    upgraded(&first, &v2);
    keyed(&first, "ada/1", put("a", "after"));
    drop(first);
    // The live code may be named, also before a checkpoint has it.
    let second = named_v2(folder.path());
    assert_eq!(second.generation(), Generation(2));
    second.node().roll_back(0).unwrap();
    drop(second);
    for _ in 0..2 {
        let third = named_v2(folder.path());
        assert_eq!(third.generation(), Generation(1));
        assert_eq!(entry(&third, "a").0, "after");
    }
}

#[test]
fn of_a_confirmation_and_a_roll_back_at_once_one_is_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    upgraded(&first, &workshop().kv_v2());
    let (confirmed, taken_back) = std::thread::scope(|scope| {
        let confirm = scope.spawn(|| first.node().confirm_upgrade(0).is_ok());
        let roll_back = scope.spawn(|| first.node().roll_back(0).is_ok());
        (confirm.join().unwrap(), roll_back.join().unwrap())
    });
    assert!(confirmed != taken_back, "{confirmed} {taken_back}");
    drop(first);
    let expected = if taken_back { 1 } else { 2 };
    assert_eq!(
        node(folder.path(), BLOCKS).generation(),
        Generation(expected)
    );
}

/// The folder of a node that has ended, as it is.
fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    crate::recovery::copy_all(folder, copy.path());
    copy
}

/// Takes blocks off the end of the log: a kill that came before they were durable.
fn cut(folder: &Path, last: Height) {
    let store = DiskStore::open(&folder.join("store")).unwrap();
    while store.last() > last {
        store.archive().unwrap().set_aside(store.last()).unwrap();
    }
}

#[test]
fn a_kill_in_any_step_of_a_roll_back_leaves_it_to_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path(), BLOCKS);
    keyed(&first, "ada/1", put("a", "before"));
    upgraded(&first, &workshop().kv_v2());
    for number in 2..12 {
        keyed(
            &first,
            &format!("ada/{number}"),
            put("a", &format!("after {number}")),
        );
    }
    let last = first.status().height;
    first.node().roll_back(0).unwrap();
    drop(first);
    let decided = copied(folder.path());
    let whole = |folder: &Path| {
        let node = node(folder, BLOCKS);
        assert_eq!(
            (node.generation(), node.status().branch),
            (Generation(1), 1)
        );
        assert_eq!(entry(&node, "a").0, "after 11");
        let report = node.status().last_upgrade.unwrap();
        assert_eq!(report.state, UpgradeState::RolledBack);
        assert_eq!(node.node().upgrades().len(), 1);
        (node.states(), node.status().height)
    };
    let (states, height) = whole(decided.path());
    assert!(height >= last);
    let through = height;
    let after = {
        let store = DiskStore::open(&decided.path().join("store")).unwrap();
        let points = store.archive().unwrap().records("branch/").unwrap();
        let point: Value = serde_json::from_slice(&points[0].1).unwrap();
        point["after"].as_u64().unwrap()
    };
    // As if the node had been killed with so many blocks of the new branch in its log.
    for kept in (after..through.0).step_by(3) {
        let left = copied(decided.path());
        cut(left.path(), Height(kept));
        forget_aside(left.path());
        assert_eq!(whole(left.path()).0, states, "killed behind block {kept}");
    }
}

/// What was cut off above was not taken out by an operator.
fn forget_aside(folder: &Path) {
    let store = DiskStore::open(&folder.join("store")).unwrap();
    let archive = store.archive().unwrap();
    let aside = archive.records("aside/").unwrap();
    let gone = aside
        .into_iter()
        .map(|(name, _)| refit_store::RecordChange::remove(name));
    archive.set_records(gone.collect()).unwrap();
}

/// Version 2, whose states with a key `rotten` do not pass their check.
pub(crate) fn refuses_rotten() -> Source {
    Source::kv_v2().replacing(
        "src/engine.rs",
        "    fn check(&self) -> Result<(), Fault> {\n",
        "    fn check(&self) -> Result<(), Fault> {\n        if self.entries.contains_key(\"rotten\") {\n            \
         return Err(Fault::new(\"rotten\", \"a key is rotten\"));\n        }\n",
    )
}

#[test]
fn a_state_that_does_not_pass_its_check_keeps_the_generation_on_probation_until_it_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let library = workshop().library("kv-refuses-rotten", refuses_rotten);
    let first = node(folder.path(), 50);
    upgraded(&first, &library);
    keyed(&first, "ada/1", put("rotten", "x"));
    let unsound = |node: &Harness| {
        let deadline = Instant::now() + WAIT;
        loop {
            let status = node.status();
            let on = status.probation.expect("it is not permanent by itself");
            if let Some(why) = on.unsound {
                assert!(status.height >= on.until);
                return why;
            }
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    assert!(unsound(&first).contains("a key is rotten"));
    // Also for a start that finds it so; and it serves.
    drop(first);
    let second = node(folder.path(), 50);
    assert!(unsound(&second).contains("a key is rotten"));
    keyed(&second, "ada/2", put("a", "x"));
    let third = rolled_back(second, folder.path());
    assert_eq!(third.generation(), Generation(1));
    assert_eq!(entry(&third, "rotten").0, "x");
    // An operator may keep it too.
    upgraded(&third, &library);
    third.node().confirm_upgrade(0).unwrap();
    assert_eq!(third.status().probation, None);
}
