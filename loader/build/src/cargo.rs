//! Runs `cargo build` and listens: which library came of it, what was compiled, what was said.

use crate::builder::Profile;
use crate::cancel::{Wanted, kill_tree};
use crate::error::{BuildError, io};
use crate::toolchain::Toolchain;
use cargo_metadata::{Artifact, CrateType, Message};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a build may take, in seconds.
pub(crate) const BUILD_S_MAX: u64 = 3600;

/// How much of the end of cargo's talk is kept, in bytes.
pub(crate) const LOG_BYTES_MAX: usize = 1 << 18;

/// Most messages of one build that are read.
const MESSAGES_MAX: usize = 100_000;

/// Longest message that is read, in bytes.
const MESSAGE_BYTES_MAX: u64 = 16 << 20;

/// Pause between two looks at a running build.
const BUILD_LOOK: Duration = Duration::from_millis(10);

/// One `cargo build`.
pub(crate) struct Order<'a> {
    pub(crate) toolchain: &'a Toolchain,
    /// The package's name, for messages.
    pub(crate) package: &'a str,
    /// Where the manifest is.
    pub(crate) folder: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) profile: Profile,
    /// Whether the lock must be obeyed as it is.
    pub(crate) locked: bool,
    pub(crate) build_id: &'a str,
    pub(crate) wanted: &'a Wanted,
}

/// What a build gave.
#[derive(Debug)]
pub(crate) struct Yield {
    pub(crate) library: PathBuf,
    /// Names of the packages that were compiled, in cargo's order; the others were there already.
    pub(crate) compiled: Vec<String>,
    pub(crate) log: String,
}

impl Order<'_> {
    /// Builds: without the network if everything is there, else with it.
    pub(crate) fn run(&self) -> Result<Yield, BuildError> {
        match self.attempt(true) {
            Err(BuildError::CargoFailed { .. }) => self.attempt(false),
            done => done,
        }
    }

    /// Makes sure that the lock fits the manifest and that all it names is on this machine, before
    /// anything is compiled.
    pub(crate) fn fetch(&self) -> Result<(), BuildError> {
        let fetch = |offline: bool| {
            let mut command = self.toolchain.command(self.folder);
            command
                .args(["fetch", "--locked"])
                .args(offline.then_some("--offline"));
            hear(command, self.folder, self.wanted)
        };
        if fetch(true)?.succeeded {
            return Ok(());
        }
        match fetch(false)? {
            Heard {
                succeeded: true, ..
            } => Ok(()),
            Heard { log, .. } => Err(self.cargo_failed(&log)),
        }
    }

    fn cargo_failed(&self, log: &str) -> BuildError {
        let package = self.package.to_owned();
        BuildError::CargoFailed {
            package,
            output: log.trim().to_owned(),
        }
    }

    fn attempt(&self, offline: bool) -> Result<Yield, BuildError> {
        let heard = hear(self.command(offline), self.folder, self.wanted)?;
        let package = self.package.to_owned();
        if heard.succeeded {
            let compiled = heard.compiled;
            return match heard.library {
                Some(library) => Ok(Yield {
                    library,
                    compiled,
                    log: heard.log,
                }),
                None => Err(BuildError::NoLibrary { package }),
            };
        }
        if heard.compiler_ran {
            let diagnostics = without_progress(&heard.log);
            return Err(BuildError::DoesNotCompile {
                package,
                diagnostics,
            });
        }
        Err(self.cargo_failed(&heard.log))
    }

    fn command(&self, offline: bool) -> Command {
        let mut command = self.toolchain.command(self.folder);
        command
            .args(["build", "--lib", "--features", "module"])
            .args([
                "--message-format",
                "json-render-diagnostics",
                "--manifest-path",
            ])
            .arg(self.folder.join("Cargo.toml"))
            .args(self.profile.arguments())
            .args(offline.then_some("--offline"))
            .args(self.locked.then_some("--locked"))
            .env("CARGO_TARGET_DIR", self.target)
            .env("REFIT_BUILD_ID", self.build_id);
        for (setting, value) in [("STRIP", "debuginfo"), ("DEBUG", "0")] {
            command.env(
                format!("CARGO_PROFILE_{}_{setting}", self.profile.variable()),
                value,
            );
        }
        command
    }
}

/// What was heard of one cargo.
#[derive(Debug, Default)]
struct Heard {
    succeeded: bool,
    compiler_ran: bool,
    library: Option<PathBuf>,
    compiled: Vec<String>,
    log: String,
}

/// Runs cargo to its end, within [`BUILD_S_MAX`].
fn hear(mut command: Command, folder: &Path, wanted: &Wanted) -> Result<Heard, BuildError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BuildError::CargoMissing,
        _ => io("start cargo in", folder)(error),
    })?;
    let manifest = folder.join("Cargo.toml");
    let stdout = child.stdout.take();
    let messages = std::thread::spawn(move || stdout.map(|out| messages(out, &manifest)));
    let stderr = child.stderr.take();
    let log = std::thread::spawn(move || stderr.map(tail));
    // Its output is not waited for if it was killed: somebody may hold it who left the family.
    let succeeded = wait(&mut child, folder, wanted)?;
    let (messages, log) = (joined(messages), joined(log));
    Ok(Heard {
        succeeded,
        log: log.unwrap_or_default(),
        ..messages.unwrap_or_default()
    })
}

fn joined<T>(thread: JoinHandle<Option<T>>) -> Option<T> {
    thread.join().ok().flatten()
}

/// Waits for cargo; kills it and all it started when its time is up or nobody wants it any more. Says
/// whether it succeeded.
fn wait(child: &mut Child, folder: &Path, wanted: &Wanted) -> Result<bool, BuildError> {
    let deadline = Instant::now() + Duration::from_secs(BUILD_S_MAX);
    loop {
        if let Some(status) = child.try_wait().map_err(io("wait for cargo in", folder))? {
            // What a signal from the terminal has ended did not fail.
            return match wanted.is_wanted() || status.success() {
                true => Ok(status.success()),
                false => Err(BuildError::Cancelled),
            };
        }
        let why = match wanted.is_wanted() {
            false => BuildError::Cancelled,
            true if Instant::now() >= deadline => BuildError::TimeUp {
                seconds: BUILD_S_MAX,
            },
            true => {
                std::thread::sleep(BUILD_LOOK);
                continue;
            }
        };
        kill_tree(child.id());
        let _ = child.wait();
        return Err(why);
    }
}

/// Reads cargo's messages to their end.
fn messages(source: impl Read, manifest: &Path) -> Heard {
    let mut heard = Heard::default();
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    for _ in 0..MESSAGES_MAX {
        line.clear();
        match source
            .by_ref()
            .take(MESSAGE_BYTES_MAX)
            .read_until(b'\n', &mut line)
        {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        match serde_json::from_slice(&line) {
            Ok(Message::CompilerArtifact(artifact)) => heard.note(artifact, manifest),
            Ok(Message::BuildFinished(_)) => heard.compiler_ran = true,
            _ => {}
        }
    }
    heard
}

impl Heard {
    fn note(&mut self, artifact: Artifact, manifest: &Path) {
        if !artifact.fresh {
            let folder = artifact.manifest_path.parent();
            let name = folder
                .and_then(|folder| folder.file_name())
                .unwrap_or_default();
            self.compiled
                .push(format!("{} ({name})", artifact.target.name));
        }
        let own = artifact.manifest_path == manifest;
        if own && artifact.target.crate_types.contains(&CrateType::CDyLib) {
            let library = artifact.filenames.into_iter();
            let mut library = library.filter(|file| file.extension() == Some("so"));
            self.library = library
                .next()
                .map(|file| file.into_std_path_buf())
                .or(self.library.take());
        }
    }
}

/// The end of what a source says.
fn tail(mut source: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 1 << 14];
    while let Ok(read @ 1..) = source.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        kept.drain(..kept.len().saturating_sub(LOG_BYTES_MAX));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The log without cargo's lines of progress, which begin with a verb that is set flush right.
pub(crate) fn without_progress(log: &str) -> String {
    let progress = |line: &&str| {
        let verb = line.trim_start().split(' ').next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        indent > 0 && indent + verb.len() == 12 && verb.starts_with(char::is_uppercase)
    };
    let lines = log.lines().filter(|line| !progress(line));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_goes_and_diagnostics_stay() {
        let log = "   Compiling a v1\nerror: no\n --> src/lib.rs:1:1\n  |\n1 | x\n  Downloaded b\n";
        assert_eq!(
            without_progress(log),
            "error: no\n --> src/lib.rs:1:1\n  |\n1 | x"
        );
    }

    #[test]
    fn only_the_end_of_a_long_log_is_kept() {
        let long = [vec![b'a'; LOG_BYTES_MAX], b"end".to_vec()].concat();
        let kept = tail(&long[..]);
        assert_eq!(kept.len(), LOG_BYTES_MAX);
        assert!(kept.ends_with("aend"));
    }
}
