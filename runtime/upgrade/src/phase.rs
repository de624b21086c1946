//! The phases of an upgrade, who watches them, and how it ends.

use crate::budget::Budget;
use crate::whole_fault::WholeFault;
use refit_abi::codes;
use refit_abi::host::CallError;
use refit_abi::host::Explain;
use refit_abi::schema::SchemaId;
use refit_abi::{EngineId, Generation};
use refit_kernel::ParametersError;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The code of what an engine may not do to another.
const FORBIDDEN: &str = codes::CAPABILITY_MISSING;

/// The phase of an upgrade. Each has an unwind; from `Committed` on there is none.
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
    /// The reason.
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
        /// The failure.
        failure: Failure,
    },
}

/// Why an upgrade message cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageFault {
    /// No such engine.
    #[error("there is no such engine")]
    Unknown,
    /// The engine is retired or stopped.
    #[error("the engine is retired")]
    Retired,
    /// The engine is poisoned: it has no new state to handle upgrade messages with.
    #[error("the engine is poisoned and has no new state")]
    Poisoned,
    /// As many messages wait for the engine as may.
    #[error("its mailbox is full")]
    Full,
    /// The sender's kind may not message the receiver's.
    #[error("its kind may not message engines of that kind")]
    Forbidden,
    /// The receiver does not take it.
    #[error("its schema is {found}; the receiver takes {takes}")]
    Schema {
        /// The message's schema.
        found: SchemaId,
        /// The receiver's schema.
        takes: SchemaId,
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
    /// A new state does not pass its own check.
    #[error("the new state of engine `{engine}` does not pass its check: {error}")]
    Check {
        /// The engine.
        engine: EngineId,
        /// The check's error.
        error: CallError,
    },
    /// A handler of upgrade messages failed.
    #[error("engine `{engine}` failed on an upgrade message from `{from}`: {error}")]
    Handler {
        /// The engine.
        engine: EngineId,
        /// The sender.
        from: EngineId,
        /// Its fault or panic.
        error: CallError,
    },
    /// An upgrade message cannot be delivered.
    #[error("the upgrade message from `{from}` to `{to}` cannot be delivered: {reason}")]
    Message {
        /// The sender.
        from: EngineId,
        /// The receiver.
        to: EngineId,
        /// Why not.
        reason: MessageFault,
    },
    /// A counted budget is spent.
    #[error(
        "the transitions have used up their budget of {most} {what}; engine `{engine}` asked for more"
    )]
    Budget {
        /// The engine that asked for more.
        engine: EngineId,
        /// Which budget.
        what: Budget,
        /// How much there was.
        most: u64,
    },
    /// Two transitions started an engine under one name.
    #[error("two transitions start an engine called `{engine}`")]
    Taken {
        /// The engine's id.
        engine: EngineId,
    },
    /// An engine that starts afresh does not start.
    #[error("engine `{engine}` does not start afresh with its old configuration: {error}")]
    Restart {
        /// The engine.
        engine: EngineId,
        /// Its fault or panic.
        error: CallError,
    },
    /// A message waits that the new code does not take.
    #[error(
        "a message of schema {schema} waits for engine `{engine}`, and its new code takes no such message"
    )]
    Queued {
        /// The engine for which it waits.
        engine: EngineId,
        /// The message's schema.
        schema: SchemaId,
    },
    /// The parameters that it would bring cannot be.
    #[error("the plan's parameters cannot be in force: {error}")]
    Parameters {
        /// Which, and their bounds.
        error: ParametersError,
    },
    /// The function over the whole snapshot failed.
    #[error("the function over the whole snapshot failed: {error}")]
    Whole {
        /// Its fault or panic.
        error: CallError,
    },
    /// It cannot be given what there is, or gave something else back than it must.
    #[error("the function over the whole snapshot: {fault}")]
    WholeResult {
        /// What is wrong with it.
        fault: WholeFault,
    },
    /// Somebody withdrew it.
    #[error(transparent)]
    Withdrawn(#[from] Withdrawn),
    /// The states of the upgrade before were not settled in time.
    #[error(
        "the upgrade before was still being settled after {lasted:?}, and blocks waited: this one was let go"
    )]
    Unsettled {
        /// For how long no block had run, at least.
        lasted: Duration,
    },
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
    /// A transition that fails although no author's function does.
    fn of_the_state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Failure::Transition { error, .. } => error.of_the_state(),
            _ => None,
        }
    }

    /// The engine that it is about.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            Failure::Transition { engine, .. }
            | Failure::Check { engine, .. }
            | Failure::Handler { engine, .. }
            | Failure::Budget { engine, .. }
            | Failure::Taken { engine }
            | Failure::Restart { engine, .. }
            | Failure::Queued { engine, .. }
            | Failure::Message { from: engine, .. } => Some(*engine),
            Failure::WholeResult { fault } => fault.engine(),
            Failure::Whole { .. }
            | Failure::Parameters { .. }
            | Failure::Withdrawn(_)
            | Failure::Unsettled { .. }
            | Failure::Overtaken { .. } => None,
        }
    }
}

impl Explain for Failure {
    fn code(&self) -> &str {
        if let Some((code, _)) = self.of_the_state() {
            return code;
        }
        match self {
            Failure::Transition {
                error: CallError::Panicked { .. },
                ..
            } => codes::TRANSITION_PANICKED,
            Failure::Transition { .. } => codes::TRANSITION_FAILED,
            Failure::Check { .. } => codes::CHECK_FAILED,
            Failure::Handler {
                error: CallError::Panicked { .. },
                ..
            } => codes::UPGRADE_MESSAGE_PANICKED,
            Failure::Handler { .. } => codes::UPGRADE_MESSAGE_FAILED,
            Failure::Message { reason, .. } => match reason {
                MessageFault::Unknown => codes::UPGRADE_MESSAGE_UNKNOWN,
                MessageFault::Retired => codes::UPGRADE_MESSAGE_RETIRED,
                MessageFault::Poisoned => codes::UPGRADE_MESSAGE_POISONED,
                MessageFault::Full => codes::UPGRADE_MESSAGE_FULL,
                MessageFault::Forbidden => FORBIDDEN,
                MessageFault::Schema { .. } => codes::UPGRADE_MESSAGE_SCHEMA,
            },
            Failure::Budget { .. } => codes::BUS_BUDGET_SPENT,
            Failure::Taken { .. } => codes::BUS_TAKEN,
            Failure::Restart { .. } => codes::RESTART_FAILED,
            Failure::Queued { .. } => codes::QUEUED_MESSAGE_NOT_ACCEPTED,
            Failure::Whole {
                error: CallError::Panicked { .. },
            } => codes::SNAPSHOT_FUNCTION_PANICKED,
            Failure::Whole { .. } => codes::SNAPSHOT_FUNCTION_FAILED,
            Failure::WholeResult {
                fault: WholeFault::TooLarge { .. },
            } => codes::SNAPSHOT_TOO_LARGE,
            Failure::WholeResult { .. } => codes::SNAPSHOT_FUNCTION_RESULT,
            Failure::Parameters { .. } => codes::PLAN_PARAMETERS,
            Failure::Withdrawn(_) => codes::WITHDRAWN,
            Failure::Unsettled { .. } => codes::SWEEP_TOO_LONG,
            Failure::Overtaken { .. } => codes::OVERTAKEN,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        if let Some((_, next)) = self.of_the_state() {
            return Cow::Borrowed(next);
        }
        Cow::Borrowed(match self {
            // The bus refused a start or a question as it refuses a message.
            Failure::Transition {
                error: CallError::Fault(fault),
                ..
            }
            | Failure::Handler {
                error: CallError::Fault(fault),
                ..
            } if fault.code == FORBIDDEN => MessageFault::Forbidden.next(),
            Failure::Whole { .. } | Failure::WholeResult { .. } => {
                "the old generation goes on; mend the function and plan again"
            }
            Failure::Transition { .. }
            | Failure::Check { .. }
            | Failure::Handler { .. }
            | Failure::Taken { .. } => {
                "the old generation goes on; mend the engine's migration and plan again"
            }
            Failure::Message { reason, .. } => reason.next(),
            Failure::Budget { .. } => {
                "the old generation goes on; let the transitions do less, or plan with a larger --budget WHAT=COUNT"
            }
            Failure::Restart { .. } => {
                "the old generation goes on; let `init` accept the old configuration, or write a migration"
            }
            Failure::Queued { .. } => {
                "the old generation goes on; write `impl MigrateMessage` for the older message, or plan with --dead-letters KIND"
            }
            Failure::Parameters { .. } => {
                "the old generation and its parameters go on; plan again with other values"
            }
            Failure::Withdrawn(_) => "the old generation goes on; apply the plan again when ready",
            Failure::Unsettled { .. } => {
                "the old generation goes on and settles between blocks; apply the plan again later, or start the node with a longer --pause-limit"
            }
            Failure::Overtaken { .. } => "plan again: refit upgrade plan … --out plan.json",
        })
    }

    fn engine_name(&self) -> Option<String> {
        self.engine().map(|engine| engine.to_string())
    }

    fn key(&self) -> Option<&str> {
        match self {
            Failure::Transition { error, .. }
            | Failure::Check { error, .. }
            | Failure::Handler { error, .. }
            | Failure::Restart { error, .. } => error.key(),
            _ => None,
        }
    }
}

impl MessageFault {
    fn next(self) -> &'static str {
        match self {
            MessageFault::Unknown | MessageFault::Retired | MessageFault::Poisoned => {
                "the old generation goes on; let the migration check which engines it messages, and plan again"
            }
            MessageFault::Full => {
                "the old generation goes on; apply the plan again when fewer messages wait, or send fewer"
            }
            MessageFault::Forbidden => {
                "the old generation goes on; declare the capability in `NEEDS` and have the node grant it"
            }
            MessageFault::Schema { .. } => {
                "the old generation goes on; send the receiver's own upgrade message, or its ordinary one if it takes none"
            }
        }
    }
}
