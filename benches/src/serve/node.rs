//! [`ServedNode`]: the node that is measured: a process of its own, started with `refit run`, and asked over its
//! socket as anybody would.

use super::ServeCode;
use super::connection::Connection;
use super::cpu::Used;
use super::http::Answer;
use super::options::ServeStore;
use crate::BenchError;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the node may take to get ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How long an upgrade may take, rehearsal and retirement included.
const UPGRADE_MAX: Duration = Duration::from_secs(60);

/// Between two looks at something that is to come.
const LOOK: Duration = Duration::from_millis(20);

/// Bytes of the node's log that a failure shows, from its end.
const LOG_BYTES: usize = 4 << 10;

/// A node's process. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct ServedNode {
    child: Child,
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// How a node is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving<'a> {
    /// Where its folder is made.
    pub(crate) parent: &'a Path,
    /// Where it keeps its blocks.
    pub(crate) store: ServeStore,
    /// For so many blocks an upgrade can be taken back.
    pub(crate) probation_blocks: u64,
}

impl ServedNode {
    /// Starts a node that runs `kv`, and waits until it serves.
    pub(crate) fn start(code: &ServeCode<'_>, serving: Serving<'_>) -> Result<Self, BenchError> {
        let folder = crate::disk::folder(serving.parent)?;
        let log = folder.path().join("node.log");
        let log = File::create(&log).map_err(BenchError::file("create", &log))?;
        let child = refit(code.program)
            .current_dir(folder.path())
            // By variables: a program of before there was a choice does not know the flags.
            .env("REFIT_STORE", serving.store.to_string())
            .env(
                "REFIT_PROBATION_BLOCKS",
                serving.probation_blocks.to_string(),
            )
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

    pub(crate) fn socket(&self) -> PathBuf {
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
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Result<Answer, BenchError> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.exchange(request.as_bytes())
    }

    /// The answer to the bytes of one request, on a connection of its own.
    pub(crate) fn exchange(&self, request: &[u8]) -> Result<Answer, BenchError> {
        self.connect()?.exchange(request)
    }

    /// The names of the checkpoints that it keeps.
    pub(crate) fn checkpoints(&self) -> BTreeSet<OsString> {
        let entries = fs::read_dir(self.folder.path().join("store/checkpoints"));
        let names = entries.into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name());
        // One that is being written has no number yet.
        names
            .filter(|name| name.as_encoded_bytes().starts_with(b"0"))
            .collect()
    }

    /// A connection that stays open.
    pub(crate) fn connect(&self) -> Result<Connection, BenchError> {
        Connection::open(&self.socket())
    }

    /// The plan that brings `library` in the place of `kv`.
    pub(crate) fn plan(&self, library: &Path) -> Result<String, BenchError> {
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
    pub(crate) fn upgrade(&self, plan: &str) -> Result<f64, BenchError> {
        let id = self.begin_upgrade(plan)?;
        let report = self.upgrade_report(id, |report| report["retired"] == true)?;
        Ok(report["pause_us"].as_f64().unwrap_or_default())
    }

    /// Applies a plan; gives the upgrade's number.
    pub(crate) fn begin_upgrade(&self, plan: &str) -> Result<u64, BenchError> {
        let accepted = self.value("POST", "/v1/upgrades", plan)?;
        let id = accepted["id"].as_u64();
        id.ok_or_else(|| self.failed(format!("an upgrade is answered with {accepted}")))
    }

    /// The report of an upgrade that was committed, once it is as it should be.
    pub(crate) fn upgrade_report(
        &self,
        id: u64,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, BenchError> {
        let start = Instant::now();
        let path = format!("/v1/upgrades/{id}");
        while start.elapsed() < UPGRADE_MAX {
            let report = self.value("GET", &path, "")?;
            match report["state"].as_str() {
                Some("committed" | "rolled-back") if is_wanted(&report) => return Ok(report),
                Some("aborted" | "refused") => {
                    return Err(self.failed(format!("an upgrade did not happen: {report}")));
                }
                _ => std::thread::sleep(LOOK),
            }
        }
        let seconds = UPGRADE_MAX.as_secs();
        Err(self.failed(format!("an upgrade has not ended after {seconds} s")))
    }

    pub(crate) fn value(&self, method: &str, path: &str, body: &str) -> Result<Value, BenchError> {
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
    pub(crate) fn failed(&self, reason: String) -> BenchError {
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

/// How nodes are confined: said for all of a bench, so that two runs can be compared.
const SANDBOX: &str = "REFIT_SANDBOX";

/// The program, without what the environment says of other nodes.
fn refit(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"REFIT_") && name != SANDBOX {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}
