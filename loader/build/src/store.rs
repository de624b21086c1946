//! [`Store`]: dependencies that are compiled once for all engines.
//!
//! ```text
//! STORE/<key>/target/           cargo's target folder: compiled dependencies of many engines
//! STORE/<key>/stubs/<stub>/     an empty package for each set of dependencies
//! ```
//!
//! The key is made of compiler, options, flags and cargo's configuration. To fill an engine's target
//! folder, the empty package with its dependencies, features and lock is built here; cargo compiles
//! what no engine needed before. The parts of that build are then copied.
//!
//! Here is only what is the same for all: crates of the registry, whose content a version fixes, and
//! the contract, whose content is compared before each use. An author's own packages never are:
//! cargo tells two of one name and version apart by path and time alone.

use crate::cancel::Wanted;
use crate::cargo::Order;
use crate::error::{BuildError, io};
use crate::identity;
use crate::inputs::{Inputs, part};
use crate::locals::Locals;
use crate::options::{Features, Options};
use crate::overlay;
use crate::package::Package;
use crate::place;
use crate::progress::{Listener, Stage};
use crate::publish::touch;
use crate::stub;
use crate::toolchain::Toolchain;
use crate::units;
use crate::witness::{self, Part};
use std::path::{Path, PathBuf};

/// In a target folder: what it was filled with last.
const FILLED: &str = ".refit-filled";

/// In each part of a store: its time says when it was used last.
pub(crate) const USED: &str = ".refit-used";

/// The dependencies of one build.
#[derive(Debug)]
pub(crate) struct Store<'a> {
    /// The folder of all stores.
    pub(crate) folder: &'a Path,
    pub(crate) source: &'a Path,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) package: &'a Package,
    pub(crate) locals: &'a Locals,
    pub(crate) inputs: &'a Inputs,
    pub(crate) lock: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) listener: &'a Listener,
    pub(crate) wanted: &'a Wanted,
}

impl Store<'_> {
    /// Puts what the engine depends on into its target folder, compiled. Does nothing if it was put
    /// there before, or if the dependencies come from elsewhere than paths and the default registry.
    pub(crate) fn fill(&self, target: &Path) -> Result<(), BuildError> {
        let Some(manifest) = stub::manifest(self.package, self.locals)? else {
            return Ok(());
        };
        let stub = self.stub_name(&manifest)?;
        let key = self.key();
        let state = format!("{key} {stub} {}", self.inputs.contract().to_hex());
        let filled = target.join(FILLED);
        let before = place::read_note(&filled).unwrap_or_default();
        if before.lines().any(|line| line == state) {
            return Ok(());
        }
        place::root(self.folder)?;
        let held = place::lock(self.folder, &format!("store-{key}"), self.wanted)?;
        let folder = place::folder(self.folder.join(&key))?;
        touch(&folder.join(USED));
        let compiled = place::folder(folder.join("target"))?;
        let grown = self.grow(&folder.join("stubs").join(&stub), &manifest, &compiled);
        let parts = match grown {
            Ok(parts) => parts,
            Err(error @ (BuildError::Cancelled | BuildError::TimeUp { .. })) => return Err(error),
            Err(error @ (BuildError::NoSpace { .. } | BuildError::NoExecution { .. })) => {
                return Err(error);
            }
            // An error in a dependency is reported by the engine's own build.
            Err(_) => return Ok(()),
        };
        units::copy(&units::of(&parts, &compiled), &compiled, target)?;
        drop(held);
        // One line for each profile and set of features; the newest last.
        let lines = before
            .lines()
            .filter(|line| !line.starts_with(&format!("{key} ")));
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        place::write(&filled, format!("{lines}{state}\n").as_bytes())
    }

    /// Compiles what is not there yet, and tells what all of it consists of.
    fn grow(
        &self,
        stub: &Path,
        manifest: &str,
        compiled: &Path,
    ) -> Result<std::collections::BTreeSet<PathBuf>, BuildError> {
        let source = place::folder(stub.join("src"))?;
        let text = b"//! Only the dependencies count.\n";
        place::write_if_changed(&source.join("lib.rs"), text)?;
        place::write_if_changed(&stub.join("Cargo.toml"), manifest.as_bytes())?;
        overlay::lay_lock(Some(self.lock), stub)?;
        witness::settle(compiled, self.inputs, Part::Contract)?;
        let order = Order {
            toolchain: self.toolchain,
            package: &self.package.name,
            source: self.source,
            folder: stub,
            target: compiled,
            options: self.options,
            locked: false,
            stage: Stage::Dependencies,
            listener: self.listener,
            wanted: self.wanted,
        };
        Ok(order.run()?.parts)
    }

    /// The name of the empty package's folder: what it is made from, but for the contract's content.
    fn stub_name(&self, manifest: &str) -> Result<String, BuildError> {
        let mut hasher = blake3::Hasher::new();
        part(&mut hasher, manifest.as_bytes());
        let lock = std::fs::read(self.lock).map_err(io("read", self.lock))?;
        part(&mut hasher, &lock);
        for argument in self.options.arguments() {
            part(&mut hasher, argument.as_bytes());
        }
        Ok(place::short(hasher.finalize()))
    }

    /// The name of the part of the store that is compiled in this way, whatever the features.
    fn key(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let options = Options {
            features: Features::default(),
            ..self.options.clone()
        };
        identity::settings(&mut hasher, self.source, &options, self.toolchain);
        place::short(hasher.finalize())
    }
}
