//! [`Steps`]: hears of each step on the way of something to the disk, before and after it.
//!
//! Whoever wants to end a node at such a step, and see what the next start makes of it, implements this. The store calls
//! it on whatever thread takes the step, holds no lock of its own meanwhile, and goes on when the call returns.

use std::fmt;

/// Hears of each step.
pub trait Steps: Send + Sync {
    /// The store is at this step, and goes on when this returns.
    fn at(&self, step: Step<'_>);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard;

impl Steps for Unheard {
    fn at(&self, _: Step<'_>) {}
}

/// A step of a store. Its text is a stable name without spaces, such as `blocks-begins`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// A commit with this in it: all of the commit becomes durable at once.
    Commit {
        /// A part of it.
        what: Committed<'a>,
        /// Before or after.
        at: At,
    },
    /// A file that gets its name when it is whole.
    File {
        /// Which.
        of: FileOf,
        /// How far it is.
        at: FileAt,
    },
    /// A file that nothing needs any more is about to be removed.
    FileGoes {
        /// Which.
        of: FileOf,
    },
    /// A block of the log was read, and is about to be executed again.
    BlockRead,
}

/// What a commit makes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Committed<'a> {
    /// New blocks.
    Blocks,
    /// Blocks go that no checkpoint needs.
    Prune,
    /// A record of the journal.
    Journal,
    /// The record of this name is written. What follows a `/` in a name tells records of one kind apart.
    Put(&'a str),
    /// The record of this name goes.
    Remove(&'a str),
    /// A checkpoint is kept, and an older one no longer.
    Keep,
    /// A checkpoint that cannot be read is no longer kept.
    Drop,
    /// The last block becomes a record.
    SetAside,
    /// Blocks go, and others follow under a new branch.
    Branch,
}

/// When a step is heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It was not taken yet.
    Begins,
    /// It is durable, and nobody was told.
    Done,
}

/// A file of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOf {
    /// The states of a checkpoint.
    Checkpoint,
    /// A library.
    Code,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAt {
    /// All of it is written.
    Written,
    /// It is synced.
    Synced,
    /// It has its name.
    Named,
    /// Its folder is synced too.
    Kept,
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit { what, at } => write!(f, "{what}-{at}"),
            Self::File { of, at } => write!(f, "{of}-{at}"),
            Self::FileGoes { of } => write!(f, "{of}-goes"),
            Self::BlockRead => f.write_str("block-read"),
        }
    }
}

impl fmt::Display for Committed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocks => "blocks",
            Self::Prune => "prune",
            Self::Journal => "journal",
            Self::Put(name) => return write!(f, "put-{}", kind(name)),
            Self::Remove(name) => return write!(f, "remove-{}", kind(name)),
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::SetAside => "set-aside",
            Self::Branch => "branch",
        })
    }
}

/// The part of a record's name that all of its kind have.
fn kind(name: &str) -> &str {
    name.split_once('/').map_or(name, |(kind, _)| kind)
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begins => "begins",
            Self::Done => "done",
        })
    }
}

impl fmt::Display for FileOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkpoint => "checkpoint",
            Self::Code => "code",
        })
    }
}

impl fmt::Display for FileAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Written => "written",
            Self::Synced => "synced",
            Self::Named => "named",
            Self::Kept => "kept",
        })
    }
}
