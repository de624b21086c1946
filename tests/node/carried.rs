//! A kind that is not in the plan is carried: its code, its age and its states are those of before.

use crate::together::{fragile, fragile_edited};
use crate::{assert_serves, put, workshop};
use refit_abi::{EngineId, Generation};
use refit_admin::api::{EngineStatus, KindStatus, UpgradeState};
use refit_tests::Harness;
use serde_json::{Value, json};
use std::path::Path;

/// All that `status` says of the engines of a kind, and their states as bytes.
#[derive(Debug, PartialEq)]
struct Kept {
    kind: KindStatus,
    engines: Vec<EngineStatus>,
    states: Vec<(EngineId, Vec<u8>)>,
}

fn kept(node: &Harness, kind: &str) -> Kept {
    let status = node.status();
    let described = |it: &KindStatus| it.descriptor.kind == kind;
    let of_kind = status.engines.into_iter().filter(|it| it.kind == kind);
    let engines: Vec<_> = of_kind.collect();
    let mut states = node.states();
    states.retain(|(id, _)| engines.iter().any(|engine| engine.id == id.to_string()));
    assert!(!states.is_empty() && states.len() == engines.len());
    Kept {
        kind: status.kinds.into_iter().find(described).unwrap(),
        engines,
        states,
    }
}

/// Upgrades one kind; of the other not a word is other.
fn assert_carries(node: &Harness, (kind, to): (&str, &Path), carried: &str) {
    let (before, planned) = (kept(node, carried), kept(node, kind));
    let plan = node.plan(&[(kind, &node.own_copy(to))], None).unwrap();
    assert!(plan.carried.iter().any(|name| name == carried), "{plan:?}");
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(node.generation(), report.to);
    assert_eq!(kept(node, carried), before);
    let after = kept(node, kind);
    assert_eq!(after.kind.generation_since, report.to);
    assert_ne!(after.kind.artifact, planned.kind.artifact);
}

#[test]
fn a_kind_that_is_not_in_the_plan_keeps_its_code_its_generation_and_its_states() {
    let workshop = workshop();
    let (fragile, kv) = (fragile(), workshop.kv_v1());
    let engines = [
        ("kv", "kv", kv.as_path()),
        ("other", "kv", kv.as_path()),
        ("steady", "steady", fragile.as_path()),
        ("again", "steady", fragile.as_path()),
    ];
    let node = Harness::start(&workshop, &engines);
    for (steady, number) in [("steady", 5), ("again", 7)] {
        node.send(steady, json!(number)).unwrap();
    }
    node.send("kv", put("word", "kept")).unwrap();
    node.send("other", put("word", "kept too")).unwrap();

    assert_carries(&node, ("kv", &workshop.kv_v2()), "steady");
    assert_carries(&node, ("steady", &fragile_edited()), "kv");
    assert_carries(&node, ("kv", &workshop.kv_v3()), "steady");
    let since = |kind| kept(&node, kind).kind.generation_since;
    assert_eq!(
        (since("kv"), since("steady")),
        (Generation(4), Generation(3))
    );
    assert_eq!(node.query("again", Value::Null).unwrap(), 1007);
    assert_serves(&node, "after");
}
