//! The end of a module that is no longer wanted: [`Retired`], and [`PinReason`] if it cannot go.

use crate::artifact::ArtifactId;
use crate::sys::signals::Signal;
use crate::sys::threads::ForeignThreads;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;

/// The most libraries that may be pinned before nothing more is loaded.
pub const PINNED_MAX: usize = 64;

/// The most bytes of the files of modules that are gone that may stay mapped before nothing more is loaded.
/// A backtrace maps the file of each module that it names, in whichever module it is made, and keeps it.
pub const VIEWED_BYTES_MAX: usize = 1 << 30;

/// The outcome of retiring a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a module that stays pinned should be reported"]
pub enum Retired {
    /// The system lists no mapping of its code any more.
    Unmapped {
        /// Thread-local keys that were taken back from it.
        keys: usize,
    },
    /// It stays mapped for now; it is tried again after every further retirement, and by
    /// [`crate::Loader::sweep`].
    Pinned {
        /// The reason why it stays mapped.
        reason: PinReason,
    },
}

impl Retired {
    /// Whether it is gone.
    pub fn is_unmapped(&self) -> bool {
        matches!(self, Self::Unmapped { .. })
    }
}

/// Why a library is still mapped although it was retired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinReason {
    /// The node still holds a handle.
    #[error("a handle to the module, or to one of its kinds, is still held")]
    InUse,
    /// Threads that it started live.
    #[error("{} of its own threads live{}", .0.tids.len() + .0.starting, ids(.0))]
    Threads(ForeignThreads),
    /// It left a signal handler installed.
    #[error("it left its handler installed for {}", names(signals))]
    SignalHandlers {
        /// The signals.
        signals: Vec<Signal>,
    },
    /// Other code, of a library or of the program, was given the address of a handler of it, and may call it.
    #[error("other code knows its handler of {signal}, and may call it")]
    HandlerKnown {
        /// The first such signal.
        signal: Signal,
    },
    /// A thread is just setting a signal's handler, and may be given one of it.
    #[error("a thread is just setting a signal's handler")]
    HandlersChange,
    /// Threads that may have entered it have not ended.
    #[error(
        "a thread that may have run its code does not end: a destructor of a thread-local value does not return"
    )]
    Lingering,
    /// A thread that is ending runs a destructor of it.
    #[error("a thread that is ending runs a destructor of it")]
    Ending,
    /// The dynamic linker closed it and left it mapped: a living thread has a destructor in it.
    #[error(
        "it was closed, but {mappings} mappings stay: a living thread holds a thread-local value of it"
    )]
    StillMapped {
        /// Mappings that are left.
        mappings: usize,
    },
    /// The system did not say, or refused.
    #[error("the system refused to unmap it, or to say whether it did: {reason}")]
    Unknown {
        /// The system's message.
        reason: String,
    },
}

fn ids(threads: &ForeignThreads) -> String {
    if threads.tids.is_empty() {
        String::new()
    } else {
        format!(" (ids {:?})", threads.tids)
    }
}

fn names(signals: &[Signal]) -> String {
    let names: Vec<_> = signals.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl Explain for PinReason {
    fn code(&self) -> &str {
        match self {
            Self::InUse => codes::PINNED_IN_USE,
            Self::Threads(_) => codes::PINNED_THREADS,
            Self::SignalHandlers { .. } => codes::PINNED_SIGNAL_HANDLERS,
            Self::HandlerKnown { .. } => codes::PINNED_HANDLER_KNOWN,
            Self::HandlersChange => codes::PINNED_HANDLERS_CHANGE,
            Self::Lingering => codes::PINNED_LINGERING,
            Self::Ending => codes::PINNED_ENDING,
            Self::StillMapped { .. } => codes::PINNED_STILL_MAPPED,
            Self::Unknown { .. } => codes::PINNED_UNKNOWN,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::InUse => "nothing: it goes when the last handle is dropped and the loader sweeps",
            Self::Threads(_) => {
                "start no threads in an engine; ask the node for timers and messages instead"
            }
            Self::SignalHandlers { .. } => {
                "install no signal handlers in an engine; it goes when a later retirement finds them gone"
            }
            Self::HandlerKnown { .. } => {
                "install no signal handlers in an engine, and restart the node at a convenient time"
            }
            Self::HandlersChange | Self::Ending => {
                "nothing: it goes with one of the next retirements"
            }
            Self::Lingering => {
                "keep no thread-local value in an engine whose destructor waits, and restart the node at a convenient \
                 time"
            }
            Self::StillMapped { .. } => {
                "nothing: it goes with one of the next retirements, when that thread has ended"
            }
            Self::Unknown { .. } => "restart the node at a convenient time",
        })
    }
}

/// A retired library that is still mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Its unique name, as it is in `/proc/self/maps`.
    pub name: String,
    /// The hash of its bytes.
    pub artifact: ArtifactId,
    /// Why it is still mapped.
    pub reason: PinReason,
}
