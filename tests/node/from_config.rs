//! `--code from-config`: the configured code that is not live comes in before the node serves, or the start says why not.

use crate::offline_node::{Folder, armed, begin, fill, only, plan};
use crate::{entry, put, workshop};
use refit_abi::host::Explain;
use refit_abi::{Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::{Offline, QuarantineEntry, QuarantineState, UpgradeState};
use refit_node::{NodeConfig, Quarantine};
use std::path::Path;
use std::time::Duration;

#[test]
fn configured_code_that_is_not_live_comes_in_before_the_node_serves() {
    let folder = Folder::new();
    let (v1, v2) = (workshop().kv_v1(), workshop().kv_v2());
    let node = folder.start_with(|config| name(config, &v1));
    fill(&node);
    drop(node);
    // Named alone it is refused; ordered it comes in.
    let refused = folder.refused(|config| name(config, &v2));
    assert_eq!(refused.code(), "data-other-code");
    let bring = |config: &mut NodeConfig| {
        name(config, &v2);
        (config.live_code, config.brings_code) = (false, true);
        // Longer than this test.
        config.probation_blocks = 90_000;
    };
    let node = folder.start_with(bring);
    let report = only(&node);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert!(
        matches!(report.offline, Some(Offline::Node { .. })),
        "{report:?}"
    );
    assert_eq!(node.generation(), Generation(2));
    assert_eq!(entry(&node, "key 3").0, "old");
    node.send("kv", put("key 3", "new")).unwrap();
    drop(node);
    // It is live now: nothing comes in any more.
    let node = folder.start_with(bring);
    assert_eq!(
        (node.generation(), entry(&node, "key 3").1),
        (Generation(2), 1)
    );
    assert_eq!(only(&node).id, report.id);
    drop(node);
    // What is too early keeps the node from starting, and changes nothing.
    let back = |config: &mut NodeConfig| {
        name(config, &v1);
        config.brings_code = true;
    };
    let refused = folder.refused(back);
    assert_eq!(refused.code(), "on-probation", "{refused}");
    assert!(refused.next().contains("--code live"), "{}", refused.next());
    assert_eq!(folder.start().generation(), Generation(2));
}

/// Has this library configured for all engines.
fn name(config: &mut NodeConfig, library: &Path) {
    for engine in &mut config.engines {
        engine.library = library.to_owned();
    }
}

/// Has this library configured for all engines, and brought in.
fn bring(config: &mut NodeConfig, library: &Path) {
    name(config, library);
    (config.live_code, config.brings_code) = (false, true);
}

#[test]
fn configured_code_that_has_failed_before_is_not_brought_by_a_start_that_names_it() {
    let folder = Folder::new();
    let (v1, v2) = (workshop().kv_v1(), workshop().kv_v2());
    let node = folder.start_with(|config| name(config, &v1));
    fill(&node);
    let artifact = node.candidate("kv", &v2).unwrap().artifact;
    drop(node);
    let quarantine = Quarantine::in_memory();
    let failed = QuarantineEntry {
        artifacts: vec![artifact.clone()],
        packages: Vec::new(),
        at_ms: 0,
        height: 1,
        state: QuarantineState::Failed,
        code: "transition-failed".to_owned(),
        reason: "it has no value for a field".to_owned(),
    };
    quarantine.add(failed).unwrap();
    let brings = |config: &mut NodeConfig| {
        bring(config, &v2);
        config.quarantine = quarantine.clone();
    };
    let node = folder.start_with(brings);
    assert_eq!(node.generation(), Generation(1));
    assert!(node.node().upgrades().is_empty(), "it was not tried");
    drop(node);
    // An operator's word on it is enough.
    quarantine.clear(&artifact).unwrap();
    assert_eq!(folder.start_with(brings).generation(), Generation(2));
}

#[test]
fn configured_code_does_not_come_in_beside_an_upgrade_that_is_armed() {
    let folder = Folder::new();
    let (v1, v2) = (workshop().kv_v1(), folder.library(&workshop().kv_v2()));
    let node = folder.start_with(|config| name(config, &v1));
    fill(&node);
    let far = Height(node.status().height.0 + 1_000_000);
    begin(&node, &plan(&node, &v2, Some(far)));
    armed(&node);
    drop(node);
    let v4 = workshop().kv_v4();
    let refused = folder.refused(|config| {
        bring(config, &v4);
        config.on_offline = Some(std::sync::Arc::new(|| ()));
    });
    assert_eq!(refused.code(), "upgrade-under-way", "{refused}");
    assert!(
        refused.next().contains("refit upgrade cancel"),
        "{}",
        refused.next()
    );
    let node = folder.start();
    armed(&node);
    assert_eq!(
        (node.generation(), only(&node).at_height),
        (Generation(1), Some(far))
    );
}

#[test]
fn configured_code_does_not_come_in_where_it_may_not_or_where_two_files_have_its_kind() {
    let folder = Folder::new();
    let (v1, v2) = (workshop().kv_v1(), workshop().kv_v2());
    let node = folder.start_with(|config| name(config, &v1));
    fill(&node);
    drop(node);
    let refused = folder.refused(|config| {
        bring(config, &v2);
        config.on_offline = Some(std::sync::Arc::new(|| ()));
        config.max_downtime = Some(Duration::ZERO);
    });
    assert_eq!(refused.code(), "downtime-refused", "{refused}");
    assert!(
        refused.next().contains("max_downtime"),
        "{}",
        refused.next()
    );
    let v4 = workshop().kv_v4();
    let refused = folder.refused(|config| {
        bring(config, &v2);
        config.on_offline = Some(std::sync::Arc::new(|| ()));
        config.engines[1].library.clone_from(&v4);
    });
    assert_eq!(refused.code(), "plan-kind-twice", "{refused}");
    assert_eq!(folder.start().generation(), Generation(1));
}
