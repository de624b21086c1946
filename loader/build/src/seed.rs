//! Compiled dependencies, so that a new target folder need not compile them again.
//!
//! A seed is the target folder of an empty package with the engine's own dependencies, features,
//! profile and compiler: their hash is its key. Before use cargo brings it up to date with the lock;
//! a new target folder starts as a copy of it. cargo decides for itself what of it is fresh, by its
//! fingerprints, so a seed that does not fit costs time and never gives wrong code. Times are kept,
//! because cargo compares them.
//!
//! Files that compilers replace by renaming are linked instead of copied (`.rlib`, `.rmeta`); what
//! cargo may write in place is copied.

use crate::builder::Profile;
use crate::cancel::Wanted;
use crate::cargo::Order;
use crate::error::{BuildError, io};
use crate::identity::part;
use crate::overlay;
use crate::package::{Package, manifest};
use crate::place;
use crate::toolchain::Toolchain;
use cargo_metadata::{Dependency, DependencyKind};
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The name of the empty package.
const STUB: &str = "refit-seed";

/// What a seed is made from.
pub(crate) struct Recipe<'a> {
    pub(crate) root: &'a Path,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) package: &'a Package,
    pub(crate) lock: &'a Path,
    pub(crate) profile: Profile,
    pub(crate) wanted: &'a Wanted,
}

impl Recipe<'_> {
    /// Fills a target folder that has nothing of this profile yet. Does nothing for a package whose
    /// dependencies come from elsewhere than paths and the default registry.
    pub(crate) fn sow(&self, target: &Path) -> Result<(), BuildError> {
        let wanted = target.join(self.profile.folder());
        if wanted.exists() || !self.package.dependencies.iter().all(is_plain) {
            return Ok(());
        }
        let seed = self.grown()?;
        let partial = target.join(format!("{}.partial", self.profile.folder()));
        let _ = fs::remove_dir_all(&partial);
        for part in ["deps", "build", ".fingerprint"] {
            copy_tree(
                &seed.join(self.profile.folder()).join(part),
                &partial.join(part),
            )?;
        }
        fs::rename(&partial, &wanted).map_err(io("rename to", &wanted))
    }

    /// The seed's target folder, up to date.
    fn grown(&self) -> Result<PathBuf, BuildError> {
        let stub = self.stub()?;
        let key = self.key(&stub);
        let folder = self.root.join("seeds").join(&key);
        let _held = place::lock(self.root, &format!("seed-{key}"), self.wanted)?;
        let source = place::folder(folder.join("stub/src"))?;
        place::write_if_changed(
            &source.join("lib.rs"),
            b"//! Only the dependencies count.\n",
        )?;
        place::write_if_changed(&folder.join("stub/Cargo.toml"), stub.as_bytes())?;
        overlay::lay_lock(Some(self.lock), &folder.join("stub"))?;
        // Also if it is there already: the lock or a dependency by path may have changed, and cargo
        // compiles what that concerns.
        self.build(&folder)?;
        Ok(folder.join("target"))
    }

    fn build(&self, folder: &Path) -> Result<(), BuildError> {
        let order = Order {
            toolchain: self.toolchain,
            package: STUB,
            folder: &folder.join("stub"),
            target: &folder.join("target"),
            profile: self.profile,
            locked: false,
            build_id: STUB,
            wanted: self.wanted,
        };
        order.run().map(|_| ())
    }

    fn key(&self, stub: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        for fact in [stub, &self.toolchain.compiler, self.profile.name()] {
            part(&mut hasher, fact.as_bytes());
        }
        let flags = std::env::var_os("RUSTFLAGS").unwrap_or_default();
        part(&mut hasher, flags.as_encoded_bytes());
        place::short(hasher.finalize())
    }

    /// The manifest of the empty package.
    fn stub(&self) -> Result<String, BuildError> {
        let path = self.package.workspace.join("Cargo.toml");
        let workspace = manifest(&path)?;
        let mut stub = Table::new();
        let package = [("name", STUB), ("version", "0.0.0"), ("edition", "2024")];
        stub.insert("package".to_owned(), texts(&package).into());
        let crate_type = Value::Array(vec!["cdylib".into()]);
        stub.insert(
            "lib".to_owned(),
            Table::from_iter([("crate-type".to_owned(), crate_type)]).into(),
        );
        stub.insert("workspace".to_owned(), Table::new().into());
        let features = self
            .package
            .features
            .iter()
            .map(|(name, of)| (name.clone(), list(of)));
        stub.insert("features".to_owned(), Table::from_iter(features).into());
        if let Some(profile) = workspace.get("profile") {
            stub.insert("profile".to_owned(), profile.clone());
        }
        self.package
            .dependencies
            .iter()
            .for_each(|dependency| insert(&mut stub, dependency));
        toml::to_string(&stub).map_err(|error| BuildError::Manifest {
            path,
            reason: error.to_string(),
        })
    }
}

/// Whether a dependency can be written down again from what cargo tells of it.
fn is_plain(dependency: &Dependency) -> bool {
    let default = "registry+https://github.com/rust-lang/crates.io-index";
    dependency.registry.is_none()
        && dependency
            .source
            .as_ref()
            .is_none_or(|source| source.repr == default)
}

fn texts(pairs: &[(&str, &str)]) -> Table {
    pairs
        .iter()
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
    let name = dependency.rename.as_ref().unwrap_or(&dependency.name);
    table(holder, section).insert(name.clone(), described(dependency).into());
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
    let mut table = texts(&[
        ("package", &dependency.name),
        ("version", &dependency.req.to_string()),
    ]);
    if let Some(path) = &dependency.path {
        table.insert("path".to_owned(), path.as_str().into());
    }
    table.insert(
        "default-features".to_owned(),
        dependency.uses_default_features.into(),
    );
    table.insert("optional".to_owned(), dependency.optional.into());
    table.insert("features".to_owned(), list(&dependency.features));
    table
}

/// Copies a tree with its times; leaves the empty package's own files out.
fn copy_tree(from: &Path, to: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(to).map_err(io("create", to))?;
    for entry in fs::read_dir(from).map_err(io("list", from))? {
        let entry = entry.map_err(io("list", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if is_stub(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            copy_file(&source, &target)?;
        }
    }
    let times = |file: &File| file.metadata().and_then(|of| of.modified());
    let modified = File::open(from)
        .and_then(|from| times(&from))
        .map_err(io("look at", from))?;
    let folder = File::open(to).map_err(io("open", to))?;
    folder
        .set_times(FileTimes::new().set_modified(modified))
        .map_err(io("date", to))
}

fn is_stub(name: &str) -> bool {
    ["refit-seed", "refit_seed", "librefit_seed"]
        .iter()
        .any(|stub| name.starts_with(stub))
}

fn copy_file(source: &Path, target: &Path) -> Result<(), BuildError> {
    let replaced = source
        .extension()
        .is_some_and(|kind| kind == "rlib" || kind == "rmeta");
    if replaced && fs::hard_link(source, target).is_ok() {
        return Ok(());
    }
    fs::copy(source, target).map_err(io("copy", source))?;
    let modified = fs::metadata(source)
        .and_then(|of| of.modified())
        .map_err(io("look at", source))?;
    let file = File::options()
        .append(true)
        .open(target)
        .map_err(io("open", target))?;
    file.set_times(FileTimes::new().set_modified(modified))
        .map_err(io("date", target))
}
