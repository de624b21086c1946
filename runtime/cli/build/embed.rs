//! Writes a list of files with their contents, as the compiler includes them: what the demo's engines are built from.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The path from this package to the checkout.
const ROOT: &str = "../..";

/// Files and folders of the checkout, less target folders and tests.
const SOURCES: [&str; 10] = [
    "Cargo.lock",
    "abi/Cargo.toml",
    "abi/README.md",
    "abi/build",
    "abi/src",
    "abi/macros",
    // Nothing of theirs is built, but cargo reads their manifests.
    "abi/tests/fuzzing",
    "abi/tests/rewriters",
    "engines",
    "tests/fixtures/kv-v4-fails",
];

/// Names of folders that nothing is built from.
const LEFT_OUT: [&str; 2] = ["target", "tests"];

/// The workspace members among the embedded packages. An engine is no member: it is a workspace of its own, as a copy
/// of its folder is, and takes the lock file as others do.
const MEMBERS: &str = r#"members = ["abi", "abi/macros"]"#;

/// Writes `embedded.rs` into the output folder.
pub(crate) fn embed() -> Result<(), Box<dyn Error>> {
    let package = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let root = package.join(ROOT).canonicalize()?;
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    println!(
        "cargo::rerun-if-changed={}",
        root.join("Cargo.toml").display()
    );
    let workspace = out.join("workspace.toml");
    fs::write(
        &workspace,
        with_members(&fs::read_to_string(root.join("Cargo.toml"))?)?,
    )?;
    let mut list = String::from("&[\n");
    writeln!(list, "    (\"Cargo.toml\", include_bytes!({workspace:?})),")?;
    for file in files {
        let name = file.strip_prefix(&root)?;
        writeln!(list, "    ({name:?}, include_bytes!({file:?})),")?;
    }
    list.push_str("]\n");
    Ok(fs::write(out.join("embedded.rs"), list)?)
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if path.is_file() {
        into.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_left_out = LEFT_OUT.iter().any(|name| entry.file_name() == *name);
        if !(is_left_out && entry.path().is_dir()) {
            collect(&entry.path(), into)?;
        }
    }
    Ok(())
}

/// The workspace's manifest, with only those members that come along.
fn with_members(manifest: &str) -> Result<String, Box<dyn Error>> {
    let begin = manifest
        .find("members = [")
        .ok_or("the workspace's manifest has no members")?;
    let length = manifest[begin..]
        .find(']')
        .ok_or("the list of members does not end")?;
    let (before, after) = (&manifest[..begin], &manifest[begin + length + 1..]);
    Ok(format!("{before}{MEMBERS}{after}"))
}
