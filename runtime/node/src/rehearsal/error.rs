//! [`RehearsalError`]: why a rehearsal did not pass.

use super::{At, REHEARSAL_STATE_BYTES_MAX};
use refit_abi::Generation;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_kernel::{ImageError, StreamError};
use refit_loader::helper::{UNHELPED_NEXT, is_unhelped};
use refit_loader::probe::start_hint;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Why a rehearsal did not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// The child did not start.
    #[error("cannot start the rehearsal {}: {source}", program.display())]
    NotStarted {
        /// Its program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Nobody knows how the child ended: whoever had started it for the node has ended too.
    #[error("how the rehearsal ended is not known: {source}")]
    Unwatched {
        /// The system's error.
        source: io::Error,
    },
    /// The states could not be copied.
    #[error("the states cannot be copied for a rehearsal: {0}")]
    Image(#[from] ImageError),
    /// The copy of the states does not arrive.
    #[error("the states cannot be copied for a rehearsal: {0}")]
    Stream(StreamError),
    /// The node could not be forked.
    #[error("the system refuses the node a process to copy its states: {source}")]
    NoFork {
        /// The system's error.
        source: io::Error,
    },
    /// The process that copied the states ended.
    #[error("the copy of the states{} ended by {how}{}", of(engine.as_ref()), said(output))]
    CopyEnded {
        /// The signal, or that it failed.
        how: String,
        /// The engine whose code it was in, if that is known.
        engine: Option<String>,
        /// The end of what it wrote to standard error.
        output: String,
    },
    /// The crew did not get to it.
    #[error("the node did not begin to copy its states within {seconds} s")]
    NoImage {
        /// How long it was waited for, in seconds.
        seconds: u64,
    },
    /// A module that runs cannot be handed to a child.
    #[error("the code of engine kind `{kind}` cannot be handed to a child process")]
    NoModule {
        /// The name of the engine kind.
        kind: String,
    },
    /// The request cannot be written.
    #[error("the rehearsal cannot be described to a child process: {reason}")]
    NotWritten {
        /// The encoder's error.
        reason: String,
    },
    /// It did not end in time and was killed.
    #[error("the rehearsal did not end within {seconds} s and was killed{}", at)]
    TimedOut {
        /// How long it was given, in seconds.
        seconds: f32,
        /// Whose code ran.
        at: At,
    },
    /// The rehearsal was killed, because it is no longer wanted.
    #[error("the rehearsal was cancelled")]
    CalledOff,
    /// It needed more memory than it may.
    #[error("the rehearsal needs more than {} MiB of memory{}", bytes_max >> 20, at)]
    Memory {
        /// As much as it may have, in bytes.
        bytes_max: u64,
        /// Whose code ran.
        at: At,
    },
    /// The system ended it.
    #[error(
        "the system killed the rehearsal{}, most likely because memory ran out",
        at
    )]
    Killed {
        /// Whose code ran.
        at: At,
    },
    /// It crashed.
    #[error("the rehearsal ended by {how}{}{}", at, said(output))]
    Crashed {
        /// The signal or exit code.
        how: String,
        /// Whose code ran.
        at: At,
        /// The end of what it wrote to standard error.
        output: String,
    },
    /// A new state holds a pointer into code that an upgrade unmaps.
    #[error("the new state{} points into the old code, which is unmapped after the upgrade", of(engine.as_ref()))]
    OldCode {
        /// The engine.
        engine: Option<String>,
    },
    /// An upgrade came in meanwhile.
    #[error("generation {live} went live while an upgrade of generation {planned} was rehearsed")]
    Overtaken {
        /// The generation that the plan was made for.
        planned: Generation,
        /// The one that is live now.
        live: Generation,
    },
    /// It printed something else than a report.
    #[error("the rehearsal's report is not understood: {reason}")]
    NotUnderstood {
        /// The decoder's error.
        reason: String,
    },
    /// It is of another build of Refit.
    #[error("the rehearsal's program has another interface than this node")]
    WrongProgram,
    /// The upgrade would not commit: what its own failure says.
    #[error("{0}")]
    Failed(Explained),
}

impl From<StreamError> for RehearsalError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Image(error) => Self::Image(error),
            error => Self::Stream(error),
        }
    }
}

impl From<Explained> for RehearsalError {
    fn from(failed: Explained) -> Self {
        Self::Failed(failed)
    }
}

fn of(engine: Option<&String>) -> String {
    engine.map_or_else(String::new, |engine| format!(" of engine `{engine}`"))
}

fn said(output: &str) -> String {
    match output.trim() {
        "" => String::new(),
        output => format!("; it wrote: {output}"),
    }
}

impl Explain for RehearsalError {
    fn code(&self) -> &str {
        match self {
            RehearsalError::NotStarted { source, .. } if is_unhelped(source) => codes::NO_HELPER,
            RehearsalError::Unwatched { .. } => codes::NO_HELPER,
            RehearsalError::NotStarted { .. } => codes::REHEARSAL_NOT_STARTED,
            RehearsalError::Image(ImageError::TooLarge { .. }) => codes::REHEARSAL_TOO_LARGE,
            RehearsalError::Image(error) => error.code(),
            RehearsalError::Stream(error) => error.code(),
            RehearsalError::NoFork { .. } => codes::REHEARSAL_NO_FORK,
            RehearsalError::CopyEnded { .. } => codes::REHEARSAL_COPY_ENDED,
            RehearsalError::NoImage { .. } => codes::REHEARSAL_NO_IMAGE,
            RehearsalError::NoModule { .. } | RehearsalError::NotWritten { .. } => {
                codes::REHEARSAL_NOT_DESCRIBED
            }
            RehearsalError::TimedOut { .. } => codes::REHEARSAL_TIMEOUT,
            RehearsalError::CalledOff => codes::REHEARSAL_CALLED_OFF,
            RehearsalError::Memory { .. } => codes::REHEARSAL_MEMORY,
            RehearsalError::Killed { .. } => codes::REHEARSAL_KILLED,
            RehearsalError::Crashed { .. } => codes::REHEARSAL_CRASHED,
            RehearsalError::OldCode { .. } => codes::REHEARSAL_OLD_CODE,
            RehearsalError::Overtaken { .. } => codes::REHEARSAL_OVERTAKEN,
            RehearsalError::NotUnderstood { .. } => codes::REHEARSAL_NOT_UNDERSTOOD,
            RehearsalError::WrongProgram => codes::REHEARSAL_WRONG_PROGRAM,
            RehearsalError::Failed(failed) => failed.code(),
        }
    }

    fn next(&self) -> Cow<'_, str> {
        let next = match self {
            RehearsalError::NotStarted { source, .. } => start_hint(source),
            RehearsalError::Unwatched { .. } => UNHELPED_NEXT,
            RehearsalError::WrongProgram | RehearsalError::NotUnderstood { .. } => {
                "install the node's program whole, and do not replace it while it runs"
            }
            RehearsalError::Image(ImageError::TooLarge { .. }) => {
                return Cow::Owned(format!(
                    "states of more than {} MiB are not rehearsed: plan and apply with --no-rehearsal",
                    REHEARSAL_STATE_BYTES_MAX >> 20
                ));
            }
            RehearsalError::Image(error) => return error.next(),
            RehearsalError::Stream(error) => return error.next(),
            RehearsalError::NoFork { .. } => {
                "raise the limit of processes, or free memory on the machine, and try again"
            }
            RehearsalError::CopyEnded { .. } => {
                "mend how the engine's state writes itself: this would have ended the node at its next copy"
            }
            RehearsalError::NoImage { .. }
            | RehearsalError::NoModule { .. }
            | RehearsalError::NotWritten { .. } => "try again; see the node's log if it stays",
            RehearsalError::TimedOut { .. } => {
                "mend the migration if it loops; if it only takes long, plan with --no-rehearsal and apply with a longer --rehearsal-wait"
            }
            RehearsalError::Memory { .. } => {
                "mend the migration if it allocates without end; if the states are large, plan and apply with --no-rehearsal, or run the node with a larger --rehearsal-memory"
            }
            RehearsalError::Killed { .. } => {
                "free memory on the machine, or give the node a smaller --rehearsal-memory, and try again"
            }
            RehearsalError::Crashed { .. } => "mend the migration: this would have ended the node",
            RehearsalError::OldCode { .. } => {
                "keep no `&'static` text, function pointer or empty `HashMap` in the state: write it as a type of the derive's list, or mark the field `#[state(serde)]`"
            }
            RehearsalError::Overtaken { .. } | RehearsalError::CalledOff => "plan again",
            RehearsalError::Failed(failed) => return failed.next(),
        };
        Cow::Borrowed(next)
    }

    fn engine_name(&self) -> Option<String> {
        match self {
            RehearsalError::Image(error) => error.engine_name(),
            RehearsalError::Stream(error) => error.engine_name(),
            RehearsalError::TimedOut { at, .. }
            | RehearsalError::Memory { at, .. }
            | RehearsalError::Crashed { at, .. } => at.engines.first().cloned(),
            RehearsalError::Failed(failed) => failed.engine_name(),
            RehearsalError::OldCode { engine } | RehearsalError::CopyEnded { engine, .. } => {
                engine.clone()
            }
            _ => None,
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            RehearsalError::Failed(failed) => failed.key(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_are_too_large_to_copy_name_the_way_that_needs_no_restart() {
        let bytes_max = REHEARSAL_STATE_BYTES_MAX;
        let error = RehearsalError::from(ImageError::TooLarge { bytes_max });
        assert_eq!(error.code(), "rehearsal-too-large");
        let next = error.next();
        assert!(
            next.contains("1024 MiB") && next.contains("apply with --no-rehearsal"),
            "{next}"
        );
    }
}
