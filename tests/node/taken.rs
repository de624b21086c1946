//! A migration that starts an engine under a name that is taken, and thinks of no other.

use crate::{assert_mapped, assert_serves, entry, put, reason, workshop};
use refit_admin::api::UpgradeState;
use refit_tests::{Harness, Source};

/// Version 3 of `kv` that calls its index by one name, whether it is taken or not.
fn stubborn() -> Source {
    Source::kv_v3()
        .replacing(
            "src/state.rs",
            "use refit_abi::{BusError, ",
            "use refit_abi::{",
        )
        .replacing(
            "src/state.rs",
            "None | Some(Err(BusError::Taken { .. })) =>",
            "None =>",
        )
}

#[test]
fn an_upgrade_that_starts_an_engine_under_a_taken_name_says_to_choose_another_and_changes_nothing()
{
    let workshop = workshop();
    let kv = workshop.kv_v1();
    let engines = [("kv", "kv", kv.as_path()), ("kv-index", "kv", kv.as_path())];
    let node = Harness::start(&workshop, &engines);
    node.send("kv", put("word", "kept")).unwrap();
    node.send("kv-index", put("word", "mine")).unwrap();
    let before = (node.generation(), node.states(), node.status().kinds);
    let stubborn = node.own_copy(&workshop.library("kv-v3-stubborn", stubborn));
    let plan = node.plan(&[("kv", &stubborn)], None).unwrap();
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(
        reason(&report),
        ("transition-failed", "transitioned".to_owned(), Some("kv"))
    );
    let detail = report.reason.unwrap().detail;
    for part in ["bus-taken", "`kv-index` exists; choose another name"] {
        assert!(detail.contains(part), "no `{part}` in {detail}");
    }
    let after = (node.generation(), node.states(), node.status().kinds);
    assert_eq!(after, before);
    assert_mapped(&node, 1);
    assert_eq!(entry(&node, "word").0, "kept");
    assert_serves(&node, "after");
    // A start under another name succeeds.
    let report = node.upgrade("kv", &node.own_copy(&workshop.kv_v3()));
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_serves(&node, "later");
}
