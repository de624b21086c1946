//! The system calls that a confined process is refused, beside what no process in a room has ([`refit_sandbox::calls`]). What a
//! node needs is left out, and so is what harms nobody else.

/// Refused whatever their arguments are.
pub(super) const REFUSED: &[i64] = &[
    // Programs: a process that may start itself again has `execve` looked at apart.
    libc::SYS_execveat,
];

/// Requests of `ioctl` that write into the terminal of whoever started the process.
pub(super) const TERMINAL: &[u64] = &[libc::TIOCSTI, libc::TIOCLINUX];
