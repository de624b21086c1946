//! [`SwapCode`]: where the bench engines' code comes from.

use super::BenchClass;
use crate::BenchError;
use refit_build::{Builder, Profile};
use refit_loader::{LoadedModule, Loader};
use std::path::{Path, PathBuf};

/// The source of the bench engines' code.
#[derive(Debug)]
pub struct SwapCode<'a> {
    /// Builds them.
    pub builder: &'a Builder,
    /// Loads them.
    pub loader: &'a Loader,
    /// The folder that holds their source trees; see [`SwapCode::sources`].
    pub sources: &'a Path,
    /// How they are compiled: what is measured is [`Profile::Release`].
    pub profile: Profile,
}

/// The libraries of a run.
#[derive(Debug)]
pub(super) struct Libraries {
    pub(super) table: PathBuf,
    pub(super) side: PathBuf,
    replacements: Vec<(BenchClass, PathBuf)>,
}

impl SwapCode<'_> {
    /// The source trees of the checkout that this program was compiled from.
    pub fn sources() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("engines")
    }

    /// Builds what the classes need.
    pub(super) fn build(
        &self,
        classes: &[BenchClass],
        progress: &mut dyn FnMut(&str),
    ) -> Result<Libraries, BenchError> {
        let mut build = |name: &str| {
            progress(&format!("building {name}"));
            self.build_one(name)
        };
        let (table, side) = (build("table-v1")?, build("side-v1")?);
        let replacements = classes
            .iter()
            .map(|class| Ok((*class, build(class.source())?)));
        let replacements = replacements.collect::<Result<Vec<_>, BenchError>>()?;
        Ok(Libraries {
            table,
            side,
            replacements,
        })
    }

    /// Builds the first version of the tables alone.
    pub(crate) fn table(&self, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, BenchError> {
        progress("building table-v1");
        self.build_one("table-v1")
    }

    /// Loads a library.
    pub(crate) fn load(&self, path: &Path) -> Result<LoadedModule, BenchError> {
        load(self.loader, path)
    }

    fn build_one(&self, name: &str) -> Result<PathBuf, BenchError> {
        let source = self.sources.join(name);
        if !source.is_dir() {
            return Err(BenchError::NoSource {
                path: self.sources.to_owned(),
            });
        }
        let built = self.builder.build(&source, self.profile);
        let failed = |source| BenchError::Build {
            name: name.to_owned(),
            source: Box::new(source),
        };
        Ok(built.map_err(failed)?.library)
    }
}

impl Libraries {
    /// The library that comes in.
    pub(super) fn replacement(&self, class: BenchClass) -> &Path {
        let found = self.replacements.iter().find(|(of, _)| *of == class);
        found.map_or(&self.side, |(_, path)| path)
    }
}

/// Loads a library, from its file to code that runs.
pub(super) fn load(loader: &Loader, path: &Path) -> Result<LoadedModule, BenchError> {
    let failed = |source| BenchError::Load {
        path: path.to_owned(),
        source: Box::new(source),
    };
    loader.load_file(path).map_err(failed)
}
