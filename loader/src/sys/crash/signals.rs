//! The handler of fatal signals.

use super::{here, is_forked, tell};
use libc::{c_int, c_void, siginfo_t};
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The signals of code that goes wrong.
const FATAL: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];

/// How far below the stack pointer a function may reach before it has moved it: large frames are probed page
/// by page.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// How far above the stack pointer a push may be when it is told.
const RED_ZONE_BYTES: usize = 4_096;

/// What was set before, in the order of [`FATAL`]: the standard library's own handler tells an overflow of the
/// stack from other faults. Null where nothing was.
static BEFORE: [AtomicPtr<libc::sigaction>; FATAL.len()] =
    [const { AtomicPtr::new(null_mut()) }; FATAL.len()];

/// Has a fatal signal told. Once in a process; the second time nothing happens.
///
/// # Errors
/// What the system says.
pub fn install() -> io::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(|error| error.into_inner());
    if *installed {
        return Ok(());
    }
    super::at_home();
    for (signal, before) in FATAL.into_iter().zip(&BEFORE) {
        let set = set(signal)?;
        // It must stay as long as the handler: for ever.
        before.store(Box::leak(Box::new(set)), Ordering::Release);
    }
    *installed = true;
    Ok(())
}

/// Sets the handler; gives what was set before.
fn set(signal: c_int) -> io::Result<libc::sigaction> {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zero is a valid `sigaction` of the C library.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handle as *const () as usize;
    // On the stack that the standard library gives each thread for this; on its own where there is none.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: both structs live for the call; `handle` is a function of this program, which is never unmapped,
    // has the signature that `SA_SIGINFO` asks for, and calls nothing that is not async-signal-safe.
    let status = unsafe { libc::sigaction(signal, &raw const action, before.as_mut_ptr()) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, and written by the call.
    Ok(unsafe { before.assume_init() })
}

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes the struct of this signal to a handler with `SA_SIGINFO`.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    if is_forked() {
        // Neither the node's line nor its handlers: an overflow of the stack would be told as the node's.
        return let_go(signal, null_mut(), code);
    }
    let here = here();
    let name = name(signal);
    // SAFETY: the system passes a context of this type, that of the code which the signal came to.
    let stack = unsafe { stack_pointer(&*context.cast::<libc::ucontext_t>()) };
    // Above 0: by the processor, at an address. Else sent, by `abort`, `raise` or another process.
    let what = match code {
        1.. if is_overflow(signal, address, stack) => {
            format_args!(" at {address:#x} (stack overflow)")
        }
        1.. => format_args!(" at {address:#x}"),
        _ => format_args!(""),
    };
    tell(here.as_ref(), format_args!("{name}{what}"));
    let before = FATAL
        .iter()
        .position(|fatal| *fatal == signal)
        .map_or(null_mut(), |place| BEFORE[place].load(Ordering::Acquire));
    let_go(signal, before, code);
}

/// Lets the signal do what it would have done without this handler, when the handler has returned: a fault
/// happens again, what was sent is sent again.
fn let_go(signal: c_int, before: *const libc::sigaction, code: c_int) {
    // SAFETY: all zero is a valid `sigaction`: the system's own action.
    let default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // A handler that waits for the fault to happen again would let one that was sent pass.
    let next = if before.is_null() || code <= 0 {
        &raw const default
    } else {
        before
    };
    // SAFETY: `next` is a local, or what `install` leaked, and was set before; a handler in it is as valid as
    // it was then. Both calls are async-signal-safe.
    unsafe {
        if libc::sigaction(signal, next, null_mut()) != 0 {
            libc::_exit(128 + signal);
        }
        if code <= 0 {
            libc::raise(signal);
        }
    }
}

/// Whether the address that was missing is where the stack would have grown to next.
fn is_overflow(signal: c_int, address: usize, stack: usize) -> bool {
    let near = stack.saturating_sub(FRAME_BYTES_MAX)..stack.saturating_add(RED_ZONE_BYTES);
    matches!(signal, libc::SIGSEGV | libc::SIGBUS) && near.contains(&address)
}

#[cfg(target_arch = "x86_64")]
fn stack_pointer(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn stack_pointer(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.sp as usize
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn stack_pointer(_: &libc::ucontext_t) -> usize {
    0
}

fn name(signal: c_int) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGABRT => "SIGABRT",
        _ => "a fatal signal",
    }
}
