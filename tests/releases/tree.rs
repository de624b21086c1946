//! A release's tree with a real engine: the engine, the contract, and all crates that they need, vendored from what this machine
//! has of the registry.

use refit_build::EngineSource;
use refit_release::content::FileId;
use refit_release::tree::{Listing, TreeFile};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::Table;

/// The engine's folder in the tree.
pub(crate) const ENGINE: &str = "engine";

/// Sections of a manifest that a build of the library has no use for, and that name what the tree does not have.
const FOR_TESTS: [&str; 2] = ["dev-dependencies", "test"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Lays the tree into `folder`, with `kv` as it was published as version 1.
pub(crate) fn lay(folder: &Path) {
    for part in ["abi", "abi/macros"] {
        let (from, to) = (repository().join(part), folder.join(part));
        for code in ["src", "build"] {
            copy(&from.join(code), &to.join(code));
        }
        let manifest = fs::read_to_string(from.join("Cargo.toml")).unwrap();
        let mut manifest: Table = manifest.parse().unwrap();
        FOR_TESTS
            .iter()
            .for_each(|section| drop(manifest.remove(*section)));
        fs::write(to.join("Cargo.toml"), manifest.to_string()).unwrap();
    }
    // The contract's first page is part of its documentation.
    fs::copy(
        repository().join("abi/README.md"),
        folder.join("abi/README.md"),
    )
    .unwrap();
    fs::write(folder.join("Cargo.toml"), workspace()).unwrap();
    let own = folder.join(ENGINE);
    let engine = EngineSource::read(&repository().join("engines/kv/history/v1")).unwrap();
    let engine = engine.with_contract(Path::new("../abi")).unwrap();
    engine.write(&own).unwrap();
    fs::copy(repository().join("Cargo.lock"), own.join("Cargo.lock")).unwrap();
    let manifest = own.join("Cargo.toml");
    // Once to leave out of the lock what the engine does not need, once to take what it names.
    cargo(
        &["metadata", "--format-version", "1", "--offline"],
        &manifest,
        folder,
    );
    cargo(
        &["vendor", "--locked", "--versioned-dirs", "vendor"],
        &manifest,
        folder,
    );
}

/// The workspace that the contract takes its versions from.
fn workspace() -> String {
    let whole = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let mut whole: Table = whole.parse().unwrap();
    whole.remove("profile");
    let workspace = whole
        .get_mut("workspace")
        .and_then(|it| it.as_table_mut())
        .unwrap();
    workspace.insert("members".to_owned(), vec!["abi", "abi/macros"].into());
    workspace.insert("exclude".to_owned(), vec![ENGINE, "vendor"].into());
    whole.to_string()
}

fn cargo(arguments: &[&str], manifest: &Path, folder: &Path) {
    let output = Command::new("cargo")
        .args(arguments)
        .arg("--manifest-path")
        .arg(manifest)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

/// Copies a folder if it is there.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => {
                fs::create_dir_all(to).unwrap();
                fs::copy(&source, &target).unwrap();
            }
        }
    }
}

/// The listing of what lies in a folder.
pub(crate) fn listing(folder: &Path) -> Listing {
    let mut files = Vec::new();
    list(folder, folder, &mut files);
    Listing::of(files).unwrap()
}

fn list(top: &Path, folder: &Path, files: &mut Vec<TreeFile>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(top, &path, files);
            continue;
        }
        let content = fs::read(&path).unwrap();
        files.push(TreeFile {
            path: path.strip_prefix(top).unwrap().to_str().unwrap().to_owned(),
            executable: false,
            bytes: content.len() as u64,
            content: FileId::of(&content),
        });
    }
}
