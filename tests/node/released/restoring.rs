//! Whatever ends a restore, no node begins a chain in its folder before it has come to its end.

use super::authority::keyset;
use super::restored::{begun, by_id, restore_by, taken_by};
use crate::recovery::copy_all;
use crate::workshop;
use refit_abi::host::Explain;
use refit_admin::Node as _;
use refit_node::doctor::{Look, judge, look};
use refit_node::snapshot::Restore;
use refit_store::{Step, Steps, Store};
use refit_tests::opened;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Copies a store at each step of a restore, as a restore leaves it that is killed there.
struct AtEach {
    store: PathBuf,
    to: PathBuf,
    steps: Mutex<Vec<String>>,
}

impl Steps for AtEach {
    fn at(&self, step: Step<'_>) {
        let mut steps = self.steps.lock().unwrap();
        copy_all(
            &self.store,
            &self.to.join(steps.len().to_string()).join("store"),
        );
        steps.push(step.to_string());
    }
}

/// What stands under this name in the records of a data folder's store.
fn record(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let store = opened(&folder.join("store"));
    store.archive().unwrap().record(name).unwrap()
}

fn findings(folder: &Path) -> Vec<String> {
    let facts = look(&Look {
        folder,
        wanted: None,
        keyset: None,
        all: true,
        probe: &workshop().probe(),
    });
    judge(&facts).into_iter().map(|it| it.code).collect()
}

#[test]
fn a_node_begins_no_chain_where_a_restore_was_killed_and_the_same_restore_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (file, copies) = (path("taken"), path("copies"));
    taken_by(&[keyset(1), keyset(2)], &file);
    let vouched = by_id(&keyset(2));
    let steps = Arc::new(AtEach {
        store: path("whole"),
        to: copies.clone(),
        steps: Mutex::default(),
    });
    let restore = Restore {
        file: &file,
        libraries: &[],
        vouched,
    };
    let restorable = restore.check().unwrap();
    restorable
        .into_store_heard(&path("whole"), steps.clone())
        .unwrap();

    let steps = steps.steps.lock().unwrap().clone();
    let at = |wanted: &str| steps.iter().position(|step| step == wanted).unwrap();
    let (begun_at, over_at) = (at("put-restoring-done"), at("keep-done"));
    for (number, step) in steps.iter().enumerate() {
        let cut = copies.join(number.to_string());
        if number < begun_at {
            // Nothing of the restore is there yet.
            assert_eq!(record(&cut, "identity"), None, "{step}");
        } else if number < over_at {
            let error = begun(&cut).map(drop).unwrap_err();
            assert_eq!(error.code(), "restore-unfinished", "{step}: {error}");
            let next = error.next();
            assert!(next.contains(&*file.display().to_string()), "{next}");
            assert_eq!(record(&cut, "trust/keyset"), None, "{step}");
            let found = findings(&cut);
            let is_named = found.iter().any(|code| code == "restore-unfinished");
            assert!(is_named, "{step}: {found:?}");
            restore_by(&file, &cut.join("store"), vouched).unwrap();
        }
        if number + 1 >= over_at {
            let node = begun(&cut).unwrap();
            assert_eq!(node.keyset().unwrap().version, 2, "{step}");
            node.stop();
        }
    }
}
