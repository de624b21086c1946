//! What became of a plan under a key is told in every later life of the node, wherever it was killed meanwhile.

use crate::recovery::{copy_all, killed};
use crate::{put, taken_up, workshop};
use parking_lot::Mutex;
use refit_abi::{Generation, Height};
use refit_admin::api::{UpgradeAccepted, UpgradeReport, UpgradeState};
use refit_admin::{ApplyOptions, Refusal};
use refit_node::{NodeParts, Quarantine};
use refit_store::{Step, Steps};
use refit_tests::{Harness, same_copy};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A height that does not come.
const FAR: Height = Height(1 << 40);

fn node(store: &Path, libraries: &Path) -> Harness {
    taken_up::node(store, libraries, Quarantine::in_memory())
}

fn plan(node: &Harness, at_height: Option<Height>) -> String {
    let plan = node.plan(&[("kv", &workshop().kv_v2())], at_height);
    serde_json::to_string(&plan.unwrap()).unwrap()
}

fn apply(node: &Harness, key: &str, plan: &str) -> Result<UpgradeAccepted, Refusal> {
    node.begin_keyed(key, plan.to_owned(), ApplyOptions::default())
}

/// The code of the reason why it did not happen, and what to do next.
fn why(report: UpgradeReport) -> (UpgradeState, String, String) {
    let reason = report.reason.unwrap();
    (report.state, reason.code, reason.next)
}

#[test]
fn the_end_of_a_plan_under_a_key_is_told_after_a_restart_and_a_cancel_is_kept_before_it_is_answered()
 {
    let (folder, libraries) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = node(folder.path(), libraries.path());
    let (far, now) = (plan(&first, Some(FAR)), plan(&first, None));
    let cancelled = apply(&first, "op/1", &far).unwrap().id;
    first.cancel(cancelled).unwrap();
    let left = killed(folder.path());
    let committed = apply(&first, "op/2", &now).unwrap().id;
    first.ended(committed);
    drop(first);

    for folder in [left.path(), folder.path()] {
        let second = node(folder, libraries.path());
        let told = apply(&second, "op/1", &far).unwrap();
        assert_eq!((told.id, told.repeated), (cancelled, true));
        let (state, code, _) = why(second.node_report(cancelled));
        assert_eq!(
            (state, &*code),
            (UpgradeState::Refused, "upgrade-cancelled")
        );
    }
    let second = node(folder.path(), libraries.path());
    let told = apply(&second, "op/2", &now).unwrap();
    assert_eq!((told.id, told.repeated), (committed, true));
    let report = second.node_report(committed);
    assert_eq!(report.state, UpgradeState::Committed);
    assert_eq!(second.generation(), Generation(2));
}

#[test]
fn a_plan_under_a_key_that_was_not_armed_when_its_node_was_killed_is_told_as_not_done() {
    let (folder, libraries) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = node(folder.path(), libraries.path());
    first.send("kv", put("a", "before")).unwrap();
    let text = plan(&first, None);
    let left = {
        // While this is held no phase of an upgrade ends.
        let _phases = first.watch().lock();
        apply(&first, "op/1", &text).unwrap();
        killed(folder.path())
    };
    drop(first);
    let second = node(left.path(), libraries.path());
    let told = apply(&second, "op/1", &text).unwrap();
    assert!(told.repeated);
    let (state, code, next) = why(second.node_report(told.id));
    assert_eq!((state, &*code), (UpgradeState::Refused, "node-ended"));
    assert!(next.contains("another key"), "{next}");
    let other = apply(&second, "op/2", &text).unwrap();
    assert!(!other.repeated && other.id > told.id);
    assert_eq!(second.ended(other.id).state, UpgradeState::Committed);
}

/// Keeps the folder of a store as it is at each of its steps, while it is told to.
struct Copies {
    store: PathBuf,
    kept: Mutex<Option<Vec<TempDir>>>,
}

impl Steps for Copies {
    fn at(&self, _: Step<'_>) {
        if let Some(kept) = &mut *self.kept.lock() {
            let copy = tempfile::tempdir().unwrap();
            copy_all(&self.store, copy.path());
            kept.push(copy);
        }
    }
}

#[test]
fn a_kill_at_any_step_of_taking_a_plan_on_leaves_its_key_free_or_its_end_known() {
    let (folder, libraries) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copies = Arc::new(Copies {
        store: folder.path().to_owned(),
        kept: Mutex::default(),
    });
    let parts = NodeParts::on_disk_heard(folder.path(), copies.clone()).unwrap();
    let library = workshop().kv_v1();
    let first = Harness::start_on(&workshop(), &[("kv", "kv", &library)], parts, |config| {
        config.engines[0].library = same_copy(&library, libraries.path());
        config.workers = 1;
    });
    let text = plan(&first, Some(FAR));
    let left = {
        let _phases = first.watch().lock();
        *copies.kept.lock() = Some(Vec::new());
        apply(&first, "op/1", &text).unwrap();
        copies.kept.lock().take().unwrap()
    };
    drop(first);
    let mut repeated = Vec::new();
    for left in &left {
        let second = node(left.path(), libraries.path());
        let told = apply(&second, "op/1", &text).unwrap();
        let report = second.node_report(told.id);
        assert_eq!(told.repeated, report.state == UpgradeState::Refused);
        repeated.push(told.repeated);
    }
    assert!(repeated.contains(&true) && repeated.contains(&false));
    assert!(repeated.is_sorted(), "{repeated:?}");
}
