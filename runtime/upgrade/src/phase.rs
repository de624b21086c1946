//! The phases of an upgrade, who watches them, and how it ends.

use refit_abi::host::CallError;
use refit_abi::{EngineId, Generation};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an upgrade is. Each has an unwind; from `Committed` on there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The bytes are at hand and inspected.
    Staged,
    /// A throw-away process has checked them.
    Probed,
    /// The transitions ran to their end in a child process, on a copy of the state.
    Rehearsed,
    /// The code is mapped, the fresh crew waits.
    Armed,
    /// The gate is closed: no handler runs.
    Quiesced,
    /// Everything new is made, unseen.
    Transitioned,
    /// The new generation is published.
    Committed,
    /// The gate is open again.
    Resumed,
    /// The old code is unmapped.
    Retired,
}

impl Phase {
    /// All phases in order. A node that does not rehearse goes from `Probed` to `Armed`.
    pub const ALL: [Phase; 9] = [
        Phase::Staged,
        Phase::Probed,
        Phase::Rehearsed,
        Phase::Armed,
        Phase::Quiesced,
        Phase::Transitioned,
        Phase::Committed,
        Phase::Resumed,
        Phase::Retired,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Staged => "staged",
            Phase::Probed => "probed",
            Phase::Rehearsed => "rehearsed",
            Phase::Armed => "armed",
            Phase::Quiesced => "quiesced",
            Phase::Transitioned => "transitioned",
            Phase::Committed => "committed",
            Phase::Resumed => "resumed",
            Phase::Retired => "retired",
        })
    }
}

/// Watches an upgrade: takes times, and may withdraw it at the end of any phase before the commit.
pub trait Watch: Send {
    /// The phase has been reached.
    ///
    /// # Errors
    /// [`Withdrawn`] unwinds the upgrade, if the phase is one before `Committed`; later it has no
    /// effect.
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn>;
}

/// A watch that only lets pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn reached(&mut self, _: Phase) -> Result<(), Withdrawn> {
        Ok(())
    }
}

/// Somebody withdrew the upgrade.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("withdrawn: {reason}")]
pub struct Withdrawn {
    /// Why.
    pub reason: String,
}

/// How an upgrade ended at its update point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The new generation is live.
    Committed(Generation),
    /// The old generation goes on, untouched.
    Aborted {
        /// The phase that was not passed.
        phase: Phase,
        /// Why.
        failure: Failure,
    },
}

/// Why an upgrade was aborted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A transition failed.
    #[error("the transition of engine `{engine}` failed: {error}")]
    Transition {
        /// The engine.
        engine: EngineId,
        /// Its fault or panic.
        error: CallError,
    },
    /// A migrated state does not pass its own check.
    #[error("the migrated state of engine `{engine}` does not pass its check: {error}")]
    Check {
        /// The engine.
        engine: EngineId,
        /// What does not hold.
        error: CallError,
    },
    /// Somebody withdrew it.
    #[error(transparent)]
    Withdrawn(#[from] Withdrawn),
    /// Another generation went live since it was armed.
    #[error("it was armed for generation {armed}, and generation {live} is live")]
    Overtaken {
        /// Armed for.
        armed: Generation,
        /// Live.
        live: Generation,
    },
}

impl Failure {
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Transition {
                error: CallError::Panicked { .. },
                ..
            } => "transition-panicked",
            Failure::Transition { .. } => "transition-failed",
            Failure::Check { .. } => "check-failed",
            Failure::Withdrawn(_) => "withdrawn",
            Failure::Overtaken { .. } => "overtaken",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            Failure::Transition { .. } | Failure::Check { .. } => {
                "the old generation goes on; mend the engine's migration and plan again"
            }
            Failure::Withdrawn(_) => "the old generation goes on; apply the plan again when ready",
            Failure::Overtaken { .. } => "plan again: refit upgrade plan … --out plan.json",
        }
    }

    /// The engine that it is about.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            Failure::Transition { engine, .. } | Failure::Check { engine, .. } => Some(*engine),
            Failure::Withdrawn(_) | Failure::Overtaken { .. } => None,
        }
    }
}
