//! Which functions of the C library a module asks for: those it must have, those it must not, and those by
//! which it reaches outside of the node.
//!
//! The standard library inside every engine asks for some of these whatever the author writes: its panics
//! print, look for `RUST_BACKTRACE` and read debug information. So `open`, `read`, `write`, `getenv`,
//! `getcwd`, `clock_gettime`, `syscall` and their like ([`ALWAYS`]) say nothing and are in none of the lists
//! here. The list names what a thread, a socket, a child process and so on need beside them. A clock
//! that is read by `std::time`, and a hash map's chance, cannot be seen this way.

use std::fmt;

/// The allocator: every engine takes it from the C library. One that does not has another one linked
/// into it, which would be given memory that is not its own when a state changes hands.
pub(super) const ALLOCATOR: [&str; 5] = ["malloc", "calloc", "realloc", "free", "posix_memalign"];

/// A way in which a module reaches outside of the node, or to what is not the same on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outside {
    /// It reads a clock.
    Clock,
    /// It asks for random numbers.
    Randomness,
    /// It starts threads, or waits.
    Threads,
    /// It opens, changes or lists files beside those of its own debug information.
    Files,
    /// It opens sockets.
    Network,
    /// It asks who and where the process is, or changes its environment.
    Environment,
    /// It starts or signals processes.
    Processes,
    /// It handles signals.
    Signals,
    /// It loads libraries.
    Libraries,
}

/// A function that a module asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The way that the function reaches.
    pub outside: Outside,
    /// The function's name, such as `clock_gettime`.
    pub symbol: String,
}

/// The functions that the standard library asks for in every engine beside memory and the unwinder, with an engine that
/// does nothing but count. Measured with debug and release builds of Rust 1.95.
pub const ALWAYS: [&str; 18] = [
    "abort",
    "clock_gettime",
    "close",
    "exit",
    "fstat64",
    "getcwd",
    "getenv",
    "lseek64",
    "mmap64",
    "open64",
    "pause",
    "read",
    "readlink",
    "realpath",
    "stat64",
    "statx",
    "syscall",
    "write",
];

/// The functions of each kind.
const OUTSIDE: &[(Outside, &[&str])] = &[
    (
        Outside::Clock,
        &[
            "clock",
            "gettimeofday",
            "localtime_r",
            "time",
            "times",
            "timespec_get",
        ],
    ),
    (
        Outside::Randomness,
        &[
            "arc4random",
            "drand48",
            "getentropy",
            "getrandom",
            "rand",
            "rand_r",
            "random",
        ],
    ),
    (
        Outside::Threads,
        &[
            "clock_nanosleep",
            "nanosleep",
            "poll",
            "pthread_create",
            "sched_setaffinity",
            "select",
            "sleep",
            "thrd_create",
            "usleep",
        ],
    ),
    (
        Outside::Files,
        &[
            "chdir",
            "creat",
            "creat64",
            "fopen",
            "fopen64",
            "ftruncate64",
            "inotify_init1",
            "mkdir",
            "open",
            "openat",
            "openat64",
            "opendir",
            "readdir",
            "readdir64",
            "rename",
            "rmdir",
            "symlink",
            "unlink",
            "unlinkat",
        ],
    ),
    (
        Outside::Network,
        &[
            "accept",
            "accept4",
            "bind",
            "connect",
            "epoll_create1",
            "gethostbyname",
            "getaddrinfo",
            "listen",
            "recv",
            "recvfrom",
            "recvmsg",
            "send",
            "sendmsg",
            "sendto",
            "socket",
            "socketpair",
        ],
    ),
    (
        Outside::Environment,
        &[
            "gethostname",
            "getpid",
            "getppid",
            "getuid",
            "putenv",
            "secure_getenv",
            "setenv",
            "uname",
            "unsetenv",
        ],
    ),
    (
        Outside::Processes,
        &[
            "execv",
            "execve",
            "execvp",
            "fork",
            "kill",
            "popen",
            "posix_spawn",
            "posix_spawnp",
            "system",
            "vfork",
            "waitid",
            "waitpid",
        ],
    ),
    (Outside::Signals, &["sigaction", "signal"]),
    (Outside::Libraries, &["dlopen"]),
];

/// Functions by which a module would leave something behind that nobody can see, and why each is refused.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "aio_fsync",
            "aio_fsync64",
            "aio_read",
            "aio_read64",
            "aio_write",
            "aio_write64",
            "clone",
            "getaddrinfo_a",
            "lio_listio",
            "lio_listio64",
            "mq_notify",
            "timer_create",
        ],
        "can start threads that the node does not see, and would then unmap the module under them",
    ),
    (
        &["daemon"],
        "ends the node and leaves a copy of it behind, without its threads and with its sockets",
    ),
    (
        &["on_exit"],
        "has a function called at the end of the process, when the module may be unmapped: `atexit` does not",
    ),
    (
        &[
            "__sigaction",
            "__sysv_signal",
            "bsd_signal",
            "sigignore",
            "sigset",
            "ssignal",
            "sysv_signal",
        ],
        "installs a signal handler by a function that the node does not watch; it watches `sigaction`",
    ),
    (
        &["dlmopen"],
        "loads libraries into a namespace of their own, where the node watches nothing",
    ),
];

/// Why a module that asks for this function is refused, if it is.
pub(super) fn refused(symbol: &str) -> Option<&'static str> {
    let among = |(symbols, _): &&(&[&str], &str)| symbols.contains(&symbol);
    REFUSED.iter().find(among).map(|(_, why)| *why)
}

/// The way that a function reaches, if it is one that is named here.
pub(super) fn outside(symbol: &str) -> Option<Outside> {
    let among = |(_, symbols): &&(Outside, &[&str])| symbols.contains(&symbol);
    OUTSIDE.iter().find(among).map(|(outside, _)| *outside)
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (by `{}`)", self.outside, self.symbol)
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Clock => "clock",
            Self::Randomness => "randomness",
            Self::Threads => "threads",
            Self::Files => "files",
            Self::Network => "network",
            Self::Environment => "environment",
            Self::Processes => "processes",
            Self::Signals => "signals",
            Self::Libraries => "libraries",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_engine_asks_for_is_neither_named_nor_refused() {
        for symbol in ALWAYS.iter().chain(&ALLOCATOR) {
            assert_eq!((outside(symbol), refused(symbol)), (None, None), "{symbol}");
        }
    }

    #[test]
    fn no_function_is_in_two_lists() {
        let named = OUTSIDE.iter().flat_map(|(_, symbols)| *symbols);
        let mut all: Vec<_> = named
            .chain(REFUSED.iter().flat_map(|(symbols, _)| *symbols))
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
