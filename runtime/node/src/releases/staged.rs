//! [`StagedRelease`]: a verified release with the libraries that it has for this node, each at hand.

use super::NotStaged;
use super::built::BuiltHere;
use super::folder::ReleaseFolder;
use super::target::Target;
use refit_release::manifest::{Artifact, KindEntry, Module, Strategy};
use refit_release::{FileId, VerifiedRelease};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A verified release whose libraries for this node are in the folder.
#[derive(Clone, Debug)]
pub(crate) struct StagedRelease {
    release: VerifiedRelease,
    modules: Vec<StagedModule>,
}

/// One library of it. Its bytes are compared with its id when they are read.
#[derive(Clone, Debug)]
pub(crate) struct StagedModule {
    pub(crate) module: Module,
    pub(crate) file: FileId,
    pub(crate) path: PathBuf,
    /// The level that this node has built it at; absent of one that came with the release.
    pub(crate) built: Option<String>,
}

impl StagedRelease {
    /// Finds the libraries.
    ///
    /// # Errors
    /// [`NotStaged`] names the first module that there is none of.
    pub(crate) fn find(
        release: VerifiedRelease,
        folder: &ReleaseFolder,
        target: Target,
    ) -> Result<Self, NotStaged> {
        let manifest = release.manifest();
        known_strategies(manifest.kinds())?;
        let has_source = manifest.source.is_some();
        let built_here = folder.built(release.id());
        let modules = manifest.modules.iter().map(|module| {
            let built = built_of(&built_here, module, target);
            let (file, level) = match built {
                Some(built) => (built.file, Some(built.level.clone())),
                None => (artifact(module, has_source, target)?.file, None),
            };
            let path = folder.file(release.id(), file);
            let path = path.ok_or_else(|| NotStaged::Missing {
                package: module.package.clone(),
                file: file.to_string(),
            })?;
            Ok(StagedModule {
                module: module.clone(),
                file,
                path,
                built: level,
            })
        });
        let modules = modules.collect::<Result<_, _>>()?;
        Ok(Self { release, modules })
    }

    pub(crate) fn release(&self) -> &VerifiedRelease {
        &self.release
    }

    pub(crate) fn modules(&self) -> &[StagedModule] {
        &self.modules
    }

    /// The lowest level that this node has built a library of it at, if it has built one.
    pub(crate) fn built_at(&self) -> Option<&str> {
        let built = self.modules.iter().filter_map(|it| it.built.as_deref());
        built.min()
    }

    /// Kinds whose engines start afresh.
    pub(crate) fn restart(&self) -> BTreeSet<String> {
        self.with(Strategy::RestartEngine)
    }

    /// Whether the node stops for it.
    pub(crate) fn is_offline(&self) -> bool {
        !self.with(Strategy::Offline).is_empty()
    }

    fn with(&self, strategy: Strategy) -> BTreeSet<String> {
        let kinds = self.release.manifest().kinds();
        let those = kinds.filter(|kind| kind.strategy == strategy);
        those.map(|kind| kind.kind.clone()).collect()
    }
}

/// What this node has built of a module for which the release names no library.
fn built_of<'a>(built: &'a [BuiltHere], module: &Module, target: Target) -> Option<&'a BuiltHere> {
    if target.artifact(module).is_some() || module.abi_epoch != target.abi_epoch {
        return None;
    }
    built.iter().find(|built| {
        let is_for = built.target == target.triple && built.toolchain == target.toolchain;
        is_for && built.package == module.package
    })
}

/// The modules of a release that have to be built here before it can come in.
pub(super) fn not_there<'a>(
    release: &'a VerifiedRelease,
    folder: &ReleaseFolder,
    target: Target,
) -> Vec<&'a Module> {
    let built_here = folder.built(release.id());
    let modules = release.manifest().modules.iter();
    let lacks = |module: &&Module| {
        let is_ours = module.abi_epoch == target.abi_epoch;
        let built = built_of(&built_here, module, target);
        let is_built = built.is_some_and(|it| folder.file(release.id(), it.file).is_some());
        is_ours && target.artifact(module).is_none() && !is_built
    };
    modules.filter(lacks).collect()
}

/// The file of a module, or why there is none.
fn artifact(module: &Module, has_source: bool, target: Target) -> Result<&Artifact, NotStaged> {
    let package = module.package.clone();
    if module.abi_epoch != target.abi_epoch {
        return Err(NotStaged::AbiEpoch {
            package,
            found: module.abi_epoch,
            expected: target.abi_epoch,
        });
    }
    let has = module.artifacts.iter();
    target.artifact(module).ok_or_else(|| match has_source {
        true => NotStaged::NotBuilt {
            package,
            target: target.triple.to_owned(),
        },
        false => NotStaged::NoArtifact {
            package,
            target: target.triple.to_owned(),
            toolchain: target.toolchain.to_owned(),
            has: has
                .map(|file| format!("{} with `{}`", file.target, file.toolchain))
                .collect(),
        },
    })
}

fn known_strategies<'a>(mut kinds: impl Iterator<Item = &'a KindEntry>) -> Result<(), NotStaged> {
    match kinds.find(|kind| kind.strategy == Strategy::RestartNode) {
        None => Ok(()),
        Some(kind) => Err(NotStaged::Strategy {
            kind: kind.kind.clone(),
            strategy: "restart-node".to_owned(),
        }),
    }
}
