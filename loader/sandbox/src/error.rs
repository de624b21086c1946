//! [`SandboxError`]: why a command did not run in its room.

use crate::level::{Found, Level, Named};
use crate::limits::Over;
use refit_abi::codes;
use refit_abi::host::Explain;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a command did not run in its room, or was ended in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// This machine does not allow as much as is wanted.
    #[error(
        "a build has to run at level {at_least} at least, and this machine allows {level}: {found}"
    )]
    TooWeak {
        /// What is wanted.
        at_least: Level,
        /// What it allows.
        level: Level,
        /// What was tried.
        found: Found,
    },
    /// The launcher was not started.
    #[error("cannot start the launcher {}: {source}", program.display())]
    NotStarted {
        /// Its program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The launcher could not make the room.
    #[error("the launcher could not {step}: {}", Named(*errno))]
    Unable {
        /// What it could not do.
        step: Step,
        /// The kernel's error number.
        errno: i32,
    },
    /// The launcher ended without a word.
    #[error("the launcher ended before it said how the command did")]
    Silent,
    /// The launcher does not speak as this program does.
    #[error("the launcher said what this program does not understand: {reason}")]
    Strange {
        /// What is wrong with it.
        reason: String,
    },
    /// The command reached a limit and was ended.
    #[error("it used more than {limit}, and was ended")]
    Over {
        /// Which limit.
        over: Over,
        /// The limit, with its unit.
        limit: String,
    },
    /// It was given up: nobody waits for it any more.
    #[error("it was given up")]
    Stopped,
    /// A file that was handed out cannot be written, or a path of the order cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that failed, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A step of making a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Namespaces.
    Namespaces,
    /// The root, with one of its views or other parts.
    Root {
        /// The part, by its path inside.
        part: PathBuf,
    },
    /// Become the ordinary user, without capabilities.
    User,
    /// Limits on processes.
    Limits,
    /// Landlock.
    Landlock,
    /// seccomp.
    Seccomp,
    /// Copy the seed into the target.
    Seed,
    /// Start the next process.
    Start {
        /// Its program.
        program: PathBuf,
    },
    /// Hand an output out.
    Give {
        /// Its path from the target.
        path: PathBuf,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespaces => f.write_str("make namespaces"),
            Self::Root { part } => write!(f, "make {} in the new root", part.display()),
            Self::User => f.write_str("become an ordinary user"),
            Self::Limits => f.write_str("set limits"),
            Self::Landlock => f.write_str("restrict itself with Landlock"),
            Self::Seccomp => f.write_str("restrict itself with seccomp"),
            Self::Seed => f.write_str("copy compiled dependencies into the target"),
            Self::Start { program } => write!(f, "start {}", program.display()),
            Self::Give { path } => write!(f, "hand {} out", path.display()),
        }
    }
}

impl Explain for SandboxError {
    fn code(&self) -> &str {
        match self {
            Self::TooWeak { .. } => codes::SANDBOX_TOO_WEAK,
            Self::Over { .. } => codes::BUILD_OVER_LIMIT,
            Self::Stopped => codes::BUILD_CANCELLED,
            Self::Io { .. } => codes::BUILD_IO,
            _ => codes::SANDBOX_FAILED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::TooWeak { .. } => {
                "allow user namespaces or run a kernel with Landlock (6.2 or newer), lower `min_build_level` if you trust the source, or take a built library"
            }
            Self::Over { .. } => "raise that limit if the source needs as much",
            Self::Stopped => "build again",
            Self::Io { .. } => {
                "see that the folder is there, and check its permissions and free space"
            }
            Self::Unable {
                step: Step::Start { .. } | Step::Seed | Step::Landlock,
                ..
            } => "see that the user that builds run as may read the toolchain and the source",
            _ => "build again; if it fails again, report it with this text",
        })
    }
}
