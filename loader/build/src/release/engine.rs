//! [`Engine`]: what the manifests of a tree say of the package that is built, and of the packages beside it. Nothing is run for it.

use crate::error::BuildError;
use crate::locals::Locals;
use crate::package::manifest;
use crate::release::tree::SourceTree;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The folder of vendored crates, at a tree's top.
pub(crate) const VENDOR: &str = "vendor";

/// The package that is built.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The name of its library.
    pub(crate) library: String,
    /// Its folder, from the tree's top.
    pub(crate) folder: PathBuf,
    /// The packages of the tree that are no vendored crates: its own first.
    pub(crate) packages: Vec<Beside>,
    /// Whether the tree has vendored crates.
    pub(crate) is_vendored: bool,
}

/// A package by a path of the tree.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) name: String,
    /// From the tree's top.
    pub(crate) folder: PathBuf,
    /// Whether it is the contract, or a part of it: the same for all engines, and compiled with the dependencies.
    pub(crate) is_contract: bool,
    /// Its build script, from the tree's top.
    pub(crate) script: PathBuf,
}

impl Engine {
    /// The package in `folder` of the tree.
    pub(crate) fn read(tree: &SourceTree, folder: &str) -> Result<Self, BuildError> {
        let own = tree.folder().join(folder);
        let not_a_package = || BuildError::NotAPackage { path: own.clone() };
        let is_in_tree = |path: &Path| path.starts_with(tree.folder());
        let source = own.canonicalize().map_err(|_| not_a_package())?;
        if !is_in_tree(&source) || !source.join("Cargo.toml").is_file() {
            return Err(not_a_package());
        }
        let manifest = manifest(&source.join("Cargo.toml"))?;
        let locals = Locals::within(&source, tree.folder())?;
        let package = manifest.get("package").and_then(Value::as_table);
        let package = package.ok_or_else(not_a_package)?;
        let name = text(package, "name").ok_or_else(not_a_package)?;
        can_be_a_module(&manifest, &name)?;
        if !locals.workspace_folder.join("Cargo.lock").is_file() {
            return Err(BuildError::NoLock {
                workspace: locals.workspace_folder,
            });
        }
        let packages = locals.packages.iter().map(|local| {
            let inside = local.folder.strip_prefix(tree.folder());
            let inside = inside.map_err(|_| BuildError::PathOutside {
                package: name.clone(),
                dependency: local.name.clone(),
                path: local.folder.clone(),
            })?;
            Ok(Beside {
                name: local.name.clone(),
                folder: inside.to_owned(),
                is_contract: local.is_contract,
                script: inside.join(script(&local.folder)),
            })
        });
        let library = manifest.get("lib").and_then(Value::as_table);
        let library = library.and_then(|library| text(library, "name"));
        Ok(Self {
            version: version(package, &locals.workspace),
            library: library.unwrap_or_else(|| name.replace('-', "_")),
            folder: source
                .strip_prefix(tree.folder())
                .map(Path::to_owned)
                .unwrap_or_default(),
            packages: packages.collect::<Result<_, BuildError>>()?,
            is_vendored: tree.folder().join(VENDOR).is_dir(),
            name,
        })
    }
}

fn text(table: &Table, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(str::to_owned)
}

/// The version, also where it is the workspace's.
fn version(package: &Table, workspace: &Table) -> String {
    let shared = || {
        let package = workspace.get("workspace")?.get("package")?;
        package.get("version")?.as_str().map(str::to_owned)
    };
    text(package, "version").or_else(shared).unwrap_or_default()
}

fn can_be_a_module(manifest: &Table, name: &str) -> Result<(), BuildError> {
    let package = name.to_owned();
    let kinds = manifest
        .get("lib")
        .and_then(|library| library.get("crate-type")?.as_array());
    let mut kinds = kinds.into_iter().flatten().filter_map(Value::as_str);
    if !kinds.any(|kind| kind == "cdylib") {
        return Err(BuildError::NoCdylib { package });
    }
    let features = manifest.get("features").and_then(Value::as_table);
    match features.is_some_and(|features| features.contains_key("module")) {
        true => Ok(()),
        false => Err(BuildError::NoModuleFeature { package }),
    }
}

/// The build script of a package, whether it has one or not.
fn script(folder: &Path) -> String {
    let manifest = manifest(&folder.join("Cargo.toml")).unwrap_or_default();
    let named = manifest
        .get("package")
        .and_then(|package| package.get("build")?.as_str());
    named.unwrap_or("build.rs").to_owned()
}
