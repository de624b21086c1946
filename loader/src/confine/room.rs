//! [`Room`]: what a confined process reaches. It is fixed before the first code of an engine comes in, and by the layout
//! of a data folder, never by a release: it can only be made smaller later.

use std::path::PathBuf;

/// Files and folders that a process of Refit reads, wherever it runs: libraries of the system, and what the kernel says
/// about the process and the machine.
pub(super) const SYSTEM_READS: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/proc/self",
    "/proc/stat",
    "/proc/meminfo",
    // How many processors there are for it.
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
];

/// What it writes: nothing that anybody reads, and what it says of itself to the kernel.
pub(super) const SYSTEM_WRITES: &[&str] = &[
    "/dev/null",
    "/proc/self/oom_score_adj",
    "/proc/self/clear_refs",
];

/// What a confined process reaches, beside what the system's own libraries need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Folders in which it reads, writes, makes and removes files. One whose last name is a link is left out.
    pub writes: Vec<PathBuf>,
    /// Files and folders that it reads.
    pub reads: Vec<PathBuf>,
    /// Folders in which it makes and removes unix sockets, and the lock files beside them.
    pub sockets: Vec<PathBuf>,
    /// Whether it makes sockets at all: on this machine, and of TCP.
    pub listens: bool,
    /// The TCP ports on which it listens; 0 is any free one.
    pub ports: Vec<u16>,
    /// Whether it reaches sockets of others that have a name and no file: a supervisor's.
    pub reaches_nameless_sockets: bool,
    /// Whether it may put its own program in its place once more.
    pub starts_again: bool,
}
