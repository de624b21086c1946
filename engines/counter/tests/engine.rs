//! The engine as a node runs it: real blocks, no node.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use refit_counter::{Counter, Message};
use refit_testkit::Testkit;

/// A testkit with one engine, called `mine`.
fn started() -> Testkit {
    let mut kit = Testkit::new(refit_counter::module());
    kit.start::<Counter>("mine", &()).unwrap();
    kit
}

#[test]
fn messages_change_the_count_and_a_query_reads_it() {
    let mut kit = started();
    let add = |amount| Message::Add { amount };
    assert_eq!(kit.send::<Counter>("mine", &add(2)).unwrap(), 2);
    // As a client writes it.
    let reply = kit.send_json("mine", r#"{"add":{"amount":3}}"#).unwrap();
    assert_eq!(reply, "5");
    assert_eq!(kit.query::<Counter>("mine", &()).unwrap(), 5);
}

#[test]
fn a_label_leaves_the_count_as_it_is() {
    let mut kit = started();
    kit.send::<Counter>("mine", &Message::Add { amount: 7 })
        .unwrap();
    let label = Message::Label {
        label: "visitors".to_owned(),
    };
    assert_eq!(kit.send::<Counter>("mine", &label).unwrap(), 7);
}

#[test]
fn a_sum_that_is_too_large_is_refused_and_changes_nothing() {
    let mut kit = started();
    kit.send::<Counter>("mine", &Message::Add { amount: 1 })
        .unwrap();
    // The testkit compares the state before and after, and panics if the fault has changed it.
    let fault = kit.send_fault::<Counter>("mine", &Message::Add { amount: u64::MAX });
    assert_eq!(fault.code, "overflow");
    assert_eq!(kit.query::<Counter>("mine", &()).unwrap(), 1);
}
