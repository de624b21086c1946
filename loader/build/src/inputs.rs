//! [`Inputs`]: the content of everything on this machine that a module is built from.

use crate::error::{BuildError, io};
use crate::listing::{Texts, files};
use crate::locals::Locals;
use crate::place;
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
    /// BLAKE3 of each file, to say which of them has changed.
    contents: BTreeMap<PathBuf, blake3::Hash>,
}

impl Inputs {
    /// Reads the packages and, beside what is listed of them, the files `read`, which the compiler is
    /// known to read.
    pub(crate) fn gather(locals: &Locals, read: &BTreeSet<PathBuf>) -> Result<Self, BuildError> {
        let mut listed = BTreeSet::new();
        let mut contents = BTreeMap::new();
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
                hash: hash(&local.folder, &files, &mut contents)?,
            });
        }
        let outside = outside.remove(&nowhere).unwrap_or_default();
        let own = locals
            .packages
            .first()
            .map_or(Path::new("/"), |own| &own.folder);
        let hash = hash(own, &outside, &mut contents)?;
        Ok(Self {
            packages,
            outside: hash,
            listed,
            contents,
        })
    }

    /// The first file, by its path, that `later` has another content of, or that only one of the two has.
    pub(crate) fn moved<'a>(&'a self, later: &'a Self) -> Option<&'a Path> {
        let changed = |(file, hash): &(&PathBuf, _)| later.contents.get(*file) != Some(*hash);
        let gone_or_changed = self.contents.iter().find(changed).map(|(file, _)| file);
        let is_new = |file: &&PathBuf| !self.contents.contains_key(*file);
        let new = later.contents.keys().find(is_new);
        let first = gone_or_changed.into_iter().chain(new).min();
        first.map(PathBuf::as_path)
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

/// BLAKE3 over files, each by its path from `folder`; adds the one of each file to `contents`.
fn hash(
    folder: &Path,
    files: &BTreeSet<PathBuf>,
    contents: &mut BTreeMap<PathBuf, blake3::Hash>,
) -> Result<blake3::Hash, BuildError> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    part(&mut hasher, &(files.len() as u64).to_le_bytes());
    for path in files {
        let content = match place::read_source(path) {
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
        contents.insert(path.clone(), blake3::hash(&content));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(files: &[(&str, &str)]) -> Inputs {
        let content = |(path, text): &(&str, &str)| {
            let hash = blake3::hash(text.as_bytes());
            (PathBuf::from(path), hash)
        };
        Inputs {
            packages: Vec::new(),
            outside: blake3::hash(b""),
            listed: BTreeSet::new(),
            contents: files.iter().map(content).collect(),
        }
    }

    #[test]
    fn a_file_that_was_changed_made_or_removed_is_named() {
        let before = inputs(&[("/a", "1"), ("/c", "1")]);
        let moved = |files| before.moved(&inputs(files)).map(Path::to_owned);
        assert_eq!(moved(&[("/a", "1"), ("/c", "1")]), None);
        let cases: [(&[_], _); 3] = [
            (&[("/a", "1"), ("/c", "2")], "/c"),
            (&[("/a", "1"), ("/b", "1"), ("/c", "1")], "/b"),
            (&[("/c", "1")], "/a"),
        ];
        for (files, expected) in cases {
            assert_eq!(moved(files).as_deref(), Some(Path::new(expected)));
        }
    }
}
