//! After the probation the way back is forward: the older code comes as the next generation, by the live code's
//! `MigrateBack`.

use crate::{entry, put, workshop};
use refit_abi::Generation;
use refit_admin::api::{Class, UpgradeState};
use refit_node::{NodeParts, RehearsalCommand};
use refit_tests::{Harness, same_copy};
use std::path::Path;

fn node(folder: &Path) -> Harness {
    let (workshop, store) = (workshop(), folder.join("store"));
    let parts = NodeParts::on_disk(&store).unwrap();
    let library = workshop.kv_v1();
    Harness::start_on(&workshop, &[("kv", "kv", &library)], parts, |config| {
        // The same bytes at each start.
        config.engines[0].library = same_copy(&library, folder);
        config.probation_blocks = 0;
        let program = env!("CARGO_BIN_EXE_refit-test-rehearsal");
        config.rehearsal = Some(RehearsalCommand::new(program));
    })
}

#[test]
fn an_older_version_comes_back_with_what_was_done_since_and_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = node(folder.path());
    first.send("kv", put("a", "before")).unwrap();
    let report = first.upgrade("kv", &workshop().kv_v2());
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    first.send("kv", put("b", "since")).unwrap();
    assert_eq!(entry(&first, "b"), ("since".to_owned(), 1));
    let report = first.upgrade("kv", &workshop().kv_v1());
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.engines[0].class, Class::MigrateBack);
    assert!(report.predicted_us.is_some(), "it was rehearsed");
    drop(first);

    let second = node(folder.path());
    let status = second.status();
    assert_eq!((status.generation, status.branch), (Generation(3), 0));
    assert_eq!(status.kinds[0].descriptor.version, 1);
    assert_eq!(entry(&second, "a"), ("before".to_owned(), 0));
    assert_eq!(entry(&second, "b"), ("since".to_owned(), 0));
    // And forward once more.
    let report = second.upgrade("kv", &workshop().kv_v2());
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(entry(&second, "b"), ("since".to_owned(), 0));
}
