//! Puts this very program in this process's place once more, in the one way that a confined process has for it.
//!
//! A filter of system calls sees where the name of a program lies, and not the name. So the name of this program has a
//! place of its own, at the same address in every process of Refit, and the filter lets no other pass. Code that is
//! in the process can write another name there: then the rules of files have their say, by which no other program may be
//! executed.

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, mprotect};
use std::ffi::{CStr, CString, OsString, c_char};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::ptr;

/// Where the name lies: below all that the system puts anywhere by itself, and the first of a page of any size.
pub(crate) const PLACE: usize = 0x21_5245_0000;

/// The bytes that are mapped for it.
const LENGTH: usize = 4096;

/// The running program, even if its file was replaced since it started.
const THIS_PROGRAM: &CStr = c"/proc/self/exe";

/// The words and variables of the program that begins.
#[derive(Debug, Default)]
pub struct Again {
    /// Its words, its name first.
    pub words: Vec<OsString>,
    /// Its variables, `NAME=VALUE` each.
    pub variables: Vec<OsString>,
}

impl Again {
    /// Puts the program in this one's place: all other threads end, and files that are not to go along are closed.
    /// Gives why that failed.
    pub fn begin(self) -> io::Error {
        let (Ok(words), Ok(variables)) = (texts(self.words), texts(self.variables)) else {
            return io::Error::other("a word or a variable has a zero byte in it");
        };
        let place = match place() {
            Ok(place) => place,
            Err(error) => return error,
        };
        as_it_began();
        let (words, variables) = (pointers(&words), pointers(&variables));
        // SAFETY: the name is a C string that stays; both lists are of C strings that live until the call returns,
        // and end with a null pointer.
        unsafe { libc::execve(place, words.as_ptr(), variables.as_ptr()) };
        io::Error::last_os_error()
    }
}

fn texts(words: Vec<OsString>) -> Result<Vec<CString>, std::ffi::NulError> {
    let text = |word: OsString| CString::new(word.into_vec());
    words.into_iter().map(text).collect()
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    let texts = texts.iter().map(|text| text.as_ptr());
    texts.chain([ptr::null()]).collect()
}

/// The name, at its place. What lies there from an attempt that failed stays.
fn place() -> io::Result<*const c_char> {
    let at = PLACE as *mut std::ffi::c_void;
    let (writes, flags) = (
        ProtFlags::READ | ProtFlags::WRITE,
        MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE,
    );
    // SAFETY: the mapping is new, and takes the place of none: the flag says so.
    match unsafe { mmap_anonymous(at, LENGTH, writes, flags) } {
        Ok(mapped) if mapped == at => {}
        Ok(_) => return Err(io::Error::other("the name of the program has no place")),
        Err(rustix::io::Errno::EXIST) => return Ok(at.cast()),
        Err(error) => return Err(error.into()),
    }
    let name = THIS_PROGRAM.to_bytes_with_nul();
    // SAFETY: the page was mapped just now to be written, is longer than the name, and nobody else knows of it.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr(), at.cast(), name.len()) };
    // SAFETY: the page is this function's; nothing borrows it.
    unsafe { mprotect(at, LENGTH, rustix::mm::MprotectFlags::READ) }?;
    Ok(at.cast())
}

/// Signals as a program finds them that was started by a shell: none is held back, and a closed pipe ends it unless it
/// says otherwise.
fn as_it_began() {
    // SAFETY: a set of signals is numbers alone, and the first call fills it before the second reads it.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}
