//! Closes memory to all access for a while, and reports the code that touches it.
//!
//! Memory of mapped files is closed to all access. A handler of the fault that follows says on standard
//! error what was touched, then lets the fault do what it would have done without it. The first page of each
//! file stays open: code that walks the stack reads there where the file's tables are.

use super::maps::Mapping;
use refit_abi::host::running;
use std::fmt::Write as _;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The start of the line about a touch; the engine follows, in quotes, where it is known.
pub const TOUCHED: &str = "refit: closed memory was touched";

/// Longest such line, in bytes.
const LINE_BYTES_MAX: usize = 256;

/// The memory that is closed, and what was to happen at a fault before.
struct Watched {
    ranges: Vec<(usize, usize)>,
    before: libc::sigaction,
}

/// Null if nothing is closed.
static WATCHED: AtomicPtr<Watched> = AtomicPtr::new(null_mut());

/// Memory that is closed until this is dropped. There is one at a time in a process.
#[derive(Debug)]
pub struct Closed {
    mappings: Vec<Mapping>,
}

impl Closed {
    /// Closes the mappings of some files, given file by file.
    ///
    /// # Errors
    /// If some are closed already, or what the system says.
    pub fn close(files: Vec<Vec<Mapping>>) -> io::Result<Self> {
        let page = rustix::param::page_size();
        let mut mappings = Vec::new();
        for mut file in files {
            file.sort_unstable_by_key(|mapping| mapping.start);
            if let Some(first) = file.first_mut() {
                first.start = first.end.min(first.start + page);
            }
            file.retain(|mapping| mapping.start < mapping.end && mapping.readable);
            mappings.extend(file);
        }
        watch(&mappings)?;
        // Dropped if anything fails, which opens what was closed.
        let closed = Self { mappings };
        for mapping in &closed.mappings {
            protect(mapping, libc::PROT_NONE)?;
        }
        Ok(closed)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        for mapping in &self.mappings {
            let allowed = [
                (mapping.readable, libc::PROT_READ),
                (mapping.writable, libc::PROT_WRITE),
                (mapping.executable, libc::PROT_EXEC),
            ];
            let allowed = allowed.into_iter().filter(|(is, _)| *is);
            // A touch of memory that stays closed ends the process, by the system's own action.
            let _ = protect(mapping, allowed.fold(0, |all, (_, bit)| all | bit));
        }
        unwatch();
    }
}

/// Changes what may be done with a mapping.
fn protect(mapping: &Mapping, allowed: libc::c_int) -> io::Result<()> {
    let start = mapping.start as *mut libc::c_void;
    // SAFETY: memory that `Closed` was given as mapped from a file, whole pages of it. Nothing is changed in
    // it: an access that is not allowed never gets a wrong value, it ends the process.
    let done = unsafe { libc::mprotect(start, mapping.end - mapping.start, allowed) } == 0;
    if done {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Installs the handler.
fn watch(mappings: &[Mapping]) -> io::Result<()> {
    let ranges = mappings.iter().map(|mapping| (mapping.start, mapping.end));
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all fields of the action may be zero, and the pointers are good for the call.
    let before = unsafe {
        if libc::sigaction(libc::SIGSEGV, std::ptr::null(), before.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        before.assume_init()
    };
    let ranges = ranges.collect();
    let watched = Box::into_raw(Box::new(Watched { ranges, before }));
    let first = WATCHED.compare_exchange(null_mut(), watched, Ordering::SeqCst, Ordering::SeqCst);
    if first.is_err() {
        // SAFETY: made just now, and seen by nobody.
        drop(unsafe { Box::from_raw(watched) });
        return Err(io::Error::other("some memory is closed already"));
    }
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: as above; `fault` has the type that SA_SIGINFO asks for, and stays as long as the program.
    let status = unsafe {
        let action = action.assume_init_mut();
        action.sa_sigaction = fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSEGV, action, null_mut())
    };
    if status == 0 {
        Ok(())
    } else {
        let error = io::Error::last_os_error();
        unwatch();
        Err(error)
    }
}

/// Puts back what was there before.
fn unwatch() {
    let watched = WATCHED.swap(null_mut(), Ordering::SeqCst);
    if !watched.is_null() {
        // SAFETY: made by `watch`, taken by nobody else. A thread that is in the handler has touched closed
        // memory and ends the process.
        let watched = unsafe { Box::from_raw(watched) };
        // SAFETY: the action that was installed before.
        unsafe { libc::sigaction(libc::SIGSEGV, &raw const watched.before, null_mut()) };
    }
}

/// Runs at a fault: tells of it if closed memory was touched, and lets it happen again with the action that
/// was there before.
extern "C" fn fault(_: libc::c_int, about: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: null, or made by `watch` and there until nobody touches what it closed.
    let Some(watched) = (unsafe { WATCHED.load(Ordering::SeqCst).as_ref() }) else {
        return;
    };
    // SAFETY: the system gives a handler that asked for it what it knows of the signal.
    let address = unsafe { (*about).si_addr() } as usize;
    let mut ranges = watched.ranges.iter();
    if ranges.any(|(start, end)| (*start..*end).contains(&address)) {
        tell();
    }
    // SAFETY: the action that was installed before. The access is tried again when this returns.
    unsafe { libc::sigaction(libc::SIGSEGV, &raw const watched.before, null_mut()) };
}

/// Writes the line. Allocates nothing.
fn tell() {
    let mut line = Line {
        bytes: [0; LINE_BYTES_MAX],
        length: 0,
    };
    let engine = running::here().and_then(|here| here.engine);
    // A line that is too long is cut.
    let _ = match engine {
        Some(engine) => writeln!(line, "{TOUCHED} by `{engine}`"),
        None => writeln!(line, "{TOUCHED}"),
    };
    // SAFETY: bytes of this line, as many as there are.
    unsafe { libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.length) };
}

struct Line {
    bytes: [u8; LINE_BYTES_MAX],
    length: usize,
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.get_mut(self.length..self.length + text.len());
        room.ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// Reads what a process wrote before it ended: whether it touched closed memory, and about which engine.
pub fn touched(output: &str) -> Option<Option<String>> {
    let (_, rest) = output.split_once(TOUCHED)?;
    let rest = rest.strip_prefix(" by `");
    let engine = rest
        .and_then(|rest| rest.split_once('`'))
        .map(|(engine, _)| engine.to_owned());
    Some(engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_read_back() {
        assert_eq!(touched("a panic somewhere"), None);
        let line = format!("words\n{TOUCHED} by `kv`\nmore");
        assert_eq!(touched(&line), Some(Some("kv".to_owned())));
        assert_eq!(touched(&format!("{TOUCHED}\n")), Some(None));
    }
}
