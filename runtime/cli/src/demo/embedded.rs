//! The sources that the demo builds, carried in this program: a released binary has its demo without a checkout.
//!
//! They are laid out once into the user's cache folder, under a name that is their hash, by a rename at the end: a folder
//! of that name is whole.

use super::DemoError;
use crate::args::CacheArgs;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Paths, from the top of the checkout, and contents.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Digits of the hash in the folder's name.
const NAME_DIGITS: usize = 12;

/// A folder with the sources, as they are in a checkout.
///
/// # Errors
/// [`DemoError::NoSource`] if this user has no cache folder, or it cannot be written.
pub(crate) fn checkout() -> Result<PathBuf, DemoError> {
    let cache = CacheArgs {
        cache_dir: std::env::var_os(super::sources::CACHE_DIR)
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from),
        ..CacheArgs::default()
    };
    let cache = cache.folder().ok_or_else(|| DemoError::NoSource {
        folder: PathBuf::from("the user's cache folder"),
        source: io::ErrorKind::NotFound.into(),
    })?;
    lay_out(&cache).map_err(|source| DemoError::NoSource {
        folder: cache,
        source,
    })
}

/// Writes the files below `cache`, unless they are there.
fn lay_out(cache: &Path) -> io::Result<PathBuf> {
    let folder = cache.join(format!("demo-{}", name()));
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(cache)?;
    let made = tempfile::Builder::new()
        .prefix(".demo-")
        .tempdir_in(cache)?;
    for (path, content) in FILES {
        let path = made.path().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    match fs::rename(made.path(), &folder) {
        Ok(()) => {
            // Nothing is left under its first name.
            let _moved = made.keep();
            Ok(folder)
        }
        // Another demo was as quick.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(error) => Err(error),
    }
}

/// The name that distinguishes these sources from others.
fn name() -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in FILES {
        for part in [path.as_bytes(), content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().to_hex()[..NAME_DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::sources::jobs;
    use super::*;

    #[test]
    fn the_sources_are_laid_out_once_and_whole() {
        let cache = tempfile::tempdir().unwrap();
        let folder = lay_out(cache.path()).unwrap();
        for file in ["Cargo.toml", "abi/src/lib.rs", "engines/kv/Cargo.toml"] {
            assert!(folder.join(file).is_file(), "{file}");
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        for member in manifest["workspace"]["members"].as_array().unwrap() {
            let member = folder.join(member.as_str().unwrap());
            assert!(member.join("Cargo.toml").is_file(), "{member:?}");
        }
        fs::write(folder.join("mark"), "").unwrap();
        assert_eq!(lay_out(cache.path()).unwrap(), folder);
        assert!(folder.join("mark").exists(), "it was written again");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    /// All that a demo without a checkout does before it compiles: the seven packages are put together from what is carried,
    /// cargo finds every manifest and source file on the way from them to the contract, in versions that the lock file has,
    /// and nothing leads back into the checkout.
    #[test]
    fn all_that_the_demo_builds_is_made_of_what_the_program_carries() {
        let cache = tempfile::tempdir().unwrap();
        let folder = lay_out(cache.path()).unwrap();
        let lock = fs::read(folder.join("Cargo.lock")).unwrap();
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let checkout = checkout.canonicalize().unwrap();
        let compiler = std::process::Command::new("rustc").arg("-vV").output();
        let compiler = String::from_utf8(compiler.unwrap().stdout).unwrap();
        let mut lines = compiler.lines();
        let system = lines.find_map(|line| line.strip_prefix("host: ")).unwrap();
        for job in jobs(&folder).unwrap() {
            let engine = job.source;
            let shown = engine.display();
            fs::write(engine.join("Cargo.lock"), &lock).unwrap();
            let mut cargo = std::process::Command::new(env!("CARGO"));
            cargo.args(["metadata", "--offline", "--format-version", "1"]);
            // Crates for other systems need not be on this machine.
            cargo.args(["--filter-platform", system]);
            let output = cargo.current_dir(&engine).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{shown}: {said}");
            let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let packages = found["packages"].as_array().unwrap();
            let paths = packages
                .iter()
                .filter(|package| package["source"].is_null());
            let targets = paths.flat_map(|package| package["targets"].as_array().unwrap());
            let sources: Vec<_> = targets
                .filter(|target| target["kind"] != serde_json::json!(["test"]))
                .map(|target| Path::new(target["src_path"].as_str().unwrap()))
                .collect();
            assert!(sources.len() > 2, "{shown}: {sources:?}");
            for source in sources {
                let is_carried = source.is_file() && !source.starts_with(&checkout);
                assert!(is_carried, "{shown}: {}", source.display());
            }
        }
    }
}
