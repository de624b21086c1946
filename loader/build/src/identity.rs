//! The build id: which source, options and compiler a module was built from.

use crate::error::{BuildError, io};
use crate::inputs::{Inputs, part};
use crate::locals::Locals;
use crate::options::Options;
use crate::toolchain::Toolchain;
use std::path::{Path, PathBuf};
use toml::Table;

/// Hexadecimal digits of a build id.
pub(crate) const BUILD_ID_DIGITS: usize = 32;

/// The sections of a workspace's manifest that count for a package in it.
const WORKSPACE_SECTIONS: [&str; 3] = ["profile", "patch", "replace"];

/// The parts of a workspace's own section that count.
const SHARED_SECTIONS: [&str; 4] = ["package", "dependencies", "lints", "resolver"];

/// The sections of cargo's configuration that change the code.
const CONFIG_SECTIONS: [&str; 6] = ["build", "target", "env", "profile", "unstable", "patch"];

/// All that a build follows from.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) source: &'a Path,
    pub(crate) locals: &'a Locals,
    pub(crate) inputs: &'a Inputs,
    pub(crate) lock: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) toolchain: &'a Toolchain,
}

impl Facts<'_> {
    /// The build id: BLAKE3 over the packages and files on this machine, the lock, the options, the
    /// compiler and how cargo is configured.
    pub(crate) fn build_id(&self) -> Result<String, BuildError> {
        let mut hasher = blake3::Hasher::new();
        settings(&mut hasher, self.source, self.options, self.toolchain);
        let lock = std::fs::read(self.lock).map_err(io("read", self.lock))?;
        part(&mut hasher, &lock);
        workspace(&mut hasher, &self.locals.workspace);
        for package in &self.inputs.packages {
            part(&mut hasher, package.name.as_bytes());
            hasher.update(package.hash.as_bytes());
        }
        hasher.update(self.inputs.outside.as_bytes());
        let mut digits = hasher.finalize().to_hex().to_string();
        digits.truncate(BUILD_ID_DIGITS);
        Ok(digits)
    }
}

/// Adds how anything is compiled: options, compiler, flags and cargo's configuration.
pub(crate) fn settings(
    hasher: &mut blake3::Hasher,
    source: &Path,
    options: &Options,
    toolchain: &Toolchain,
) {
    for argument in options.arguments() {
        part(hasher, argument.as_bytes());
    }
    for (name, value) in options.variables() {
        part(hasher, name.as_bytes());
        part(hasher, value.as_bytes());
    }
    part(hasher, toolchain.compiler.as_bytes());
    let flags = std::env::var_os("RUSTFLAGS").unwrap_or_default();
    part(hasher, flags.as_encoded_bytes());
    for path in configurations(source) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let table: Table = text.parse().unwrap_or_default();
        for section in CONFIG_SECTIONS {
            let section = table.get(section).map(ToString::to_string);
            part(hasher, section.unwrap_or_default().as_bytes());
        }
    }
}

/// The files that configure cargo for a source, but for the user's own.
fn configurations(source: &Path) -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let folders = source.ancestors().map(|above| above.join(".cargo"));
    let folders = folders.filter(|folder| Some(folder) != home.as_ref());
    let files = folders.flat_map(|folder| ["config.toml", "config"].map(|name| folder.join(name)));
    files.filter(|file| file.is_file()).collect()
}

/// Adds what a package takes from its workspace.
fn workspace(hasher: &mut blake3::Hasher, manifest: &Table) {
    let mut sections: Vec<_> = WORKSPACE_SECTIONS
        .iter()
        .map(|name| manifest.get(*name))
        .collect();
    let shared = manifest.get("workspace");
    sections.extend(SHARED_SECTIONS.iter().map(|name| shared?.get(*name)));
    for section in sections {
        let text = section.map(ToString::to_string).unwrap_or_default();
        part(hasher, text.as_bytes());
    }
}
