//! The filter of system calls: what [`calls`](super::calls) lists comes back with an error, all else goes on.
//!
//! Three programs, each of which may only refuse more: one for the calls that do not exist for this process at all, one
//! for those that it may not make, and one for the second numbers that some systems have for every call.

use super::calls::{NAMESPACES, REFUSED, REFUSED_HERE, TERMINAL};
use super::room::Room;
use crate::sys::again::PLACE;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, sock_filter,
};
use std::collections::BTreeMap;

/// The bits of a socket's type that say of what type it is; the others are flags.
const TYPE_BITS: u64 = 0xf;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Makes the filter, and puts this thread under it, with all that it starts.
pub(super) fn enter(room: &Room) -> Result<(), seccompiler::Error> {
    for program in programs(room)? {
        seccompiler::apply_filter(&program)?;
    }
    Ok(())
}

fn programs(room: &Room) -> Result<Vec<BpfProgram>, BackendError> {
    let mut refused: Rules = REFUSED
        .iter()
        .chain(REFUSED_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    refused.insert(libc::SYS_execve, programs_refused(room)?);
    refused.insert(libc::SYS_socket, sockets_refused(room)?);
    refused.insert(libc::SYS_clone, each(0, NAMESPACES, |flag| (flag, flag))?);
    refused.insert(
        libc::SYS_ioctl,
        each(1, TERMINAL, |it| (u64::from(u32::MAX), it))?,
    );
    // Its flags lie in memory, where no filter sees them; whoever is told that there is no such call uses `clone`.
    let absent = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let mut programs = vec![
        program(refused, libc::EPERM)?,
        program(absent, libc::ENOSYS)?,
    ];
    programs.extend(second_numbers());
    Ok(programs)
}

fn program(rules: Rules, error: i32) -> Result<BpfProgram, BackendError> {
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        refuse,
        std::env::consts::ARCH.try_into()?,
    )?;
    filter.try_into()
}

/// Which programs it may not become: any, or any but itself by [`again`](crate::sys::again).
fn programs_refused(room: &Room) -> Result<Vec<SeccompRule>, BackendError> {
    if !room.starts_again {
        return Ok(Vec::new());
    }
    let elsewhere =
        SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, PLACE as u64)?;
    Ok(vec![SeccompRule::new(vec![elsewhere])?])
}

/// Which sockets it may not make: any; or all but those on this machine, and TCP's, on which the rules about ports say
/// more.
fn sockets_refused(room: &Room) -> Result<Vec<SeccompRule>, BackendError> {
    if !room.listens {
        return Ok(Vec::new());
    }
    let family = |op, family: i32| {
        let family = u64::from(family.unsigned_abs());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, op, family)
    };
    let other = SeccompRule::new(vec![
        family(SeccompCmpOp::Ne, libc::AF_UNIX)?,
        family(SeccompCmpOp::Ne, libc::AF_INET)?,
        family(SeccompCmpOp::Ne, libc::AF_INET6)?,
    ])?;
    let mut refused = vec![other];
    for inet in [libc::AF_INET, libc::AF_INET6] {
        for kind in 0..=TYPE_BITS {
            if kind == u64::from(libc::SOCK_STREAM.unsigned_abs()) {
                continue;
            }
            let kind = SeccompCondition::new(
                1,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::MaskedEq(TYPE_BITS),
                kind,
            )?;
            let inet = family(SeccompCmpOp::Eq, inet)?;
            refused.push(SeccompRule::new(vec![inet, kind])?);
        }
    }
    Ok(refused)
}

/// A rule for each of these values of an argument, of which so many bits count.
fn each<T: Copy + TryInto<u64>>(
    argument: u8,
    values: &[T],
    looked_at: impl Fn(u64) -> (u64, u64),
) -> Result<Vec<SeccompRule>, BackendError> {
    let values = values.iter().filter_map(|value| (*value).try_into().ok());
    let rule = |value: u64| {
        let (bits, value) = looked_at(value);
        let is = SeccompCondition::new(
            argument,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(bits),
            value,
        )?;
        SeccompRule::new(vec![is])
    };
    values.map(rule).collect()
}

/// Refuses the numbers that a system may have for programs of another width: the lists above are of this one's.
#[cfg(target_arch = "x86_64")]
fn second_numbers() -> Option<BpfProgram> {
    /// The first of them.
    const X32: u32 = 0x4000_0000;
    let step = |code: u32, jumps: (u8, u8), k: u32| sock_filter {
        code: code as u16,
        jt: jumps.0,
        jf: jumps.1,
        k,
    };
    Some(vec![
        // The call's number, which is the first word that a filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, (0, 0), 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, (0, 1), X32),
        step(
            libc::BPF_RET | libc::BPF_K,
            (0, 0),
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs(),
        ),
        step(libc::BPF_RET | libc::BPF_K, (0, 0), libc::SECCOMP_RET_ALLOW),
    ])
}

/// This kind of processor has one number for each call.
#[cfg(not(target_arch = "x86_64"))]
fn second_numbers() -> Option<BpfProgram> {
    None
}
