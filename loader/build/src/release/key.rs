//! What a build follows from, as hashes: the build id of a release, and the key of its dependencies.

use crate::identity::BUILD_ID_DIGITS;
use crate::inputs::part;
use crate::place;
use crate::release::emptied::Kept;
use crate::release::engine::Engine;
use crate::release::room::{Room, fixed, options};
use crate::release::tools::Tools;
use crate::release::tree::SourceTree;
use refit_sandbox::Level;
use std::fs;
use std::path::Path;
use toml::{Table, Value};

const MANIFEST: &str = "Cargo.toml";
const LOCK: &str = "Cargo.lock";

/// Says that these are ids of releases' builds, of this form.
const BUILD_ID: &[u8] = b"refit/release-build/1";

/// Says that these are keys of dependencies, of this form.
const DEPENDENCIES: &[u8] = b"refit/release-dependencies/1";

/// The build id: the same on all nodes that have the same toolchain.
pub(crate) fn build_id(tree: &SourceTree, engine: &Engine, tools: &Tools) -> String {
    let mut hasher = blake3::Hasher::new();
    part(&mut hasher, BUILD_ID);
    part(&mut hasher, &tree.root().to_bytes());
    part(&mut hasher, engine.folder.as_os_str().as_encoded_bytes());
    way(&mut hasher, tools);
    let mut digits = hasher.finalize().to_hex().to_string();
    digits.truncate(BUILD_ID_DIGITS);
    digits
}

/// The key of what is compiled of a tree whose own code is empty.
pub(crate) fn dependencies(room: &Room<'_>, kept: &Kept<'_>, seen_at: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    part(&mut hasher, DEPENDENCIES);
    way(&mut hasher, room.tools);
    part(&mut hasher, room.level.to_string().as_bytes());
    if room.level != Level::L3 {
        // Where paths differ, so does what is compiled.
        part(&mut hasher, seen_at.as_os_str().as_encoded_bytes());
    }
    part(
        &mut hasher,
        room.engine.folder.as_os_str().as_encoded_bytes(),
    );
    for file in &kept.whole {
        part(&mut hasher, file.path.as_bytes());
        part(&mut hasher, &[u8::from(file.executable)]);
        match without_versions(room.engine, seen_at, &file.path) {
            Some(text) => part(&mut hasher, text.as_bytes()),
            None => part(&mut hasher, &file.content.to_bytes()),
        }
    }
    // Which files of own code there are says nothing of what it depends on.
    place::short(hasher.finalize())
}

/// Adds how anything is compiled.
fn way(hasher: &mut blake3::Hasher, tools: &Tools) {
    part(hasher, tools.compiler.as_bytes());
    for argument in options().arguments() {
        part(hasher, argument.as_bytes());
    }
    for (name, value) in fixed() {
        part(hasher, name.as_bytes());
        part(hasher, value.as_bytes());
    }
}

/// A manifest or a lock of the tree without the versions of its own packages: what they depend on is the same in each of them, and
/// the next release has another version. Absent of other files.
fn without_versions(engine: &Engine, tree: &Path, file: &str) -> Option<String> {
    let own = || engine.packages.iter().filter(|it| !it.is_contract);
    let path = Path::new(file);
    let is_manifest = own().any(|it| it.folder.join(MANIFEST) == path);
    let is_lock = path.ends_with(LOCK);
    if !is_manifest && !is_lock {
        return None;
    }
    let text = fs::read_to_string(tree.join(path)).ok()?;
    let mut table: Table = text.parse().ok()?;
    let packages = table.get_mut("package")?;
    match packages {
        Value::Table(package) if is_manifest => {
            // One that is the workspace's says nothing here.
            package.remove("version");
        }
        Value::Array(packages) if is_lock => {
            for package in packages.iter_mut().filter_map(Value::as_table_mut) {
                let name = package.get("name").and_then(Value::as_str);
                let is_own = own().any(|it| Some(it.name.as_str()) == name);
                if is_own && !package.contains_key("source") {
                    package.remove("version");
                }
            }
        }
        _ => return None,
    }
    Some(table.to_string())
}
