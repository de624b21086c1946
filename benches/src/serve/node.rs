//! [`ServedNode`]: the node that is measured: a process of its own, started with `refit run`, and asked over its
//! socket as anybody would.

use super::ServeCode;
use super::cpu::Used;
use super::http::{Answer, Reader};
use crate::BenchError;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the node may take to get ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How long an upgrade may take, rehearsal and retirement included.
const UPGRADE_MAX: Duration = Duration::from_secs(60);

/// How long one answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(45);

/// Between two looks at something that is to come.
const LOOK: Duration = Duration::from_millis(20);

/// Bytes of the node's log that a failure shows, from its end.
const LOG_BYTES: usize = 4 << 10;

/// A node's process. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct ServedNode {
    child: Child,
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl ServedNode {
    /// Starts a node that runs `kv` in memory, and waits until it serves.
    pub(super) fn start(code: &ServeCode<'_>) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("refit-serve-").tempdir();
        let folder = folder.map_err(BenchError::file("create", "a folder"))?;
        let log = folder.path().join("node.log");
        let log = File::create(&log).map_err(BenchError::file("create", &log))?;
        let child = refit(code.program)
            .current_dir(folder.path())
            // By its variable: a program of before there was a choice does not know the flag.
            .env("REFIT_STORE", "memory")
            .args(["run", "--log", "warn", "--data-dir"])
            .arg(folder.path())
            .arg(format!("--engine=kv={}", code.library.display()))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(BenchError::file("start", code.program))?;
        let mut node = Self {
            child,
            program: code.program.to_owned(),
            folder,
        };
        node.wait_until_ready()?;
        Ok(node)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    /// The time that its threads used up to now.
    pub(super) fn used(&self) -> Result<Used, BenchError> {
        Used::look(Path::new(&format!("/proc/{}", self.child.id())))
    }

    fn wait_until_ready(&mut self) -> Result<(), BenchError> {
        let start = Instant::now();
        while start.elapsed() < READY_MAX {
            if self
                .ask("GET", "/v1/status", "")
                .is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(format!("it ended: {status}")));
            }
            std::thread::sleep(LOOK);
        }
        Err(self.failed(format!("it is not ready after {} s", READY_MAX.as_secs())))
    }

    /// One request on a connection of its own.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> Result<Answer, BenchError> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.exchange(request.as_bytes())
    }

    /// The answer to the bytes of one request, on a connection of its own.
    pub(super) fn exchange(&self, request: &[u8]) -> Result<Answer, BenchError> {
        exchange(&self.socket(), request).map_err(|source| BenchError::Socket {
            path: self.socket(),
            source,
        })
    }

    /// The plan that brings `library` in the place of `kv`.
    pub(super) fn plan(&self, library: &Path) -> Result<String, BenchError> {
        let output = refit(&self.program)
            .current_dir(self.folder.path())
            .args(["upgrade", "plan", "--no-rehearsal", "--out", "-", "--node"])
            .arg(format!("unix:{}", self.socket().display()))
            .arg(format!("kv={}", library.display()))
            .output()
            .map_err(BenchError::file("start", &self.program))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(format!("it is not upgraded: {said}")));
        }
        let plan: Value = serde_json::from_slice(&output.stdout)?;
        Ok(plan.to_string())
    }

    /// Applies a plan and waits until the new code is live and the old is gone; returns the pause, in microseconds.
    pub(super) fn upgrade(&self, plan: &str) -> Result<f64, BenchError> {
        let start = Instant::now();
        let accepted = self.value("POST", "/v1/upgrades", plan)?;
        let path = format!("/v1/upgrades/{}", accepted["id"]);
        while start.elapsed() < UPGRADE_MAX {
            let report = self.value("GET", &path, "")?;
            match report["state"].as_str() {
                Some("committed") if report["retired"] == true => {
                    return Ok(report["pause_us"].as_f64().unwrap_or_default());
                }
                Some("aborted" | "refused") => {
                    return Err(self.failed(format!("an upgrade did not happen: {report}")));
                }
                _ => std::thread::sleep(LOOK),
            }
        }
        let seconds = UPGRADE_MAX.as_secs();
        Err(self.failed(format!("an upgrade has not ended after {seconds} s")))
    }

    fn value(&self, method: &str, path: &str, body: &str) -> Result<Value, BenchError> {
        let answer = self.ask(method, path, body)?;
        match answer.status {
            200..=299 => Ok(serde_json::from_slice(&answer.body)?),
            status => {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                Err(self.failed(format!("{method} {path} is answered with {status} {body}")))
            }
        }
    }

    /// The fault, with the end of the node's output.
    pub(super) fn failed(&self, reason: String) -> BenchError {
        let log = fs::read(self.folder.path().join("node.log")).unwrap_or_default();
        let end = &log[log.len().saturating_sub(LOG_BYTES)..];
        BenchError::Node {
            reason,
            log: String::from_utf8_lossy(end).trim_end().to_owned(),
        }
    }
}

impl Drop for ServedNode {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, without what the environment says of other nodes.
fn refit(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"REFIT_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

fn exchange(socket: &Path, request: &[u8]) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    stream.write_all(request)?;
    let (mut reader, mut bytes) = (Reader::default(), [0; 4 << 10]);
    loop {
        let length = stream.read(&mut bytes)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        reader.feed(&bytes[..length]);
        let answer = reader.answer().map_err(|malformed| {
            io::Error::new(io::ErrorKind::InvalidData, malformed.to_string())
        })?;
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
}
