//! [`Builder`]: from a source folder to a library whose name is its hash.

use crate::cancel::Cancel;
use crate::cargo::{self, Order};
use crate::error::{BuildError, io};
use crate::identity;
use crate::overlay;
use crate::package::Package;
use crate::place;
use crate::seed::Recipe;
use crate::toolchain::Toolchain;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a module is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Quickly.
    Dev,
    /// For speed.
    #[default]
    Release,
}

impl Profile {
    /// cargo's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// Its folder in a target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    /// Its part of cargo's environment variables.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Dev => "DEV",
            Self::Release => "RELEASE",
        }
    }

    /// How it is asked for.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        &["--profile", "dev", "--profile", "release"][match self {
            Self::Dev => 0..2,
            Self::Release => 2..4,
        }]
    }
}

/// A module that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// `ROOT/artifacts/<blake3>.so`; never changed.
    pub library: PathBuf,
    /// Whether no build before gave the same library.
    pub is_new: bool,
    /// BLAKE3 of its bytes, in hexadecimal digits.
    pub artifact: String,
    /// What it was stamped with: 32 hexadecimal digits of the BLAKE3 hash of source, profile and
    /// compiler.
    pub build_id: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// What cargo compiled for it, as `target (folder)`; everything else was there already.
    pub compiled: Vec<String>,
    /// The end of what cargo said.
    pub log: String,
    /// How long cargo took to build it and, in a new target folder, what it depends on; the rest of
    /// the time went beside it.
    pub cargo_time: Duration,
}

impl Built {
    /// What the compiler warned of; empty if of nothing.
    pub fn warnings(&self) -> String {
        cargo::without_progress(&self.log)
    }
}

/// Builds sources under one root folder. Cheap to clone; several may use one root.
#[derive(Clone, Debug)]
pub struct Builder {
    root: PathBuf,
    lock: Option<PathBuf>,
    cancel: Cancel,
}

impl Builder {
    /// A builder that writes under `root`, which is made when it is needed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            lock: None,
            cancel: Cancel::default(),
        }
    }

    /// Gives up the builds of this builder and of its clones that are under way. They return
    /// [`BuildError::Cancelled`] as soon as what they have started is ended; later ones are as ever.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Gives a `Cargo.lock` to sources that have none, so that they are built with the versions that
    /// it names.
    #[must_use]
    pub fn with_lock(mut self, lock: impl Into<PathBuf>) -> Self {
        self.lock = Some(lock.into());
        self
    }

    /// Builds the package in the folder `source`.
    ///
    /// A source in a workspace with a `Cargo.lock` is built in place with exactly that lock; one that
    /// stands alone without a lock is built in an overlay. Neither writes into the source.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(&self, source: &Path, profile: Profile) -> Result<Built, BuildError> {
        let wanted = self.cancel.begin();
        let source = source.canonicalize().map_err(io("open", source))?;
        let toolchain = Toolchain::find(&source)?;
        let package = Package::read(&toolchain, &source)?;
        let root = place::root(&self.root)?;
        let root = root.canonicalize().map_err(io("open", &root))?;
        let name = place::short(blake3::hash(source.as_os_str().as_encoded_bytes()));
        let _held = place::lock(&root, &format!("target-{name}"), &wanted)?;
        let site = self.site(&root, &name, &package)?;
        let target = place::folder(root.join("targets").join(&name))?;
        let build_id = identity::build_id(&package, site.lock.as_deref(), profile, &toolchain)?;
        let order = Order {
            toolchain: &toolchain,
            package: &package.name,
            folder: &site.folder,
            target: &target,
            profile,
            locked: site.locked,
            build_id: &build_id,
            wanted: &wanted,
        };
        // What was built here before has fetched what it needs; if that is not enough, the build says so.
        if site.locked && !target.join(profile.folder()).exists() {
            order.fetch()?;
        }
        let start = Instant::now();
        if let Some(lock) = &site.lock {
            let (toolchain, package) = (&toolchain, &package);
            Recipe {
                root: &root,
                toolchain,
                package,
                lock,
                profile,
                wanted: &wanted,
            }
            .sow(&target)?;
        }
        let built = order.run()?;
        let cargo_time = start.elapsed();
        let published = place::publish(&root, &built.library)?;
        let Package {
            name: package,
            version,
            ..
        } = package;
        Ok(Built {
            library: published.path,
            artifact: published.id,
            is_new: published.is_new,
            build_id,
            package,
            version,
            compiled: built.compiled,
            log: built.log,
            cargo_time,
        })
    }

    /// Where the package is built, and with which lock.
    fn site(&self, root: &Path, name: &str, package: &Package) -> Result<Site, BuildError> {
        if let Some(lock) = package.lock() {
            return Ok(Site {
                folder: package.folder.clone(),
                lock: Some(lock),
                locked: true,
            });
        }
        if !package.stands_alone() {
            return Err(BuildError::NoLock {
                workspace: package.workspace.clone(),
            });
        }
        let folder = root.join("overlays").join(name);
        let folder = overlay::lay(package, self.lock.as_deref(), folder)?;
        Ok(Site {
            folder,
            lock: self.lock.clone(),
            locked: false,
        })
    }
}

/// Where cargo runs.
struct Site {
    folder: PathBuf,
    lock: Option<PathBuf>,
    locked: bool,
}
