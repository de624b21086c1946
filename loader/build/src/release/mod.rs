//! Builds a release's source in a room of its own: the same tree gives the same bytes on every node.
//!
//! ```text
//! tree, checked ──► dependencies alone, once ──► cache, read-only ──► own code, from nothing ──► library, stamped
//! ```
//! Each `cargo build` runs in a sandbox (`refit_sandbox`) with no network, at the same paths whoever builds where, with no
//! variables but those that are listed here. A release's own code never writes the cache: what fills it is built from a tree in
//! which that code is empty, and what was compiled of the empty code is left out. So no build gets stale code.
//!
//! # Trees
//! A tree is one that a release names by its root, and lies on this machine: [`SourceTree`] compares each file before it is
//! built. All that it depends on is inside: crates of the registry in `vendor/` at its top, as `cargo vendor` writes them; the
//! contract and other packages by paths within. There is a `Cargo.lock`, which is obeyed.
//!
//! # Folders
//! ```text
//! ROOT/artifacts/<blake3>.so          what was built; never changed once it is there
//! ROOT/dependencies/<key>/            compiled dependencies; the key is what they follow from
//! ROOT/rooms/                         what a build under way needs; empty in between
//! ROOT/logs/<build id>.log            the end of what cargo said
//! ```
//!
//! # What lies above
//! Cargo looks for a workspace and for settings in the folders above a package. What is above a tree is no part of it: at
//! [`Level::L3`] nothing is there, and below that level a tree is laid, and cargo started, where it finds nothing.
//!
//! # The same bytes
//! Paths are the same only at [`Level::L3`], so only there are bytes: [`BuiltRelease::is_reproducible`] says so. A build
//! script that asks for the time or the number of processors can still give others; that is what attestations find.

mod clean;
mod dependencies;
mod emptied;
mod engine;
mod key;
mod lay;
mod log;
mod room;
mod run;
mod tools;
mod tree;
mod work;

pub use tree::{SourceTree, TreeMismatch};

use crate::cancel::Cancel;
use crate::error::BuildError;
use crate::place;
use crate::progress::{Listener, Progress, Stage};
use crate::publish::publish_stamped;
use dependencies::Dependencies;
use engine::Engine;
use refit_sandbox::{Launcher, Level, Limits, Policy, User};
use room::Room;
use run::Run;
use std::path::{Path, PathBuf};
use tools::Tools;
use work::Laid;

/// A library that was built from a release's source.
#[derive(Clone, Debug)]
pub struct BuiltRelease {
    /// `ROOT/artifacts/<blake3>.so`; never changed.
    pub library: PathBuf,
    /// BLAKE3 of its bytes, in hexadecimal digits.
    pub artifact: String,
    /// The stamp, which the loaded module says: 32 hexadecimal digits of the BLAKE3 hash of the tree's root, the package's folder,
    /// the compiler and the way it is built. It is known before the build.
    pub build_id: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The level that it was built at.
    pub level: Level,
    /// Whether another node that builds the tree with the same toolchain gets the same bytes.
    pub is_reproducible: bool,
    /// The crates that cargo compiled for it, as `target (folder)`; all others came from the cache.
    pub compiled: Vec<String>,
    /// Whether its dependencies were compiled for it, or were in the cache.
    pub filled: bool,
    /// Where the end of what cargo said is.
    pub log: PathBuf,
    /// The most memory of its processes together that was seen, in bytes.
    pub peak_memory_bytes: u64,
}

/// Builds releases under one root folder. Cheap to clone; several may use one root.
#[derive(Clone, Debug)]
pub struct ReleaseBuilder {
    root: PathBuf,
    launcher: Launcher,
    policy: Policy,
    limits: Limits,
    user: User,
    jobs: Option<u32>,
    listener: Listener,
    cancel: Cancel,
}

impl ReleaseBuilder {
    /// A builder that writes under `root`, which is made when it is needed, and has its builds run by this launcher.
    pub fn new(root: impl Into<PathBuf>, launcher: Launcher) -> Self {
        Self {
            root: root.into(),
            launcher,
            policy: Policy::default(),
            limits: Limits::default(),
            user: User::default(),
            jobs: None,
            listener: Listener::default(),
            cancel: Cancel::default(),
        }
    }

    /// With the least and the most that is to stand between a build and the machine.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// With other limits on what a build may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With the user that builds run as if this program is root's.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// With so many compilers at a time; else as many as there are processors.
    #[must_use]
    pub fn with_jobs(mut self, jobs: u32) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Tells `listener` how far a build is, about ten times a second. It is called on the thread that builds.
    #[must_use]
    pub fn with_listener(mut self, listener: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.listener = Listener::new(listener);
        self
    }

    /// Gives up the builds of this builder and of its clones that are under way. They return [`BuildError::Cancelled`] as soon as
    /// what they have started is ended; later ones are as ever.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Builds the package in `folder` of the tree; the top's folder is empty.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(&self, tree: &SourceTree, folder: &str) -> Result<BuiltRelease, BuildError> {
        let wanted = self.cancel.begin();
        let found = self.launcher.find(self.user)?;
        let level = self.policy.choose(&found)?;
        let engine = Engine::read(tree, folder)?;
        let tools = Tools::find()?;
        let root = place::root(&self.root)?;
        let root = root
            .canonicalize()
            .map_err(crate::error::io("open", &root))?;
        let room = Room {
            level,
            tools: &tools,
            engine: &engine,
            limits: self.limits,
            user: self.user,
            jobs: self.jobs,
        };
        let run = Run {
            launcher: &self.launcher,
            room: &room,
            root: &root,
            listener: &self.listener,
            wanted: &wanted,
        };
        work::sweep(&root)?;
        let dependencies = Dependencies {
            run: &run,
            tree,
            root: &root,
        };
        let build_id = key::build_id(tree, &engine, &tools);
        let failed = |error| log::failed(&root, &build_id, error);
        let seed = dependencies.get().map_err(failed)?;
        let library = format!("release/lib{}.so", engine.library);
        let outputs = [library.as_str()];
        let laid = run.laid(tree)?;
        let source = laid.as_ref().map_or(tree.folder().to_owned(), Laid::folder);
        let built = run.cargo(&source, Some(&seed.target), &outputs, Stage::Engine);
        let built = built.map_err(failed)?;
        let log = log::keep(&root, &build_id, &built.heard.log)?;
        let given = built.given.first().map(|given| given.path.as_path());
        let given = given.ok_or_else(|| BuildError::NoLibrary {
            package: engine.name.clone(),
        })?;
        let published = publish_stamped(&root, given, &build_id)?;
        Ok(BuiltRelease {
            library: published.path,
            artifact: published.id,
            build_id,
            package: engine.name.clone(),
            version: engine.version.clone(),
            level,
            is_reproducible: level == Level::L3,
            compiled: built.heard.compiled.clone(),
            filled: seed.filled,
            log,
            peak_memory_bytes: built.peak_memory_bytes,
        })
    }

    /// What this machine allows a build to be confined by, in one line.
    ///
    /// # Errors
    /// [`BuildError::Sandbox`], if the launcher cannot be started.
    pub fn confinement(&self) -> Result<String, BuildError> {
        Ok(self.launcher.find(self.user)?.to_string())
    }

    /// Where it writes.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of what builds need in between.
    pub fn rooms(&self) -> PathBuf {
        self.root.join(work::ROOMS)
    }

    /// How the name of what this process puts there has to begin: it goes with the first build after the process has ended.
    pub fn prefix_of_rooms() -> String {
        work::prefix_of_rooms()
    }
}
