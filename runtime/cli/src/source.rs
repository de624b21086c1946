//! Engine source as the command line meets it: a path that is a library, or a folder to build one
//! from.

use crate::author;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;
use miette::Diagnostic;
use refit_build::{BuildError, Builder, Built, Profile};
use std::fmt;
use std::path::{Path, PathBuf};

/// Name of the builder's folder inside the data folder.
const BUILD_FOLDER: &str = "build";

/// Gets libraries from paths.
#[derive(Debug)]
pub(crate) struct Sources {
    builder: Builder,
}

/// Source that gave no library: the builder's reason, shown as one of our own.
#[derive(Debug)]
pub(crate) struct SourceError(BuildError);

impl Sources {
    /// Builds inside the data folder.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            builder: Builder::new(data_dir.join(BUILD_FOLDER)),
        }
    }

    /// As [`Sources::new`]; source without a lock file of its own is built with this one.
    pub(crate) fn with_lock(self, lock: &Path) -> Self {
        let builder = self.builder.with_lock(lock);
        Self { builder }
    }

    /// What builds.
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
        author::kept::check(path, &built.library)?;
        Ok(built)
    }

    /// As [`Sources::build`], whatever was published.
    pub(crate) fn build_unkept(&self, path: &Path, profile: Profile) -> Result<Built, Failure> {
        show::talk(format_args!(
            "building {} ({})",
            path.display(),
            profile.name()
        ));
        let built = self
            .builder
            .build(path, profile)
            .map_err(|error| Box::new(SourceError(error)))?;
        show::talk(format_args!("built {} {}", built.package, built.version));
        Ok(built)
    }
}

impl SourceError {
    pub(crate) fn exit(&self) -> Exit {
        match self.0 {
            BuildError::NotAPackage { .. } => Exit::Usage,
            _ => Exit::BuildFailed,
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceError {}

impl Diagnostic for SourceError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("build::{}", self.0.code())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.next()))
    }
}
