//! The shadow replay: a plan's rehearsal says which of the last replies the new code would have given otherwise.

use crate::{put, rollback, workshop};
use refit_admin::api::ShadowReport;
use refit_node::{NodeParts, RehearsalCommand};
use refit_tests::{Harness, Source, same_copy};
use serde_json::json;
use std::path::Path;

/// A node on a folder that was asked a few things.
fn asked(folder: &Path) -> Harness {
    let (workshop, store) = (workshop(), folder.join("store"));
    let parts = NodeParts::on_disk(&store).unwrap();
    let library = workshop.kv_v1();
    let node = Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        config.engines[0].library = same_copy(&library, folder);
        config.probation_blocks = 0;
        let program = env!("CARGO_BIN_EXE_refit-test-rehearsal");
        config.rehearsal = Some(RehearsalCommand::new(program));
    });
    node.send("kv", put("a", "one")).unwrap();
    node.send("kv", put("a", "two")).unwrap();
    node.send_keyed("kv", "ada/1", put("b", "three")).unwrap();
    node.send("kv", json!({"delete": {"key": "a"}})).unwrap();
    node
}

fn shadow(node: &Harness, library: &Path) -> ShadowReport {
    let plan = node.plan(&[("kv", library)], None).unwrap();
    let report = node.rehearse(&plan).unwrap();
    assert_eq!(report.reason, None);
    report.shadow.unwrap()
}

#[test]
fn replies_that_the_new_code_gives_otherwise_are_counted_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let node = asked(folder.path());
    let other = workshop().library("kv-tells-otherwise", rollback::tells_otherwise);
    let found = shadow(&node, &other);
    assert_eq!(found.ended, None, "{found:?}");
    assert_eq!(found.blocks, node.status().height.0 - found.after.0);
    assert_eq!((found.same, found.different["kv"]), (1, 3), "{found:?}");
    let first = &found.shown[0];
    assert_eq!(first.engine, "kv");
    assert!(first.new.contains("otherwise") && !first.live.contains("otherwise"));
    assert_eq!(found.poisoned, [""; 0]);
    // It has changed nothing, and neither does it find anything where nothing differs.
    let code = Source::kv_v1().replacing(
        "src/engine.rs",
        "RANGE_ENTRIES_MAX: usize = 1_000;",
        "RANGE_ENTRIES_MAX: usize = 10_000;",
    );
    let same = shadow(&node, &workshop().library("kv-v1-wider", || code));
    assert_eq!((same.same, same.different.len()), (4, 0), "{same:?}");
}

#[test]
fn an_engine_that_panics_under_the_new_code_alone_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let node = asked(folder.path());
    let panics = || {
        let put = "Ok(Reply::Stored { previous })";
        let panics =
            "{ if previous.is_some() { panic!(\"not twice\") } Ok(Reply::Stored { previous }) }";
        Source::kv_v2().replacing("src/engine.rs", put, panics)
    };
    let found = shadow(&node, &workshop().library("kv-panics-twice", panics));
    assert_eq!(found.poisoned, ["kv"], "{found:?}");
    assert!(found.different["kv"] >= 1);
}

#[test]
fn a_node_that_keeps_nothing_says_that_there_is_nothing_to_replay() {
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        let program = env!("CARGO_BIN_EXE_refit-test-rehearsal");
        config.rehearsal = Some(RehearsalCommand::new(program));
    });
    node.send("kv", put("a", "one")).unwrap();
    let found = shadow(&node, &workshop.kv_v2());
    assert_eq!((found.blocks, found.same), (0, 0));
    assert!(found.ended.unwrap().contains("keeps no blocks"));
}
