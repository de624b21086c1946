//! Reports what a module says to its node beside the outcome of a call: that its code panics, at once and from any
//! thread. A module does not write to standard error for that: a write may fail or block, and here nothing may.

use crate::raw::Bytes;
use abi_stable::StableAbi;

/// A panic, as the module knows it. Borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct PanicNotice<'a> {
    /// The text, in UTF-8.
    pub text: Bytes<'a>,
    /// The source file, in UTF-8; empty if it is not known.
    pub file: Bytes<'a>,
    /// The line in it.
    pub line: u32,
}

/// Whom a module tells.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Ear {
    /// Takes a panic: called on the thread that panics, before anything is unwound.
    pub panicked: unsafe extern "C" fn(PanicNotice<'_>),
}

/// Has the panics of this module reported to `ear`, in the place of the standard hook: that one writes to standard
/// error, and for a backtrace the module's copy of the standard library maps files, its own among them, and
/// never unmaps them.
///
/// # Safety
/// The functions of `ear` stay callable as long as the module is mapped.
pub unsafe extern "C" fn attach(ear: Ear) {
    #[cfg(feature = "module")]
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic
            .payload_as_str()
            .unwrap_or("a panic that carried no text");
        let (file, line) = panic
            .location()
            .map_or(("", 0), |at| (at.file(), at.line()));
        let notice = PanicNotice {
            text: text.as_bytes().into(),
            file: file.as_bytes().into(),
            line,
        };
        // SAFETY: the node that attached this module keeps the functions callable; the texts live for the call.
        unsafe { (ear.panicked)(notice) }
    }));
    // Linked into a program, the program's own hook is in force.
    #[cfg(not(feature = "module"))]
    let _ = ear;
}
