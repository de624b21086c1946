//! [`Inputs`]: the content of everything on this machine that a module is built from.

use crate::error::{BuildError, io};
use crate::listing::{Texts, files};
use crate::locals::Locals;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Most bytes of one package.
pub(crate) const SOURCE_BYTES_MAX: u64 = 256 << 20;

/// One package as an input of a build.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PackageInputs {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) is_contract: bool,
    /// BLAKE3 over its files: paths from its folder in order, each with its content.
    pub(crate) hash: blake3::Hash,
}

/// The content of what a module is built from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inputs {
    /// The packages, in the order of [`Locals`].
    pub(crate) packages: Vec<PackageInputs>,
    /// BLAKE3 over the files that are read and lie in no package, in the order of their paths.
    pub(crate) outside: blake3::Hash,
    /// The files that packages list.
    listed: BTreeSet<PathBuf>,
}

impl Inputs {
    /// Reads the packages and, beside what is listed of them, the files `read`, which the compiler is
    /// known to read.
    pub(crate) fn gather(locals: &Locals, read: &BTreeSet<PathBuf>) -> Result<Self, BuildError> {
        let mut listed = BTreeSet::new();
        let mut outside: BTreeMap<usize, BTreeSet<PathBuf>> = BTreeMap::new();
        let nowhere = locals.packages.len();
        for file in read {
            // The contract's files must not depend on which engine was built last.
            let holder = locals
                .holder(file)
                .filter(|&index| !locals.packages[index].is_contract);
            let holder = holder.unwrap_or(nowhere);
            outside.entry(holder).or_default().insert(file.clone());
        }
        let mut packages = Vec::new();
        for (index, local) in locals.packages.iter().enumerate() {
            let texts = if local.is_contract {
                Texts::In
            } else {
                Texts::Out
            };
            let files = files(&local.folder, texts)?;
            let mut files: BTreeSet<_> = files.iter().map(|file| local.folder.join(file)).collect();
            listed.extend(files.iter().cloned());
            files.extend(outside.remove(&index).unwrap_or_default());
            packages.push(PackageInputs {
                name: local.name.clone(),
                folder: local.folder.clone(),
                is_contract: local.is_contract,
                hash: hash(&local.folder, &files)?,
            });
        }
        let outside = outside.remove(&nowhere).unwrap_or_default();
        let own = locals
            .packages
            .first()
            .map_or(Path::new("/"), |own| &own.folder);
        let hash = hash(own, &outside)?;
        Ok(Self {
            packages,
            outside: hash,
            listed,
        })
    }

    /// Whether a package lists the file.
    pub(crate) fn list(&self, file: &Path) -> bool {
        self.listed.contains(file)
    }

    /// BLAKE3 over the contract's packages.
    pub(crate) fn contract(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for package in self.packages.iter().filter(|package| package.is_contract) {
            part(&mut hasher, package.folder.as_os_str().as_encoded_bytes());
            hasher.update(package.hash.as_bytes());
        }
        hasher.finalize()
    }
}

/// Adds bytes with their length, so that no two lists of parts look alike.
pub(crate) fn part(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// BLAKE3 over files, each by its path from `folder`.
fn hash(folder: &Path, files: &BTreeSet<PathBuf>) -> Result<blake3::Hash, BuildError> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    part(&mut hasher, &(files.len() as u64).to_le_bytes());
    for path in files {
        let content = match std::fs::read(path) {
            Ok(content) => content,
            // An editor has taken it away since it was listed, or the compiler read what is gone now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io("read", path)(error)),
        };
        bytes += content.len() as u64;
        if bytes > SOURCE_BYTES_MAX {
            return Err(BuildError::TooLarge {
                path: folder.to_owned(),
                files_max: crate::listing::SOURCE_FILES_MAX,
                bytes_max: SOURCE_BYTES_MAX,
            });
        }
        part(
            &mut hasher,
            from(folder, path).as_os_str().as_encoded_bytes(),
        );
        part(&mut hasher, &content);
    }
    Ok(hasher.finalize())
}

/// The path that leads from a folder to a file.
fn from(folder: &Path, file: &Path) -> PathBuf {
    let both = folder.components().zip(file.components());
    let common = both.take_while(|(folder, file)| folder == file).count();
    let up = folder
        .components()
        .skip(common)
        .map(|_| Component::ParentDir);
    up.chain(file.components().skip(common)).collect()
}
