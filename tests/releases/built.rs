//! A real engine of a release: built in the sandbox, the same twice, loaded, and asked what it was built from.

use crate::tree::{ENGINE, lay, listing};
use refit_build::{ReleaseBuilder, SourceTree};
use refit_loader::ChildLoader;
use refit_sandbox::{Launcher, Level};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

#[test]
fn a_real_engine_is_built_confined_twice_the_same_and_says_what_it_was_built_from() {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = |name: &str| place.path().join(name);
    let launcher = Launcher::new(env!("CARGO_BIN_EXE_refit-test-launcher"), [""; 0]);
    let builder = ReleaseBuilder::new(path("root"), launcher);
    lay(&path("one"));
    let listed = listing(&path("one"));
    let tree = SourceTree::check(&path("one"), &listed).unwrap();
    let built = builder.build(&tree, ENGINE).unwrap();
    assert!(built.filled && built.level == Level::L3, "{built:?}");

    // Elsewhere, with what was compiled before: the same bytes, and only the engine is compiled.
    fs::rename(path("one"), path("two")).unwrap();
    let tree = SourceTree::check(&path("two"), &listed).unwrap();
    let start = Instant::now();
    let again = builder.build(&tree, ENGINE).unwrap();
    println!("built again in {:?}", start.elapsed());
    assert_eq!(
        (again.artifact.as_str(), again.filled),
        (built.artifact.as_str(), false)
    );
    assert_eq!(again.compiled.len(), 1, "{:?}", again.compiled);

    let module = ChildLoader::new()
        .unwrap()
        .load_file(&built.library)
        .unwrap();
    assert_eq!(module.module().build_id(), built.build_id);
    let kinds = &module.module().descriptor().kinds;
    assert!(kinds.iter().any(|kind| kind.kind == "kv"));
}
