//! seccomp: calls of the system that no build needs, and that would lead out of the room, are refused.
//!
//! A refused call fails with `EPERM`, as if the user had no right to it; `clone3` and `memfd_create` are as if the kernel did
//! not have them, because libraries then do without. Calls of another architecture end the process.

use super::{Unable, at};
use crate::error::Step;
use crate::level::Rights;
use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use std::collections::BTreeMap;

/// Refused whatever their arguments are.
const REFUSED: &[libc::c_long] = &[
    // The network, and whatever works like it. What is sent needs a socket that is there.
    libc::SYS_socket,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Work that the filter would not see.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_setup,
    libc::SYS_io_submit,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    // The kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_quotactl,
    libc::SYS_personality,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Mounts, roots and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Owners and attributes, which Landlock does not look after.
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    // Keys, and memory that outlives who made it.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_memfd_secret,
    // The clock.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
];

/// Refused too, on machines that have them.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// As if the kernel did not have them.
const ABSENT: &[libc::c_long] = &[libc::SYS_clone3, libc::SYS_memfd_create];

/// Types of a pair of sockets that could be used to send to others: a pair of another type speaks to itself alone, and the
/// standard library starts programs with one.
const SENDING: [libc::c_int; 2] = [libc::SOCK_DGRAM, libc::SOCK_RAW];

/// The bits of a socket's type beside its flags.
const TYPE_BITS: u64 = 0xf;

/// Refused for another process than the caller: the first argument is its id, 0 the caller's own.
const OWN_ONLY: &[libc::c_long] = &[
    libc::SYS_prlimit64,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
];

/// Refused where nothing else keeps signals in the room.
const SIGNALS: &[libc::c_long] = &[
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
];

/// Flags of `clone` that make a namespace.
const NEW_NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Restricts this process and all that it starts.
pub(crate) fn restrict(has_namespaces: bool, rights: Rights) -> Result<(), Unable> {
    let signals_are_kept_in = has_namespaces || rights == Rights::Full;
    apply(signals_are_kept_in).map_err(at(Step::Seccomp))
}

fn apply(signals_are_kept_in: bool) -> Result<(), Errno> {
    let refused = refused(signals_are_kept_in).ok_or(Errno::INVAL)?;
    let absent = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    // The newest filter is asked first, and the strictest answer counts: their order does not matter.
    for (rules, number) in [(refused, libc::EPERM), (absent, libc::ENOSYS)] {
        let program = program(rules, number.unsigned_abs()).ok_or(Errno::NOSYS)?;
        apply_filter(&program).map_err(|_| Errno::NOSYS)?;
    }
    other_calls()
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refused(signals_are_kept_in: bool) -> Option<Rules> {
    let mut rules = Rules::new();
    let signals = SIGNALS.iter().filter(|_| !signals_are_kept_in);
    for call in REFUSED.iter().chain(REFUSED_HERE).chain(signals) {
        rules.insert(*call, Vec::new());
    }
    let pairs = SENDING.into_iter().map(|kind| {
        let has = SeccompCmpOp::MaskedEq(TYPE_BITS);
        let kind = u64::from(kind.unsigned_abs());
        let condition = SeccompCondition::new(1, SeccompCmpArgLen::Dword, has, kind).ok()?;
        SeccompRule::new(vec![condition]).ok()
    });
    rules.insert(libc::SYS_socketpair, pairs.collect::<Option<_>>()?);
    let others = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0).ok()?;
    for call in OWN_ONLY {
        let rule = SeccompRule::new(vec![others.clone()]).ok()?;
        rules.insert(*call, vec![rule]);
    }
    let namespaces = NEW_NAMESPACES.into_iter().map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        let has = SeccompCmpOp::MaskedEq(flag);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, has, flag).ok()?;
        SeccompRule::new(vec![condition]).ok()
    });
    rules.insert(libc::SYS_clone, namespaces.collect::<Option<_>>()?);
    Some(rules)
}

fn program(rules: Rules, errno: u32) -> Option<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().ok()?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        architecture,
    );
    filter.ok()?.try_into().ok()
}

/// Refuses the second set of numbers that x86-64 has for the same calls.
#[cfg(target_arch = "x86_64")]
fn other_calls() -> Result<(), Errno> {
    use seccompiler::sock_filter;
    /// `seccomp_data.nr`.
    const NUMBER: u32 = 0;
    /// The bit of a number of that set.
    const OTHER: u32 = 0x4000_0000;
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let at_least = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    let program = vec![
        step(load, 0, NUMBER),
        step(at_least, 1, OTHER),
        step(
            answer,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs(),
        ),
        step(answer, 0, libc::SECCOMP_RET_ALLOW),
    ];
    apply_filter(&program).map_err(|_| Errno::NOSYS)
}

#[cfg(not(target_arch = "x86_64"))]
fn other_calls() -> Result<(), Errno> {
    Ok(())
}
