//! Puts this process into a room that it never leaves: files, ports and signals by Landlock, system calls by seccomp.
//!
//! ```text
//! one thread ──enter(room)──► rules of files, ports, signals ──► filter of system calls ──► threads, engines
//! ```
//!
//! It holds for the whole process, for what it starts, and for the program that takes its place. So it is entered once,
//! before the first other thread and before the first code of an engine ([`enter`] refuses to come later). It keeps
//! mistakes and plain malice in a dependency away from the machine; it is no wall between the engines and the node that
//! runs them: see the page `runtime/SANDBOX.md`.
//!
//! What needs more than the room has, such as another program, is started by the [`helper`](crate::helper), which stays
//! outside.

mod calls;
mod files;
mod filter;
mod room;

pub use room::Room;

use landlock::ABI;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io;

/// The first version of Landlock that keeps rules of TCP ports, and the first that keeps those of signals.
const PORTS: ABI = ABI::V4;
const SIGNALS: ABI = ABI::V6;

/// The first version that keeps all rules of files that are asked for.
const FILES: ABI = ABI::V5;

/// What is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    files: bool,
    /// Whether an older system leaves out some of what can be done to a file.
    files_in_part: bool,
    ports: bool,
    signals: bool,
    calls: bool,
}

/// Why a process does not enter its room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfineError {
    /// Another thread would stay outside.
    #[error("the process has {threads} threads, and only one can enter its room")]
    Threads {
        /// How many there are.
        threads: usize,
    },
    /// The system does not say how many threads there are.
    #[error("the process cannot look at its threads: {0}")]
    Unseen(io::Error),
    /// The rules of files were refused.
    #[error("the rules of files are refused: {0}")]
    Rules(#[from] landlock::RulesetError),
    /// The process goes on in the place of one that was not confined, and that is required.
    #[error("the sandbox is required, and the program before this one in the process had none")]
    NotConfined,
    /// It is not enforced in full, and that is required.
    #[error("the sandbox is required, and not enforced in full: {0}")]
    NotFull(Enforced),
}

/// Enters the room: what the system can enforce of it, holds from here on.
///
/// # Errors
/// [`ConfineError`]: the process is not confined, or in part, and should end.
pub fn enter(room: &Room) -> Result<Enforced, ConfineError> {
    let threads = fs::read_dir("/proc/self/task").map_err(ConfineError::Unseen)?;
    match threads.count() {
        1 => {}
        threads => return Err(ConfineError::Threads { threads }),
    }
    let version = files::enter(room)?.unwrap_or(ABI::Unsupported);
    // A system without filters keeps the rules all the same; which of both holds is told.
    let calls = filter::enter(room).is_ok();
    Ok(Enforced {
        files: version > ABI::Unsupported,
        files_in_part: version < FILES,
        ports: version >= PORTS,
        signals: version >= SIGNALS,
        calls,
    })
}

impl Enforced {
    /// Whether nothing of what was asked for is missing.
    pub fn is_full(self) -> bool {
        self.files && !self.files_in_part && self.ports && self.signals && self.calls
    }

    /// The same, or why that is not enough where all is required.
    ///
    /// # Errors
    /// [`ConfineError::NotFull`].
    pub fn in_full(self) -> Result<Self, ConfineError> {
        match self.is_full() {
            true => Ok(self),
            false => Err(ConfineError::NotFull(self)),
        }
    }
}

impl fmt::Display for Enforced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.files, "files", "Linux 5.13 with Landlock"),
            (self.ports, "TCP ports", "Linux 6.7 with Landlock"),
            (self.signals, "signals", "Linux 6.12 with Landlock"),
            (self.calls, "system calls", "a kernel with seccomp"),
        ];
        let names = |wanted: bool| {
            let named = parts.iter().filter(move |(is, ..)| *is == wanted);
            named.map(move |(_, name, needs)| match wanted {
                true => (*name).to_owned(),
                false => format!("{name} (needs {needs})"),
            })
        };
        let (kept, missing): (Vec<_>, Vec<_>) = (names(true).collect(), names(false).collect());
        match kept.is_empty() {
            true => f.write_str("nothing is enforced")?,
            false => write!(f, "{}", kept.join(", "))?,
        }
        if self.files && self.files_in_part {
            f.write_str(
                "; what an older Landlock does not know of files is not (Linux 6.10 does)",
            )?;
        }
        match missing.is_empty() {
            true => Ok(()),
            false => write!(f, "; not enforced: {}", missing.join(", ")),
        }
    }
}

impl Explain for ConfineError {
    fn code(&self) -> &str {
        match self {
            Self::NotFull(_) => codes::SANDBOX_NOT_FULL,
            _ => codes::SANDBOX_NOT_ENTERED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NotFull(_) => {
                "run it on a newer kernel, or with --sandbox=on, which takes what the system has"
            }
            _ => "start the node again; with --sandbox=off if you trust the code of its engines",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Enforced = Enforced {
        files: true,
        files_in_part: false,
        ports: true,
        signals: true,
        calls: true,
    };

    #[test]
    fn what_is_enforced_is_said_in_a_line_and_what_is_missing_with_what_it_needs() {
        assert_eq!(FULL.to_string(), "files, TCP ports, signals, system calls");
        assert!(FULL.in_full().is_ok());
        let part = Enforced {
            ports: false,
            signals: false,
            ..FULL
        };
        let said = part.to_string();
        assert!(
            said.contains("not enforced: TCP ports (needs Linux 6.7"),
            "{said}"
        );
        let refused = part.in_full().unwrap_err();
        assert_eq!(refused.code(), "sandbox-not-full");
        let none = Enforced {
            files: false,
            calls: false,
            ..part
        };
        assert!(none.to_string().starts_with("nothing is enforced"));
    }

    #[test]
    fn a_process_with_other_threads_does_not_enter() {
        let (_wait, waits) = std::sync::mpsc::channel::<()>();
        let _other = std::thread::spawn(move || waits.recv());
        let refused = enter(&Room::default()).unwrap_err();
        assert_eq!(refused.code(), "sandbox-not-entered");
    }
}
