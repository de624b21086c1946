//! Engine source as the command line meets it: a path that is a library, or a folder to build one
//! from.

mod confined;
mod tree;
mod vendored;

use confined::folders_of_releases;
pub(crate) use confined::{BUILDS, Confined, builds_of_node, folder_of_releases};
pub(crate) use tree::lay as lay_tree;

use crate::args::BuildingArgs;
use crate::failure::{Failure, Reported};
use crate::package::published;
use crate::show;
use crate::show::building::Building;
use refit_abi::host::Explain;
use refit_build::{
    BuildError, Builder, Built, Clean, Cleaned, Features, Options, Profile, ReleaseBuilder, Watched,
};
use std::borrow::Cow;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the builder's folder inside the data folder.
const BUILD_FOLDER: &str = "build";

/// Gets libraries from paths.
#[derive(Debug)]
pub(crate) struct Sources {
    builder: Builder,
    features: Features,
    debug_info: bool,
    /// Bytes of compiled code that stay after a build; `None` if nobody looks after that.
    bytes_max: Option<u64>,
    /// Where releases are built.
    releases: Vec<PathBuf>,
    shown: Arc<Building>,
}

/// Source that gave no library: the builder's reason, shown as one of our own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SourceError(pub(crate) BuildError);

impl Sources {
    /// Builds inside the data folder, with all that it needs.
    pub(crate) fn new(data_dir: &Path) -> Self {
        let shown = Arc::new(Building::default());
        let showing = shown.clone();
        let builder = Builder::new(data_dir.join(BUILD_FOLDER));
        Self {
            builder: builder.with_listener(move |progress| showing.show(progress)),
            features: Features::default(),
            debug_info: false,
            bytes_max: None,
            releases: Vec::new(),
            shown,
        }
    }

    /// Takes away the line that says how far a build is: something else is said next.
    pub(crate) fn end_line(&self) {
        self.shown.end();
    }

    /// Says something while another build may show how far it is.
    pub(crate) fn talk(&self, text: impl Display) {
        self.shown.talk(text);
    }

    /// Builds inside the data folder as the flags say.
    pub(crate) fn of(data_dir: &Path, args: &BuildingArgs) -> Self {
        let mut sources = Self::new(data_dir);
        if let Some(folder) = args.cache.folder() {
            sources.builder = sources.builder.with_store(folder);
        }
        Self {
            features: args.features(),
            debug_info: args.debug_info,
            bytes_max: Some(args.cache.bytes_max()),
            releases: folders_of_releases(&args.cache, data_dir),
            ..sources
        }
    }

    /// As [`Sources::new`]; source without a lock file of its own is built with this one.
    pub(crate) fn with_lock(self, lock: &Path) -> Self {
        let builder = self.builder.with_lock(lock);
        Self { builder, ..self }
    }

    /// Dependencies are compiled into this folder, and taken from there.
    pub(crate) fn with_store(self, folder: &Path) -> Self {
        let builder = self.builder.with_store(folder);
        Self { builder, ..self }
    }

    /// The builder.
    pub(crate) fn builder(&self) -> &Builder {
        &self.builder
    }

    /// The library at `path`, or the one that is built from the folder `path`.
    pub(crate) fn library(&self, path: &Path) -> Result<PathBuf, Failure> {
        if path.is_dir() {
            Ok(self.build(path, Profile::Release)?.library)
        } else {
            Ok(path.to_owned())
        }
    }

    /// Builds the source in the folder `path`, and sees that it keeps what was published from there.
    pub(crate) fn build(&self, path: &Path, profile: Profile) -> Result<Built, Failure> {
        let built = self.build_unkept(path, profile)?;
        published::check(path, &built.library)?;
        Ok(built)
    }

    /// As [`Sources::build`], whatever was published.
    pub(crate) fn build_unkept(&self, path: &Path, profile: Profile) -> Result<Built, Failure> {
        show::talk(format_args!(
            "building {} ({})",
            path.display(),
            profile.name()
        ));
        let built = self.build_silently(path, profile);
        self.end_line();
        let built = built?;
        show::talk(format_args!("built {} {}", built.package, built.version));
        if let Some(bytes_max) = self.bytes_max {
            self.builder.keep_within(bytes_max);
        }
        Ok(built)
    }

    /// As [`Sources::build_unkept`], with no word but how far it is.
    pub(crate) fn build_silently(&self, path: &Path, profile: Profile) -> Result<Built, Failure> {
        let options = Options {
            profile,
            features: self.features.clone(),
            debug_info: self.debug_info,
        };
        Ok(self.builder.build(path, options).map_err(SourceError)?)
    }

    /// The files that the package in the folder `path` is built from.
    pub(crate) fn watched(&self, path: &Path) -> Result<Watched, Failure> {
        Ok(self.builder.watched(path).map_err(SourceError)?)
    }

    /// Removes compiled code, of releases too.
    pub(crate) fn clean(&self, clean: &Clean, dry_run: bool) -> Result<Vec<Cleaned>, Failure> {
        let mut cleaned = self.builder.clean(clean, dry_run).map_err(SourceError)?;
        for folder in &self.releases {
            let more = ReleaseBuilder::clean(folder, clean, dry_run).map_err(SourceError)?;
            cleaned.extend(more);
        }
        Ok(cleaned)
    }
}

impl Explain for SourceError {
    fn code(&self) -> &str {
        self.0.code()
    }

    fn next(&self) -> Cow<'_, str> {
        self.0.next()
    }
}

impl Reported for SourceError {}
