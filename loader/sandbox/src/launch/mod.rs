//! The launcher: leaves the machine's namespaces, starts the first process of the room, and watches it from outside.
//!
//! It has one thread and ends when the room is empty. It ends the room when the caller closes its end of the socket, when a
//! limit is reached, or when it dies itself: the first process of the room is killed with it, and the kernel ends the others.

mod namespaces;
mod processes;
mod watch;

pub(crate) use processes::count_of;

use crate::error::Step;
use crate::wire::{Said, Told, say};
use rustix::io::Errno;
use rustix::process::{getpid, set_child_subreaper};
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

/// The program that this process runs, wherever it is.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Makes the room and watches it to its end.
pub(crate) fn run(socket: impl AsFd, told: &Told) -> Result<(), Errno> {
    if let Err(unable) = prepare(told) {
        return say(socket, &unable);
    }
    let mut inner = Command::new(OWN_PROGRAM);
    inner
        .args(std::env::args_os().skip(1))
        .env_clear()
        .stdin(Stdio::inherit());
    let child = match inner.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = OWN_PROGRAM.into();
            return say(
                socket,
                &Said::Unable {
                    step: Step::Start { program },
                    errno: number(&error),
                },
            );
        }
    };
    let ended = watch::Watch::new(told, child.id()).look_on(socket.as_fd());
    processes::end_all();
    if let Some(over) = ended.over {
        say(socket.as_fd(), &Said::Over { over })?;
    }
    let peak_memory_bytes = ended.peak_memory_bytes;
    say(socket, &Said::Done { peak_memory_bytes })
}

fn prepare(told: &Told) -> Result<(), Said> {
    let unable = |step| {
        move |errno: Errno| Said::Unable {
            step,
            errno: errno.raw_os_error(),
        }
    };
    // A watch that sees nobody would hold nobody to a limit.
    if told.parts.limits && !processes::is_seen() {
        return Err(unable(Step::Limits)(Errno::NOENT));
    }
    // Whoever leaves the room's family by the death of a parent becomes a child of this process.
    set_child_subreaper(Some(getpid())).map_err(unable(Step::Limits))?;
    match told.parts.namespaces {
        true => namespaces::leave().map_err(unable(Step::Namespaces)),
        false => Ok(()),
    }
}

/// The number of a system's error.
pub(crate) fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}
