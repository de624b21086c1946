//! Runs one command, such as a build, in a room of its own: what it sees, what it may do and what it may use is bounded.
//! It works as an ordinary user; started by root, the command runs as an ordinary user all the same.
//!
//! # Who does what
//! ```text
//! caller ──socket──► launcher: leaves namespaces, watches     (outside; one thread)
//!                       └─► first process: makes the root,    (inside; process 1 of the room)
//!                           restricts itself, hands outputs out
//!                              └─► the command, and all that it starts
//! ```
//! The launcher is a program of its own ([`child_main`] is its whole `main`), so that it has one thread. It takes its order over
//! the socket that is its standard input: no other descriptor and no variable of the caller's reaches the command.
//!
//! # What is enforced
//! | level | what stands between the command and the machine |
//! |---|---|
//! | [`Level::L3`] | namespaces of users (unless root starts it), mounts, processes, network, IPC and names: a root with the views of the [`Order`] and nothing else, `/proc` of its own, no network, a target in memory of limited size and number of files; and all below |
//! | [`Level::L2`] | Landlock: no file is read, run, written or cut short but those of the order, and nothing outside is signalled; seccomp: no sockets, no `io_uring`, no looking at other processes, no mounts or namespaces, no keys, no memory that outlives its maker; and all below |
//! | [`Level::L1`] | limits of the system on processes, address space, processor time, length of files, open files; no core files; and all below |
//! | [`Level::L0`] | no variables and descriptors of the caller's; a watch over the memory of all processes together, time, what is said, and (where the target is on a disk) its bytes and files |
//!
//! Which level a machine allows is found by trying ([`Launcher::find`]), and said in one line: [`Found`]. Below
//! [`Policy::at_least`] nothing is run. Nothing is left behind: at L3 the kernel ends all processes with the first one, below the
//! launcher does; a target in memory is gone with them.
//!
//! # What is not enforced
//! A sandbox is a second wall. The first one is the signature: who may have code built is decided there.
//! - The kernel is shared: a fault in it leads out of every room.
//! - Time and load can be measured, and the machine's kernel, processors and memory are seen.
//! - The watch looks every [`limits::LOOK_MS`] milliseconds: for so long memory, and below L3 the target, may outgrow a limit.
//!   It uses no control groups: memory that the kernel holds for a process (pipes, page tables) is not counted.
//! - Below L3 modes and times of files that the same user owns can be changed, names and sizes of files can be asked for
//!   (`stat`), and that other processes exist is seen. A target on a disk has no size of its own; the watch ends who fills it.
//!   If the launcher itself is killed there, what the command started may live on.
//! - Below L3 there are no mounts: whom the command runs as has to reach toolchain and source by itself, which another user than root
//!   cannot where they lie in root's own folder.
//! - Below L3 without the newest Landlock, a command can send no signals at all, not even to what it started.
//! - What is built is not made harmless: it is code, and whoever loads it runs it.

pub mod calls;
mod error;
mod inner;
mod launch;
mod level;
pub mod limits;
mod order;
mod parent;
mod sys;
mod wire;

pub use error::{SandboxError, Step};
pub use level::{Found, Level, LevelError, Policy, Rights, Tried};
pub use limits::{Limits, Over};
pub use order::{Command, Link, Order, Target, User, View, system};
pub use parent::{Ended, Given, How, Launcher, Running, Stopper, Voice};

use std::process::ExitCode;
use wire::{Packet, Role, Told};

/// The whole `main` of a launcher: takes an order from the socket that is standard input, and carries it out.
///
/// It restricts this process and ends others: return the exit code from `main` and do nothing else. There must be no
/// other thread.
pub fn child_main() -> ExitCode {
    let socket = std::io::stdin();
    if sys::close_others_on_exec().is_err() {
        return ExitCode::FAILURE;
    }
    let Ok(Packet::Message(told)) = wire::hear::<Told>(&socket) else {
        eprintln!(
            "this command is started by a node that builds, with its order on standard input"
        );
        return ExitCode::from(2);
    };
    let done = match told.role {
        Role::Watch => launch::run(&socket, &told),
        Role::Inner => inner::run(&socket, &told),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
