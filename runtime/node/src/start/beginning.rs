//! [`Beginning`]: what a node begins with: the engines of its configuration, or what its data folder has.

use super::config::NodeConfig;
use super::identity::Identity;
use super::load::{Loaded, kinds, load, roots};
use super::prepared::{self, EngineCode};
use super::{StartError, ids, warn_of_unknown_grants};
use crate::blocks::chain::{self, Root};
use crate::blocks::states::States;
use crate::code::armed;
use crate::code::libraries::Libraries;
use crate::probation::{OnProbation, branches};
use crate::recovery::RecoveryError;
use crate::recovery::genesis::Genesis;
use crate::recovery::kept::{Code, Kept};
use crate::recovery::{about::About, first, restoring, rolled_back};
use refit_abi::Height;
use refit_kernel::{Executor, GenerationTable, Parameters};
use refit_loader::{Loader, OpenError};
use refit_ordering::Ground;
use refit_store::{Archive, Store};
use std::sync::Arc;

/// What a node begins with.
pub(super) struct Beginning {
    pub(super) table: Arc<GenerationTable>,
    pub(super) parameters: Parameters,
    pub(super) libraries: Libraries,
    pub(super) ground: Ground,
    pub(super) code: Vec<EngineCode>,
    pub(super) engines: Engines,
    /// Whether its generation could be taken back.
    pub(super) on_probation: Option<OnProbation>,
    /// What the data folder was configured with; of a node that has none, what it is.
    pub(super) identity: Identity,
    pub(super) states: States,
}

/// Its engines.
#[derive(Debug)]
pub(crate) enum Engines {
    /// They are started, and the chain begins.
    Roots {
        roots: Vec<Root>,
        /// What a store that outlives the process keeps of the beginning.
        first: Option<Box<First>>,
    },
    /// They are there already, and their log goes on.
    Kept(Box<Executor>),
}

/// What is written down before the first block.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) about: About,
    pub(crate) identity: Identity,
}

impl Beginning {
    pub(super) fn find(
        config: &NodeConfig,
        loader: &Loader,
        store: &dyn Store,
    ) -> Result<Self, StartError> {
        let Some(archive) = store.archive() else {
            return Self::of_configuration(config, loader, None);
        };
        let identity = Identity::of(&config.chain, &config.engines)?;
        // The folder is refused before anything of it is loaded.
        let checkpoints = archive.checkpoints().map_err(RecoveryError::from)?;
        let known = Identity::read(archive).map_err(RecoveryError::from)?;
        // Before the first block nothing has begun that it could be of.
        let genesis = Genesis::read(archive).map_err(RecoveryError::from)?;
        let has_begun = !checkpoints.is_empty() || genesis.is_some() || store.last() > Height(0);
        if !has_begun {
            restoring::is_over(archive)?;
        }
        let mut recorded = identity.clone();
        if let Some(known) = known.filter(|_| has_begun) {
            let about = checkpoints
                .last()
                .map(|newest| About::from_bytes(&newest.about));
            let live = about.and_then(Result::ok).map(|about| about.artifacts());
            let mut live: Vec<_> = live.into_iter().flatten().collect();
            // The log may say of these that they came in since.
            for recorded in armed::all(archive).map_err(RecoveryError::from)? {
                live.extend(recorded.armed.plan.artifacts());
            }
            // It was live when the configuration was changed to it, and was taken back since.
            for point in branches::all(archive).map_err(RecoveryError::from)? {
                live.extend(point.artifacts);
            }
            let is_any_code = config.live_code || config.brings_code;
            known.admits(&identity, &config.engines, &live, is_any_code)?;
            recorded = known;
        }
        rolled_back::begin(store, archive)?;
        let checkpoints = archive.checkpoints().map_err(RecoveryError::from)?;
        if checkpoints.is_empty()
            && let Some(genesis) = genesis
        {
            return Self::of_genesis(config, &genesis, recorded, archive, loader);
        }
        match Kept::newest(store, archive, loader)? {
            Some(kept) => Self::of_folder(config, kept, recorded),
            None => Self::of_configuration(config, loader, Some(ToKeep { archive, identity })),
        }
    }

    fn of_configuration(
        config: &NodeConfig,
        loader: &Loader,
        keep: Option<ToKeep<'_>>,
    ) -> Result<Self, StartError> {
        let ids = ids(&config.engines)?;
        let Loaded {
            modules,
            paths,
            places,
        } = load(loader, &config.engines)?;
        let kinds = kinds(&modules, &paths)?;
        let parameters = config.parameters();
        parameters.check()?;
        let table = GenerationTable::first_with(kinds, config.grants.clone());
        warn_of_unknown_grants(&table);
        let roots = roots(&config.engines, &ids, &places, &modules)?;
        // Opened now: the file that was loaded, even if another is put in its place while the engines start.
        let code = prepared::code(&config.engines, &places, &modules);
        if let Some(keep) = &keep {
            first::keep_code(modules.iter(), keep.archive)?;
        }
        let mut libraries = Libraries::default();
        for (module, path) in modules.iter().zip(&paths) {
            // Shown to operators, whose working directory is another than ours.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            libraries.came_from(module.artifact().to_string(), path.display().to_string());
        }
        libraries.add(modules);
        let manifest = chain::manifest(&table, &libraries, &[]).hash();
        let ground = chain::beginning(&config.chain, &roots, manifest, parameters.hash());
        let identity = match &keep {
            Some(keep) => keep.identity.clone(),
            None => Identity::of(&config.chain, &config.engines)?,
        };
        let first = keep.map(|ToKeep { identity, .. }| {
            let about = About::new(&ground, &table, &libraries);
            Box::new(First { about, identity })
        });
        Ok(Self {
            table,
            parameters,
            libraries,
            ground,
            code,
            engines: Engines::Roots { roots, first },
            on_probation: None,
            identity,
            states: States::default(),
        })
    }

    /// Its engines start anew, under the code that they began with, and the whole log is executed again.
    fn of_genesis(
        config: &NodeConfig,
        genesis: &Genesis,
        identity: Identity,
        archive: &dyn Archive,
        loader: &Loader,
    ) -> Result<Self, StartError> {
        let (about, Code { modules, kinds }) = genesis.load(archive, loader)?;
        let parameters = genesis.parameters.clone();
        Ok(Self {
            table: GenerationTable::at(about.generation, kinds, parameters.grants.clone()),
            parameters,
            ground: about.ground(),
            libraries: Kept::libraries(&about, modules),
            code: configured(config)?,
            engines: Engines::Roots {
                roots: genesis.roots(),
                first: None,
            },
            on_probation: None,
            identity,
            states: States::default(),
        })
    }

    fn of_folder(config: &NodeConfig, kept: Kept, identity: Identity) -> Result<Self, StartError> {
        let Kept {
            about,
            parameters,
            modules,
            table,
            mut executor,
            states,
        } = kept;
        executor.check_faults(config.check_faults);
        if parameters.grants != config.grants && parameters.grants != config.parameters().grants {
            tracing::warn!(
                "the grants of the configuration are not those in force, which are part of the chain's state; an upgrade \
                 changes them"
            );
        }
        Ok(Self {
            table,
            parameters,
            ground: about.ground(),
            libraries: Kept::libraries(&about, modules),
            code: configured(config)?,
            engines: Engines::Kept(Box::new(executor)),
            on_probation: about.on_probation,
            identity,
            states,
        })
    }
}

/// Where the beginning is kept.
struct ToKeep<'a> {
    archive: &'a dyn Archive,
    identity: Identity,
}

/// The code that is configured for each engine, which is compared at the next start too.
fn configured(config: &NodeConfig) -> Result<Vec<EngineCode>, StartError> {
    let engines = config.engines.iter();
    let code = engines.map(|engine| {
        let candidate = refit_loader::Candidate::read(&engine.library);
        let candidate = candidate.map_err(|source| StartError::Module {
            path: engine.library.clone(),
            source: OpenError::from(source),
        })?;
        Ok(EngineCode {
            engine: engine.name.clone(),
            artifact: candidate.id(),
            bytes: std::fs::File::open(&engine.library),
        })
    });
    code.collect()
}
