//! Tests that events leave the node in order, once, and over swaps.

use crate::workshop;
use refit_admin::Node as _;
use refit_admin::api::{EventId, UpgradeState};
use refit_tests::{Harness, Source, Workshop};
use serde_json::json;
use std::path::PathBuf;

/// An engine that emits each number it was given, and refuses 13 after it has emitted it.
fn telling(workshop: &Workshop, base: u64) -> PathBuf {
    workshop.library(&format!("stubborn-telling-{base}"), || {
        let tells = "Message::Add(number) => {\n                ctx.emit(\"added\", &(number, number.to_string()))?;\n                \
                     if number == 13 {\n                    return Err(Fault::new(\"unlucky\", \"13\"));\n                }\n                \
                     self.sum = self.sum.wrapping_add(number);\n            }";
        Source::fixture("stubborn")
            .replacing("src/lib.rs", "BASE: u64 = 0", &format!("BASE: u64 = {base}"))
            .replacing("src/lib.rs", "Message::Add(number) => self.sum += number,", tells)
    })
}

fn told(node: &Harness, after: EventId) -> Vec<(String, String)> {
    let events = node.node().events().after(after, usize::MAX).unwrap();
    let shown = |event: &std::sync::Arc<refit_admin::api::Event>| {
        assert_eq!(
            (event.engine.as_str(), event.topic.as_str()),
            ("teller", "added")
        );
        let at = format!("generation {} height {}", event.generation, event.id.height);
        (at, event.event.get().to_owned())
    };
    events.iter().map(shown).collect()
}

#[test]
fn what_engines_emit_leaves_the_node_once_in_order_and_over_a_swap() {
    let workshop = workshop();
    let node = Harness::start(&workshop, &[("teller", "stubborn", &telling(&workshop, 0))]);
    let mut wanted = Vec::new();
    let mut add = |node: &Harness, number: u64, key: &str| {
        let replied = node.send_keyed("teller", key, json!({"add": number}));
        // A client that has a reply finds the event there.
        let events = told(node, EventId::default());
        if let Ok(replied) = replied
            && !replied.repeated
        {
            let at = format!(
                "generation {} height {}",
                replied.generation, replied.height
            );
            wanted.push((at, format!("[{number},\"{number}\"]")));
        }
        assert_eq!(events, wanted);
        events.len()
    };
    assert_eq!(add(&node, 1, "me/1"), 1);
    assert_eq!(
        add(&node, 1, "me/1"),
        1,
        "a repeat is not handled, and emits nothing"
    );
    assert_eq!(
        add(&node, 13, "me/2"),
        1,
        "a message that fails has emitted nothing"
    );
    assert_eq!(add(&node, u64::MAX, "me/3"), 2, "all digits");
    let report = node.upgrade("stubborn", &telling(&workshop, 100));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(add(&node, 2, "me/4"), 3);
    let all = node
        .node()
        .events()
        .after(EventId::default(), usize::MAX)
        .unwrap();
    assert_eq!(told(&node, all[1].id), wanted[2..]);
    let metrics = node.node().metrics().encode();
    assert!(
        metrics.lines().any(|line| line == "refit_events_total 3"),
        "{metrics}"
    );
}

#[test]
fn a_reader_hears_that_no_event_follows_when_the_node_has_stopped() {
    let workshop = workshop();
    let node = Harness::start(&workshop, &[("teller", "stubborn", &telling(&workshop, 0))]);
    node.send("teller", json!({"add": 1})).unwrap();
    let newest = node.node().events().newest();
    assert!(newest.has_changed().is_ok());
    node.node().stop();
    assert!(newest.has_changed().is_err());
    assert_eq!(
        told(&node, EventId::default()).len(),
        1,
        "the last ones are still there"
    );
}
