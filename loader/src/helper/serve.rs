//! The helper's side: takes orders, starts children, says on their leashes what became of them. One thread, which maps
//! nothing and reads nothing but orders.

use super::wire::{Kind, Order, Received, Said, receive, send};
use super::{CHILDREN_MAX, FIRST_FILE, WORD_BYTES_MAX, path_of_file};
use crate::probe::QUESTION;
use crate::sys::deaf;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::RecvFlags;
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, getppid, getrlimit, pidfd_open, setrlimit,
};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Open files that the helper needs for a child with as many files as there can be.
const FILES_NEEDED: u64 = 1024;

/// What has a process go first when the machine is short of memory.
const GOES_FIRST: &str = "1000";

/// The words of each kind of child.
#[derive(Clone, Debug)]
pub struct Kinds {
    /// The program: this very one.
    pub program: PathBuf,
    /// Its name among the system's processes.
    pub name: OsString,
    /// The hidden command of a probe; the file comes behind it.
    pub probe: Vec<OsString>,
    /// That of a rehearsal.
    pub rehearsal: Vec<OsString>,
    /// That of a trial; the folder comes behind it.
    pub trial: Vec<OsString>,
    /// That of a build; the folder comes behind it.
    pub build: Vec<OsString>,
    /// The variables of a build: it finds the compiler by them. Other children have none of them.
    pub build_variables: Vec<(OsString, OsString)>,
    /// The data folder: the folders of trials and of releases lie inside.
    pub data: PathBuf,
    /// Where children put files that are gone with them.
    pub temporary: PathBuf,
}

/// A child and its leash.
struct Led {
    child: Child,
    ended: OwnedFd,
    leash: OwnedFd,
}

impl Drop for Led {
    fn drop(&mut self) {
        // Both fail only if it was waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What there is to look at.
enum Ready {
    Order,
    LetGo(usize),
    Ended(usize),
}

/// Takes orders on `socket` until its other end is closed; all children are gone then.
///
/// # Errors
/// The system's error.
pub fn serve(socket: OwnedFd, kinds: &Kinds) -> io::Result<()> {
    // A supervisor that ends all processes of the node's means the node: this one goes with it.
    deaf::to_ends()?;
    let files = getrlimit(Resource::Nofile);
    let most = files.maximum.unwrap_or(u64::MAX);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(
                FILES_NEEDED
                    .min(most)
                    .max(files.current.unwrap_or(most).min(most)),
            ),
            maximum: files.maximum,
        },
    )?;
    let mut helping = Helping {
        socket,
        kinds,
        led: Vec::new(),
    };
    while helping.turn()? {}
    Ok(())
}

struct Helping<'a> {
    socket: OwnedFd,
    kinds: &'a Kinds,
    led: Vec<Led>,
}

impl Helping<'_> {
    /// Waits for the next thing, and does it. False when nobody gives orders any more.
    fn turn(&mut self) -> io::Result<bool> {
        match self.wait()? {
            Some(Ready::Order) => match receive(&self.socket, RecvFlags::empty()) {
                Ok(Some(order)) => self.obey(order),
                Ok(None) => return Ok(false),
                // One that cannot be read is nobody's: its leash is closed with it.
                Err(_) => {}
            },
            Some(Ready::LetGo(place)) => {
                if let Some(led) = self.led.get_mut(place) {
                    let _ = led.child.kill();
                    self.end(place);
                }
            }
            Some(Ready::Ended(place)) => self.end(place),
            None => {}
        }
        Ok(true)
    }

    fn wait(&self) -> io::Result<Option<Ready>> {
        let mut polled = vec![PollFd::new(&self.socket, PollFlags::IN)];
        for led in &self.led {
            polled.push(PollFd::new(&led.ended, PollFlags::IN));
            polled.push(PollFd::new(&led.leash, PollFlags::IN));
        }
        match poll(&mut polled, None) {
            Err(Errno::INTR) => return Ok(None),
            other => other?,
        };
        let is_ready = |place: usize| {
            let polled: Option<&PollFd<'_>> = polled.get(place);
            polled.is_some_and(|it| !it.revents().is_empty())
        };
        let ended = (0..self.led.len()).find(|place| is_ready(1 + 2 * place));
        let let_go = (0..self.led.len()).find(|place| is_ready(2 + 2 * place));
        Ok(match (ended, let_go) {
            (Some(place), _) => Some(Ready::Ended(place)),
            (None, Some(place)) => Some(Ready::LetGo(place)),
            (None, None) if is_ready(0) => Some(Ready::Order),
            (None, None) => None,
        })
    }

    /// Waits for a child that has ended, or was killed, and says how.
    fn end(&mut self, place: usize) {
        let mut led = self.led.swap_remove(place);
        if let Ok(status) = led.child.wait() {
            let status = status.into_raw();
            // Whoever ordered it may have gone.
            let _ = send(&led.leash, &Said::Ended { status }, &[]);
        }
    }

    fn obey(&mut self, order: Received<Order>) {
        let Received { said, files } = order;
        let said = match said {
            Order::Start(kind) => kind,
            // It may have ended meanwhile, and not every system has it.
            Order::GoesFirst { process } => return drop(goes_first(process)),
        };
        let mut files = files.into_iter();
        let Some(leash) = files.next() else {
            return;
        };
        let begun = self.start(&said, files.collect());
        let word = match &begun {
            Ok(_) => Said::Begun,
            Err(error) => Said::NotBegun {
                error: error.raw_os_error().unwrap_or(libc::EINVAL),
            },
        };
        let told = send(&leash, &word, &[]);
        if let (Ok((mut child, ended)), told) = (begun, told) {
            match told {
                Ok(()) => self.led.push(Led {
                    child,
                    ended,
                    leash,
                }),
                Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        }
    }

    fn start(&self, kind: &Kind, files: Vec<OwnedFd>) -> io::Result<(Child, OwnedFd)> {
        if self.led.len() >= CHILDREN_MAX {
            return Err(Errno::AGAIN.into());
        }
        let mut command = self.command(kind)?;
        let mut files = files.into_iter();
        let mut stream = || files.next().ok_or(io::Error::from(Errno::INVAL));
        // The leash was taken before: these are the others of its streams.
        command
            .stdin(Stdio::from(stream()?))
            .stdout(Stdio::from(stream()?))
            .stderr(Stdio::from(stream()?));
        // They stay open in the child under their numbers; here they are closed when it has begun.
        let _along = along(files)?;
        let mut child = command.spawn()?;
        match watched(&child) {
            Ok(ended) => Ok((child, ended)),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The program of a kind, if what the order says of it is within bounds.
    fn command(&self, kind: &Kind) -> io::Result<Command> {
        let kinds = self.kinds;
        let mut command = Command::new(&kinds.program);
        command
            .arg0(&kinds.name)
            // No variable of the node's changes what it does.
            .env_clear()
            .env("TMPDIR", &kinds.temporary);
        match kind {
            Kind::Probe { question } => {
                if question.len() > WORD_BYTES_MAX {
                    return Err(Errno::INVAL.into());
                }
                command.args(&kinds.probe).arg(path_of_file(0));
                command.env(QUESTION, question);
            }
            Kind::Rehearsal => {
                command.args(&kinds.rehearsal);
            }
            Kind::Trial { folder } => {
                command.args(&kinds.trial).arg(inside(&kinds.data, folder)?);
            }
            Kind::Build { folder } => {
                command
                    .envs(
                        kinds
                            .build_variables
                            .iter()
                            .map(|(name, value)| (name, value)),
                    )
                    .args(&kinds.build)
                    .arg(inside(&kinds.data, folder)?);
            }
        }
        Ok(command)
    }
}

/// The folder, if it lies inside the data folder whatever links are on the way.
fn inside(data: &Path, folder: &Path) -> io::Result<PathBuf> {
    let (data, folder) = (data.canonicalize()?, folder.canonicalize()?);
    match folder.starts_with(&data) && folder != data {
        true => Ok(folder),
        false => Err(Errno::ACCESS.into()),
    }
}

/// Has a child of the node's, and no other process, go first when the machine is short of memory.
fn goes_first(process: u32) -> io::Result<()> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may hold anything: the state, then the parent.
    let behind = stat.rsplit_once(") ").map(|(_, behind)| behind);
    let parent = behind.and_then(|behind| behind.split(' ').nth(1));
    let parent = parent.and_then(|parent| parent.parse().ok());
    match parent.and_then(Pid::from_raw) == getppid() {
        true => std::fs::write(format!("/proc/{process}/oom_score_adj"), GOES_FIRST),
        false => Err(Errno::PERM.into()),
    }
}

/// Opens files once more under the numbers that a child finds them by.
fn along(files: impl Iterator<Item = OwnedFd>) -> io::Result<Vec<OwnedFd>> {
    let mut along = Vec::new();
    for file in files {
        let number = FIRST_FILE + along.len() as i32;
        let copy = fcntl_dupfd_cloexec(&file, number)?;
        if std::os::fd::AsRawFd::as_raw_fd(&copy) != number {
            return Err(Errno::MFILE.into());
        }
        fcntl_setfd(copy.as_fd(), FdFlags::empty())?;
        along.push(copy);
    }
    Ok(along)
}

/// Becomes readable when the child ends.
fn watched(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(Errno::SRCH)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}
