//! The filter of system calls: what [`calls`](super::calls) lists comes back with an error, all else goes on.
//!
//! Three programs, each of which may only refuse more: one for the calls that do not exist for this process at all, one
//! for those that it may not make, and one for the second numbers that some systems have for every call.

use super::calls::{REFUSED, TERMINAL};
use super::room::Room;
use crate::sys::again::PLACE;
use refit_sandbox::calls::{Rules, each, program, refused, second_numbers};
use seccompiler::{
    BackendError, BpfProgram, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule,
};

/// The bits of a socket's type that say of what type it is; the others are flags.
const TYPE_BITS: u64 = 0xf;

/// Makes the filter, and puts this thread under it, with all that it starts.
pub(super) fn enter(room: &Room) -> Result<(), seccompiler::Error> {
    for program in programs(room)? {
        seccompiler::apply_filter(&program)?;
    }
    Ok(())
}

fn programs(room: &Room) -> Result<Vec<BpfProgram>, BackendError> {
    let mut refused = refused()?;
    refused.extend(REFUSED.iter().map(|call| (*call, Vec::new())));
    refused.insert(libc::SYS_execve, programs_refused(room)?);
    refused.insert(libc::SYS_socket, sockets_refused(room)?);
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
