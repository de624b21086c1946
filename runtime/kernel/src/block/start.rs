//! The start of a root engine, and why it may not start.

use crate::block::started::{Start, Started};
use crate::causes::Allowance;
use crate::engines::configuration::Configuration;
use crate::engines::room::Made;
use crate::engines::slot::Counters;
use crate::executor::Executor;
use refit_abi::EngineId;
use refit_abi::host::{BlockFrame, CallError};

/// Why a root engine did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No loaded module has the kind.
    #[error("no loaded module has the engine kind `{kind}`; add its path to the configuration")]
    UnknownKind {
        /// The kind that was named.
        kind: String,
    },
    /// An engine with the id runs already, or ran under that name and has stopped.
    #[error(
        "an engine called `{engine}` runs already, or ran and has stopped; choose another name"
    )]
    Taken {
        /// The engine's id.
        engine: EngineId,
    },
    /// There are as many engines as may be.
    #[error("the node has {engines_max} engines, the most it may have")]
    Full {
        /// As many as there may be.
        engines_max: usize,
    },
    /// There were as many engines with names as there may be.
    #[error(
        "the node has had {names_max} engines with names, the most it may have; start it without one"
    )]
    Names {
        /// As many as there may be.
        names_max: usize,
    },
    /// It would be started from an `init` that is itself too many levels down.
    #[error(
        "engine `{engine}` did not start: `init` starts engines at most {depth_max} levels deep; start it from `handle`"
    )]
    Depth {
        /// The engine's id.
        engine: EngineId,
        /// How many levels there may be.
        depth_max: usize,
    },
    /// Its `init` did not succeed.
    #[error("engine `{engine}` did not start: {error}")]
    Init {
        /// The engine's id.
        engine: EngineId,
        /// The error of the `init`.
        error: CallError,
    },
}

impl Executor {
    /// Starts a root engine, before or between blocks.
    ///
    /// # Errors
    /// [`StartError`]; nothing is started.
    pub fn start(
        &mut self,
        id: EngineId,
        kind: &str,
        config: Configuration<'_>,
        frame: BlockFrame,
    ) -> Result<(), StartError> {
        let table = self.table();
        let (kind, _) = table.find(kind).ok_or_else(|| StartError::UnknownKind {
            kind: kind.to_owned(),
        })?;
        self.vacant(id)?;
        let parameters = self.parameters.clone();
        let start = Start {
            id,
            kind,
            parent: None,
            config,
            counters: Counters::default(),
            timers_set: 0,
            ordinal: 0,
            node_timers: self.timers.len(),
            parameters: &parameters,
            allowance: Allowance::of(&parameters.message),
        };
        let started = Started::init(&table, &start, frame)?;
        let mut effects = std::mem::take(&mut self.between);
        self.used.started = Made::default();
        let cause = self.causes.begin();
        self.settle_in(started, cause, &table, frame, &mut effects, 0);
        self.causes.let_go(cause);
        self.causes.collect();
        self.close_gaps(&table, &mut effects);
        self.between = effects;
        Ok(())
    }
}
