//! The configuration beside the folder: whether a start takes it.

use super::facts::{ConfiguredCode, ConfiguredFacts};
use super::library;
use crate::start::config::{CHAIN, EngineConfig};
use crate::start::identity::Identity;
use refit_abi::host::Explained;
use std::path::PathBuf;

/// An engine as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredEngine {
    /// Its name.
    pub name: String,
    /// Its kind, if the configuration says it.
    pub kind: Option<String>,
    /// Its library, or the folder of its source.
    pub path: PathBuf,
    /// Its configuration, as JSON.
    pub config: String,
}

/// What a start would be told to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The chain's name.
    pub chain: String,
    /// The engines, in the order in which they start.
    pub engines: Vec<ConfiguredEngine>,
}

impl Wanted {
    /// These engines, on the chain that is meant where none is named.
    pub fn engines(engines: Vec<ConfiguredEngine>) -> Self {
        Self {
            chain: CHAIN.to_owned(),
            engines,
        }
    }
}

/// Compares a configuration with what the folder is of.
pub(super) fn look(wanted: &Wanted, known: &Identity) -> ConfiguredFacts {
    let engines: Vec<_> = wanted.engines.iter().map(engine).collect();
    if let Err(error) = known.is_of(&wanted.chain, &engines) {
        return ConfiguredFacts::Refused(Explained::of(&error));
    }
    let mut code = Vec::new();
    for (engine, before) in wanted.engines.iter().zip(known.artifacts()) {
        // Source is built at the start: until then nobody knows its hash.
        let artifact = match engine.path.is_dir() {
            true => None,
            false => match library::hash(&engine.path) {
                Ok(hash) => Some(hash),
                Err(error) => return ConfiguredFacts::Refused(Explained::of(&error)),
            },
        };
        code.push(ConfiguredCode {
            engine: engine.name.clone(),
            path: engine.path.clone(),
            artifact,
            before: before.to_owned(),
        });
    }
    ConfiguredFacts::Fits { code }
}

fn engine(engine: &ConfiguredEngine) -> EngineConfig {
    EngineConfig {
        name: engine.name.clone(),
        kind: engine.kind.clone(),
        library: engine.path.clone(),
        config: engine.config.clone(),
    }
}
