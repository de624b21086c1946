//! [`Scope`]: which files are sources of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The folders and files to watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The folder of the engine's package.
    pub(super) own: PathBuf,
    /// The folders of all packages that it is built from.
    pub(super) roots: Vec<PathBuf>,
    /// Single files that the compiler reads.
    pub(super) files: BTreeSet<PathBuf>,
}

impl Scope {
    /// Whether a file may be a source, judged by its path.
    pub(super) fn may_be_source(&self, file: &Path) -> bool {
        let inside = |root: &Path| is_source(root, file.strip_prefix(root).unwrap_or(file));
        self.files.contains(file) || self.root_of(file).is_some_and(inside)
    }

    /// Leaves those files that are sources: what cargo would package of them and what the compiler
    /// reads, folders, and what is gone.
    pub(super) fn retain_sources(&self, files: &mut BTreeSet<PathBuf>) {
        let mut listed: BTreeMap<&Path, Option<BTreeSet<PathBuf>>> = BTreeMap::new();
        files.retain(|file| {
            if self.files.contains(file) {
                return true;
            }
            let Some(root) = self.root_of(file).filter(|_| self.may_be_source(file)) else {
                return false;
            };
            if !file.is_file() {
                return true;
            }
            let listed = listed
                .entry(root)
                .or_insert_with(|| refit_build::sources(root).ok());
            let name = file.strip_prefix(root).unwrap_or(file);
            listed.as_ref().is_none_or(|listed| listed.contains(name)) && !is_own_output(file)
        });
    }

    /// The folder of the package that a file lies in.
    fn root_of(&self, file: &Path) -> Option<&Path> {
        let roots = self.roots.iter().chain([&self.own]).map(PathBuf::as_path);
        let holders = roots.filter(|root| file.starts_with(root));
        holders.max_by_key(|root| root.as_os_str().len())
    }
}

/// Whether the author writes the file at `path`, a path from `root`: not a hidden one, not an editor's
/// copy, not what cargo writes into the `target` beside a manifest, not what lies in a folder of output.
pub(super) fn is_source(root: &Path, path: &Path) -> bool {
    let mut folder = root.to_owned();
    for part in path.iter() {
        let name = part.as_encoded_bytes();
        if name.starts_with(b".") || name.ends_with(b"~") || name.ends_with(b".partial") {
            return false;
        }
        if part == OsStr::new("target") && folder.join("Cargo.toml").is_file() {
            return false;
        }
        folder.push(part);
        if refit_build::is_output(&folder) {
            return false;
        }
    }
    true
}

/// Whether what this command says goes into the file: to say something must not be a save.
fn is_own_output(file: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|of| (of.dev(), of.ino())).ok();
    let file = identity(file);
    let outputs = ["/proc/self/fd/1", "/proc/self/fd/2"];
    file.is_some()
        && outputs
            .iter()
            .any(|output| identity(Path::new(output)) == file)
}

/// The path as it is shown: from the package's folder, whose own is `.`.
pub(super) fn shown(own: &Path, file: &Path) -> PathBuf {
    let common = own.components().zip(file.components());
    let common = common.take_while(|(own, file)| own == file).count();
    let is_near = common > 1;
    if !is_near {
        return file.to_owned();
    }
    let up = own.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(file.components().skip(common)).collect();
    match path.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => path,
    }
}
