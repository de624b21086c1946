//! [`Limits`]: what one command, and all that it starts, may use.

use serde::{Deserialize, Serialize};

/// What one command, and all that it starts, may use. The defaults are those of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all processes together, in bytes; files in a target in memory are apart. It is looked at every
    /// [`LOOK_MS`] milliseconds: for so long there may be more.
    pub memory_bytes: u64,
    /// Address space of each process, in bytes.
    pub process_memory_bytes: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Processor time of each process, in seconds.
    pub cpu_s: u64,
    /// Time from the start to the end, in milliseconds.
    pub wall_ms: u64,
    /// The longest file that is written, in bytes.
    pub file_bytes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// All files of the target together, in bytes.
    pub target_bytes: u64,
    /// Files and folders of the target.
    pub target_files: u64,
    /// What is said on standard output and standard error together, in bytes.
    pub said_bytes: u64,
    /// What is handed out of the target in the end, in bytes.
    pub given_bytes: u64,
    /// Files that are handed out.
    pub given_files: u64,
}

/// Between two looks at what runs, in milliseconds.
pub const LOOK_MS: u64 = 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 4 << 30,
            process_memory_bytes: 4 << 30,
            processes: 512,
            cpu_s: 1_800,
            wall_ms: 3_600_000,
            file_bytes: 512 << 20,
            open_files: 1_024,
            target_bytes: 3 << 30,
            target_files: 100_000,
            said_bytes: 64 << 20,
            given_bytes: 1 << 30,
            given_files: 50_000,
        }
    }
}

/// Which limit was reached, where it ended what ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::wall_ms`].
    Time,
    /// [`Limits::said_bytes`].
    Said,
    /// [`Limits::target_bytes`], where the target is a folder on a disk; elsewhere a write fails.
    TargetBytes,
    /// [`Limits::target_files`], as above.
    TargetFiles,
    /// [`Limits::given_bytes`] or [`Limits::given_files`].
    Given,
}

impl Over {
    /// The limit in words, with its unit.
    pub fn of(self, limits: &Limits) -> String {
        match self {
            Self::Memory => format!("{} bytes of memory", limits.memory_bytes),
            Self::Time => format!("{} ms", limits.wall_ms),
            Self::Said => format!("{} bytes of output", limits.said_bytes),
            Self::TargetBytes => format!("{} bytes in the target", limits.target_bytes),
            Self::TargetFiles => format!("{} files in the target", limits.target_files),
            Self::Given => format!(
                "{} files and {} bytes to hand out",
                limits.given_files, limits.given_bytes
            ),
        }
    }
}
