//! The four versions of `kv` that the demo runs, built from source.
//!
//! Version 1 is the published old tree; version 2 is the engine as it stands in `engines/kv`;
//! version 3 lays some files over it; version 4 is it with one line edited, as an author would.

use super::DemoError;
use crate::failure::Failure;
use crate::source::Sources;
use refit_build::Profile;
use std::fs;
use std::path::{Path, PathBuf};

/// Where this program was built.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The one line that version 4 changes, and what it becomes.
const EDIT: (&str, &str) = (
    "RANGE_ENTRIES_MAX: usize = 1_000;",
    "RANGE_ENTRIES_MAX: usize = 10_000;",
);

/// The libraries of the four versions.
#[derive(Debug)]
pub(crate) struct Versions {
    pub(crate) v1: PathBuf,
    pub(crate) v2: PathBuf,
    pub(crate) v3: PathBuf,
    pub(crate) v4: PathBuf,
}

impl Versions {
    /// Builds all four; cargo says on stderr what it does.
    pub(crate) fn build(folder: &Path) -> Result<Self, Failure> {
        let checkout = checkout().map_err(Box::new)?;
        let kv = checkout.join("engines/kv");
        let fixtures = checkout.join("tests/fixtures");
        let v3 = overlaid(
            &kv,
            &fixtures.join("kv-v3-fails"),
            &checkout,
            &folder.join("kv-v3"),
        )
        .map_err(Box::new)?;
        let v4 = edited(&kv, &checkout, &folder.join("kv-v4")).map_err(Box::new)?;
        // In the checkout's own target folder, so that the next demo finds the dependencies built.
        let sources =
            Sources::new(&checkout.join("target/refit")).with_lock(&checkout.join("Cargo.lock"));
        let build =
            |source: &Path| Ok::<_, Failure>(sources.build(source, Profile::Release)?.library);
        Ok(Self {
            v1: build(&fixtures.join("kv-v1"))?,
            v2: build(&kv)?,
            v3: build(&v3)?,
            v4: build(&v4)?,
        })
    }
}

/// Builds in the checkout's own target folder, so that the next demo or bench finds the dependencies
/// built, and with its lock.
pub(crate) fn builder(checkout: &Path) -> Sources {
    Sources::new(&checkout.join("target/refit")).with_lock(&checkout.join("Cargo.lock"))
}

/// The checkout that this program was built in.
pub(crate) fn checkout() -> Result<PathBuf, DemoError> {
    let folder = PathBuf::from(CHECKOUT);
    match folder.canonicalize() {
        Ok(checkout) if checkout.join("engines/kv/src").is_dir() => Ok(checkout),
        _ => Err(DemoError::NoSource { folder }),
    }
}

/// A copy of `kv` with the files of `overlay` laid over it.
fn overlaid(kv: &Path, overlay: &Path, checkout: &Path, to: &Path) -> Result<PathBuf, DemoError> {
    let compose = |reason: std::io::Error| DemoError::Compose {
        version: "version 3",
        folder: to.to_owned(),
        reason: reason.to_string(),
    };
    copy(kv, checkout, to, "3.0.0").map_err(compose)?;
    copy_files(&overlay.join("src"), &to.join("src")).map_err(compose)?;
    Ok(to.to_owned())
}

/// A copy of `kv` with one line edited.
fn edited(kv: &Path, checkout: &Path, to: &Path) -> Result<PathBuf, DemoError> {
    let compose = |reason: String| DemoError::Compose {
        version: "version 4",
        folder: to.to_owned(),
        reason,
    };
    copy(kv, checkout, to, "4.0.0").map_err(|error| compose(error.to_string()))?;
    let file = to.join("src/engine.rs");
    let text = fs::read_to_string(&file).map_err(|error| compose(error.to_string()))?;
    if text.matches(EDIT.0).count() != 1 {
        return Err(compose(format!("`{}` is not once in engine.rs", EDIT.0)));
    }
    fs::write(&file, text.replace(EDIT.0, EDIT.1)).map_err(|error| compose(error.to_string()))?;
    Ok(to.to_owned())
}

/// Copies the sources of `kv`, with a manifest that stands for itself.
fn copy(kv: &Path, checkout: &Path, to: &Path, version: &str) -> std::io::Result<()> {
    copy_files(&kv.join("src"), &to.join("src"))?;
    let abi = checkout.join("abi");
    let manifest = format!(
        "[package]\nname = \"refit-kv\"\nversion = \"{version}\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n\
         [features]\nmodule = [\"refit-abi/module\"]\n\n\
         [dependencies]\nrefit-abi = {{ path = {abi:?} }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\n[workspace]\n"
    );
    // A copy publishes nothing of its own.
    fs::write(to.join("schema.lock"), "format = 1\n")?;
    fs::write(to.join("Cargo.toml"), manifest)
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
