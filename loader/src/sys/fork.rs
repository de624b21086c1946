//! Forks a copy of this process that only writes down its state, while this process goes on.
//!
//! [`fork`] copies the address space and the calling thread alone: the copy has the memory as it is at this moment,
//! shared until one of the two writes to it, and no other thread. A lock that another thread held stays locked there.
//! So the copy may touch no lock but those that are known to be free: `malloc`'s, which the C library takes around a
//! fork; the standard library's outputs and the tables of [`super::interposers`], which [`fork`] holds; and the
//! loader's, if its caller holds [`Loader::settled`](crate::Loader::settled), so that the copy may unwind and no
//! library is half mapped. It maps and unmaps nothing itself.
//!
//! The copy keeps two of the files that are open here, as its outputs, and closes all others at once: no client waits
//! for a connection that only the copy still holds. It ends when its work does, with processor time that is bounded,
//! by the reader's end if nobody reads any more, and with its handle ([`ProcessCopy`]).

use super::{keys, limits, threads};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};
use rustix::stdio::{dup2_stderr, dup2_stdout, stderr, stdout};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The first file that is no output.
const OTHERS: libc::c_uint = 3;

/// Room between a copy and its reader, in bytes.
const PIPE_BYTES: usize = 1 << 20;

/// Between two looks at a copy that should be ending.
const END_LOOK: Duration = Duration::from_millis(1);

/// The exit codes of a copy.
const DONE: libc::c_int = 0;
const NOT_DONE: libc::c_int = 1;

/// The files that a copy writes to: nothing else is open in it.
#[derive(Debug)]
pub struct Outputs {
    /// Its standard output.
    pub to: OwnedFd,
    /// Its standard error, for what it says of itself and what engines print.
    pub complaints: OwnedFd,
}

/// A copy of this process; killed when this is dropped.
#[derive(Debug)]
pub struct ProcessCopy {
    pid: Option<Pid>,
}

/// The end of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It did its work.
    Done,
    /// It could not, or panicked.
    NotDone,
    /// The system ended it, by this signal.
    Signal(i32),
}

/// Copies this process. The copy does `work`, which gets both outputs as files and says whether it did it, and ends;
/// the calling thread goes on at once. The copy may use `cpu_s` seconds of processor time.
///
/// The caller sees to it that no lock is held that `work` takes; see the [module](self).
///
/// # Errors
/// The system's error: it has no room for another process.
pub fn fork(
    outputs: Outputs,
    cpu_s: u64,
    work: impl FnOnce(&mut File, &mut File) -> bool,
) -> io::Result<ProcessCopy> {
    let outputs_still = (io::stdout().lock(), io::stderr().lock());
    let tables_still = (threads::still(), keys::still());
    // SAFETY: the call takes nothing. The copy has this thread's stack and goes on below, in `be_copy`, which does not
    // return: nothing of this process is unwound or dropped twice. The lines above say what it may touch there.
    let forked = unsafe { libc::fork() };
    let error = io::Error::last_os_error();
    drop((tables_still, outputs_still));
    match forked {
        0 => be_copy(outputs, cpu_s, work),
        pid => match Pid::from_raw(pid.max(0)) {
            None => Err(error),
            pid => Ok(ProcessCopy { pid }),
        },
    }
}

/// The whole life of the copy.
fn be_copy(outputs: Outputs, cpu_s: u64, work: impl FnOnce(&mut File, &mut File) -> bool) -> ! {
    let done = catch_unwind(AssertUnwindSafe(|| {
        let Kept {
            mut to,
            mut complaints,
        } = keep_only(outputs)?;
        limits::confine_copy(cpu_s)?;
        io::Result::Ok(work(&mut to, &mut complaints))
    }));
    let code = match done {
        Ok(Ok(true)) => DONE,
        _ => NOT_DONE,
    };
    // SAFETY: the call takes a number and does not return; nothing that the node would do at its end is done here.
    unsafe { libc::_exit(code) }
}

/// The files that the copy keeps.
struct Kept {
    to: File,
    complaints: File,
}

/// Closes all files but the two.
fn keep_only(outputs: Outputs) -> io::Result<Kept> {
    dup2_stdout(&outputs.to)?;
    dup2_stderr(&outputs.complaints)?;
    // SAFETY: the call takes numbers alone. It closes files that others own, which are no more in this process: all
    // that is left of it is this thread, which uses none of them and never returns to where they are dropped.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, OTHERS, libc::c_uint::MAX, 0) };
    std::mem::forget(outputs);
    if closed != 0 {
        return Err(io::Error::last_os_error());
    }
    let owned = |file: std::os::fd::BorrowedFd<'_>| file.as_fd().try_clone_to_owned();
    // Nobody reads what it says before it has ended: what finds no room is lost.
    fcntl_setfl(stderr(), OFlags::NONBLOCK)?;
    // Not every process may have such a large one.
    let _ = fcntl_setpipe_size(stdout(), PIPE_BYTES);
    Ok(Kept {
        to: owned(stdout())?.into(),
        complaints: owned(stderr())?.into(),
    })
}

impl End {
    fn of(status: WaitStatus) -> Self {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(DONE), _) => Self::Done,
            (_, Some(signal)) => Self::Signal(signal),
            _ => Self::NotDone,
        }
    }
}

impl ProcessCopy {
    /// The system's number for it, until it has ended.
    pub fn id(&self) -> Option<i32> {
        self.pid.map(Pid::as_raw_pid)
    }

    /// Waits at most as long for its end. `None` if it is not over.
    pub fn ended_within(&mut self, wait: Duration) -> Option<End> {
        let deadline = Instant::now() + wait;
        let pid = self.pid?;
        loop {
            match waitpid(Some(pid), WaitOptions::NOHANG) {
                Ok(None) if Instant::now() < deadline => std::thread::sleep(END_LOOK),
                Ok(None) => return None,
                Ok(Some((_, status))) => {
                    self.pid = None;
                    return Some(End::of(status));
                }
                Err(_) => return Some(End::NotDone),
            }
        }
    }
}

impl Drop for ProcessCopy {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, Signal::KILL);
            let _: Result<Option<(Pid, WaitStatus)>, _> = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    const CPU_S: u64 = 10;
    const LONG: Duration = Duration::from_secs(20);

    fn copy(
        work: impl FnOnce(&mut File, &mut File) -> bool,
    ) -> (ProcessCopy, [std::io::PipeReader; 2]) {
        let (reader, to) = io::pipe().unwrap();
        let (heard, complaints) = io::pipe().unwrap();
        let outputs = Outputs {
            to: to.into(),
            complaints: complaints.into(),
        };
        (fork(outputs, CPU_S, work).unwrap(), [reader, heard])
    }

    #[test]
    fn a_copy_writes_what_was_there_however_it_changes_here_afterwards() {
        let mut state = vec![1_u8; 1 << 20];
        let (wait, mut go) = io::pipe().unwrap();
        let mut wait = File::from(OwnedFd::from(wait));
        let (mut copied, [mut reader, _]) = copy(|to, _| {
            // Nothing but its outputs is open.
            let closed = wait.read(&mut [0]).is_err();
            closed && to.write_all(&state).is_ok()
        });
        state.fill(2);
        assert!(go.write_all(&[0]).is_ok());
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(copied.ended_within(LONG), Some(End::Done));
        assert!(bytes.len() == 1 << 20 && bytes.iter().all(|byte| *byte == 1));
        assert!(state.iter().all(|byte| *byte == 2));
        std::mem::forget(wait);
    }

    #[test]
    fn a_copy_that_panics_or_fails_says_so_and_ends_alone() {
        let (mut failed, _pipes) = copy(|_, _| false);
        assert_eq!(failed.ended_within(LONG), Some(End::NotDone));
        let (mut panicked, [mut reader, _heard]) = copy(|_, _| panic!("in the copy"));
        let mut bytes = Vec::new();
        assert_eq!(reader.read_to_end(&mut bytes).unwrap(), 0);
        assert_eq!(panicked.ended_within(LONG), Some(End::NotDone));
    }

    #[test]
    fn a_copy_ends_with_its_handle_and_with_its_reader() {
        let (looping, [mut reader, _heard]) = copy(|_, _| {
            loop {
                std::hint::spin_loop()
            }
        });
        drop(looping);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0, "it is gone");
        let (mut writing, pipes) = copy(|to, _| to.write_all(&vec![0; 8 << 20]).is_ok());
        drop(pipes);
        assert_eq!(writing.ended_within(LONG), Some(End::NotDone));
    }
}
