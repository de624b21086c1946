//! A tree without its own code: what is left are its dependencies, as its own manifests choose them.
//!
//! Manifests, lock and configuration stay, vendored crates and the contract stay whole; of other packages each file of code is
//! empty, and a build script does nothing. Other engines of the tree, which are workspaces of their own, are not there at all: what
//! one is built from does not depend on which ones a release has beside it.

use crate::error::{BuildError, io};
use crate::package::manifest;
use crate::release::engine::{Beside, Engine, VENDOR};
use crate::release::tree::{SourceTree, date};
use refit_release::tree::TreeFile;
use std::fs;
use std::path::Path;

/// A build script that does nothing.
const NOTHING: &[u8] = b"fn main() {}\n";

/// What is kept of a tree.
pub(crate) struct Kept<'a> {
    /// As it is.
    pub(crate) whole: Vec<&'a TreeFile>,
    /// Its name, but not its content.
    pub(crate) emptied: Vec<&'a TreeFile>,
}

impl<'a> Kept<'a> {
    pub(crate) fn of(tree: &'a SourceTree, engine: &Engine) -> Self {
        let mut kept = Self {
            whole: Vec::new(),
            emptied: Vec::new(),
        };
        let others = others(tree, engine);
        for file in tree.files() {
            let path = Path::new(&file.path);
            if others.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            let holder = holder(engine, path);
            let is_dependency =
                path.starts_with(VENDOR) || holder.is_some_and(|package| package.is_contract);
            let is_code = path.extension().is_some_and(|kind| kind == "rs");
            if is_dependency || is_setting(path) {
                kept.whole.push(file);
            } else if is_code {
                kept.emptied.push(file);
            }
        }
        kept
    }

    /// Lays it into `folder`, which is new. Files that stay are linked where that is possible.
    pub(crate) fn lay(
        &self,
        tree: &SourceTree,
        engine: &Engine,
        folder: &Path,
    ) -> Result<(), BuildError> {
        for file in &self.whole {
            link(tree, file, folder)?;
        }
        for file in &self.emptied {
            let to = folder.join(&file.path);
            make_room(&to)?;
            let mut packages = engine.packages.iter();
            let is_script = packages.any(|package| package.script == Path::new(&file.path));
            let text = if is_script { NOTHING } else { &[] };
            fs::write(&to, text).map_err(io("write", &to))?;
            date(&to)?;
        }
        Ok(())
    }
}

/// Lays all of a tree into `folder`, as [`Kept::lay`] does with what is kept of it.
pub(crate) fn lay_whole(tree: &SourceTree, folder: &Path) -> Result<(), BuildError> {
    let mut files = tree.files().iter();
    files.try_for_each(|file| link(tree, file, folder))
}

fn link(tree: &SourceTree, file: &TreeFile, folder: &Path) -> Result<(), BuildError> {
    let (from, to) = (tree.folder().join(&file.path), folder.join(&file.path));
    make_room(&to)?;
    if fs::hard_link(&from, &to).is_err() {
        fs::copy(&from, &to).map_err(io("copy", &from))?;
        date(&to)?;
    }
    Ok(())
}

/// What cargo reads to know what to build.
fn is_setting(path: &Path) -> bool {
    let is_named = |name: &str| path.file_name().is_some_and(|own| own == name);
    is_named("Cargo.toml")
        || is_named("Cargo.lock")
        || path.components().any(|part| part.as_os_str() == ".cargo")
}

/// The folders of workspaces that hold no package of the engine. Cargo reads nothing there: no workspace is in another.
fn others<'a>(tree: &'a SourceTree, engine: &Engine) -> Vec<&'a Path> {
    let manifests = tree.files().iter().map(|file| Path::new(&file.path));
    let manifests = manifests.filter(|path| path.ends_with("Cargo.toml"));
    let folders = manifests.filter_map(|path| {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut packages = engine.packages.iter();
        let is_elsewhere = !folder.starts_with(VENDOR)
            && !packages.any(|package| package.folder.starts_with(folder));
        let is_workspace = || {
            let manifest = manifest(&tree.folder().join(path));
            manifest.is_ok_and(|table| table.contains_key("workspace"))
        };
        (is_elsewhere && is_workspace()).then_some(folder)
    });
    folders.collect()
}

/// The package whose folder the file lies in, the nearest one.
fn holder<'e>(engine: &'e Engine, file: &Path) -> Option<&'e Beside> {
    let holders = engine.packages.iter();
    let holders = holders.filter(|package| file.starts_with(&package.folder));
    holders.max_by_key(|package| package.folder.components().count())
}

fn make_room(file: &Path) -> Result<(), BuildError> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(io("create", folder))
}
