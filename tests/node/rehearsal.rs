//! An upgrade is rehearsed before it happens: what would loop, crash or eat memory in the pause does so
//! in a process of its own, and the node serves on.

use crate::{assert_mapped, assert_serves, entry, put, reason, workshop};
use refit_abi::Generation;
use refit_admin::ApplyOptions;
use refit_admin::Node as _;
use refit_admin::api::{Phase, UpgradeReport, UpgradeState};
use refit_node::{NodeConfig, RehearsalCommand};
use refit_tests::{Harness, Source, Workshop, process};
use refit_upgrade::{Class, Directives, Plan};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Address space of these rehearsals, in bytes: enough for a small state, soon eaten.
const MEMORY_BYTES: u64 = 1 << 30;

/// The rehearsal's program, killed after `deadline`.
pub(crate) fn command(deadline: Duration) -> RehearsalCommand {
    RehearsalCommand::new(env!("CARGO_BIN_EXE_refit-test-rehearsal"))
        .memory(MEMORY_BYTES)
        .deadline(deadline)
}

/// A node with one store of version 1 that rehearses, as changed.
fn rehearsing(
    workshop: &Workshop,
    deadline: Duration,
    configure: impl FnOnce(&mut NodeConfig),
) -> Harness {
    let node = Harness::start_with(workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.rehearsal = Some(command(deadline));
        configure(config);
    });
    for number in 0..500 {
        node.send("kv", put(&format!("key-{number}"), "before"))
            .unwrap();
    }
    node
}

/// The most tries of a rehearsal that a slow moment may have shortened.
const TRIES_MAX: usize = 50;

/// Enough for any rehearsal that ends.
const LONG: Duration = Duration::from_secs(60);

/// Version 2 of `kv` whose migration begins with `code` if there is anything to migrate.
pub(crate) fn version_2_that(workshop: &Workshop, variant: &str, code: &str) -> PathBuf {
    workshop.library(variant, || {
        let code =
            format!("if !old.entries.is_empty() {{ {code} }}\n    let entry = |value: &String|");
        Source::kv_v2().replacing("src/state.rs", "let entry = |value: &String|", &code)
    })
}

/// The value of a metric; its name has all labels.
fn metric(node: &Harness, name: &str) -> f64 {
    let text = node.node().metrics().encode();
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    let found = text.lines().find_map(value);
    found.unwrap_or_else(|| panic!("no metric {name} in:\n{text}"))
}

#[test]
fn metrics_count_messages_by_kind_blocks_and_rehearsals() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| {});
    assert_eq!(metric(&node, "refit_messages_total{kind=\"kv\"}"), 500.0);
    assert_eq!(metric(&node, "refit_engines{kind=\"kv\"}"), 1.0);
    assert!(metric(&node, "refit_block_seconds_count") >= 1.0);
    assert!(metric(&node, "refit_block_seconds_sum") > 0.0);
    let bad = version_2_that(&workshop, "kv-rehearsal-counted", "panic!(\"no\");");
    assert_refused(&node, &bad, "transition-panicked");
    let report = node.upgrade("kv", &workshop.kv_v2());
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    for outcome in ["passed", "failed"] {
        let name = format!("refit_rehearsals_total{{outcome=\"{outcome}\"}}");
        assert_eq!(metric(&node, &name), 1.0, "{outcome}");
    }
    assert_eq!(metric(&node, "refit_rehearsal_seconds_count"), 2.0);
}

/// Brings `bad` to a node of version 1: it is refused after its rehearsal, and all is as before.
fn assert_refused(node: &Harness, bad: &Path, code: &str) -> UpgradeReport {
    let states = node.states();
    let report = node.upgrade("kv", bad);
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    assert_eq!(reason(&report), (code, "rehearsed".to_owned(), Some("kv")));
    assert_eq!((report.pause_us, report.predicted_us), (0, None));
    assert_eq!(node.generation(), Generation(1));
    assert_eq!(node.states(), states, "not a byte is other");
    assert_eq!(process::mappings_of(bad), 0, "it was never mapped here");
    assert_mapped(node, 1);
    assert_serves(node, "after");
    report
}

#[test]
fn a_rehearsal_tells_the_pause_and_the_very_states_that_the_upgrade_then_has() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let rehearsal = node.rehearse(&plan).unwrap();
    assert_eq!(rehearsal.reason, None);
    assert_eq!(rehearsal.engines, 1);
    assert!(rehearsal.predicted_us.is_some() && rehearsal.runs > 0);
    assert!(rehearsal.state_bytes > 500 * 10, "{rehearsal:?}");
    assert_eq!(node.generation(), Generation(1), "nothing happened");
    assert_mapped(&node, 1);
    assert_serves(&node, "key-0");
    let again = node.rehearse(&plan).unwrap();
    assert_ne!(again.digest, rehearsal.digest, "the state has changed");

    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(again.digest, digest(&node));
    let (copy, without) = (report.copy_us.unwrap(), report.without_block.unwrap());
    assert_eq!(
        without.total_us,
        copy + without.sweep_us + report.pause_us + without.next_us + without.handover_us,
        "{report:?}"
    );
    let predicted = report.predicted_us.unwrap();
    let (low, high) = (report.pause_us / 100, report.pause_us * 100 + 50_000);
    assert!((low..=high).contains(&predicted), "{report:?}");
    let phases: Vec<Phase> = report.phases.iter().map(|step| step.phase).collect();
    assert_eq!(
        phases[..4],
        [Phase::Staged, Phase::Probed, Phase::Rehearsed, Phase::Armed]
    );
    assert_eq!(entry(&node, "key-7"), ("before".to_owned(), 0));
}

/// As a rehearsal digests the states.
fn digest(node: &Harness) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("refit 2026 states after an upgrade");
    for (engine, state) in node.states() {
        hasher.update(&engine.to_bytes());
        hasher.update(blake3::hash(&state).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn a_state_that_points_into_the_old_code_is_found_although_the_rehearsal_unmaps_nothing() {
    let workshop = workshop();
    let old = workshop.library("hostile", || Source::fixture("hostile"));
    let new = workshop.library("hostile-v2", || {
        let version = ("version = \"1.0.0\"", "version = \"2.0.0\"");
        Source::fixture("hostile").replacing("Cargo.toml", version.0, version.1)
    });
    let node = Harness::start_with(&workshop, &[("one", "hostile", &old)], |config| {
        config.rehearsal = Some(command(LONG));
    });
    let plan = node.plan(&[("hostile", &new)], None).unwrap();
    assert_eq!(plan.modules[0].kinds[0].class, Class::Adopt);
    let reason = node.rehearse(&plan).unwrap().reason.unwrap();
    assert_eq!(reason.code, "rehearsal-old-code", "{reason:?}");
    assert_eq!(reason.engine.as_deref(), Some("one"));
    assert!(!reason.next.contains("migration"), "{reason:?}");
}

#[test]
fn a_migration_that_loops_is_killed_in_the_rehearsal_and_the_node_serves_on() {
    let workshop = workshop();
    let node = rehearsing(&workshop, Duration::from_secs(2), |_| ());
    let loops = version_2_that(&workshop, "kv-v2-loops", "loop { std::hint::spin_loop(); }");
    let loops = node.own_copy(&loops);
    let plan = node.plan(&[("kv", &loops)], None).unwrap();
    let id = node.begin(serde_json::to_string(&plan).unwrap()).unwrap();
    assert_serves(&node, "meanwhile");
    assert!(
        !node.node_report(id).state.is_final(),
        "it is still rehearsed"
    );
    node.ended(id);
    assert_refused(&node, &loops, "rehearsal-timeout");
    let good = node.upgrade("kv", &node.own_copy(&workshop.kv_v2()));
    assert_eq!(good.state, UpgradeState::Committed, "{good:?}");
}

#[test]
fn a_migration_that_allocates_without_end_ends_the_rehearsal_alone() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let hoards = version_2_that(
        &workshop,
        "kv-v2-hoards",
        "let mut hoard = Vec::new();\n\
         loop { hoard.push(vec![1_u8; 1 << 20]); std::hint::black_box(&hoard); }",
    );
    let report = assert_refused(&node, &node.own_copy(&hoards), "rehearsal-memory");
    assert!(report.reason.unwrap().detail.contains("1024 MiB"));
}

#[test]
fn a_migration_that_ends_the_process_ends_the_rehearsal_alone() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let crashes = version_2_that(
        &workshop,
        "kv-v2-crashes",
        "std::thread::sleep(std::time::Duration::from_millis(300)); std::process::abort();",
    );
    assert_refused(&node, &node.own_copy(&crashes), "rehearsal-crashed");
}

#[test]
fn a_migration_that_panics_is_refused_after_its_rehearsal_and_the_plan_is_told_so() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let panics = version_2_that(
        &workshop,
        "kv-v2-panics-rehearsed",
        "panic!(\"not thought of\")",
    );
    let panics = node.own_copy(&panics);
    assert_refused(&node, &panics, "transition-panicked");
    let plan = node.plan(&[("kv", &panics)], None).unwrap();
    let reason = node.rehearse(&plan).unwrap().reason.unwrap();
    assert_eq!(reason.code, "transition-panicked");
    assert_eq!(reason.engine.as_deref(), Some("kv"));
    assert!(reason.detail.contains("not thought of"), "{reason:?}");
}

#[test]
fn a_migration_that_fails_on_one_entry_is_told_with_engine_and_key_before_anything_happens() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let fails = version_2_that(
        &workshop,
        "kv-v2-fails-on-an-entry",
        "for (key, value) in &old.entries { if key == \"key-77\" {\n\
             return Err(refit_abi::Fault::new(\"no-number\", value.clone()).at(key));\n\
         } }",
    );
    let report = assert_refused(&node, &node.own_copy(&fails), "transition-failed");
    let reason = report.reason.unwrap();
    assert_eq!(reason.key.as_deref(), Some("key-77"));
    assert!(
        reason
            .detail
            .ends_with("at key `key-77`: before (no-number)"),
        "{reason:?}"
    );
}

#[test]
fn a_predicted_pause_above_the_bound_refuses_the_upgrade() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |config| {
        config.max_pause = Some(Duration::ZERO);
    });
    let v2 = node.own_copy(&workshop.kv_v2());
    let report = node.upgrade("kv", &v2);
    assert_eq!(report.state, UpgradeState::Refused);
    assert_eq!(
        reason(&report),
        ("pause-too-long", "rehearsed".to_owned(), None)
    );
    assert!(report.predicted_us.is_some(), "the prediction is shown");
    assert_serves(&node, "after");
    assert_mapped(&node, 1);

    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let options = ApplyOptions {
        max_pause_us: Some(60_000_000),
        ..ApplyOptions::default()
    };
    let report = node.apply_with(&plan, options).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
}

#[test]
fn a_bound_on_a_pause_that_nobody_predicts_refuses_the_upgrade() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |config| config.rehearsal = None);
    let v2 = node.own_copy(&workshop.kv_v2());
    let plan = node.plan(&[("kv", &v2)], None).unwrap();
    let options = ApplyOptions {
        max_pause_us: Some(60_000_000),
        ..ApplyOptions::default()
    };
    let report = node.apply_with(&plan, options).unwrap();
    assert_eq!(reason(&report).0, "pause-not-rehearsed");
    assert_eq!(node.rehearse(&plan).unwrap_err().why.code, "rehearsal-off");
    assert_serves(&node, "after");
}

#[test]
fn a_state_that_does_not_pass_its_check_is_refused_before_it_is_live() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let checks = workshop.library("kv-v1-checks", || {
        let init = "    fn init(_: Config, ";
        let check = "    fn check(&self) -> Result<(), Fault> {\n\
                     Err(Fault::new(\"never\", \"no state is right\"))\n    }\n\n";
        Source::kv_v1().replacing("src/engine.rs", init, &format!("{check}{init}"))
    });
    assert_refused(&node, &node.own_copy(&checks), "check-failed");
}

#[test]
fn a_migration_that_makes_another_state_each_time_is_refused() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let differs = workshop.library("kv-v2-differs", || {
        let clock = "value: format!(\"{value} {:?}\", std::time::Instant::now()),";
        Source::kv_v2().replacing("src/state.rs", "value: value.clone(),", clock)
    });
    let plan = node
        .plan(&[("kv", &node.own_copy(&differs))], None)
        .unwrap();
    // A machine that is slow at the moment runs it once: then there is nothing to compare.
    let compared = || {
        let report = node.rehearse(&plan).unwrap();
        assert!(report.reason.is_some() || report.runs == 1, "{report:?}");
        report.reason
    };
    let reason = (0..TRIES_MAX).find_map(|_| compared()).unwrap();
    assert_eq!(reason.code, "rehearsal-differs");
    assert_eq!(reason.engine.as_deref(), Some("kv"));
    assert_serves(&node, "after");
}

#[test]
fn of_engines_that_start_afresh_nothing_is_copied_for_a_rehearsal_and_it_tells_the_state_that_they_then_have()
 {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    let v2 = node.own_copy(&workshop.kv_v2());
    let directives = Directives {
        restart: ["kv".to_owned()].into(),
        ..Directives::default()
    };
    let candidate = node.candidate("kv", &v2).unwrap();
    let plan = Plan::make_with(&node.live(), &[candidate], None, &directives).unwrap();
    let rehearsal = node.rehearse(&plan).unwrap();
    assert_eq!(rehearsal.reason, None);
    assert_eq!((rehearsal.engines, rehearsal.state_bytes), (1, 0));

    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(rehearsal.digest, digest(&node));
    assert_serves(&node, "afresh");
}

#[test]
fn the_memory_that_is_told_is_the_upgrades_own() {
    let workshop = workshop();
    let node = rehearsing(&workshop, LONG, |_| ());
    for number in 0..32 {
        let large = "x".repeat(900 << 10);
        node.send("kv", put(&format!("large-{number}"), &large))
            .unwrap();
    }
    let adopts = workshop.library("kv-v1-adopted", || {
        Source::kv_v1().replacing("src/engine.rs", "bytes, at most", "bytes, not above")
    });
    let plan = node.plan(&[("kv", &node.own_copy(&adopts))], None).unwrap();
    let report = node.rehearse(&plan).unwrap();
    assert!(report.state_bytes > 28 << 20, "{report:?}");
    // Nothing is made anew: writing all states down for the digest is not the upgrade's doing.
    assert!(report.memory_bytes < report.state_bytes / 2, "{report:?}");
}
