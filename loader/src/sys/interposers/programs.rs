//! `execv` and its kin: an engine that puts another program in the node's place is named before it does. On a thread
//! that runs no engine's code, and in a process that was forked, they say nothing.
//!
//! Should the system refuse the program, the call comes back and the process goes on.

use super::super::crash;
use super::{Next, StandIn};
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::mem::transmute;

type Words = *const *const c_char;
type WithPath = unsafe extern "C" fn(*const c_char, Words) -> c_int;
type WithVariables = unsafe extern "C" fn(*const c_char, Words, Words) -> c_int;
type OfFile = unsafe extern "C" fn(c_int, Words, Words) -> c_int;
type InFolder = unsafe extern "C" fn(c_int, *const c_char, Words, Words, c_int) -> c_int;

static EXECV: Next = Next::new(c"execv");
static EXECVE: Next = Next::new(c"execve");
/// glibc has it from 2.34 on.
static EXECVEAT: Next = Next::newer(c"execveat");
static EXECVP: Next = Next::new(c"execvp");
static EXECVPE: Next = Next::new(c"execvpe");
static FEXECVE: Next = Next::new(c"fexecve");

/// The functions of this file.
pub(super) fn stand_ins() -> [StandIn; 6] {
    [
        StandIn::new(&EXECV, execv as *const ()),
        StandIn::new(&EXECVE, execve as *const ()),
        StandIn::new(&EXECVEAT, execveat as *const ()),
        StandIn::new(&EXECVP, execvp as *const ()),
        StandIn::new(&EXECVPE, execvpe as *const ()),
        StandIn::new(&FEXECVE, fexecve as *const ()),
    ]
}

/// Replaces the program.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execv(program: *const c_char, words: Words) -> c_int {
    // SAFETY: the stand-in's caller keeps the real function's rules, by which it is a C string.
    let told = unsafe { tell(&EXECV, program) };
    // SAFETY: the C library's function of this name, which has this type; its rules as above.
    told.then(|| unsafe { transmute::<usize, WithPath>(EXECV.address())(program, words) })
}

/// Replaces the program, with these variables.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execve(program: *const c_char, words: Words, variables: Words) -> c_int {
    // SAFETY: as in `execv`.
    let told = unsafe { tell(&EXECVE, program) };
    told.then(|| {
        let real = EXECVE.address();
        // SAFETY: as in `execv`.
        unsafe { transmute::<usize, WithVariables>(real)(program, words, variables) }
    })
}

/// Replaces the program by one that is looked for.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvp(program: *const c_char, words: Words) -> c_int {
    // SAFETY: as in `execv`.
    let told = unsafe { tell(&EXECVP, program) };
    // SAFETY: as in `execv`.
    told.then(|| unsafe { transmute::<usize, WithPath>(EXECVP.address())(program, words) })
}

/// Replaces the program by one that is looked for, with these variables.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvpe(program: *const c_char, words: Words, variables: Words) -> c_int {
    // SAFETY: as in `execv`.
    let told = unsafe { tell(&EXECVPE, program) };
    told.then(|| {
        let real = EXECVPE.address();
        // SAFETY: as in `execv`.
        unsafe { transmute::<usize, WithVariables>(real)(program, words, variables) }
    })
}

/// Replaces the program by that in an open file.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fexecve(file: c_int, words: Words, variables: Words) -> c_int {
    // SAFETY: a C string.
    let told = unsafe { tell(&FEXECVE, c"an open file".as_ptr()) };
    told.then(|| {
        let real = FEXECVE.address();
        // SAFETY: as in `execv`.
        unsafe { transmute::<usize, OfFile>(real)(file, words, variables) }
    })
}

/// Replaces the program by one in an open folder, or by an open file.
///
/// # Safety
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execveat(
    folder: c_int,
    program: *const c_char,
    words: Words,
    variables: Words,
    flags: c_int,
) -> c_int {
    // SAFETY: as in `execv`.
    let told = unsafe { tell(&EXECVEAT, program) };
    told.then(|| {
        let real = EXECVEAT.address();
        if real == 0 {
            // SAFETY: the C library's place for this thread's error number.
            unsafe { *libc::__errno_location() = libc::ENOSYS };
            return -1;
        }
        // SAFETY: as in `execv`.
        unsafe { transmute::<usize, InFolder>(real)(folder, program, words, variables, flags) }
    })
}

/// Whether the engine that calls was told.
struct Told(bool);

/// Says which engine calls `next`, if one does.
///
/// # Safety
/// `program` is null or a C string.
unsafe fn tell(next: &Next, program: *const c_char) -> Told {
    if crash::is_forked() {
        return Told(false);
    }
    let program = if program.is_null() {
        c""
    } else {
        // SAFETY: a C string (caller).
        unsafe { CStr::from_ptr(program) }
    };
    Told(crash::replaces(next.name, program))
}

impl Told {
    /// Goes on as without the stand-in. It comes back only if the system refuses.
    fn then(self, go_on: impl FnOnce() -> c_int) -> c_int {
        let status = go_on();
        if self.0 {
            crash::goes_on();
        }
        status
    }
}
