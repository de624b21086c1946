//! Vendored crates that no node's system needs, emptied: they stay for cargo, which wants to know of all that a lock names, and have
//! no content. What they hold for other systems is most of what cargo brings together.

use super::tree::{TreeUnmade, VENDOR, io_at};
use crate::failure::Failure;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The systems that nodes run on.
pub(super) const SYSTEMS: [&str; 4] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
];

/// What cargo knows of a vendored crate's files.
const SUMS: &str = ".cargo-checksum.json";

/// The crates that are named in what `cargo metadata` says, as their folders are called.
pub(super) fn named(metadata: &[u8]) -> BTreeSet<String> {
    let metadata: Value = serde_json::from_slice(metadata).unwrap_or_default();
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let folder = |package: &Value| {
        let (name, version) = (package["name"].as_str()?, package["version"].as_str()?);
        Some(format!("{name}-{version}"))
    };
    packages.iter().filter_map(folder).collect()
}

/// Empties the vendored crates of the tree that are not among `needed`.
pub(super) fn empty(top: &Path, needed: &BTreeSet<String>) -> Result<(), Failure> {
    let vendor = top.join(VENDOR);
    for entry in fs::read_dir(&vendor).map_err(io_at("list", &vendor))? {
        let entry = entry.map_err(io_at("list", &vendor))?;
        if !needed.contains(&*entry.file_name().to_string_lossy()) {
            empty_crate(&entry.path())?;
        }
    }
    Ok(())
}

fn empty_crate(folder: &Path) -> Result<(), Failure> {
    empty_folder(folder)?;
    let path = folder.join(SUMS);
    let text = fs::read(&path).map_err(io_at("read", &path))?;
    let sums: Value = serde_json::from_slice(&text).unwrap_or_default();
    // The sum of the whole stays: it has to be the one of the lock.
    let sums = json!({"files": {}, "package": sums["package"]});
    Ok(fs::write(&path, sums.to_string()).map_err(io_at("write", &path))?)
}

/// Code stays without content, and what cargo reads stays; all else goes.
fn empty_folder(folder: &Path) -> Result<(), TreeUnmade> {
    for entry in fs::read_dir(folder).map_err(io_at("list", folder))? {
        let entry = entry.map_err(io_at("list", folder))?;
        let path = entry.path();
        if path.is_dir() {
            empty_folder(&path)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            fs::write(&path, []).map_err(io_at("write", &path))?;
        } else if !path.ends_with("Cargo.toml") && !path.ends_with(SUMS) {
            fs::remove_file(&path).map_err(io_at("remove", &path))?;
        }
    }
    Ok(())
}
