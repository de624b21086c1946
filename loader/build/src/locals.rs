//! [`Locals`]: the packages on this machine that an engine is built from: its own, and all that it
//! depends on by path, directly or through others.
//!
//! They are read from the manifests, without cargo: a package that is there only for a feature that
//! is off is among them too. One that is left out would be a change that nobody notices; one too
//! many costs a build.

use crate::error::BuildError;
use crate::package::manifest;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Most packages on this machine that one engine is built from.
const LOCALS_MAX: usize = 512;

/// The package of the contract. It and what it is made of is the same for all engines.
const CONTRACT: &str = "refit-abi";

/// Sections of a manifest that name what the library is built from.
const SECTIONS: [&str; 4] = [
    "dependencies",
    "build-dependencies",
    "build_dependencies",
    "replace",
];

/// A package on this machine.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) name: String,
    /// Its folder, without links on the way.
    pub(crate) folder: PathBuf,
    /// Its dependencies, with what it takes from its workspace filled in.
    pub(crate) dependencies: Table,
    /// Whether it is the contract, or a part of it.
    pub(crate) is_contract: bool,
}

/// The packages on this machine that an engine is built from.
#[derive(Debug)]
pub(crate) struct Locals {
    /// The engine's own first, the others by folder.
    pub(crate) packages: Vec<Local>,
    /// The manifest of its workspace, where profiles and patches are.
    pub(crate) workspace: Table,
    /// The folder of that workspace.
    pub(crate) workspace_folder: PathBuf,
}

impl Locals {
    /// Those of the package in `source`.
    pub(crate) fn of(source: &Path) -> Result<Self, BuildError> {
        Self::within(source, Path::new("/"))
    }

    /// Those of the package in `source`, where folders above `top` are none of its workspaces.
    pub(crate) fn within(source: &Path, top: &Path) -> Result<Self, BuildError> {
        let own = manifest(&source.join("Cargo.toml"))?;
        let (workspace_folder, workspace) =
            workspace(source, &own, top).unwrap_or_else(|| (source.to_owned(), own));
        let patched = patches(&workspace, &workspace_folder);
        let mut found = closure(source, patched, top)?;
        let contract = found.values().find(|local| local.name == CONTRACT);
        if let Some(contract) = contract.map(|local| local.folder.clone()) {
            for folder in closure(&contract, Vec::new(), top)?.into_keys() {
                if let Some(local) = found.get_mut(&folder) {
                    local.is_contract = true;
                }
            }
        }
        let own = found.remove(source);
        Ok(Self {
            packages: own.into_iter().chain(found.into_values()).collect(),
            workspace,
            workspace_folder,
        })
    }

    /// The one whose folder the file lies in.
    pub(crate) fn holder(&self, file: &Path) -> Option<usize> {
        let holds = |(_, local): &(usize, &Local)| file.starts_with(&local.folder);
        let holders = self.packages.iter().enumerate().filter(holds);
        let nearest = holders.max_by_key(|(_, local)| local.folder.as_os_str().len());
        nearest.map(|(index, _)| index)
    }
}

/// All packages that can be reached from `start` and from `more`, by folder.
fn closure(
    start: &Path,
    more: Vec<PathBuf>,
    top: &Path,
) -> Result<BTreeMap<PathBuf, Local>, BuildError> {
    let mut open = more;
    open.push(start.to_owned());
    let mut found = BTreeMap::new();
    while let Some(folder) = open.pop() {
        let path = folder.join("Cargo.toml");
        // Cargo reports a package that is not there.
        let Ok(folder) = folder.canonicalize() else {
            continue;
        };
        if found.contains_key(&folder) || !path.is_file() {
            continue;
        }
        if found.len() == LOCALS_MAX {
            let reason = format!("it depends on more than {LOCALS_MAX} packages by path");
            return Err(BuildError::Manifest { path, reason });
        }
        let local = read(&folder, top)?;
        open.extend(paths(&local.dependencies, &folder));
        found.insert(folder, local);
    }
    Ok(found)
}

fn read(folder: &Path, top: &Path) -> Result<Local, BuildError> {
    let manifest = manifest(&folder.join("Cargo.toml"))?;
    let inherited = workspace(folder, &manifest, top);
    let mut dependencies = Table::new();
    for section in sections(&manifest) {
        for (name, value) in section {
            let value = match &inherited {
                Some((root, workspace)) => filled_in(name, value, workspace, root),
                None => value.clone(),
            };
            add(&mut dependencies, name, value);
        }
    }
    let package = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    let name = package.and_then(Value::as_str).unwrap_or_default();
    Ok(Local {
        name: name.to_owned(),
        folder: folder.to_owned(),
        dependencies,
        is_contract: false,
    })
}

/// Adds a dependency; one that is there already, of another section or target, stays beside it.
fn add(dependencies: &mut Table, name: &str, value: Value) {
    let mut key = name.to_owned();
    while dependencies.get(&key).is_some_and(|there| *there != value) {
        key.push('\'');
    }
    dependencies.insert(key, value);
}

/// The sections of dependencies, also those for one target.
fn sections(manifest: &Table) -> Vec<&Table> {
    let mut all: Vec<&Table> = direct(manifest).collect();
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values);
    all.extend(targets.filter_map(Value::as_table).flat_map(direct));
    all
}

fn direct(table: &Table) -> impl Iterator<Item = &Table> {
    SECTIONS
        .iter()
        .filter_map(|section| table.get(*section)?.as_table())
}

/// A dependency with what `workspace = true` stands for; its path is absolute then.
fn filled_in(name: &str, value: &Value, workspace: &Table, root: &Path) -> Value {
    let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
    let shared = workspace
        .get("workspace")
        .and_then(|table| table.get("dependencies")?.get(name));
    let (true, Some(shared)) = (inherits, shared) else {
        return value.clone();
    };
    let mut whole = match shared {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    if let Some(Value::String(path)) = whole.get_mut("path") {
        *path = root.join(&*path).to_string_lossy().into_owned();
    }
    for (key, value) in value.as_table().into_iter().flatten() {
        match (key.as_str(), whole.get_mut(key)) {
            ("workspace", _) => {}
            ("features", Some(Value::Array(features))) => {
                features.extend(value.as_array().into_iter().flatten().cloned());
            }
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
    whole.into()
}

/// The folders that dependencies are in.
fn paths(dependencies: &Table, folder: &Path) -> Vec<PathBuf> {
    let paths = dependencies
        .values()
        .filter_map(|value| value.get("path")?.as_str());
    paths.map(|path| folder.join(path)).collect()
}

/// The folders of the packages that stand in for others.
fn patches(workspace: &Table, folder: &Path) -> Vec<PathBuf> {
    let registries = workspace.get("patch").and_then(Value::as_table);
    let registries = registries.into_iter().flat_map(Table::values);
    let tables = registries.filter_map(Value::as_table);
    tables.flat_map(|table| paths(table, folder)).collect()
}

/// The workspace that a package is in: its folder, which is not above `top`, and its manifest.
fn workspace(folder: &Path, own: &Table, top: &Path) -> Option<(PathBuf, Table)> {
    if own.contains_key("workspace") {
        return Some((folder.to_owned(), own.clone()));
    }
    let named = own
        .get("package")
        .and_then(|package| package.get("workspace")?.as_str());
    if let Some(named) = named {
        let root = folder.join(named).canonicalize().ok()?;
        let root = root.starts_with(top).then_some(root)?;
        let table = manifest(&root.join("Cargo.toml")).ok()?;
        return Some((root, table));
    }
    let mut above = folder.ancestors().skip(1);
    let (root, table) = above.find_map(|above| {
        if !above.starts_with(top) {
            return None;
        }
        let table = manifest(&above.join("Cargo.toml")).ok()?;
        let is_one = table.contains_key("workspace");
        is_one.then(|| (above.to_owned(), table))
    })?;
    (!is_excluded(folder, &root, &table)).then_some((root, table))
}

/// Whether the workspace in `root` says that `folder` is none of its members, as cargo reads it: what
/// `members` names, without a pattern, is one in spite of `exclude`.
fn is_excluded(folder: &Path, root: &Path, table: &Table) -> bool {
    let named = |list: &str| {
        let names = table
            .get("workspace")
            .and_then(|workspace| workspace.get(list)?.as_array());
        let mut names = names.into_iter().flatten().filter_map(Value::as_str);
        names.any(|name| folder.starts_with(root.join(name)))
    };
    named("exclude") && !named("members")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn package(folder: &Path, manifest: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    }

    fn names(source: &Path) -> Vec<String> {
        let locals = Locals::of(&source.canonicalize().unwrap()).unwrap();
        locals
            .packages
            .into_iter()
            .map(|local| local.name)
            .collect()
    }

    #[test]
    fn what_is_built_from_is_followed_through_paths_workspaces_targets_and_patches() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        package(
            root,
            "[workspace]\nmembers = [\"engine\", \"shared\"]\n\
             [workspace.dependencies]\nshared = { path = \"shared\" }\n\
             [patch.crates-io]\npatched = { path = \"patched\" }\n",
        );
        package(
            &root.join("engine"),
            "[package]\nname = \"engine\"\n\
             [dependencies]\nshared = { workspace = true, features = [\"x\"] }\n\
             [target.'cfg(unix)'.build-dependencies]\nmaker = { path = \"../maker\" }\n\
             [dev-dependencies]\ntester = { path = \"../tester\" }\n",
        );
        package(
            &root.join("shared"),
            "[package]\nname = \"shared\"\n[dependencies]\ndeep = { path = \"../deep\" }\n",
        );
        for name in ["maker", "tester", "deep", "patched"] {
            package(&root.join(name), &format!("[package]\nname = \"{name}\"\n"));
        }
        let found = names(&root.join("engine"));
        assert_eq!(found, ["engine", "deep", "maker", "patched", "shared"]);
    }

    #[test]
    fn the_contract_is_known_with_what_it_is_made_of() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        package(
            &root.join("engine"),
            "[package]\nname = \"engine\"\n[dependencies]\nrefit-abi = { path = \"../abi\" }\n",
        );
        package(
            &root.join("abi"),
            "[package]\nname = \"refit-abi\"\n[dependencies]\nmacros = { path = \"macros\" }\n",
        );
        package(&root.join("abi/macros"), "[package]\nname = \"macros\"\n");
        let locals = Locals::of(&root.join("engine")).unwrap();
        let contract: Vec<_> = locals
            .packages
            .iter()
            .map(|local| local.is_contract)
            .collect();
        assert_eq!(contract, [false, true, true]);
        let file = root.join("abi/macros/src/lib.rs");
        assert_eq!(locals.holder(&file), Some(2));
        assert_eq!(locals.holder(&root.join("else")), None);
    }

    #[test]
    fn what_a_workspace_excludes_takes_nothing_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        package(
            root,
            "[workspace]\nmembers = [\"engines/kv\"]\nexclude = [\"engines\"]\n",
        );
        let kv = "[package]\nname = \"kv\"\n";
        package(&root.join("engines/kv"), kv);
        package(&root.join("engines/kv2"), kv);
        let of = |name: &str| {
            let source = root.join("engines").join(name).canonicalize().unwrap();
            Locals::of(&source).unwrap().workspace_folder == source
        };
        assert_eq!((of("kv"), of("kv2")), (false, true));
        let kv = root.join("engines/kv").canonicalize().unwrap();
        let engines = kv.parent().unwrap();
        let alone = Locals::within(&kv, engines).unwrap();
        assert_eq!(alone.workspace_folder, kv, "nothing above the top is read");
    }
}
