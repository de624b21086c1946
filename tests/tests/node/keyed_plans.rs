//! A plan under a key is taken on once, however often it is applied.

use crate::{assert_serves, store, workshop};
use refit_abi::Generation;
use refit_admin::Wishes;
use refit_admin::api::UpgradeState;

#[test]
fn a_plan_under_a_key_is_taken_on_once_and_what_is_refused_leaves_the_key_free() {
    let workshop = workshop();
    let node = store(&workshop);
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let apply = |text: &str| node.begin_keyed("op/1", text.to_owned(), Wishes::default());

    // Nothing was done, so the key is free.
    assert_eq!(apply("{}").unwrap_err().code, "plan-unreadable");
    let first = apply(&text).unwrap();
    assert!(!first.repeated);
    let before = apply(&text).unwrap();
    assert_eq!((before.id, before.repeated), (first.id, true));
    assert_eq!(node.ended(first.id).state, UpgradeState::Committed);

    // After its end too, though the plan fits the node no more.
    let after = apply(&text).unwrap();
    assert_eq!((after.id, after.repeated), (first.id, true));
    assert_eq!(node.generation(), Generation(2));

    // Another plan, or the same with other wishes, is another request.
    let other = apply("{}").unwrap_err();
    assert_eq!((other.status, other.code.as_str()), (422, "key-used"));
    let wishes = Wishes {
        no_rehearsal: true,
        ..Wishes::default()
    };
    let other = node.begin_keyed("op/1", text.clone(), wishes).unwrap_err();
    assert_eq!(other.code, "key-used");

    // The keys of messages are apart.
    let sent = node.send_keyed("kv", "op/1", crate::put("a", "1"));
    assert!(sent.is_ok_and(|replied| !replied.repeated));
    assert_serves(&node, "after");
}
