//! [`Builder`]: from a source folder to a library whose name is its hash.

use crate::cancel::Cancel;
use crate::error::{BuildError, io};
use crate::job::{Job, Site};
use crate::listen::without_progress;
use crate::locals::Locals;
use crate::options::Options;
use crate::overlay;
use crate::package::Package;
use crate::place;
use crate::progress::{Listener, Progress};
use crate::toolchain::Toolchain;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A module that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// `ROOT/artifacts/<blake3>.so`; never changed.
    pub library: PathBuf,
    /// Whether no build before gave the same library.
    pub is_new: bool,
    /// BLAKE3 of its bytes, in hexadecimal digits.
    pub artifact: String,
    /// The stamp: 32 hexadecimal digits of the BLAKE3 hash of source, options and
    /// compiler. If a source gives the same code as one before, that one's.
    pub build_id: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The crates that cargo compiled for it, as `target (folder)`; all others were compiled before.
    pub compiled: Vec<String>,
    /// The end of what cargo said.
    pub log: String,
    /// The time that cargo took to build it and, in a new target folder, what it depends on; the rest of
    /// the time went beside it.
    pub cargo_time: Duration,
}

impl Built {
    /// The compiler's warnings; empty if there are none.
    pub fn warnings(&self) -> String {
        without_progress(&self.log)
    }
}

/// Builds sources under one root folder. Cheap to clone; several may use one root.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(crate) root: PathBuf,
    pub(crate) store: Option<PathBuf>,
    lock: Option<PathBuf>,
    listener: Listener,
    cancel: Cancel,
}

impl Builder {
    /// A builder that writes under `root`, which is made when it is needed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            store: None,
            lock: None,
            listener: Listener::default(),
            cancel: Cancel::default(),
        }
    }

    /// Keeps compiled dependencies in the folder `store` instead of the root's `store`. Builders with
    /// other roots may keep theirs there too.
    #[must_use]
    pub fn with_store(mut self, store: impl Into<PathBuf>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Gives a `Cargo.lock` to sources that have none, so that they are built with the versions that
    /// it names.
    #[must_use]
    pub fn with_lock(mut self, lock: impl Into<PathBuf>) -> Self {
        self.lock = Some(lock.into());
        self
    }

    /// Tells `listener` how far a build is, about ten times a second. It is called on the thread that
    /// builds.
    #[must_use]
    pub fn with_listener(mut self, listener: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.listener = Listener::new(listener);
        self
    }

    /// Gives up the builds of this builder and of its clones that are under way. They return
    /// [`BuildError::Cancelled`] as soon as what they have started is ended; later ones are as ever.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Builds the package in the folder `source`. `options` may be a [`Profile`](crate::Profile).
    ///
    /// A source in a workspace with a `Cargo.lock` is built in place with exactly that lock; one that
    /// stands alone without a lock is built in an overlay. Neither writes into the source.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(&self, source: &Path, options: impl Into<Options>) -> Result<Built, BuildError> {
        let options = options.into();
        let wanted = self.cancel.begin();
        let source = source.canonicalize().map_err(io("open", source))?;
        let toolchain = Toolchain::find(&source)?;
        let package = Package::read(&toolchain, &source)?;
        let root = whole(place::root(&self.root)?)?;
        let store = self.store.clone().unwrap_or_else(|| root.join("store"));
        let store = whole(place::root(&store)?)?;
        let name = name(&source);
        let _held = place::lock(&root, &format!("target-{name}"), &wanted)?;
        let target = place::folder(root.join("targets").join(&name))?;
        let job = Job {
            site: self.site(&root, &name, &package)?,
            toolchain: &toolchain,
            package: &package,
            root: &root,
            store: &store,
            target: &target,
            options: &options,
            listener: &self.listener,
            wanted: &wanted,
        };
        job.run()
    }

    /// The folders and files that the package in `source` is built from, as far as its manifests and
    /// the last build show: a watcher for changes looks at these.
    ///
    /// # Errors
    /// [`BuildError`], if a manifest cannot be read.
    pub fn watched(&self, source: &Path) -> Result<Watched, BuildError> {
        let source = source.canonicalize().map_err(io("open", source))?;
        let locals = Locals::of(&source)?;
        let root = self
            .root
            .canonicalize()
            .unwrap_or_else(|_| self.root.clone());
        let target = root.join("targets").join(name(&source));
        let mut files = crate::job::read_before(&target);
        for name in ["Cargo.toml", "Cargo.lock"] {
            files.insert(locals.workspace_folder.join(name));
        }
        Ok(Watched {
            folders: locals
                .packages
                .into_iter()
                .map(|local| local.folder)
                .collect(),
            files: files.into_iter().collect(),
        })
    }

    /// Finds the folder that cargo runs in, and the lock that it uses.
    fn site(&self, root: &Path, name: &str, package: &Package) -> Result<Site, BuildError> {
        if let Some(lock) = package.lock() {
            return Ok(Site {
                folder: package.folder.clone(),
                lock,
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
        // Without a lock that was given, cargo's own counts: it stays from build to build.
        let own = || folder.join("Cargo.lock");
        Ok(Site {
            lock: self.lock.clone().unwrap_or_else(own),
            folder,
            locked: false,
        })
    }
}

/// The files and folders that a package is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The folders of packages: its own first, then those that it depends on by path, in order.
    pub folders: Vec<PathBuf>,
    /// Single files: manifest and lock of the workspace, and what the compiler reads beside the
    /// packages' sources.
    pub files: Vec<PathBuf>,
}

/// The name of the folders of one source.
pub(crate) fn name(source: &Path) -> String {
    place::short(blake3::hash(source.as_os_str().as_encoded_bytes()))
}

fn whole(path: PathBuf) -> Result<PathBuf, BuildError> {
    path.canonicalize().map_err(io("open", &path))
}
