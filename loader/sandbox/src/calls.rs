//! Calls of the system that reach other processes, the machine, or the kernel by ways on which no rule about files has a
//! say: no process in a room has them, be it a build or a node. Each adds what it has no use for itself.
//!
//! A list of what is refused and not of what is allowed: the code that runs inside is not known before, and what the C
//! library calls for it changes with the system.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, sock_filter,
};
use std::collections::BTreeMap;

/// Refused whatever their arguments are.
const REFUSED: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Memory, queues and locks that have no file, and that other processes of the user have, too.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // What is mounted, and where the root is.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    // Namespaces; `clone` with a flag of theirs is looked at apart.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Work that the kernel does out of sight of these rules.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_memfd_secret,
    // Files that are opened by no path.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Keys.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_personality,
];

/// Those of this kind of processor alone.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];

/// Those of this kind of processor alone.
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[libc::SYS_kexec_file_load];

/// Calls whose argument of this place, from 0, is the number of a process or thread. They are refused for any but 0, which
/// is the caller: with a bound or a turn, another process can be ended or kept from working.
const OWN_ONLY: &[(i64, u8)] = &[
    (libc::SYS_prlimit64, 0),
    (libc::SYS_sched_setaffinity, 0),
    (libc::SYS_sched_setattr, 0),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_ioprio_set, 1),
];

/// Flags of `clone` that make a namespace.
const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Which calls are refused, by their numbers: with no rule always, else where one of the rules holds.
pub type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What every process in a room is refused.
///
/// # Errors
/// [`BackendError`]: the library of filters takes none of this.
pub fn refused() -> Result<Rules, BackendError> {
    let always = REFUSED.iter().chain(REFUSED_HERE);
    let mut refused: Rules = always.map(|call| (*call, Vec::new())).collect();
    for (call, place) in OWN_ONLY {
        let others = SeccompCondition::new(*place, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
        refused.insert(*call, vec![SeccompRule::new(vec![others])?]);
    }
    refused.insert(libc::SYS_clone, each(0, NAMESPACES, |flag| (flag, flag))?);
    Ok(refused)
}

/// A rule for each of these values of an argument, of which so many bits count.
///
/// # Errors
/// As [`refused`].
pub fn each<T: Copy + TryInto<u64>>(
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

/// The filter that answers what is refused with this error.
///
/// # Errors
/// As [`refused`]: also if this kind of processor has no filters.
pub fn program(refused: Rules, error: i32) -> Result<BpfProgram, BackendError> {
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(
        refused,
        SeccompAction::Allow,
        refuse,
        std::env::consts::ARCH.try_into()?,
    )?;
    filter.try_into()
}

/// Refuses the numbers that a system may have for programs of another width: the lists are of this one's.
#[cfg(target_arch = "x86_64")]
pub fn second_numbers() -> Option<BpfProgram> {
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
pub fn second_numbers() -> Option<BpfProgram> {
    None
}
