//! [`Launcher`]: the caller's side. It starts launchers, and hears how their commands do.

mod given;
mod running;
mod voice;

pub use given::Given;
pub use running::{Ended, How, Running, Stopper};
pub use voice::Voice;

use crate::error::{SandboxError, Step};
use crate::launch::count_of;
use crate::level::{Found, Level, Rights, Tried};
use crate::limits::Limits;
use crate::order::{Command, Order, Target, User, View, system};
use crate::wire::{Packet, Parts, Role, Said, Told, hear, say};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::getuid;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The longest time of a trial, in seconds.
const TRIAL_S_MAX: i64 = 60;

/// How much longer than a command a launcher may take that ends it.
const GRACE: Duration = Duration::from_secs(30);

/// Between two looks whether a launcher has ended.
const REAP_LOOK: Duration = Duration::from_millis(1);

/// How a launcher is started: a program that calls [`crate::child_main`], with what leads it there.
#[derive(Clone, Debug)]
pub struct Launcher {
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// A launcher that was started, and the caller's end of its socket.
struct Started {
    child: Child,
    socket: OwnedFd,
}

impl Launcher {
    /// A launcher that is `program` with these arguments.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// What this machine allows, found by trying it in processes that end; `user` is whom commands run as if this is root.
    ///
    /// # Errors
    /// [`SandboxError`], if the launcher cannot be started or does not answer. That something is not allowed is no error.
    pub fn find(&self, user: User) -> Result<Found, SandboxError> {
        let within = self.attempt(user, true)?;
        match within.namespaces {
            Tried::Works => Ok(within),
            namespaces @ Tried::Lacks { .. } => Ok(Found {
                namespaces,
                ..self.attempt(user, false)?
            }),
        }
    }

    /// Tries all parts, with namespaces or without.
    fn attempt(&self, user: User, namespaces: bool) -> Result<Found, SandboxError> {
        let parts = Parts {
            namespaces,
            ..Parts::of(Level::L2)
        };
        let mut told = Told {
            role: Role::Watch,
            parts,
            order: nothing(user),
            processes_there: 0,
            trial: true,
        };
        let quiet = [Stdio::null(), Stdio::null()];
        let Started { mut child, socket } = self.spawn(&mut told, quiet)?;
        let heard = first(&socket);
        drop(socket);
        // It has said what it had to say, and ends.
        reap(&mut child);
        found(heard?)
    }

    /// Starts a command in its room. What is handed out is written into `into`, a folder that is there.
    ///
    /// # Errors
    /// [`SandboxError`], if the launcher does not start. What the launcher cannot do is an error of [`Running::wait`].
    pub fn start(&self, order: Order, level: Level, into: &Path) -> Result<Running, SandboxError> {
        let order = without_links(order)?;
        let (limits, user) = (order.limits, order.user);
        let mut told = Told {
            role: Role::Watch,
            parts: Parts::of(level),
            order,
            processes_there: processes_there(level, user),
            trial: false,
        };
        let piped = [Stdio::piped(), Stdio::piped()];
        let Started { child, socket } = self.spawn(&mut told, piped)?;
        Ok(Running::new(child, socket, limits, into))
    }

    fn spawn(&self, told: &mut Told, [out, err]: [Stdio; 2]) -> Result<Started, SandboxError> {
        let not_started = |source: io::Error| SandboxError::NotStarted {
            program: self.program.clone(),
            source,
        };
        let (socket, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| not_started(error.into()))?;
        let mut child = std::process::Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(other))
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(not_started)?;
        // One for each of its two processes.
        for role in [Role::Watch, Role::Inner] {
            told.role = role;
            if let Err(error) = say(&socket, told) {
                // It has ended, or does when it sees that nobody waits.
                drop(socket);
                reap(&mut child);
                return Err(not_started(error.into()));
            }
        }
        Ok(Started { child, socket })
    }
}

impl Parts {
    fn of(level: Level) -> Self {
        Self {
            namespaces: level >= Level::L3,
            landlock: level >= Level::L2,
            seccomp: level >= Level::L2,
            limits: level >= Level::L1,
        }
    }
}

/// The order of a trial.
fn nothing(user: User) -> Order {
    let (views, links) = system();
    Order {
        command: Command::default(),
        views,
        links,
        target: Target {
            host: std::env::temp_dir(),
            inside: "/target".into(),
        },
        seed: None,
        outputs: Vec::new(),
        limits: Limits::default(),
        user,
    }
}

/// Waits until a launcher has ended that nobody waits for any more; one that does not is ended.
fn reap(child: &mut Child) {
    let begun = Instant::now();
    while let Ok(None) = child.try_wait() {
        if begun.elapsed() > GRACE {
            let _ = child.kill();
        }
        std::thread::sleep(REAP_LOOK);
    }
}

/// What is said first.
fn first(socket: &OwnedFd) -> Result<Said, SandboxError> {
    let mut heard = [PollFd::new(socket, PollFlags::IN)];
    let most = Timespec {
        tv_sec: TRIAL_S_MAX,
        tv_nsec: 0,
    };
    if !matches!(poll(&mut heard, Some(&most)), Ok(1..)) {
        return Err(SandboxError::Silent);
    }
    match hear(socket) {
        Ok(Packet::Message(said)) => Ok(said),
        Ok(Packet::End) => Err(SandboxError::Silent),
        Ok(Packet::Raw(_)) => Err(strange("bytes of no file")),
        Err(error) => Err(strange(error)),
    }
}

fn strange(reason: impl ToString) -> SandboxError {
    SandboxError::Strange {
        reason: reason.to_string(),
    }
}

/// What a trial has shown.
fn found(said: Said) -> Result<Found, SandboxError> {
    let lacks = |errno| Tried::Lacks { errno };
    Ok(match said {
        Said::Tried {
            landlock,
            seccomp,
            limits,
        } => Found {
            namespaces: Tried::Works,
            landlock,
            seccomp,
            limits,
        },
        Said::Unable { step, errno } => Found {
            namespaces: lacks(errno),
            landlock: Rights::Lacks { errno },
            seccomp: lacks(errno),
            limits: match step {
                // Nothing is known of it: the next trial says.
                Step::Namespaces | Step::Root { .. } => Tried::Works,
                _ => lacks(errno),
            },
        },
        other => return Err(strange(format!("{other:?}"))),
    })
}

/// The processes that the command's user has already, where the system counts them together with the command's.
fn processes_there(level: Level, user: User) -> u64 {
    let own = getuid();
    match (own.is_root(), level) {
        (true, _) => count_of(user.uid),
        (false, Level::L3) => 0,
        (false, _) => count_of(own.as_raw()),
    }
}

/// The order with the paths of the machine as they are without links: in another root links lead elsewhere.
fn without_links(order: Order) -> Result<Order, SandboxError> {
    let whole = |path: PathBuf| {
        path.canonicalize().map_err(|source| SandboxError::Io {
            action: "open",
            path,
            source,
        })
    };
    let views = order.views.into_iter().map(|view| {
        Ok(View {
            host: whole(view.host)?,
            inside: view.inside,
        })
    });
    Ok(Order {
        views: views.collect::<Result<_, _>>()?,
        seed: order.seed.map(whole).transpose()?,
        target: Target {
            host: whole(order.target.host)?,
            inside: order.target.inside,
        },
        ..order
    })
}
