//! [`Workshop`]: builds modules from [`Source`]s, each once for all tests that want it.
//!
//! Libraries and compiled dependencies stay between runs. One variant is built once at a time, in this process and
//! beside it: a lock on its folder sees to that. Two variants are built beside each other.

use crate::source::{Source, repository};
use parking_lot::Mutex;
use refit_build::{Builder, Profile};
use refit_loader::ProbeCommand;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The longest time of a probe in a test that does not wait for it to hang: the machine may be busy.
const PROBE_MAX: Duration = Duration::from_secs(30);

/// The libraries that were built in this process, by variant.
static BUILT: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());

/// Grows with each copy in this process.
static COPIES: AtomicU64 = AtomicU64::new(1);

/// Builds modules, and names the program that probes them.
#[derive(Clone, Debug)]
pub struct Workshop {
    root: PathBuf,
    probe: PathBuf,
}

impl Workshop {
    /// A workshop in the folder `root`, whose modules the program `probe` probes.
    pub fn new(root: impl Into<PathBuf>, probe: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            probe: probe.into(),
        }
    }

    /// The command by which a node of the tests probes.
    pub fn probe(&self) -> ProbeCommand {
        ProbeCommand::new(&self.probe).deadline(PROBE_MAX)
    }

    /// The module of `source`, built quickly. `variant` names what the source is.
    pub fn library(&self, variant: &str, source: impl FnOnce() -> Source) -> PathBuf {
        self.library_as(variant, Profile::Dev, source)
    }

    /// The module of `source`.
    ///
    /// # Panics
    /// If it does not build.
    pub fn library_as(
        &self,
        variant: &str,
        profile: Profile,
        source: impl FnOnce() -> Source,
    ) -> PathBuf {
        let built = BUILT.lock().entry(variant.to_owned()).or_default().clone();
        let library = built.get_or_init(|| self.build(variant, profile, &source()));
        library.clone()
    }

    fn build(&self, variant: &str, profile: Profile, source: &Source) -> PathBuf {
        let sources = self.root.join("sources");
        fs::create_dir_all(&sources).unwrap();
        let lock = File::create(sources.join(format!("{variant}.lock"))).unwrap();
        lock.lock().unwrap();
        let folder = sources.join(variant);
        source.write(&folder);
        // Beside it, for the workshops of all packages' tests.
        let store = self.root.with_file_name("refit-store");
        let builder = Builder::new(self.root.join("build")).with_store(store);
        let builder = builder.with_lock(repository().join("Cargo.lock"));
        match builder.build(&folder, profile) {
            Ok(built) => built.library,
            Err(error) => panic!("{variant} does not build: {error}"),
        }
    }

    /// kv, version 1.
    pub fn kv_v1(&self) -> PathBuf {
        self.library("kv-v1", Source::kv_v1)
    }

    /// kv, version 2.
    pub fn kv_v2(&self) -> PathBuf {
        self.library("kv-v2", Source::kv_v2)
    }

    /// kv, version 2, as another compiler would make it: its states have another memory layout.
    pub fn kv_v2_of_another_layout(&self) -> PathBuf {
        let folder = self.root.join("another-layout");
        self.library("kv-v2-another-layout", || {
            Source::kv_v2().of_another_layout(&folder)
        })
    }

    /// kv, version 3: its index is started by the migration.
    pub fn kv_v3(&self) -> PathBuf {
        self.library("kv-v3", Source::kv_v3)
    }

    /// accounts, version 1.
    pub fn accounts_v1(&self) -> PathBuf {
        self.library("accounts-v1", Source::accounts_v1)
    }

    /// accounts, version 2: its holds are an engine of their own.
    pub fn accounts_v2(&self) -> PathBuf {
        self.library("accounts-v2", Source::accounts_v2)
    }

    /// accounts, another version 3: its migration asks what it did not say it would.
    pub fn accounts_v3_fails(&self) -> PathBuf {
        self.library("accounts-v3-fails", Source::accounts_v3_fails)
    }

    /// kv, another version 3: its migration refuses values that are no numbers.
    pub fn kv_v3_fails(&self) -> PathBuf {
        self.library("kv-v3-fails", Source::kv_v3_fails)
    }

    /// kv, version 4: other code than version 2, the same state.
    pub fn kv_v4(&self) -> PathBuf {
        self.library("kv-v4", Source::kv_v4)
    }
}

/// A copy of `library` in `folder` with a hash of its own: a few bytes after the last table, which
/// no one reads. Its mappings tell it from every other copy.
///
/// # Panics
/// If it cannot be copied.
pub fn own_copy(library: &Path, folder: &Path) -> PathBuf {
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let mut bytes = fs::read(library).unwrap();
    bytes.extend_from_slice(&std::process::id().to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    let path = folder.join(format!("copy-{number}.so"));
    fs::write(&path, bytes).unwrap();
    path
}
