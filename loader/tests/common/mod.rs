//! Real modules for the loader's tests: the fixture engine, and variants of it.

use refit_build::{Builder, Profile};
use refit_loader::{Loader, ProbeCommand};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A loader whose probe is this package's own program.
pub(crate) fn loader() -> Loader {
    let probe = ProbeCommand::new(env!("CARGO_BIN_EXE_refit-probe"));
    Loader::new(probe.deadline(Duration::from_secs(30))).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Builds the fixture with changes; `name` names the variant and its place between runs.
pub(crate) fn build(name: &str, edit: impl Fn(&mut String, &mut String)) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = root.join("variants").join(name);
    let fixture = repository().join("tests/fixtures/probe-engine");
    let mut manifest = fs::read_to_string(fixture.join("Cargo.toml")).unwrap();
    manifest = manifest.replace("../../../abi", repository().join("abi").to_str().unwrap());
    let mut library = fs::read_to_string(fixture.join("src/lib.rs")).unwrap();
    edit(&mut manifest, &mut library);
    fs::create_dir_all(source.join("src")).unwrap();
    write(&source.join("Cargo.toml"), &manifest);
    write(&source.join("src/lib.rs"), &library);
    let builder = Builder::new(root.join("refit-build")).with_lock(repository().join("Cargo.lock"));
    builder.build(&source, Profile::Dev).unwrap().library
}

fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).unwrap();
    }
}

/// The fixture as it is.
pub(crate) fn counter() -> PathBuf {
    build("counter", |_, _| ())
}
