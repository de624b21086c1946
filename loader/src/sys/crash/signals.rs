//! The handler of fatal signals.

use super::super::interposers::{installed, set_action};
use super::super::signals::{FAULTS, NUMBER_MAX, Signal};
use super::{here, install_at_exit, is_forked, tell};
use libc::{c_int, c_void, siginfo_t};
use std::io;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The farthest below the stack pointer that a function may reach before it has moved it: large frames are probed page
/// by page.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// The farthest above the stack pointer that a push may be when it is reported.
const RED_ZONE_BYTES: usize = 4_096;

/// Signals that do not end a process, those that cannot be handled, and those that are reported in another way: the
/// node ends by the first three of them.
const NOT_TOLD: [c_int; 13] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGPIPE,
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGCONT,
    libc::SIGCHLD,
    libc::SIGURG,
    libc::SIGWINCH,
];

/// Signals that the C library keeps to itself.
const C_LIBRARYS: std::ops::Range<c_int> = 32..34;

/// Places for all signals, by their numbers.
const PLACES: usize = NUMBER_MAX as usize + 1;

/// The handlers that were set before: the standard library's own tells an overflow of the stack from other faults. Null
/// where nothing was.
static BEFORE: [AtomicPtr<libc::sigaction>; PLACES] =
    [const { AtomicPtr::new(null_mut()) }; PLACES];

/// Has a fatal signal reported, and keeps the node's own signals from engines. Once in a process; the second time
/// nothing happens.
///
/// # Errors
/// The system's error.
pub fn install() -> io::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(|error| error.into_inner());
    if *installed {
        return Ok(());
    }
    for signal in FAULTS {
        let before = set(signal)?;
        // It must stay as long as the handler: for ever.
        let before = Box::leak(Box::new(before));
        if let Some(place) = place(signal) {
            place.store(before, Ordering::Release);
        }
    }
    let others = (1..=NUMBER_MAX).filter(|signal| is_told(*signal));
    for signal in others {
        if is_default(signal)? {
            set(signal)?;
        }
    }
    if !install_at_exit() {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    super::at_home();
    *installed = true;
    Ok(())
}

/// Whether a signal ends a process that has set no other action for it, and can be reported here.
fn is_told(signal: c_int) -> bool {
    !(FAULTS.contains(&signal) || NOT_TOLD.contains(&signal) || C_LIBRARYS.contains(&signal))
}

fn place(signal: c_int) -> Option<&'static AtomicPtr<libc::sigaction>> {
    usize::try_from(signal)
        .ok()
        .and_then(|place| BEFORE.get(place))
}

/// Whether nobody handles or ignores the signal.
fn is_default(signal: c_int) -> io::Result<bool> {
    let mut found = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and there is a place for what is set.
    if unsafe { libc::sigaction(signal, null(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, and written by the call; all its fields may be zero.
    Ok(unsafe { found.assume_init() }.sa_sigaction == libc::SIG_DFL)
}

/// Sets the handler; gives what was set before.
fn set(signal: c_int) -> io::Result<libc::sigaction> {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    let action = teller();
    // SAFETY: both structs live for the call; `handle` is a function of this program, which is never unmapped,
    // has the signature that `SA_SIGINFO` asks for, and calls nothing that is not async-signal-safe.
    let status = unsafe { libc::sigaction(signal, &raw const action, before.as_mut_ptr()) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, and written by the call.
    Ok(unsafe { before.assume_init() })
}

fn teller() -> libc::sigaction {
    // SAFETY: all zero is a valid `sigaction` of the C library.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handle as *const () as usize;
    // On the stack that each thread is given for this; on its own where there is none.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // Another signal would end the process in the middle of the line, and with another status.
    // SAFETY: a set of signals.
    unsafe { libc::sigfillset(&raw mut action.sa_mask) };
    without_faults(&mut action.sa_mask);
    action
}

/// Takes the signals of code that goes wrong out of those that wait: at a fault that has to wait the system ends the
/// process without a word. Async-signal-safe.
pub(in super::super) fn without_faults(set: &mut libc::sigset_t) {
    for signal in FAULTS {
        // SAFETY: a set of signals, and the number of one.
        unsafe { libc::sigdelset(set, signal) };
    }
}

/// Whether this is what tells the end by a signal that is not one of code that goes wrong. Async-signal-safe.
pub(in super::super) fn is_teller(signal: c_int, handler: usize) -> bool {
    is_told(signal) && handler == handle as *const () as usize
}

/// The handler that is set for a signal by which the end of the process is reported. Async-signal-safe.
pub(in super::super) fn stands_for_default(signal: c_int) -> Option<libc::sigaction> {
    ((1..=NUMBER_MAX).contains(&signal) && is_told(signal)).then(teller)
}

/// Sets an action; gives the handler that was there. Async-signal-safe.
pub(in super::super) fn exchange(signal: c_int, action: &libc::sigaction) -> Option<usize> {
    // SAFETY: all zero is a valid `sigaction`.
    let mut before: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    set_action(signal, action, &raw mut before).then_some(before.sa_sigaction)
}

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes the struct of this signal to a handler with `SA_SIGINFO`; the fields are numbers
    // in each of its forms.
    let (code, address, sender) = unsafe {
        (
            (*info).si_code,
            (*info).si_addr() as usize,
            (*info).si_pid(),
        )
    };
    // Above 0: by the processor, at an address. Else sent, by `abort`, `raise` or another process.
    let is_fault = code > 0 && FAULTS.contains(&signal);
    if is_forked() {
        // Neither the node's line nor its handlers: an overflow of the stack would be reported as the node's.
        return let_go(signal, null_mut(), is_fault);
    }
    if is_told(signal) && installed(signal) != Some(handle as *const () as usize) {
        // Another handler is set and has called this one, which stands for no handler at all.
        return;
    }
    let here = here();
    // SAFETY: the system passes a context of this type, that of the code which the signal came to.
    let at = unsafe { Registers::of(&*context.cast::<libc::ucontext_t>()) };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let name = Signal(signal);
    let what = match code {
        _ if is_fault && is_overflow(signal, address, at.stack) => {
            format_args!("{name} at {address:#x} (stack overflow)")
        }
        _ if is_fault => format_args!("{name} at {address:#x}"),
        libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL if sender != own => {
            format_args!("{name} sent by process {sender}")
        }
        _ => format_args!("{name}"),
    };
    tell(here.as_ref(), at.code, what);
    let before = place(signal).map_or(null_mut(), |before| before.load(Ordering::Acquire));
    let_go(signal, before, is_fault);
}

/// Lets the signal do what it would have done without this handler, when the handler has returned: a fault
/// happens again, another signal is sent again.
fn let_go(signal: c_int, before: *const libc::sigaction, is_fault: bool) {
    // SAFETY: all zero is a valid `sigaction`: the system's own action.
    let default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // A handler that waits for the fault to happen again would let one that was sent pass.
    let next = if before.is_null() || !is_fault {
        &raw const default
    } else {
        before
    };
    // SAFETY: `next` is a local, or what `install` leaked, and was set before; a handler in it is as valid as
    // it was then. Both calls are async-signal-safe.
    unsafe {
        // Not by the stand-in, which refuses a handler that lies in a library.
        if !set_action(signal, &*next, null_mut()) {
            libc::_exit(128 + signal);
        }
        if !is_fault {
            libc::raise(signal);
        }
    }
}

/// Whether the address that was missing is where the stack would have grown to next.
fn is_overflow(signal: c_int, address: usize, stack: usize) -> bool {
    let near = stack.saturating_sub(FRAME_BYTES_MAX)..stack.saturating_add(RED_ZONE_BYTES);
    matches!(signal, libc::SIGSEGV | libc::SIGBUS) && near.contains(&address)
}

/// The registers of the code that the signal came to.
struct Registers {
    /// The address of the instruction.
    code: usize,
    /// The end of the stack.
    stack: usize,
}

impl Registers {
    #[cfg(target_arch = "x86_64")]
    fn of(context: &libc::ucontext_t) -> Self {
        let register = |number: c_int| context.uc_mcontext.gregs[number as usize] as usize;
        Self {
            code: register(libc::REG_RIP),
            stack: register(libc::REG_RSP),
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn of(context: &libc::ucontext_t) -> Self {
        Self {
            code: context.uc_mcontext.pc as usize,
            stack: context.uc_mcontext.sp as usize,
        }
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn of(_: &libc::ucontext_t) -> Self {
        Self { code: 0, stack: 0 }
    }
}
