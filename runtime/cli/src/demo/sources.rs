//! The engines that the demo runs, built from source.
//!
//! Version 1 of `kv` is the published old tree, version 3 the engine as it stands in `engines/kv`.
//! Three more are made of it, as an author would: one whose index refuses what the upgrade brings it, one
//! with some files laid over it whose migration fails, one with a line of code edited.

use super::DemoError;
use crate::failure::Failure;
use crate::source::Sources;
use refit_build::Profile;
use std::fs;
use std::path::{Path, PathBuf};

/// Where this program was built.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What is edited in one file of `kv`.
struct Edit {
    version: &'static str,
    file: &'static str,
    before: &'static str,
    after: &'static str,
}

/// Version 3 with an index that takes no more than a few entries while the upgrade runs.
const REFUSES: Edit = Edit {
    version: "3.0.1",
    file: "src/index.rs",
    before: "        for (key, value) in fill.entries {",
    after: "        if !fill.entries.is_empty() {\n            \
            return Err(Fault::new(\"index-full\", \"there is no room for old entries\"));\n        }\n        \
            for (key, value) in fill.entries {",
};

/// Version 3 with longer ranges: other code, the same state.
const LONGER: Edit = Edit {
    version: "3.1.0",
    file: "src/engine.rs",
    before: "RANGE_ENTRIES_MAX: usize = 1_000;",
    after: "RANGE_ENTRIES_MAX: usize = 10_000;",
};

/// The libraries.
#[derive(Debug)]
pub(crate) struct Versions {
    /// `kv`, version 1.
    pub(crate) v1: PathBuf,
    /// Version 3, which fails on the bus.
    pub(crate) v3_refuses: PathBuf,
    /// Version 3.
    pub(crate) v3: PathBuf,
    /// Version 4, whose migration fails.
    pub(crate) v4_fails: PathBuf,
    /// Version 3 with other code.
    pub(crate) v3_longer: PathBuf,
    /// `accounts`, version 1.
    pub(crate) accounts_v1: PathBuf,
    /// `accounts`, version 2.
    pub(crate) accounts_v2: PathBuf,
}

impl Versions {
    /// Builds all; cargo says on stderr what it does.
    pub(crate) fn build(folder: &Path) -> Result<Self, Failure> {
        let checkout = checkout().map_err(Box::new)?;
        let kv = checkout.join("engines/kv");
        let fixtures = checkout.join("tests/fixtures");
        let edited = |edit: &Edit, name| edited(edit, &kv, &checkout, &folder.join(name));
        let refuses = edited(&REFUSES, "kv-v3-refuses").map_err(Box::new)?;
        let longer = edited(&LONGER, "kv-v3-longer").map_err(Box::new)?;
        let fails = fixtures.join("kv-v4-fails");
        let fails =
            overlaid(&kv, &fails, &checkout, &folder.join("kv-v4-fails")).map_err(Box::new)?;
        let sources = builder(&checkout);
        let build =
            |source: &Path| Ok::<_, Failure>(sources.build(source, Profile::Release)?.library);
        // A copy publishes nothing of its own, so there is nothing that it must keep.
        let made = |source: &Path| {
            let built = sources.build_unkept(source, Profile::Release)?;
            Ok::<_, Failure>(built.library)
        };
        Ok(Self {
            v1: build(&fixtures.join("kv-v1"))?,
            v3_refuses: made(&refuses)?,
            v3: build(&kv)?,
            v4_fails: made(&fails)?,
            v3_longer: made(&longer)?,
            accounts_v1: build(&fixtures.join("accounts-v1"))?,
            accounts_v2: build(&checkout.join("engines/accounts"))?,
        })
    }
}

/// Two libraries of `kv` with the same state: as it stands, and with a line of code edited.
pub(crate) fn pair(folder: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let checkout = checkout().map_err(Box::new)?;
    let kv = checkout.join("engines/kv");
    let longer = edited(&LONGER, &kv, &checkout, &folder.join("kv-longer")).map_err(Box::new)?;
    let sources = builder(&checkout);
    let library = sources.build(&kv, Profile::Release)?.library;
    let replacement = sources.build_unkept(&longer, Profile::Release)?.library;
    Ok((library, replacement))
}

/// Names the folder in which compiled dependencies are shared, as for all commands that build.
const CACHE_DIR: &str = "REFIT_CACHE_DIR";

/// Builds in the checkout's own target folder, so that the next demo or bench finds the dependencies
/// built, and with its lock; the dependencies come from the folder that the environment names, if it does.
pub(crate) fn builder(checkout: &Path) -> Sources {
    let sources = Sources::new(&checkout.join("target/refit"));
    let sources = sources.with_lock(&checkout.join("Cargo.lock"));
    match std::env::var_os(CACHE_DIR) {
        Some(folder) if !folder.is_empty() => sources.with_store(Path::new(&folder)),
        _ => sources,
    }
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
        version: "4.0.0",
        folder: to.to_owned(),
        reason: reason.to_string(),
    };
    copy(kv, checkout, to, "4.0.0").map_err(compose)?;
    copy_files(&overlay.join("src"), &to.join("src")).map_err(compose)?;
    Ok(to.to_owned())
}

/// A copy of `kv` with something edited.
fn edited(edit: &Edit, kv: &Path, checkout: &Path, to: &Path) -> Result<PathBuf, DemoError> {
    let compose = |reason: String| DemoError::Compose {
        version: edit.version,
        folder: to.to_owned(),
        reason,
    };
    copy(kv, checkout, to, edit.version).map_err(|error| compose(error.to_string()))?;
    let file = to.join(edit.file);
    let text = fs::read_to_string(&file).map_err(|error| compose(error.to_string()))?;
    if text.matches(edit.before).count() != 1 {
        let reason = format!("`{}` is not once in {}", edit.before, edit.file);
        return Err(compose(reason));
    }
    let text = text.replace(edit.before, edit.after);
    fs::write(&file, text).map_err(|error| compose(error.to_string()))?;
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
