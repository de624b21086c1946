//! What becomes of a module that is no longer wanted: [`Retired`], and [`PinReason`] if it cannot go.

use crate::artifact::ArtifactId;
use crate::sys::threads::ForeignThreads;

/// How many libraries may be pinned before nothing more is loaded.
pub const PINNED_MAX: usize = 64;

/// How retiring a module ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a module that stays pinned should be reported"]
pub enum Retired {
    /// The system lists no mapping of it any more.
    Unmapped {
        /// Thread-local keys that were taken back from it.
        keys: usize,
    },
    /// It stays mapped for now; it is tried again after every further retirement, and by
    /// [`crate::Loader::sweep`].
    Pinned {
        /// Why.
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
    #[error("{} of its own threads live{}{}", .0.tids.len() + .0.starting, ids(.0), uncounted(.0))]
    Threads(ForeignThreads),
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
        /// What it said.
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

fn uncounted(threads: &ForeignThreads) -> String {
    match threads.uncounted {
        0 => String::new(),
        more => format!("; {more} threads of some module could not be counted"),
    }
}

impl PinReason {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse => "pinned-in-use",
            Self::Threads(_) => "pinned-threads",
            Self::StillMapped { .. } => "pinned-still-mapped",
            Self::Unknown { .. } => "pinned-unknown",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            Self::InUse => "nothing: it goes when the last handle is dropped and the loader sweeps",
            Self::Threads(_) => {
                "start no threads in an engine; ask the node for timers and messages instead"
            }
            Self::StillMapped { .. } => {
                "nothing: it goes with one of the next retirements, when that thread has ended"
            }
            Self::Unknown { .. } => "restart the node at a convenient time",
        }
    }
}

/// A retired library that is still mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Its unique name, as it is in `/proc/self/maps`.
    pub name: String,
    /// Its bytes.
    pub artifact: ArtifactId,
    /// Why it is still mapped.
    pub reason: PinReason,
}
