//! Tests that an operator's order under a key is done once, however often it is given: by the rules of messages, and
//! in one table with theirs, which every node has that executes the blocks.

use crate::fixed_blocks::in_a_second_process;
use crate::orders::{Logged, upgraded_store, value};
use crate::{assert_serves, put, workshop};
use refit_abi::{Generation, Height};
use refit_admin::api::UpgradeState;
use refit_admin::{ApplyOptions, Moment, Node as _, Refusal};
use refit_ordering::Entry;
use refit_tests::{Fixed, Harness};
use std::thread;

/// The text of a plan for version 2.
fn plan(node: &Harness, at_height: Option<Height>) -> String {
    let v2 = node.own_copy(&workshop().kv_v2());
    let plan = node.plan(&[("kv", &v2)], at_height).unwrap();
    serde_json::to_string(&plan).unwrap()
}

fn code<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> (u16, String) {
    let refused = refused.unwrap_err();
    (refused.status, refused.why.code)
}

fn used() -> (u16, String) {
    (422, "key-used".to_owned())
}

/// The plans that stand in blocks under keys.
fn taken_on(logged: &Logged) -> usize {
    let blocks = logged.blocks();
    let entries = blocks.iter().flat_map(|block| &block.entries);
    entries
        .filter(|entry| matches!(entry, Entry::Plan { key: Some(_), .. }))
        .count()
}

#[test]
fn a_plan_under_a_key_is_taken_on_once_and_told_again_after_its_end() {
    let logged = Logged::store();
    let node = &logged.node;
    let text = plan(node, None);
    let apply = |text: &str| node.begin_keyed("op/1", text.to_owned(), ApplyOptions::default());
    let first = apply(&text).unwrap();
    assert!(!first.repeated);
    let before = apply(&text).unwrap();
    assert_eq!((before.id, before.repeated), (first.id, true));
    assert_eq!(node.ended(first.id).state, UpgradeState::Committed);

    // After its end too, though the plan fits the node no more.
    let after = apply(&text).unwrap();
    assert_eq!((after.id, after.repeated), (first.id, true));
    assert_eq!(node.generation(), Generation(2));
    assert_eq!(taken_on(&logged), 1, "it stands in one block, and once");

    // Another plan, or the same with other options, is another request.
    let other = text.replacen("\"at_height\":null", "\"at_height\":9999999", 1);
    assert_ne!(other, text);
    assert_eq!(code(apply(&other)), used());
    let options = ApplyOptions {
        no_rehearsal: true,
        ..ApplyOptions::default()
    };
    assert_eq!(
        code(node.begin_keyed("op/1", text.clone(), options)),
        used()
    );
    let unread = apply("{}");
    assert_eq!(code(unread), (400, "plan-unreadable".to_owned()));
    assert_serves(node, "after");
}

#[test]
fn many_who_apply_a_plan_under_one_key_at_once_have_one_upgrade() {
    let logged = Logged::store();
    let node = &logged.node;
    let text = plan(node, None);
    let accepted: Vec<_> = thread::scope(|scope| {
        let apply = || node.begin_keyed("op/1", text.clone(), ApplyOptions::default());
        let all: Vec<_> = (0..6).map(|_| scope.spawn(apply)).collect();
        all.into_iter()
            .map(|one| one.join().unwrap().unwrap())
            .collect()
    });
    let first: Vec<_> = accepted.iter().filter(|it| !it.repeated).collect();
    assert_eq!(first.len(), 1, "{accepted:?}");
    assert!(accepted.iter().all(|it| it.id == first[0].id));
    assert_eq!(node.ended(first[0].id).state, UpgradeState::Committed);
    assert_eq!(node.node().upgrades().len(), 1);
    assert_eq!((node.generation(), taken_on(&logged)), (Generation(2), 1));
}

#[test]
fn a_plan_that_is_refused_leaves_its_key_free_and_is_in_no_block() {
    let logged = Logged::store();
    let node = &logged.node;
    node.send("kv", put("a", "before")).unwrap();
    let text = plan(node, None);
    let apply = |text: &str| node.begin_keyed("op/1", text.to_owned(), ApplyOptions::default());
    let stale = text.replacen("\"base\":1", "\"base\":7", 1);
    assert_ne!(stale, text);
    let refused = code(apply(&stale));
    assert_eq!(refused, (409, "plan-other-generation".to_owned()));
    // Under a key it has to stand in a block first, which is behind the present height.
    let now = node.node().counts();
    let height = node.status().height;
    let present = apply(&plan(node, Some(height)));
    assert_eq!(code(present), (409, "plan-height-passed".to_owned()));
    assert_eq!((node.node().counts(), taken_on(&logged)), (now, 0));

    let far = plan(node, Some(Height(1 << 40)));
    let wait = || node.begin_keyed("op/2", far.clone(), ApplyOptions::default());
    let waits = wait().unwrap().id;
    let busy = apply(&text);
    assert_eq!(code(busy), (409, "upgrade-under-way".to_owned()));
    node.cancel(waits).unwrap();
    let accepted = apply(&text).unwrap();
    assert!(!accepted.repeated);
    assert_eq!(node.ended(accepted.id).state, UpgradeState::Committed);
    // What was taken on and taken back was taken on: it is not begun again.
    let again = wait().unwrap();
    assert_eq!((again.id, again.repeated), (waits, true));
}

#[test]
fn a_key_that_a_message_has_is_none_for_an_order_nor_the_other_way_round() {
    let logged = Logged::store();
    let node = &logged.node;
    node.send_keyed("kv", "op/1", put("a", "1")).unwrap();
    let refused = node.begin_keyed("op/1", plan(node, None), ApplyOptions::default());
    assert_eq!(code(refused), used());
    assert_eq!(code(node.set("op/1", "keys.names", 9)), used());
    assert_eq!(code(node.restart("op/1", "kv")), used());
    assert!(node.node().upgrades().is_empty());

    node.set("op/2", "keys.names", 9).unwrap();
    assert_eq!(code(node.send_keyed("kv", "op/2", put("a", "2"))), used());
    assert_eq!(code(node.restart("op/2", "kv")), used());
    let plan = plan(node, None);
    let accepted = node.begin_keyed("op/3", plan, ApplyOptions::default());
    node.ended(accepted.unwrap().id);
    assert_eq!(code(node.send_keyed("kv", "op/3", put("a", "3"))), used());
    assert_eq!(crate::entry(node, "a").0, "1");
}

#[test]
fn parameters_and_restarts_under_a_key_are_done_once_also_across_a_rehearsed_upgrade() {
    let logged = Logged::store();
    let node = &logged.node;
    let set = || node.set("op/1", "mailbox.messages", 700).unwrap();
    let restart = || node.restart("op/2", "kv").unwrap();
    let (first, restarted) = (set(), restart());
    assert!(!first.repeated && !restarted.repeated);
    let again = set();
    assert!(again.repeated);
    assert_eq!(
        (again.moment, again.done),
        (first.moment, first.done.clone())
    );

    // Later changes stay: the key that is put here, and another value of the parameter.
    node.send("kv", put("a", "since")).unwrap();
    node.set("", "mailbox.messages", 900).unwrap();
    let report = node.upgrade("kv", &node.own_copy(&workshop().kv_v2()));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    let (again, restarted_again) = (set(), restart());
    assert!(again.repeated && restarted_again.repeated);
    assert_eq!(restarted_again.done, restarted.done);
    let height = restarted.done.height;
    let generation = Generation(1);
    assert_eq!(restarted_again.moment, Moment { height, generation });
    assert_eq!(again.done.ordered, first.done.ordered);
    assert_eq!(value(&again.done, "mailbox.messages"), 900, "as it is now");
    assert_eq!(crate::entry(node, "a").0, "since", "kv began afresh once");
}

#[test]
fn an_order_that_does_nothing_leaves_its_key_free() {
    let logged = Logged::store();
    let node = &logged.node;
    let nobody = node.restart("op/1", "nobody").unwrap_err();
    assert_eq!(
        (nobody.status, nobody.why.code.as_str()),
        (404, "engine-unknown")
    );
    let moment = nobody.moment.unwrap();
    assert_eq!(moment.height, node.status().height, "a block says so");
    let restarted = node.restart("op/1", "kv").unwrap();
    assert!(!restarted.repeated);
}

/// Orders under keys, repeated, and a plan that is taken back: what repeats are told is in replies, and those are in
/// the receipts.
#[test]
fn a_second_process_that_is_fed_the_blocks_has_the_same_keys() {
    let scene = upgraded_store();
    let (log, played) = {
        let solo = Fixed::solo(&scene);
        let node = solo.harness();
        node.set("op/1", "keys.answered", 7).unwrap();
        for number in 0..6 {
            node.send("kv", put(&format!("key-{number}"), "value"))
                .unwrap();
        }
        assert_eq!(solo.upgraded().state, UpgradeState::Committed);
        assert!(node.set("op/1", "keys.answered", 7).unwrap().repeated);
        assert!(!node.restart("op/2", "kv").unwrap().repeated);
        let far = workshop().kv_v4();
        let far = node.plan(&[("kv", &node.own_copy(&far))], Some(Height(1 << 40)));
        let far = serde_json::to_string(&far.unwrap()).unwrap();
        let accepted = node
            .begin_keyed("op/3", far, ApplyOptions::default())
            .unwrap();
        node.cancel(accepted.id).unwrap();
        for key in ["op/1", "op/2", "op/3"] {
            assert_eq!(code(node.send_keyed("kv", key, put("a", "b"))), used());
        }
        assert!(node.restart("op/2", "kv").unwrap().repeated);
        assert!(node.send_keyed("kv", "op/4", put("a", "b")).is_ok());
        (solo.log(), solo.played())
    };
    let replayed = in_a_second_process(&scene, &log);
    assert_eq!((replayed.refused.clone(), replayed), (None, played));
}
