//! [`Life`]: one process of a round's node, from its start to its end, and the thread that listens to its steps.

use super::heard::{Counts, Heard, Then};
use crate::client::NodeAddress;
use crate::demo::process::{mapped_libraries, own_command};
use rustix::io::dup;
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest wait for a node that must not die yet to come to where it may.
const SPARED_MAX: Duration = Duration::from_secs(30);

/// Between two looks at that.
const SPARED_LOOK: Duration = Duration::from_millis(1);

/// Longest step that is read, in bytes: what is longer is none.
const STEP_BYTES_MAX: u64 = 256;

/// Blocks of a probation: long enough for a roll-back to be ordered in it, and short enough for many upgrades in a life.
const PROBATION_BLOCKS: &str = "64";

/// Bytes of the end of a log that a violation shows.
const TAIL_BYTES: usize = 2_000;

/// How a kill by time is called among the steps.
pub(super) const BY_TIME: &str = "by-time";

/// Where a round's node is, and what it runs first.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) library: PathBuf,
}

/// What a process does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does<'a> {
    /// It is the node.
    Runs,
    /// It makes the node's data folder of this snapshot.
    Restores(&'a Path),
}

/// What the node's process and the thread that listens share.
#[derive(Debug)]
struct Shared {
    heard: Heard,
    /// The step at which it was killed.
    killed: Option<String>,
}

/// One process. Killed when this is dropped.
#[derive(Debug)]
pub(super) struct Life {
    child: Child,
    began: Instant,
    shared: Arc<Mutex<Shared>>,
    listener: Option<JoinHandle<()>>,
    /// The listener's socket.
    line: UnixStream,
    log: PathBuf,
}

impl Place {
    pub(super) fn address(&self) -> NodeAddress {
        NodeAddress::Unix(self.data().join("admin.sock"))
    }

    /// The node's data folder. What is beside it is the round's.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The program that does this, without the flags that each has.
    fn command(&self, does: Does<'_>) -> io::Result<Command> {
        let mut command = own_command()?;
        match does {
            Does::Runs => command
                .args(["run", "--store", "redb", "--log", "info", "--workers", "1"])
                .args(["--probation-blocks", PROBATION_BLOCKS])
                .arg("--engine")
                .arg(format!("kv={}", self.library.display()))
                .arg(format!("--end-with={}", getpid().as_raw_nonzero())),
            Does::Restores(file) => command.args(["snapshot", "restore"]).arg(file),
        };
        command.arg("--data-dir").arg(self.data());
        Ok(command)
    }
}

impl Life {
    /// Starts it, as the process of this number.
    pub(super) fn start(
        place: &Place,
        does: Does<'_>,
        number: usize,
        heard: Heard,
    ) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        // This one alone goes to the child; it is closed here before anything else is started.
        let left_open = dup(&theirs)?;
        drop(theirs);
        let log = place.folder.join(format!("life-{number}.log"));
        let mut command = place.command(does)?;
        command
            .current_dir(&place.folder)
            .arg(format!("--announce-steps={}", left_open.as_raw_fd()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let child = command.spawn()?;
        drop(left_open);
        let shared = Arc::new(Mutex::new(Shared {
            heard,
            killed: None,
        }));
        let line = ours.try_clone()?;
        let listens = Listener {
            pid: Pid::from_child(&child),
            shared: shared.clone(),
            to: ours,
        };
        let mut life = Self {
            line,
            child,
            began: Instant::now(),
            shared,
            listener: None,
            log,
        };
        let thread = std::thread::Builder::new().name("chaos-listener".to_owned());
        life.listener = Some(thread.spawn(move || listens.run())?);
        Ok(life)
    }

    /// How long ago it was started.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The step at which it was killed, if it was.
    pub(super) fn killed(&self) -> Option<String> {
        lock(&self.shared).killed.clone()
    }

    /// How it ended by itself, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().ok()?;
        // Looked at last: the thread that listens says so before it kills.
        ended.filter(|_| self.killed().is_none())
    }

    /// The steps by now.
    pub(super) fn counts(&self) -> Counts {
        lock(&self.shared).heard.counts().clone()
    }

    /// Kills it as soon as it may die; false if it was not seen to come there.
    pub(super) fn kill(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < SPARED_MAX {
            {
                let mut shared = lock(&self.shared);
                if shared.killed.is_some() {
                    return true;
                }
                if shared.heard.may_die() {
                    shared.killed = Some(BY_TIME.to_owned());
                    // Under the lock: it announces nothing meanwhile that would be heard.
                    return self.child.kill().is_ok();
                }
            }
            std::thread::sleep(SPARED_LOOK);
        }
        false
    }

    /// Tells it to stop, and gives how it ended if it did in this time.
    pub(super) fn stop(&mut self, wait: Duration) -> Option<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).ok()?;
        let began = Instant::now();
        while began.elapsed() < wait {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(SPARED_LOOK);
        }
        None
    }

    /// Waits for the end of one that was killed, and says whether the next start counts it as a try of the last block.
    pub(super) fn bury(mut self) -> bool {
        self.end();
        lock(&self.shared).heard.leaves_a_try()
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.line.shutdown(Shutdown::Both);
        if let Some(listener) = self.listener.take() {
            // It has said itself why it panicked.
            let _ = listener.join();
        }
    }

    /// The names of the modules that it has mapped.
    pub(super) fn mapped(&self) -> BTreeSet<String> {
        mapped_libraries(self.child.id())
    }

    /// The end of its log.
    pub(super) fn tail(&self) -> String {
        tail(&self.log)
    }
}

fn tail(log: &Path) -> String {
    let said = fs::read(log).unwrap_or_default();
    let from = said.len().saturating_sub(TAIL_BYTES);
    String::from_utf8_lossy(&said[from..]).into_owned()
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears the steps of one process, and lets it go on or kills it.
struct Listener {
    pid: Pid,
    shared: Arc<Mutex<Shared>>,
    to: UnixStream,
}

impl Listener {
    /// Until the process ends, or is killed.
    fn run(mut self) {
        let Ok(from) = self.to.try_clone() else {
            return;
        };
        let mut lines = BufReader::new(from);
        let mut step = String::new();
        loop {
            step.clear();
            let read = io::Read::take(&mut lines, STEP_BYTES_MAX).read_line(&mut step);
            if !matches!(read, Ok(bytes) if bytes > 0 && step.ends_with('\n')) {
                return;
            }
            {
                let step = step.trim_end();
                let mut shared = lock(&self.shared);
                if shared.killed.is_some() {
                    return;
                }
                if shared.heard.hears(step) == Then::Dies {
                    shared.killed = Some(step.to_owned());
                    // Its process is waited for by whoever started it, so the number is still its own.
                    let _ = kill_process(self.pid, Signal::KILL);
                    return;
                }
            }
            if self.to.write_all(b".").is_err() {
                return;
            }
        }
    }
}
