//! The system calls that a confined process is refused: those that reach other processes, the machine, or the kernel by
//! ways on which no rule about files has a say.
//!
//! A list of what is refused and not of what is allowed: the code of engines is not known before, and what the C library
//! calls for it changes with the system. What a node needs is left out, and so is what harms nobody else.

/// Refused whatever their arguments are.
pub(super) const REFUSED: &[i64] = &[
    // Programs: a process that may start itself again has `execve` looked at apart.
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
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
pub(super) const REFUSED_HERE: &[i64] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];

/// Those of this kind of processor alone.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const REFUSED_HERE: &[i64] = &[libc::SYS_kexec_file_load];

/// Flags of `clone` that make a namespace.
pub(super) const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Requests of `ioctl` that write into the terminal of whoever started the process.
pub(super) const TERMINAL: &[u64] = &[libc::TIOCSTI, libc::TIOCLINUX];
