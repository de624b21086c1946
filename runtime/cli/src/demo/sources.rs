//! The engines that the demo runs, built from source: from the checkout that this program was built in, or, where that is
//! not there, from the sources that it carries.
//!
//! Version 1 of `kv` is the published old tree, version 3 the engine as it stands in `engines/kv`.
//! Four more are made of it, as an author would: one whose index refuses what the upgrade brings it, one
//! with some files laid over it whose migration fails, one with a line of code edited, and one with a defect. They are written to the same folders
//! each time, so that the next demo finds them built.

use super::building::{Job, build_all};
use super::{DemoError, embedded};
use crate::failure::Failure;
use crate::source::Sources;
use refit_build::{ComposeError, EngineSource, Profile};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The folder in which this program was built.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What is built for the demo and the benches, and the sources edited for it, from the checkout.
const OUTPUT: &str = "target/refit";

/// The engine as it is in the checkout.
const KV: &str = "engines/kv";

/// Its version 1.
const KV_V1: &str = "engines/kv/history/v1";

/// Version 1 of the engine of accounts.
const ACCOUNTS_V1: &str = "engines/accounts/history/v1";

/// An edit of one file of `kv`.
struct Edit {
    name: &'static str,
    version: &'static str,
    file: &'static str,
    before: &'static str,
    after: &'static str,
}

/// Version 3 with an index that takes no more than a few entries while the upgrade runs.
const REFUSES: Edit = Edit {
    name: "kv-v3-refuses",
    version: "3.0.1",
    file: "src/index.rs",
    before: "        for (key, value) in fill.entries {",
    after: "        if !fill.entries.is_empty() {\n            \
            return Err(Fault::new(\"index-full\", \"there is no room for old entries\"));\n        }\n        \
            for (key, value) in fill.entries {",
};

/// Version 3 with longer ranges: other code, the same state.
const LONGER: Edit = Edit {
    name: "kv-v3-longer",
    version: "3.1.0",
    file: "src/engine.rs",
    before: "RANGE_ENTRIES_MAX: usize = 1_000;",
    after: "RANGE_ENTRIES_MAX: usize = 10_000;",
};

/// Version 3 with a defect: it panics at one key.
const PANICS: Edit = Edit {
    name: "kv-v3-panics",
    version: "3.2.0",
    file: "src/engine.rs",
    before: "fn put(&mut self, ctx: &mut Context<'_>, key: String, value: String) -> Result<Reply, Fault> {",
    after: "fn put(&mut self, ctx: &mut Context<'_>, key: String, value: String) -> Result<Reply, Fault> {\n        \
            assert!(key != \"panic\", \"a defect\");",
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
    /// Version 3 with a defect.
    pub(crate) v3_panics: PathBuf,
    /// `accounts`, version 1.
    pub(crate) accounts_v1: PathBuf,
    /// `accounts`, version 2.
    pub(crate) accounts_v2: PathBuf,
    /// What the releases are built from.
    pub(super) sources: VersionSources,
}

/// The packages of those versions that the demo swaps to.
#[derive(Debug)]
pub(super) struct VersionSources {
    pub(super) v3_refuses: PathBuf,
    pub(super) v3: PathBuf,
    pub(super) v4_fails: PathBuf,
    pub(super) v3_longer: PathBuf,
    pub(super) accounts_v2: PathBuf,
}

impl Versions {
    /// Builds all; cargo says on stderr what it does.
    pub(crate) fn build() -> Result<Self, Failure> {
        let checkout = checkout().map_err(Box::new)?;
        let jobs = jobs(&checkout).map_err(Box::new)?;
        let [_, of_v3, of_refuses, of_fails, of_longer, _, _, of_accounts] =
            std::array::from_fn(|job| jobs[job].source.clone());
        let [
            v1,
            v3,
            v3_refuses,
            v4_fails,
            v3_longer,
            v3_panics,
            accounts_v1,
            accounts_v2,
        ] = build_all(&builder(&checkout), &jobs)?;
        Ok(Self {
            v1,
            v3_refuses,
            v3,
            v4_fails,
            v3_longer,
            v3_panics,
            accounts_v1,
            accounts_v2,
            sources: VersionSources {
                v3_refuses: of_refuses,
                v3: of_v3,
                v4_fails: of_fails,
                v3_longer: of_longer,
                accounts_v2: of_accounts,
            },
        })
    }
}

/// The packages that are built: those of the checkout, and those that are made of them.
pub(super) fn jobs(checkout: &Path) -> Result<[Job; 8], DemoError> {
    let refuses = edited(&REFUSES, checkout)?;
    let longer = edited(&LONGER, checkout)?;
    let panics = edited(&PANICS, checkout)?;
    let fails = composed("4.0.0", checkout, "kv-v4-fails", |kv| {
        let changes = EngineSource::read(&checkout.join("tests/fixtures/kv-v4-fails"))?;
        Ok(kv.laid_over_by(changes))
    })?;
    let published = |folder: &str| Job {
        source: checkout.join(folder),
        is_published: true,
    };
    // A copy publishes nothing of its own, so there is nothing that it must keep.
    let made = |source: PathBuf| Job {
        source,
        is_published: false,
    };
    Ok([
        published(KV_V1),
        published(KV),
        made(refuses),
        made(fails),
        made(longer),
        made(panics),
        published(ACCOUNTS_V1),
        published("engines/accounts"),
    ])
}

/// Three libraries of `kv`, of which each can follow the one before, and the last two each other: version 1, version 3,
/// and that with a line of code edited.
pub(crate) fn successive() -> Result<[PathBuf; 3], Failure> {
    let checkout = checkout().map_err(Box::new)?;
    let [v1, v3, _, _, longer, ..] = jobs(&checkout).map_err(Box::new)?;
    build_all(&builder(&checkout), &[v1, v3, longer])
}

/// Two libraries of `kv` with the same state: unchanged, and with a line of code edited.
pub(crate) fn pair() -> Result<(PathBuf, PathBuf), Failure> {
    let checkout = checkout().map_err(Box::new)?;
    let longer = edited(&LONGER, &checkout).map_err(Box::new)?;
    let sources = builder(&checkout);
    let library = sources.build(&checkout.join(KV), Profile::Release)?.library;
    let replacement = sources.build_unkept(&longer, Profile::Release)?.library;
    Ok((library, replacement))
}

/// Names the folder in which compiled dependencies are shared, as for all commands that build.
pub(super) const CACHE_DIR: &str = "REFIT_CACHE_DIR";

/// Builds in the checkout's own target folder, so that the next demo or bench finds the dependencies
/// built, and with its lock; the dependencies come from the folder that the environment names, if it does.
pub(crate) fn builder(checkout: &Path) -> Sources {
    let sources = Sources::new(&checkout.join(OUTPUT));
    let sources = sources.with_lock(&checkout.join("Cargo.lock"));
    match std::env::var_os(CACHE_DIR) {
        Some(folder) if !folder.is_empty() => sources.with_store(Path::new(&folder)),
        _ => sources,
    }
}

/// A folder for compiled dependencies among the demo's own output.
pub(super) fn cache() -> Result<PathBuf, DemoError> {
    Ok(checkout()?.join(OUTPUT).join("cache"))
}

/// The checkout that this program was built in, or else one with what it carries.
pub(crate) fn checkout() -> Result<PathBuf, DemoError> {
    match Path::new(CHECKOUT).canonicalize() {
        Ok(checkout) if checkout.join(KV).join("src").is_dir() => Ok(checkout),
        _ => embedded::checkout(),
    }
}

/// A version of `kv` as a package of its own, put together in the folder of this name: the engine as it is, as `made`
/// changes it. Its manifest stays, so that all versions have the same dependencies and find them compiled.
fn composed(
    version: &'static str,
    checkout: &Path,
    name: &str,
    made: impl FnOnce(EngineSource) -> Result<EngineSource, ComposeError>,
) -> Result<PathBuf, DemoError> {
    let parent = checkout.join(OUTPUT).join("edited");
    let to = parent.join(name);
    let compose = || {
        let kv = EngineSource::read(&checkout.join(KV))?
            .standing_alone()?
            .with_version(version)?
            .with_contract(&checkout.join("abi"))?;
        let made = made(kv)?;
        let _alone = alone(&parent)?;
        made.write(&to)
    };
    compose().map_err(|reason| DemoError::Compose {
        version,
        folder: to.clone(),
        reason: reason.to_string(),
    })?;
    Ok(to)
}

/// Keeps other demos and benches out of the folder until it is dropped: two that begin at once write the same files.
fn alone(folder: &Path) -> Result<File, ComposeError> {
    let path = folder.join(".lock");
    let locked = fs::create_dir_all(folder)
        .and_then(|()| File::create(&path))
        .and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| ComposeError::Io {
        action: "lock",
        path,
        source,
    })
}

/// A copy of `kv` with something edited.
fn edited(edit: &Edit, checkout: &Path) -> Result<PathBuf, DemoError> {
    composed(edit.version, checkout, edit.name, |kv| {
        kv.replacing(edit.file, edit.before, edit.after)
    })
}
