//! The build id: which source, profile and compiler a module was built from.

use crate::builder::Profile;
use crate::error::{BuildError, io};
use crate::output::is_output;
use crate::package::Package;
use crate::toolchain::Toolchain;
use std::path::{Path, PathBuf};

/// Most files of a source tree.
pub(crate) const SOURCE_FILES_MAX: usize = 10_000;

/// Most bytes of a source tree.
pub(crate) const SOURCE_BYTES_MAX: u64 = 256 << 20;

/// Hexadecimal digits of a build id.
const BUILD_ID_DIGITS: usize = 32;

/// The build id: BLAKE3 over the tree, the trees it depends on by path, the lock, the profile and
/// the compiler.
pub(crate) fn build_id(
    package: &Package,
    lock: Option<&Path>,
    profile: Profile,
    toolchain: &Toolchain,
) -> Result<String, BuildError> {
    let mut hasher = blake3::Hasher::new();
    part(&mut hasher, profile.name().as_bytes());
    part(&mut hasher, toolchain.compiler.as_bytes());
    let lock = lock
        .map(|lock| std::fs::read(lock).map_err(io("read", lock)))
        .transpose()?;
    part(&mut hasher, &lock.unwrap_or_default());
    tree(&mut hasher, &package.folder)?;
    for folder in package.path_dependencies() {
        tree(&mut hasher, &folder)?;
    }
    let mut digits = hasher.finalize().to_hex().to_string();
    digits.truncate(BUILD_ID_DIGITS);
    Ok(digits)
}

/// Adds bytes with their length, so that no two lists of parts look alike.
pub(crate) fn part(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Adds a tree: relative paths in order, each with its content.
fn tree(hasher: &mut blake3::Hasher, root: &Path) -> Result<(), BuildError> {
    let mut files = Vec::new();
    list(root, root, &mut files)?;
    files.sort();
    let mut bytes = 0;
    part(hasher, &(files.len() as u64).to_le_bytes());
    for file in files {
        let path = root.join(&file);
        let content = std::fs::read(&path).map_err(io("read", &path))?;
        bytes += content.len() as u64;
        if bytes > SOURCE_BYTES_MAX {
            return Err(too_large(root));
        }
        part(hasher, file.as_os_str().as_encoded_bytes());
        part(hasher, &content);
    }
    Ok(())
}

/// Lists the files under `folder`, relative to `root`: all but `.git`, the root's `target`, folders
/// that are tagged as output, and what is neither file nor folder. Links are followed to files, not to folders.
fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    for entry in std::fs::read_dir(folder).map_err(io("list", folder))? {
        let entry = entry.map_err(io("list", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(io("look at", &path))?;
        if name == ".git" || (name == "target" && folder == root) {
            continue;
        }
        if kind.is_dir() {
            if !is_output(&path) {
                list(root, &path, files)?;
            }
        } else if path.is_file() {
            files.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
        if files.len() > SOURCE_FILES_MAX {
            return Err(too_large(root));
        }
    }
    Ok(())
}

fn too_large(root: &Path) -> BuildError {
    BuildError::TooLarge {
        path: root.to_owned(),
        files_max: SOURCE_FILES_MAX,
        bytes_max: SOURCE_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn hash(root: &Path) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        tree(&mut hasher, root).unwrap();
        hasher.finalize()
    }

    #[test]
    fn what_is_made_inside_the_source_is_not_source() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("lib.rs"), "a").unwrap();
        let first = hash(root);
        crate::place::root(&root.join("refit-data/build")).unwrap();
        fs::write(root.join("refit-data/build/x.so"), "x").unwrap();
        fs::write(root.join("refit-data/quarantine.json"), "x").unwrap();
        assert_eq!(hash(root), first);
        fs::create_dir(root.join("data")).unwrap();
        fs::write(root.join("data/x"), "x").unwrap();
        assert_ne!(hash(root), first, "a folder without the tag is source");
    }

    #[test]
    fn names_and_contents_count_and_build_output_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("src/target")).unwrap();
        fs::write(root.join("src/lib.rs"), "a").unwrap();
        let first = hash(root);
        fs::create_dir_all(root.join("target/debug")).unwrap();
        fs::write(root.join("target/debug/x"), "x").unwrap();
        assert_eq!(hash(root), first, "cargo's own folder is not source");
        fs::write(root.join("src/target/mod.rs"), "b").unwrap();
        let second = hash(root);
        assert_ne!(second, first, "a module called target is");
        fs::rename(root.join("src/lib.rs"), root.join("src/main.rs")).unwrap();
        assert_ne!(hash(root), second);
    }
}
