//! A live engine's state as a fixture: the very bytes of the state, with what they are of.

use crate::{put, store, workshop};
use refit_abi::EngineId;
use refit_abi::fixture::Fixture;
use refit_admin::Node as _;
use refit_tests::Harness;
use serde_json::json;

fn captured(node: &Harness, engine: &str) -> Result<Fixture, (u16, String)> {
    let captured = node.node().state(EngineId::root(engine).unwrap());
    captured
        .map(|captured| {
            assert_eq!(captured.generation, node.generation());
            captured.fixture
        })
        .map_err(|refusal| (refusal.status, refusal.why.code))
}

#[test]
fn a_captured_state_is_the_state_with_what_is_needed_to_read_it() {
    let workshop = workshop();
    let node = store(&workshop);
    node.send("kv", put("a", "1")).unwrap();
    let fixture = captured(&node, "kv").unwrap();
    assert_eq!(fixture.state, node.states()[0].1);
    let status = node.status();
    let kind = &status.kinds[0];
    assert_eq!(
        (fixture.kind.as_str(), fixture.version, fixture.schema),
        ("kv", 1, kind.descriptor.schema)
    );
    assert_eq!(
        (&fixture.build_id, fixture.height),
        (&kind.build_id, status.height)
    );
    let text = fixture.to_json().unwrap();
    assert_eq!(Fixture::from_json(&text).unwrap(), fixture);

    // After a swap it is the new code's: states that are not yet settled are settled for it.
    node.upgrade("kv", &node.own_copy(&workshop.kv_v2()));
    let migrated = captured(&node, "kv").unwrap();
    assert_eq!(migrated.version, 2);
    assert_eq!(migrated.state, node.states()[0].1);
    node.send("kv", put("b", "2")).unwrap();
    let later = captured(&node, "kv").unwrap();
    assert!(later.height > migrated.height && later.state != migrated.state);
}

#[test]
fn an_engine_without_a_state_to_rely_on_is_refused() {
    let workshop = workshop();
    let node = store(&workshop);
    assert_eq!(
        captured(&node, "nobody").unwrap_err(),
        (404, "engine-unknown".to_owned())
    );
    let fragile = crate::together::fragile();
    let node = Harness::start(&workshop, &[("one", "fragile", &fragile)]);
    let to = serde_json::to_value(EngineId::root("one").unwrap()).unwrap();
    node.send("one", json!({"tell_and_break": {"to": to, "number": 7}}))
        .unwrap_err();
    assert_eq!(
        captured(&node, "one").unwrap_err(),
        (503, "engine-poisoned".to_owned())
    );
}
