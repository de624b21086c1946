//! [`Run`]: one `cargo build` in its room, heard to its end.

use crate::cancel::Wanted;
use crate::cargo::is_short_of_space;
use crate::error::{BuildError, io};
use crate::listen::{Heard, messages, tail, without_progress};
use crate::progress::{Listener, Stage};
use crate::release::emptied::lay_whole;
use crate::release::room::{Folders, Room};
use crate::release::tree::SourceTree;
use crate::release::work::{Laid, Work};
use refit_sandbox::{Given, How, Launcher, Level, Limits, Over, SandboxError};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// The runs of one release's build.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) launcher: &'a Launcher,
    pub(crate) room: &'a Room<'a>,
    pub(crate) root: &'a Path,
    pub(crate) listener: &'a Listener,
    pub(crate) wanted: &'a Wanted,
}

/// What a build gave.
#[derive(Debug)]
pub(crate) struct Yield {
    pub(crate) heard: Heard,
    pub(crate) given: Vec<Given>,
    /// Where that is.
    pub(crate) folder: Work,
    /// The target's folder on the machine.
    pub(crate) target: PathBuf,
    pub(crate) peak_memory_bytes: u64,
}

impl Run<'_> {
    /// The tree where nothing is above it; none where that is so wherever it lies.
    pub(crate) fn laid(&self, tree: &SourceTree) -> Result<Option<Laid>, BuildError> {
        if self.room.level == Level::L3 {
            return Ok(None);
        }
        let laid = Laid::new(self.root)?;
        lay_whole(tree, &laid.folder())?;
        Ok(Some(laid))
    }

    /// Builds the tree in `source`; hands out `outputs`, which are paths from the target.
    pub(crate) fn cargo(
        &self,
        source: &Path,
        seed: Option<&Path>,
        outputs: &[&str],
        stage: Stage,
    ) -> Result<Yield, BuildError> {
        let target = Work::new(self.root)?;
        self.give_away(target.path())?;
        let folder = Work::new(self.root)?;
        let order = self.room.order(
            Folders {
                source,
                target: target.path(),
                seed,
            },
            outputs,
        );
        let tally = self.listener.begin(&self.room.engine.name, stage);
        let mut running = self.launcher.start(order, self.room.level, folder.path())?;
        let (stdout, stderr) = (running.stdout(), running.stderr());
        let (manifest, counting) = (self.room.manifest(source), tally.clone());
        let heard =
            std::thread::spawn(move || stdout.map(|out| messages(out, &manifest, &counting)));
        let log = std::thread::spawn(move || stderr.map(tail));
        let ended = running.wait(|| {
            tally.report();
            self.wanted.is_wanted()
        });
        let heard = Heard {
            log: joined(log).unwrap_or_default(),
            ..joined(heard).unwrap_or_default()
        };
        let ended = ended.map_err(|error| self.ended(error, &heard))?;
        match ended.how {
            How::Exited { code: 0 } => Ok(Yield {
                heard,
                given: ended.given,
                folder,
                target: target.path().to_owned(),
                peak_memory_bytes: ended.peak_memory_bytes,
            }),
            how => Err(self.failed(&heard, how)),
        }
    }

    /// Lets whom the build runs as write into a folder of root's.
    fn give_away(&self, folder: &Path) -> Result<(), BuildError> {
        let user = self.room.user;
        match rustix::process::getuid().is_root() {
            true => chown(folder, Some(user.uid), Some(user.gid)).map_err(io("give away", folder)),
            false => Ok(()),
        }
    }

    /// Why it was ended.
    fn ended(&self, error: SandboxError, heard: &Heard) -> BuildError {
        match error {
            SandboxError::Stopped => BuildError::Cancelled,
            // It succeeded, and what is named like its library is not there.
            SandboxError::Unable {
                step: refit_sandbox::Step::Give { .. },
                ..
            } if heard.compiler_ran => BuildError::NoLibrary {
                package: self.room.engine.name.clone(),
            },
            error => error.into(),
        }
    }

    /// Why it failed: its limits, the source, or cargo's arguments.
    fn failed(&self, heard: &Heard, how: How) -> BuildError {
        let package = self.room.engine.name.clone();
        if is_short_of_space(&heard.log) {
            return over(Over::TargetBytes, &self.room.limits).into();
        }
        match heard.compiler_ran {
            true => BuildError::DoesNotCompile {
                package,
                diagnostics: without_progress(&heard.log),
            },
            false => BuildError::CargoFailed {
                package,
                output: last_words(heard.log.trim(), how),
            },
        }
    }
}

/// What cargo said before it compiled anything, and how it ended if it did not say that itself.
fn last_words(log: &str, how: How) -> String {
    match how {
        How::Signalled { signal } => format!("{log}\nit was ended by signal {signal}"),
        How::Exited { .. } => log.to_owned(),
    }
}

fn over(over: Over, limits: &Limits) -> SandboxError {
    let limit = over.of(limits);
    SandboxError::Over { over, limit }
}

fn joined<T>(thread: JoinHandle<Option<T>>) -> Option<T> {
    thread.join().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cargo_that_was_killed_is_said_to_be() {
        let killed = last_words("it said", How::Signalled { signal: 9 });
        assert_eq!(killed, "it said\nit was ended by signal 9");
        assert_eq!(last_words("why", How::Exited { code: 101 }), "why");
    }
}
