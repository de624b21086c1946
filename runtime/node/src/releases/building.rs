//! [`BuildCommand`]: has a package of a release's source built by another process, and hears how that goes.
//!
//! The process gets the folder of the release, which of its packages is meant, and a file to write the library into. It says a
//! line of JSON at a time ([`BuildSaid`]). What it says is not believed: the library is hashed here, and probed as any other.

use crate::rehearsal::process::{COMPLAINT_BYTES_MAX, Output, Outputs, converse};
use crossbeam_channel::RecvTimeoutError;
use refit_abi::codes;
use refit_abi::host::{Explained, shown_end};
use refit_loader::helper::{
    Given, Helper, Kind, Process, Started, UNHELPED_NEXT, build_variables, is_unhelped,
};
use refit_release::SourceRoot;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time for the build of one library.
pub const BUILD_WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Between two looks at whether it is still wanted.
const WANTED_LOOK: Duration = Duration::from_millis(100);

/// Longest wait for the end of standard error after the process has ended.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);

/// The program that builds, usually this same program with a hidden command: it gets a release's folder for its last argument.
#[derive(Clone, Debug)]
pub struct BuildCommand {
    program: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
    helper: Option<Arc<Helper>>,
}

/// What the process reads: one package of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildOrder {
    /// The root of the source; its listing lies in the release's folder.
    pub root: SourceRoot,
    /// The package's folder in the source.
    pub folder: String,
}

/// What the process says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum BuildSaid {
    /// How far it is.
    Progress {
        /// Whether dependencies are built, for this and later releases.
        dependencies: bool,
        /// Parts that were compiled so far.
        compiled: u64,
    },
    /// The library is written.
    Built {
        /// The level that it was built at, such as `L3`.
        level: String,
        /// The stamp that the module says.
        build_id: String,
    },
    /// There is none.
    Failed {
        /// Why.
        why: Explained,
    },
}

/// One build.
pub(super) struct Build<'a> {
    /// The release's folder.
    pub(super) release: &'a Path,
    pub(super) order: &'a BuildOrder,
    /// Where the library goes: a file that is there.
    pub(super) output: &'a Path,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) level: String,
    pub(super) build_id: String,
}

impl BuildCommand {
    /// `program`, with this name among the system's processes.
    pub fn new(program: impl Into<PathBuf>, name: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            name: name.into(),
            arguments: Vec::new(),
            helper: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Has the helper start it: its own program, under the words that the helper has for it.
    #[must_use]
    pub fn by(mut self, helper: Option<Arc<Helper>>) -> Self {
        self.helper = helper;
        self
    }

    /// Builds. What it says on the way goes to `heard`; it is ended once `is_wanted` is false, or its time is up.
    pub(super) fn run(
        &self,
        build: &Build<'_>,
        heard: &dyn Fn(bool, u64),
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Finished, Explained> {
        let not_started = |error: io::Error| {
            if is_unhelped(&error) {
                return Explained::new(codes::NO_HELPER, error.to_string(), UNHELPED_NEXT);
            }
            let detail = format!("the process that builds does not start: {error}");
            let next = "look at what the node's log says of its helper, and start the node again";
            Explained::new(codes::BUILD_IO, detail, next)
        };
        let started = self.start(build).map_err(not_started)?;
        let mut listening = Listening::begin(started, build.order).map_err(not_started)?;
        listening.listen(heard, is_wanted, &|| self.is_helped())
    }

    /// Whether whoever starts it is there.
    fn is_helped(&self) -> bool {
        self.helper.as_ref().is_none_or(|helper| helper.is_there())
    }

    fn start(&self, build: &Build<'_>) -> io::Result<Started> {
        if let Some(helper) = &self.helper {
            let output = File::options().write(true).open(build.output)?;
            let folder = std::path::absolute(build.release)?;
            let given = Given {
                reads: true,
                files: &[output.as_fd()],
            };
            return helper.start(&Kind::Build { folder }, &given);
        }
        let child = Command::new(&self.program)
            .arg0(&self.name)
            .args(&self.arguments)
            .arg("--library")
            .arg(build.output)
            .arg(build.release)
            .env_clear()
            .envs(build_variables())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Started::of(child)
    }
}

/// A process that builds, and what it says.
struct Listening {
    process: Process,
    output: Output,
}

impl Listening {
    fn begin(started: Started, order: &BuildOrder) -> io::Result<Self> {
        let Started {
            process,
            stdout,
            stderr,
            stdin,
        } = started;
        let stdin = stdin.ok_or_else(|| io::Error::other("it has no input"))?;
        let order = serde_json::to_vec(order).map_err(io::Error::other)?;
        File::from(stdin).write_all(&order)?;
        let output = converse(Outputs { stdout, stderr })?;
        Ok(Self { process, output })
    }

    fn listen(
        &mut self,
        heard: &dyn Fn(bool, u64),
        is_wanted: &dyn Fn() -> bool,
        is_helped: &dyn Fn() -> bool,
    ) -> Result<Finished, Explained> {
        let deadline = Instant::now() + BUILD_WAIT_MAX;
        let mut finished = None;
        loop {
            if !is_wanted() {
                let detail = "the build was given up: the node ends";
                return Err(Explained::new(
                    codes::BUILD_CANCELLED,
                    detail,
                    "build again",
                ));
            }
            if Instant::now() >= deadline {
                let detail = format!("the build took more than {} s", BUILD_WAIT_MAX.as_secs());
                let next = "build again on a machine with less load";
                return Err(Explained::new(codes::BUILD_TIME_UP, detail, next));
            }
            let line = match self.output.lines.recv_timeout(WANTED_LOOK) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) if is_helped() => continue,
                Err(_) => break,
            };
            match serde_json::from_slice(&line) {
                Ok(BuildSaid::Progress {
                    dependencies,
                    compiled,
                }) => heard(dependencies, compiled),
                Ok(BuildSaid::Built { level, build_id }) => {
                    finished = Some(Finished { level, build_id });
                }
                Ok(BuildSaid::Failed { why }) => return Err(why),
                // Not its word: how it ends says more.
                Err(_) => {}
            }
        }
        // It says so once all of the library is written.
        finished.ok_or_else(|| match is_helped() {
            true => self.ended(),
            false => {
                let detail = "the process that starts children for this node has ended, and the build with it";
                Explained::new(codes::NO_HELPER, detail, UNHELPED_NEXT)
            }
        })
    }

    /// How it has ended without its last word.
    fn ended(&mut self) -> Explained {
        // Its last output is on its way through a thread that may not have run yet.
        let _ = self.output.complained.recv_timeout(LAST_WORDS_WAIT);
        let status = self.process.try_wait().ok().flatten();
        let how = status.map_or_else(String::new, |status| format!(": {status}"));
        let said = self.output.complaint.lock();
        let said = String::from_utf8_lossy(&said);
        let said = shown_end(said.trim(), COMPLAINT_BYTES_MAX);
        let detail =
            format!("the process that builds ended before it said what came of it{how} {said}");
        let next = "build again; if it fails again, report it with this text";
        Explained::new(codes::SANDBOX_FAILED, detail, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> BuildOrder {
        BuildOrder {
            root: SourceRoot::of(b"listing"),
            folder: "engine".to_owned(),
        }
    }

    #[test]
    fn a_build_that_no_helper_starts_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("library");
        std::fs::write(&output, "").unwrap();
        // It ends at once.
        let helper = Arc::new(Helper::begin(Command::new("true")).unwrap());
        helper.ended();
        let build = Build {
            release: folder.path(),
            order: &order(),
            output: &output,
        };
        let command = BuildCommand::new("true", "true").by(Some(helper));
        let why = command.run(&build, &|_, _| {}, &|| true).unwrap_err();
        assert_eq!(why.code, codes::NO_HELPER, "{why:?}");
        assert_eq!(why.next, UNHELPED_NEXT);
    }

    #[test]
    fn a_build_that_outlives_its_helper_is_over_at_once() {
        let child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let started = Started::of(child).unwrap();
        let mut listening = Listening::begin(started, &order()).unwrap();
        let why = listening.listen(&|_, _| {}, &|| true, &|| false);
        assert_eq!(why.unwrap_err().code, codes::NO_HELPER);
    }
}
