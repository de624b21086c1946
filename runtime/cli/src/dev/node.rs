//! The node that is started when none answers: a process of its own, which ends with this one.

use super::DevError;
use crate::args::CommonArgs;
use crate::artifact::THIS_PROGRAM;
use crate::client::NodeAddress;
use crate::config::{self, File};
use crate::failure::Failure;
use crate::show;
use refit_abi::host::shown;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a node may take to get ready.
const READY_WAIT: Duration = Duration::from_secs(60);

/// How long a node may take to finish what it does before it is killed.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Between two looks at whether it has ended.
const STOP_POLL: Duration = Duration::from_millis(10);

/// Longest line of its standard output that is passed on in one piece, in bytes.
const LINE_BYTES_MAX: u64 = 4_096;

/// How a node is started for an engine.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The flags that lead to the same configuration and data.
    place: Vec<OsString>,
    socket: PathBuf,
    /// Whether another node was named, so that none may be started.
    named: bool,
    engine: Engine,
}

/// The engine that a started node has.
#[derive(Debug)]
pub(super) struct Engine {
    /// Its name; that of its kind if none is given.
    pub(super) name: Option<String>,
    /// Its configuration: a JSON text.
    pub(super) config: String,
}

impl Recipe {
    pub(super) fn new(common: &CommonArgs, file: &File, engine: Engine) -> Self {
        let mut place = Vec::new();
        for (flag, path) in [
            ("--config", &common.config),
            ("--data-dir", &common.data_dir),
        ] {
            if let Some(path) = path {
                place.extend([flag.into(), path.clone().into_os_string()]);
            }
        }
        Self {
            place,
            socket: config::socket(common, file),
            named: common.node.is_some(),
            engine,
        }
    }

    /// Whether a node may be started where none answers.
    pub(super) fn may_start(&self) -> bool {
        !self.named
    }

    /// Starts a node that runs `library`, whose first kind is `kind`, and waits until it is ready.
    pub(super) async fn start(&self, library: &Path, kind: &str) -> Result<StartedNode, Failure> {
        let name = self.engine.name.as_deref().unwrap_or(kind);
        let mut engine = OsString::from(format!("{name}="));
        engine.push(library);
        let child = Command::new(THIS_PROGRAM)
            .arg0("refit")
            .arg("run")
            // What is saved changes its code at every start: there is nothing to go on from.
            .args(["--store", "memory"])
            .args(&self.place)
            .arg("--engine")
            .arg(engine)
            .arg("--engine-config")
            .arg(format!("{name}={}", self.engine.config))
            .arg("--socket")
            .arg(&self.socket)
            .arg("--check-faults")
            .arg("--end-with")
            .arg(std::process::id().to_string())
            .env_remove("REFIT_SOCKET")
            .env_remove("REFIT_ENGINES")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::start)?;
        let mut node = StartedNode {
            child,
            name: name.to_owned(),
            address: NodeAddress::Unix(self.socket.clone()),
        };
        let stdout = node.child.stdout.take();
        let (said, ready) = oneshot::channel();
        std::thread::Builder::new()
            .name("refit-dev-node".to_owned())
            .spawn(move || listen(stdout, said))
            .map_err(Failure::start)?;
        match tokio::time::timeout(READY_WAIT, ready).await {
            Ok(Ok(())) => Ok(node),
            Ok(_) => {
                let status = node.child.wait().map_err(Failure::start)?;
                Err(Box::new(DevError::NodeEnded { status }).into())
            }
            Err(_) => Err(Box::new(DevError::NotReady {
                wait_s: READY_WAIT.as_secs(),
            })
            .into()),
        }
    }
}

/// Says when the node has said its address, which it does when it is ready. What else comes on its standard
/// output is passed on, for as long as it lives: nobody who writes there finds a closed pipe.
fn listen(stdout: Option<ChildStdout>, said: oneshot::Sender<()>) {
    let Some(mut stdout) = stdout.map(BufReader::new) else {
        return;
    };
    let mut line = String::new();
    if !matches!(stdout.read_line(&mut line), Ok(1..)) {
        return;
    }
    // Nobody waits any more if it took too long.
    let _ = said.send(());
    let mut line = Vec::new();
    while matches!(
        stdout
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line),
        Ok(1..)
    ) {
        let text = String::from_utf8_lossy(&line);
        show::talk(shown(text.trim_end(), usize::MAX));
        line.clear();
    }
}

/// A node that was started here. Told to stop when this is dropped.
#[derive(Debug)]
pub(super) struct StartedNode {
    child: Child,
    /// The engine's name.
    pub(super) name: String,
    pub(super) address: NodeAddress,
}

impl StartedNode {
    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for StartedNode {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // It may have ended meanwhile.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        let start = Instant::now();
        while self.ended().is_none() && start.elapsed() < STOP_WAIT {
            std::thread::sleep(STOP_POLL);
        }
        // If it has ended, the kill does nothing; the wait leaves no zombie.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
