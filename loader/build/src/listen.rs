//! Runs one cargo and reads its output: the library that it built, the crates that it compiled, its messages.

use crate::cancel::{Wanted, kill_tree};
use crate::error::{BuildError, io};
use crate::progress::Tally;
use cargo_metadata::{Artifact, CrateType, Message};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest time that a build may take, in seconds.
pub(crate) const BUILD_S_MAX: u64 = 3600;

/// The part of the end of cargo's output that is kept, in bytes.
pub(crate) const LOG_BYTES_MAX: usize = 1 << 18;

/// Most messages of one build that are read.
const MESSAGES_MAX: usize = 100_000;

/// Longest message that is read, in bytes.
const MESSAGE_BYTES_MAX: u64 = 16 << 20;

/// Pause between two looks at a running build.
const BUILD_LOOK: Duration = Duration::from_millis(10);

/// The reports of one cargo so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) succeeded: bool,
    pub(crate) compiler_ran: bool,
    pub(crate) library: Option<PathBuf>,
    /// The crates that were compiled, as `target (folder)`, in cargo's order; all others were compiled before.
    pub(crate) compiled: Vec<String>,
    /// The files and folders that belong to other packages than the one that is built.
    pub(crate) parts: BTreeSet<PathBuf>,
    pub(crate) log: String,
}

/// Runs cargo to its end, within [`BUILD_S_MAX`]; `manifest` is what it builds.
pub(crate) fn hear(
    mut command: Command,
    manifest: &Path,
    wanted: &Wanted,
    tally: &Tally,
) -> Result<Heard, BuildError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BuildError::CargoMissing,
        _ => io("start cargo for", manifest)(error),
    })?;
    let (stdout, own, counting) = (child.stdout.take(), manifest.to_owned(), tally.clone());
    let messages = std::thread::spawn(move || stdout.map(|out| messages(out, &own, &counting)));
    let stderr = child.stderr.take();
    let log = std::thread::spawn(move || stderr.map(tail));
    // Its output is not waited for if it was killed: somebody may hold it who left the family.
    let succeeded = wait(&mut child, manifest, wanted, tally)?;
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
fn wait(
    child: &mut Child,
    manifest: &Path,
    wanted: &Wanted,
    tally: &Tally,
) -> Result<bool, BuildError> {
    let deadline = Instant::now() + Duration::from_secs(BUILD_S_MAX);
    loop {
        if let Some(status) = child
            .try_wait()
            .map_err(io("wait for cargo for", manifest))?
        {
            // A cargo that a signal from the terminal has ended did not fail.
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
                tally.report();
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
pub(crate) fn messages(source: impl Read, manifest: &Path, tally: &Tally) -> Heard {
    let mut heard = Heard::default();
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    for _ in 0..MESSAGES_MAX {
        line.clear();
        let mut limited = source.by_ref().take(MESSAGE_BYTES_MAX);
        match limited.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        match serde_json::from_slice(&line) {
            Ok(Message::CompilerArtifact(artifact)) => heard.note(artifact, manifest, tally),
            Ok(Message::BuildScriptExecuted(script)) => {
                heard.parts.insert(script.out_dir.into_std_path_buf());
            }
            Ok(Message::BuildFinished(_)) => heard.compiler_ran = true,
            _ => {}
        }
    }
    heard
}

impl Heard {
    fn note(&mut self, artifact: Artifact, manifest: &Path, tally: &Tally) {
        if !artifact.fresh {
            let folder = artifact.manifest_path.parent();
            let name = folder
                .and_then(|folder| folder.file_name())
                .unwrap_or_default();
            self.compiled
                .push(format!("{} ({name})", artifact.target.name));
            // A package by path may lie in a folder of any name; a build script has no name of its own.
            tally.add(match artifact.target.is_custom_build() {
                true => name,
                false => &artifact.target.name,
            });
        }
        if artifact.manifest_path != manifest {
            let files = artifact.filenames.into_iter();
            self.parts
                .extend(files.map(|file| file.into_std_path_buf()));
        } else if artifact.target.crate_types.contains(&CrateType::CDyLib) {
            let mut library = artifact.filenames.into_iter();
            let library = library.find(|file| file.extension() == Some("so"));
            let library = library.map(|file| file.into_std_path_buf());
            self.library = library.or(self.library.take());
        }
    }
}

/// The end of what a source says.
pub(crate) fn tail(mut source: impl Read) -> String {
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
