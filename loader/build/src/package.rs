//! [`Package`]: what cargo knows of a source folder, and whether it can be a module.

use crate::error::{BuildError, io};
use crate::toolchain::Toolchain;
use cargo_metadata::{CrateType, Dependency, Metadata, MetadataCommand};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An engine's package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The source folder, absolute.
    pub(crate) folder: PathBuf,
    /// The folder of its workspace: the same if it stands alone.
    pub(crate) workspace: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// What its library is built as.
    pub(crate) crate_types: Vec<String>,
}

impl Package {
    /// Reads the package in `folder`, an absolute path.
    pub(crate) fn read(toolchain: &Toolchain, folder: &Path) -> Result<Self, BuildError> {
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(BuildError::NotAPackage {
                path: folder.to_owned(),
            });
        }
        let metadata = metadata(toolchain, &manifest)?;
        let workspace = metadata.workspace_root.into_std_path_buf();
        let found = metadata
            .packages
            .into_iter()
            .find(|package| package.manifest_path == manifest);
        let package = found.ok_or_else(|| BuildError::NotAPackage {
            path: folder.to_owned(),
        })?;
        let cdylib =
            |target: &cargo_metadata::Target| target.crate_types.contains(&CrateType::CDyLib);
        let name = package.name.to_string();
        let Some(library) = package.targets.iter().find(|target| cdylib(target)) else {
            return Err(BuildError::NoCdylib { package: name });
        };
        let crate_types = library.crate_types.iter().map(ToString::to_string);
        let crate_types = crate_types.collect();
        if !package.features.contains_key("module") {
            return Err(BuildError::NoModuleFeature { package: name });
        }
        Ok(Self {
            name,
            version: package.version.to_string(),
            folder: folder.to_owned(),
            workspace,
            dependencies: package.dependencies,
            features: package.features,
            crate_types,
        })
    }

    /// The lock of its workspace, if that has one.
    pub(crate) fn lock(&self) -> Option<PathBuf> {
        Some(self.workspace.join("Cargo.lock")).filter(|lock| lock.is_file())
    }

    /// Whether it is the root of its own workspace.
    pub(crate) fn stands_alone(&self) -> bool {
        self.folder == self.workspace
    }
}

/// `cargo metadata` without resolving: it needs no network and writes no lock.
fn metadata(toolchain: &Toolchain, manifest: &Path) -> Result<Metadata, BuildError> {
    let folder = manifest.parent().unwrap_or(Path::new("/"));
    let output = toolchain
        .command(folder)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .map_err(io("ask cargo about", manifest))?;
    let unreadable = |reason| BuildError::Manifest {
        path: manifest.to_owned(),
        reason,
    };
    if !output.status.success() {
        return Err(unreadable(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    MetadataCommand::parse(String::from_utf8_lossy(&output.stdout))
        .map_err(|error| unreadable(error.to_string()))
}

/// A manifest as a table.
pub(crate) fn manifest(path: &Path) -> Result<toml::Table, BuildError> {
    let text = std::fs::read_to_string(path).map_err(io("read", path))?;
    let unreadable = |error: toml::de::Error| BuildError::Manifest {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    text.parse().map_err(unreadable)
}
