//! The code of a node's engines, loaded, and what starts of it: which kind each engine is of, and with what configuration.

use super::StartError;
use super::config::EngineConfig;
use crate::blocks::chain::Root;
use refit_abi::descriptor::KindDescriptor;
use refit_abi::host::Kind;
use refit_abi::{EngineId, State};
use refit_loader::{LoadedModule, Loader, OpenError};
use std::path::PathBuf;

/// The modules of a node's engines, each once.
pub(super) struct Loaded {
    pub(super) modules: Vec<LoadedModule>,
    /// The path at which each one was found first.
    pub(super) paths: Vec<PathBuf>,
    /// For each engine, which of the modules it is in.
    pub(super) places: Vec<usize>,
}

/// Loads what the engines name. The same bytes are the same module, whatever path leads to them: a link, a copy.
pub(super) fn load(loader: &Loader, engines: &[EngineConfig]) -> Result<Loaded, StartError> {
    let mut loaded = Loaded {
        modules: Vec::new(),
        paths: Vec::new(),
        places: Vec::new(),
    };
    for engine in engines {
        let place = loaded.place(loader, &engine.library);
        loaded
            .places
            .push(place.map_err(|source| StartError::Module {
                path: engine.library.clone(),
                source,
            })?);
    }
    Ok(loaded)
}

impl Loaded {
    /// Which module the file at `path` is; loads it if it is a new one.
    fn place(&mut self, loader: &Loader, path: &PathBuf) -> Result<usize, OpenError> {
        // Without a probe: engines of one file are the usual case, and a probe starts a process.
        if let Some(known) = self.paths.iter().position(|known| known == path) {
            return Ok(known);
        }
        let probed = loader.probe_file(path)?;
        let artifact = probed.staged().id();
        // The same code mapped twice would be two modules with the same kinds, which is refused.
        let mut known = self.modules.iter();
        if let Some(known) = known.position(|module| module.artifact() == artifact) {
            return Ok(known);
        }
        self.modules.push(loader.load(probed)?);
        self.paths.push(path.clone());
        Ok(self.modules.len() - 1)
    }
}

/// The kinds of all modules, none of them twice.
pub(super) fn kinds(modules: &[LoadedModule], paths: &[PathBuf]) -> Result<Vec<Kind>, StartError> {
    let mut kinds: Vec<(Kind, &PathBuf)> = Vec::new();
    for (loaded, path) in modules.iter().zip(paths) {
        for kind in loaded.module().kinds() {
            let name = &kind.descriptor().kind;
            let mut known = kinds.iter();
            if let Some((_, first)) = known.find(|(other, _)| other.descriptor().kind == *name) {
                return Err(StartError::TwoModules {
                    kind: name.clone(),
                    paths: Box::new([(*first).clone(), path.clone()]),
                });
            }
            kinds.push((kind, path));
        }
    }
    Ok(kinds.into_iter().map(|(kind, _)| kind).collect())
}

/// The engines that start, each with its kind and its configuration.
pub(super) fn roots(
    engines: &[EngineConfig],
    ids: &[EngineId],
    places: &[usize],
    modules: &[LoadedModule],
) -> Result<Vec<Root>, StartError> {
    let mut roots = Vec::new();
    for ((engine, id), place) in engines.iter().zip(ids).zip(places) {
        let has: Vec<String> = modules[*place]
            .module()
            .descriptor()
            .kinds
            .iter()
            .map(|kind| kind.kind.clone())
            .collect();
        let kind = match &engine.kind {
            Some(kind) => kind.clone(),
            None if has.len() == 1 => has[0].clone(),
            None if has.contains(&engine.name) => engine.name.clone(),
            None => {
                let (engine, path) = (engine.name.clone(), engine.library.clone());
                return Err(StartError::WhichKind {
                    engine,
                    path,
                    kinds: has,
                });
            }
        };
        let kinds = &modules[*place].module().descriptor().kinds;
        let takes_nothing = kinds.iter().any(|of| of.kind == kind && takes_nothing(of));
        let config = match engine.config.as_str() {
            NOTHING_SAID if takes_nothing => "null".to_owned(),
            said => said.to_owned(),
        };
        let id = *id;
        roots.push(Root { id, kind, config });
    }
    Ok(roots)
}

/// The configuration of an engine that has none: a table without entries, because a configuration file has no `null`.
const NOTHING_SAID: &str = "{}";

/// Whether a kind is started with `()`, which in JSON is `null`.
fn takes_nothing(kind: &KindDescriptor) -> bool {
    kind.config == <() as State>::schema_id()
}
