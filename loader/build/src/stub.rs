//! The manifest of an empty package that depends on what an engine depends on, but for the author's
//! own packages: the contract, and what comes from the registry.

use crate::error::BuildError;
use crate::locals::{Local, Locals};
use crate::package::Package;
use cargo_metadata::{Dependency, DependencyKind};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// The name of the empty package.
pub(crate) const STUB: &str = "refit-seed";

/// Sections of a workspace's manifest that change how dependencies are compiled.
const WORKSPACE_SECTIONS: [&str; 1] = ["profile"];

/// The manifest; `None` if a dependency cannot be written down again from what cargo tells of it.
pub(crate) fn manifest(package: &Package, locals: &Locals) -> Result<Option<String>, BuildError> {
    if locals.workspace.contains_key("patch") || !package.dependencies.iter().all(is_plain) {
        return Ok(None);
    }
    let mut stub = Table::new();
    let facts = [("name", STUB), ("version", "0.0.0"), ("edition", "2024")];
    stub.insert("package".to_owned(), texts(&facts).into());
    let library = Table::from_iter([("crate-type".to_owned(), list(&package.crate_types))]);
    stub.insert("lib".to_owned(), library.into());
    stub.insert("workspace".to_owned(), resolver(&locals.workspace).into());
    for section in WORKSPACE_SECTIONS {
        if let Some(value) = locals.workspace.get(section) {
            stub.insert(section.to_owned(), value.clone());
        }
    }
    let mut left_out = BTreeSet::new();
    for dependency in &package.dependencies {
        match is_authors(dependency, locals) {
            true => drop(left_out.insert(named(dependency).to_owned())),
            false => insert(&mut stub, dependency),
        }
    }
    let authors = locals
        .packages
        .iter()
        .skip(1)
        .filter(|local| !local.is_contract);
    authors.for_each(|local| insert_registry(&mut stub, local));
    let features = package.features.iter().map(|(name, of)| {
        let kept = of.iter().filter(|feature| !is_of(feature, &left_out));
        (name.clone(), list(&kept.cloned().collect::<Vec<_>>()))
    });
    stub.insert("features".to_owned(), Table::from_iter(features).into());
    let text = toml::to_string(&stub).map_err(|error| BuildError::Manifest {
        path: locals.workspace_folder.join("Cargo.toml"),
        reason: error.to_string(),
    });
    text.map(Some)
}

/// Whether a dependency can be written down again from what cargo tells of it.
fn is_plain(dependency: &Dependency) -> bool {
    let default = "registry+https://github.com/rust-lang/crates.io-index";
    let source = dependency.source.as_ref();
    dependency.registry.is_none() && source.is_none_or(|source| source.repr == default)
}

/// Whether a dependency is a package of the author's: its code changes, and is nobody else's.
fn is_authors(dependency: &Dependency, locals: &Locals) -> bool {
    let Some(path) = &dependency.path else {
        return false;
    };
    let folder = path.as_std_path().canonicalize().ok();
    let mut contract = locals.packages.iter().filter(|local| local.is_contract);
    !contract.any(|local| Some(&local.folder) == folder.as_ref())
}

/// Whether a feature turns something on of what is left out.
fn is_of(feature: &str, left_out: &BTreeSet<String>) -> bool {
    let name = feature.strip_prefix("dep:").unwrap_or(feature);
    let name = name.split('/').next().unwrap_or(name).trim_end_matches('?');
    left_out.contains(name)
}

fn named(dependency: &Dependency) -> &str {
    dependency.rename.as_ref().unwrap_or(&dependency.name)
}

fn resolver(workspace: &Table) -> Table {
    let own = workspace
        .get("workspace")
        .and_then(|table| table.get("resolver"));
    let package = || {
        workspace
            .get("package")
            .and_then(|table| table.get("resolver"))
    };
    let resolver = own.or_else(package).cloned();
    resolver
        .map(|value| ("resolver".to_owned(), value))
        .into_iter()
        .collect()
}

fn texts(pairs: &[(&str, &str)]) -> Table {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect()
}

fn list(values: &[String]) -> Value {
    Value::Array(
        values
            .iter()
            .map(|value| Value::from(value.as_str()))
            .collect(),
    )
}

/// Adds a dependency to the section that it comes from.
fn insert(stub: &mut Table, dependency: &Dependency) {
    let section = match dependency.kind {
        DependencyKind::Normal => "dependencies",
        DependencyKind::Build => "build-dependencies",
        _ => return,
    };
    let holder = match &dependency.target {
        Some(target) => table(table(stub, "target"), &target.to_string()),
        None => stub,
    };
    table(holder, section).insert(named(dependency).to_owned(), described(dependency).into());
}

/// Adds what another package of the author's takes from the registry, if it always does. Where two
/// packages name one crate, both say which features they need of it.
fn insert_registry(stub: &mut Table, local: &Local) {
    for (name, value) in &local.dependencies {
        let is_on = value.get("optional").and_then(Value::as_bool) != Some(true);
        let is_elsewhere = ["path", "git", "registry", "workspace"];
        let is_elsewhere = is_elsewhere.iter().any(|key| value.get(*key).is_some());
        if !is_on || is_elsewhere || name.ends_with('\'') {
            continue;
        }
        let dependencies = table(stub, "dependencies");
        let Some(there) = dependencies.get_mut(name) else {
            dependencies.insert(name.clone(), value.clone());
            continue;
        };
        let more = value.get("features").and_then(Value::as_array);
        if let (Some(more), Some(there)) = (more, there.as_table_mut()) {
            let features = there.entry("features").or_insert_with(|| list(&[]));
            if let Value::Array(features) = features {
                features.extend(more.iter().cloned());
            }
        }
    }
}

/// The table called `name`, made if it is not there.
fn table<'a>(holder: &'a mut Table, name: &str) -> &'a mut Table {
    let value = holder.entry(name).or_insert_with(|| Table::new().into());
    if !value.is_table() {
        *value = Table::new().into();
    }
    match value {
        Value::Table(table) => table,
        _ => unreachable!("made a table just now"),
    }
}

fn described(dependency: &Dependency) -> Table {
    let version = dependency.req.to_string();
    let mut table = texts(&[("package", &dependency.name), ("version", &version)]);
    if let Some(path) = &dependency.path {
        table.insert("path".to_owned(), path.as_str().into());
    }
    let default = dependency.uses_default_features;
    table.insert("default-features".to_owned(), default.into());
    table.insert("optional".to_owned(), dependency.optional.into());
    table.insert("features".to_owned(), list(&dependency.features));
    table
}
