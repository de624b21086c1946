//! The first process of the room: makes it from inside, gives up what it does not need, runs the command and waits for it.
//!
//! With namespaces of its own it is their process 1: when it ends, the kernel ends all others. It hands the outputs out itself,
//! restricted as the command is, so nothing of the machine can be handed out in their place.

mod calls;
mod files;
mod give;
mod limits;
mod reap;
mod root;
mod seed;
mod user;

use crate::error::Step;
use crate::launch::number;
use crate::level::{Rights, Tried};
use crate::wire::{Said, Told, say};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal,
    setsid, umask,
};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

/// The bits of a mode that new files do not get.
const UMASK: u32 = 0o022;

/// A step that failed.
pub(crate) struct Unable {
    step: Step,
    errno: Errno,
}

/// Says which step an error belongs to.
pub(crate) fn at(step: Step) -> impl FnOnce(Errno) -> Unable {
    move |errno| Unable { step, errno }
}

/// The number of a library's error, which has one for all that comes from the system.
pub(crate) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw_os_error(number(error))
}

/// Makes the room, runs the command and hands out what is asked for.
pub(crate) fn run(socket: impl AsFd, told: &Told) -> Result<(), Errno> {
    let acted = match told.trial {
        true => {
            try_parts(told).and_then(|tried| say(socket.as_fd(), &tried).map_err(at(Step::Limits)))
        }
        false => act(socket.as_fd(), told),
    };
    match acted {
        Ok(()) => Ok(()),
        Err(Unable { step, errno }) => {
            let errno = errno.raw_os_error();
            say(socket, &Said::Unable { step, errno })
        }
    }
}

/// Makes the room, but runs nothing in it.
fn try_parts(told: &Told) -> Result<Said, Unable> {
    stand_in_it(told)?;
    let tried = |done: Result<(), Unable>| match done {
        Ok(()) => Tried::Works,
        Err(unable) => Tried::Lacks {
            errno: unable.errno.raw_os_error(),
        },
    };
    let limits = tried(limits::set(told));
    let landlock = match files::restrict(told) {
        Ok(rights) => rights,
        Err(unable) => Rights::Lacks {
            errno: unable.errno.raw_os_error(),
        },
    };
    let seccomp = tried(calls::restrict(told.parts.namespaces, landlock));
    Ok(Said::Tried {
        landlock,
        seccomp,
        limits,
    })
}

fn act(socket: impl AsFd, told: &Told) -> Result<(), Unable> {
    stand_in_it(told)?;
    if told.parts.limits {
        limits::set(told)?;
    }
    let rights = match told.parts.landlock {
        true => files::restrict(told)?,
        false => Rights::Full,
    };
    if told.parts.seccomp {
        calls::restrict(told.parts.namespaces, rights)?;
    }
    seed::copy(told)?;
    let ended = command(told)?;
    if ended.succeeded() {
        give::all(socket.as_fd(), told)?;
    }
    let (code, signal) = (ended.code, ended.signal);
    say(socket, &Said::Exited { code, signal }).map_err(at(Step::Start {
        program: told.order.command.program.clone(),
    }))
}

/// Makes the root, and becomes nobody in particular in it.
fn stand_in_it(told: &Told) -> Result<(), Unable> {
    let launcher = getppid();
    // Who shares a group or a terminal with the caller could signal it, whatever namespace they are in.
    setsid().map_err(at(Step::User))?;
    umask(Mode::from_raw_mode(UMASK));
    if told.parts.namespaces {
        root::make(told)?;
    }
    user::become_ordinary(told.order.user)?;
    // Both are undone by becoming somebody else. Who cannot be looked into cannot be made to speak for others.
    let ends = set_parent_process_death_signal(Some(Signal::KILL));
    ends.and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(at(Step::User))?;
    match getppid() == launcher {
        true => Ok(()),
        false => Err(Unable {
            step: Step::User,
            errno: Errno::SRCH,
        }),
    }
}

/// Runs the command to its end.
fn command(told: &Told) -> Result<reap::Ended, Unable> {
    let order = &told.order.command;
    let start = || Step::Start {
        program: order.program.clone(),
    };
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .env_clear()
        .envs(&order.variables)
        .current_dir(&order.folder)
        .stdin(Stdio::null());
    let child = command
        .spawn()
        .map_err(|error| at(start())(errno(&error)))?;
    reap::until(child.id()).map_err(at(start()))
}
