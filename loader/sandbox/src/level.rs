//! [`Level`]: how much of a room stands between a command and the machine, what a kernel allows of it ([`Found`]), and the
//! least that is wanted ([`Policy`]).

use crate::error::SandboxError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much stands between a command and the machine. Each level has all that the one below has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Nothing but a watch over time, memory and output.
    L0,
    /// Limits of the system on each process.
    L1,
    /// Landlock and seccomp: no files but those that are named, no sockets, no looking at other processes.
    L2,
    /// Namespaces: a root, processes and a network of its own, and a target in memory that is gone with it.
    L3,
}

impl Level {
    const ALL: [Self; 4] = [Self::L3, Self::L2, Self::L1, Self::L0];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The text is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a level is one of L0, L1, L2 and L3")]
pub struct LevelError;

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        let found = Self::ALL.into_iter().find(|it| it.to_string() == text);
        found.ok_or(LevelError)
    }
}

/// Whether the kernel did what was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tried {
    /// It did.
    Works,
    /// It did not.
    Lacks {
        /// Its error number.
        errno: i32,
    },
}

/// The rights that Landlock can take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rights {
    /// All that this program knows, signals to other processes among them.
    Full,
    /// Those on files.
    Files,
    /// Some of those on files: one that may not be written can still be cut short.
    Some,
    /// None.
    Lacks {
        /// The kernel's error number.
        errno: i32,
    },
}

/// What this machine allows, found by trying it in a process that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// A root, processes and a network of its own.
    pub namespaces: Tried,
    /// Landlock.
    pub landlock: Rights,
    /// seccomp.
    pub seccomp: Tried,
    /// Limits on each process, and the sight of all processes that are below another.
    pub limits: Tried,
}

impl Found {
    /// Whether all that belongs to a level works.
    pub fn supports(&self, level: Level) -> bool {
        let limits = self.limits == Tried::Works;
        let calls = limits && self.seccomp == Tried::Works;
        let some = calls && !matches!(self.landlock, Rights::Lacks { .. });
        match level {
            Level::L0 => true,
            Level::L1 => limits,
            Level::L2 => some && self.landlock != Rights::Some,
            Level::L3 => some && self.namespaces == Tried::Works,
        }
    }

    /// The highest level that is supported.
    pub fn level(&self) -> Level {
        self.at_most(Level::L3)
    }

    /// The highest level that is supported and not above another.
    fn at_most(&self, most: Level) -> Level {
        let mut levels = Level::ALL.into_iter().filter(|level| *level <= most);
        let found = levels.find(|level| self.supports(*level));
        found.unwrap_or(Level::L0)
    }
}

/// One line: `level=L3 ns=ok ll=full sc=ok rl=ok`, with the kernel's error where something is not there.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level={} ns={}", self.level(), self.namespaces)?;
        write!(f, " ll={} sc={}", self.landlock, self.seccomp)?;
        write!(f, " rl={}", self.limits)
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("ok"),
            Self::Lacks { errno } => write!(f, "UNAVAILABLE({})", Named(*errno)),
        }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Files => f.write_str("files"),
            Self::Some => f.write_str("some"),
            Self::Lacks { errno } => write!(f, "UNAVAILABLE({})", Named(*errno)),
        }
    }
}

/// An error number by its name, where it is one that kernels give for what they lack.
pub(crate) struct Named(pub(crate) i32);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            libc::EPERM => "EPERM",
            libc::ENOENT => "ENOENT",
            libc::EACCES => "EACCES",
            libc::EBUSY => "EBUSY",
            libc::EINVAL => "EINVAL",
            libc::ENOSPC => "ENOSPC",
            libc::ENOSYS => "ENOSYS",
            libc::EUSERS => "EUSERS",
            libc::EOPNOTSUPP => "EOPNOTSUPP",
            number => return write!(f, "{number}"),
        };
        f.write_str(name)
    }
}

/// The least that must stand between a command and the machine, and the most that is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Below this nothing is run.
    pub at_least: Level,
    /// More than this is not tried: [`Level::L3`] keeps the target in memory, of which a machine may have little.
    pub at_most: Level,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            at_least: Level::L2,
            at_most: Level::L3,
        }
    }
}

impl Policy {
    /// The level to run at.
    ///
    /// # Errors
    /// [`SandboxError::TooWeak`], if this machine does not allow as much as is wanted.
    pub fn choose(&self, found: &Found) -> Result<Level, SandboxError> {
        let level = found.at_most(self.at_most);
        match level >= self.at_least {
            true => Ok(level),
            false => Err(SandboxError::TooWeak {
                at_least: self.at_least,
                level,
                found: *found,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Found = Found {
        namespaces: Tried::Works,
        landlock: Rights::Full,
        seccomp: Tried::Works,
        limits: Tried::Works,
    };

    #[test]
    fn a_level_needs_all_that_the_one_below_needs() {
        let errno = libc::ENOSPC;
        let without = Found {
            namespaces: Tried::Lacks { errno },
            ..WHOLE
        };
        let some = Found {
            landlock: Rights::Some,
            ..without
        };
        let seccomp = Found {
            seccomp: Tried::Lacks { errno },
            ..WHOLE
        };
        let limits = Found {
            limits: Tried::Lacks { errno },
            ..WHOLE
        };
        let levels = [WHOLE, without, some, seccomp, limits].map(|found| found.level());
        assert_eq!(levels, [3, 2, 1, 1, 0].map(|at| Level::ALL[3 - at]));
        let line = "level=L2 ns=UNAVAILABLE(ENOSPC) ll=full sc=ok rl=ok";
        assert_eq!(without.to_string(), line);
    }

    #[test]
    fn what_is_too_weak_is_refused_and_what_is_too_much_is_not_tried() {
        let policy = Policy {
            at_most: Level::L2,
            ..Policy::default()
        };
        assert_eq!(policy.choose(&WHOLE).ok(), Some(Level::L2));
        let weak = Found {
            landlock: Rights::Some,
            ..WHOLE
        };
        let refused = policy.choose(&weak).unwrap_err().to_string();
        assert!(refused.contains("ll=some"), "{refused}");
        assert_eq!(Policy::default().choose(&weak).ok(), Some(Level::L3));
    }

    #[test]
    fn a_level_is_read_from_its_text() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!("l3".parse::<Level>(), Err(LevelError));
    }
}
