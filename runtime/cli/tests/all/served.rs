//! A folder with a served double in it, and the binary run in that folder.

use refit_admin::{Limits, Listen, Server, Shutdown};
use refit_test_support::Double;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::signal::unix::SignalKind;

/// A node that is none, served from a thread of its own.
pub(crate) struct Served {
    pub(crate) address: String,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn on(listen: Listen) -> Self {
        Self::of(listen, Double::default())
    }

    fn of(listen: Listen, double: Double) -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let node = Arc::new(double);
                let server = Server::bind(listen, node, Limits::default()).await.unwrap();
                sender
                    .send((server.address().to_string(), server.shutdown()))
                    .unwrap();
                server.serve().await;
            });
        });
        let (address, shutdown) = receiver.recv().unwrap();
        Self {
            address,
            shutdown,
            thread: Some(thread),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.begin();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking());
    }
}

/// Has the programs that are started from now on hear hangups, whoever started the tests with hangups ignored: what a
/// process ignores, its children ignore, and what it handles they do not.
pub(crate) fn with_hangups() {
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        // It stays handled when this is dropped, and nobody waits for one.
        drop(tokio::signal::unix::signal(SignalKind::hangup()).unwrap());
    });
}

/// Waits for the end of a program, which is due.
pub(crate) fn ended(child: &mut Child, wait: Duration) -> ExitStatus {
    let deadline = Instant::now() + wait;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() >= deadline {
            // It must not outlive the test.
            let _ = child.kill();
            let _ = child.wait();
            panic!("process {} did not end within {wait:?}", child.id());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where compiled dependencies are, for all tests of all packages.
pub(crate) fn compiled() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("refit-store")
}

/// A folder in which commands are run.
pub(crate) struct Folder {
    pub(crate) folder: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder that has the same path in each run: a builder keeps one target folder for it.
    pub(crate) fn named(name: &str) -> Self {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // What a run that was killed left behind.
        let _ = std::fs::remove_dir_all(parent.join(name));
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix(name).rand_bytes(0).tempdir_in(parent);
        Self {
            folder: folder.unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// A double on the socket that a command in this folder looks for by default.
    pub(crate) fn serve(&self) -> Served {
        self.serve_double(Double::default())
    }

    /// This double, at the same place.
    pub(crate) fn serve_double(&self, double: Double) -> Served {
        std::fs::create_dir(self.path().join("refit-data")).unwrap();
        let listen = Listen::Unix(self.path().join("refit-data/admin.sock"));
        Served::of(listen, double)
    }

    /// The command `refit ARGUMENTS` in this folder, with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_refit"));
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null());
        // No program is found but by its path.
        command.env_clear().env("PATH", self.path());
        command.env("REFIT_CACHE_DIR", compiled());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Ran::of(command.output().unwrap())
    }

    pub(crate) fn run_fed(&self, input: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
