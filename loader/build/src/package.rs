//! [`Package`]: cargo's facts about a source folder, and whether it can be a module.

use crate::error::{BuildError, io};
use crate::toolchain::Toolchain;
use cargo_metadata::{CrateType, Dependency, DependencyKind, Metadata, MetadataCommand};
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
    /// The crate types of its library, such as `cdylib`.
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
        are_there(&manifest, &package.dependencies)?;
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

/// Looks whether what the library depends on by path is where the manifest says.
fn are_there(manifest: &Path, dependencies: &[Dependency]) -> Result<(), BuildError> {
    let of_library = |dependency: &&Dependency| dependency.kind != DependencyKind::Development;
    for dependency in dependencies.iter().filter(of_library) {
        let path = dependency.path.as_ref().map(|path| path.as_std_path());
        if let Some(path) = path.filter(|path| !path.join("Cargo.toml").is_file()) {
            return Err(BuildError::DependencyMissing {
                manifest: manifest.to_owned(),
                dependency: dependency.name.clone(),
                path: path.to_owned(),
            });
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::host::Explain;
    use std::fs;

    const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// The manifest of `engines/NAME` and its library's root, copied into `to`.
    fn copy(name: &str, to: &Path) {
        let from = Path::new(CHECKOUT).join("engines").join(name);
        fs::create_dir_all(to.join("src")).unwrap();
        for file in ["Cargo.toml", "src/lib.rs"] {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }

    fn read(folder: &Path) -> Result<Package, BuildError> {
        let folder = folder.canonicalize().unwrap();
        Package::read(&Toolchain::find(&folder).unwrap(), &folder)
    }

    #[test]
    fn a_copy_of_an_engine_beside_it_stands_alone() {
        let root = tempfile::tempdir().unwrap();
        let whole = fs::read_to_string(Path::new(CHECKOUT).join("Cargo.toml")).unwrap();
        let (_, exclude) = whole.split_once("\nexclude").unwrap();
        let exclude = exclude.lines().next().unwrap();
        let workspace = format!("[workspace]\nmembers = [\"engines/kv\"]\nexclude{exclude}\n");
        fs::write(root.path().join("Cargo.toml"), workspace).unwrap();
        let abi = root.path().join("abi");
        fs::create_dir_all(abi.join("src")).unwrap();
        fs::write(abi.join("src/lib.rs"), "").unwrap();
        let manifest = "[package]\nname = \"refit-abi\"\n\n[features]\nmodule = []\n";
        fs::write(abi.join("Cargo.toml"), manifest).unwrap();
        for name in ["accounts", "counter", "kv"] {
            let beside = root.path().join("engines").join(format!("{name}2"));
            copy(name, &beside);
            assert!(read(&beside).unwrap().stands_alone(), "{name}");
        }
        copy("kv", &root.path().join("engines/kv"));
        let member = read(&root.path().join("engines/kv")).unwrap();
        assert!(!member.stands_alone());
    }

    #[test]
    fn a_copy_of_an_engine_elsewhere_is_told_what_to_change() {
        let folder = tempfile::tempdir().unwrap();
        let kv = folder.path().join("elsewhere/kv");
        copy("kv", &kv);
        let error = read(&kv).unwrap_err();
        assert!(
            matches!(&error, BuildError::DependencyMissing { dependency, .. } if dependency == "refit-abi"),
            "{error}"
        );
        assert!(
            error.next().contains("refit-abi = { path = "),
            "{}",
            error.next()
        );
        let manifest = fs::read_to_string(kv.join("Cargo.toml")).unwrap();
        let abi = Path::new(CHECKOUT).join("abi").canonicalize().unwrap();
        let manifest = manifest.replace("../../abi", &abi.to_string_lossy());
        fs::write(kv.join("Cargo.toml"), manifest).unwrap();
        assert!(read(&kv).unwrap().stands_alone());
    }
}
