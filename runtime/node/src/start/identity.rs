//! [`Identity`]: what a data folder is of: the chain, the engines that it began with, and the code that was configured
//! for them. A configuration that says something else is told so, not obeyed in part.

use super::config::EngineConfig;
use crate::recovery::{IDENTITY, RecoveryError};
use refit_loader::Candidate;
use refit_store::{Archive, ArchiveView, Fault, RecordChange};
use serde::{Deserialize, Serialize};

/// What the chain was configured with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    chain: String,
    engines: Vec<Configured>,
}

/// One engine of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Configured {
    name: String,
    /// Its kind, if the configuration says it.
    kind: Option<String>,
    config: String,
    /// BLAKE3 of the library that is configured for it.
    artifact: String,
}

impl Identity {
    /// Of a configuration: reads the libraries that it names.
    pub(crate) fn of(chain: &str, engines: &[EngineConfig]) -> Result<Self, RecoveryError> {
        let configured = |engine: &EngineConfig| {
            let candidate = Candidate::read(&engine.library);
            let candidate = candidate.map_err(|source| RecoveryError::Code {
                path: engine.library.clone(),
                source: source.into(),
            })?;
            Ok(Configured {
                name: engine.name.clone(),
                kind: engine.kind.clone(),
                config: one_form(&engine.config),
                artifact: candidate.id().to_string(),
            })
        };
        Ok(Self {
            chain: chain.to_owned(),
            engines: engines
                .iter()
                .map(configured)
                .collect::<Result<_, RecoveryError>>()?,
        })
    }

    /// The chain's name.
    pub(crate) fn chain(&self) -> &str {
        &self.chain
    }

    /// BLAKE3 of the library that was configured for each engine.
    pub(crate) fn artifacts(&self) -> impl Iterator<Item = &str> {
        self.engines.iter().map(|engine| engine.artifact.as_str())
    }

    /// Whether it is of a chain with this name and these engines, whatever their code.
    pub(crate) fn is_of(&self, chain: &str, engines: &[EngineConfig]) -> Result<(), RecoveryError> {
        if self.chain != chain {
            return Err(RecoveryError::OtherChain {
                found: self.chain.clone(),
                configured: chain.to_owned(),
            });
        }
        let found: Vec<String> = self.engines.iter().map(Configured::said).collect();
        let configured: Vec<String> = engines.iter().map(said).collect();
        match found == configured {
            true => Ok(()),
            false => Err(RecoveryError::OtherEngines { found, configured }),
        }
    }

    /// The one that is written down.
    pub(crate) fn read(archive: &dyn ArchiveView) -> Result<Option<Self>, Fault> {
        let content = archive.record(IDENTITY)?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    pub(crate) fn write(&self, archive: &dyn Archive) -> Result<(), Fault> {
        archive.set_records(vec![RecordChange::put(IDENTITY, self.to_bytes())])
    }

    /// As it is written down.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match serde_json::to_vec(self) {
            Ok(bytes) => bytes,
            // It has no map, and nothing that fails.
            Err(error) => unreachable!("it is written as JSON: {error}"),
        }
    }

    /// Whether a configuration is of this chain, and its code is what was configured before or what is `live`; unless
    /// any code may be named.
    pub(crate) fn admits(
        &self,
        configured: &Self,
        engines: &[EngineConfig],
        live: &[String],
        is_any_code: bool,
    ) -> Result<(), RecoveryError> {
        self.is_of(&configured.chain, engines)?;
        if is_any_code {
            return Ok(());
        }
        let all = self.engines.iter().zip(&configured.engines).zip(engines);
        for ((before, now), engine) in all {
            if before.artifact != now.artifact && !live.contains(&now.artifact) {
                return Err(RecoveryError::OtherCode {
                    engine: now.name.clone(),
                    path: engine.library.clone(),
                    configured: now.artifact.clone(),
                    found: live.join(", "),
                });
            }
        }
        Ok(())
    }
}

/// A configuration in the one form that it is compared in; what is no JSON is as it is.
fn one_form(config: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(config);
    value.map_or_else(|_| config.to_owned(), |value| value.to_string())
}

impl Configured {
    /// The engine without its code.
    fn said(&self) -> String {
        in_words(&self.name, self.kind.as_deref(), &self.config)
    }
}

/// The same of one that is configured.
fn said(engine: &EngineConfig) -> String {
    let config = one_form(&engine.config);
    in_words(&engine.name, engine.kind.as_deref(), &config)
}

fn in_words(name: &str, kind: Option<&str>, config: &str) -> String {
    let kind = kind.map_or(String::new(), |kind| format!(" of kind {kind}"));
    format!("`{name}`{kind} with {config}")
}
