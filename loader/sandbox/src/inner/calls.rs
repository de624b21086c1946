//! seccomp: calls of the system that no build needs, and that would lead out of the room, are refused.
//!
//! A refused call fails with `EPERM`, as if the user had no right to it; `clone3` and `memfd_create` are as if the kernel did
//! not have them, because libraries then do without.

use super::{Unable, at};
use crate::calls::{Rules, each, program, refused, second_numbers};
use crate::error::Step;
use crate::level::Rights;
use rustix::io::Errno;
use seccompiler::{BackendError, BpfProgram, apply_filter};

/// Refused whatever their arguments are, beside what no process in a room has.
const REFUSED: &[i64] = &[
    // The network, and whatever works like it. What is sent needs a socket that is there.
    libc::SYS_socket,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Work that the filter would not see.
    libc::SYS_io_setup,
    libc::SYS_io_submit,
    // A turn of its own: not even for itself.
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    // Owners and attributes, which Landlock does not look after.
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
];

/// Refused too, on machines that have them.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[libc::SYS_chown, libc::SYS_lchown];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// As if the kernel did not have them.
const ABSENT: &[i64] = &[libc::SYS_clone3, libc::SYS_memfd_create];

/// Types of a pair of sockets that could be used to send to others: a pair of another type speaks to itself alone, and the
/// standard library starts programs with one.
const SENDING: &[libc::c_int] = &[libc::SOCK_DGRAM, libc::SOCK_RAW];

/// The bits of a socket's type beside its flags.
const TYPE_BITS: u64 = 0xf;

/// Refused where nothing else keeps signals in the room.
const SIGNALS: &[i64] = &[
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
];

/// Restricts this process and all that it starts.
pub(crate) fn restrict(has_namespaces: bool, rights: Rights) -> Result<(), Unable> {
    let signals_are_kept_in = has_namespaces || rights == Rights::Full;
    apply(signals_are_kept_in).map_err(at(Step::Seccomp))
}

fn apply(signals_are_kept_in: bool) -> Result<(), Errno> {
    // The newest filter is asked first, and the strictest answer counts: their order does not matter.
    for program in programs(signals_are_kept_in).map_err(|_| Errno::NOSYS)? {
        apply_filter(&program).map_err(|_| Errno::NOSYS)?;
    }
    Ok(())
}

fn programs(signals_are_kept_in: bool) -> Result<Vec<BpfProgram>, BackendError> {
    let mut refused = refused()?;
    let signals = SIGNALS.iter().filter(|_| !signals_are_kept_in);
    let always = REFUSED.iter().chain(REFUSED_HERE).chain(signals);
    refused.extend(always.map(|call| (*call, Vec::new())));
    let pairs = each(1, SENDING, |kind| (TYPE_BITS, kind))?;
    refused.insert(libc::SYS_socketpair, pairs);
    let absent: Rules = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    let mut programs = vec![
        program(refused, libc::EPERM)?,
        program(absent, libc::ENOSYS)?,
    ];
    programs.extend(second_numbers());
    Ok(programs)
}
