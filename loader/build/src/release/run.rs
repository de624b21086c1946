//! [`Run`]: one `cargo build` in its room, heard to its end.

use crate::cancel::Wanted;
use crate::cargo::is_short_of_space;
use crate::error::{BuildError, io};
use crate::listen::{Heard, messages, tail, without_progress};
use crate::place;
use crate::progress::{Listener, Stage};
use crate::release::emptied::lay_whole;
use crate::release::room::{Folders, Room};
use crate::release::tree::SourceTree;
use refit_sandbox::{Given, How, Launcher, Level, Limits, Over, SandboxError};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// The folder of what builds need in between, in the root.
pub(crate) const ROOMS: &str = "rooms";

/// How the name of each begins; the number of its process follows.
const ROOM: &str = "refit-";

/// Where a tree lies in a room, so that cargo looks for no workspace above it: it ends its way up at a folder of this name, in
/// which it unpacks what it packages itself.
pub(crate) const ALONE: &str = "target/package/source";

/// The runs of one release's build.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) launcher: &'a Launcher,
    pub(crate) room: &'a Room<'a>,
    pub(crate) root: &'a Path,
    pub(crate) listener: &'a Listener,
    pub(crate) wanted: &'a Wanted,
}

/// A folder that is removed with all in it when it is dropped.
#[derive(Debug)]
pub(crate) struct Work(PathBuf);

impl Work {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What stays is removed by a later process's first build.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tree that lies in a room.
#[derive(Debug)]
pub(crate) struct Laid(Work);

impl Laid {
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join(ALONE)
    }
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
    /// A new folder for what this build needs in between.
    pub(crate) fn work(&self) -> Result<Work, BuildError> {
        let rooms = place::folder(self.root.join(ROOMS))?;
        for number in 0..u32::MAX {
            let path = rooms.join(format!("{}{number}", own_rooms()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Work(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("create", &path)(error)),
            }
        }
        Err(BuildError::Cancelled)
    }

    /// The tree where nothing is above it; none where that is so wherever it lies.
    pub(crate) fn laid(&self, tree: &SourceTree) -> Result<Option<Laid>, BuildError> {
        if self.room.level == Level::L3 {
            return Ok(None);
        }
        let laid = Laid(self.work()?);
        lay_whole(tree, &laid.folder())?;
        Ok(Some(laid))
    }

    /// Removes what builds have left that were killed with their process. What cannot be removed stays: it is in nobody's way,
    /// and another build may be removing it.
    pub(crate) fn sweep(&self) -> Result<(), BuildError> {
        let rooms = place::folder(self.root.join(ROOMS))?;
        let entries = fs::read_dir(&rooms).map_err(io("list", &rooms))?.flatten();
        for room in entries.map(|entry| entry.path()).filter(|it| is_left(it)) {
            let _ = fs::remove_dir_all(&room);
        }
        Ok(())
    }

    /// Builds the tree in `source`; hands out `outputs`, which are paths from the target.
    pub(crate) fn cargo(
        &self,
        source: &Path,
        seed: Option<&Path>,
        outputs: &[&str],
        stage: Stage,
    ) -> Result<Yield, BuildError> {
        let target = self.work()?;
        self.give_away(target.path())?;
        let folder = self.work()?;
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
                output: match how {
                    How::Signalled { signal } => {
                        format!("{}\nit was ended by signal {signal}", heard.log.trim())
                    }
                    _ => heard.log.trim().to_owned(),
                },
            },
        }
    }
}

/// How the names of this process's rooms begin.
pub(crate) fn own_rooms() -> String {
    format!("{ROOM}{}-", std::process::id())
}

/// Whether it is a room of a process that is no more. Whatever else lies there is not ours.
pub(crate) fn is_left(room: &Path) -> bool {
    let name = room.file_name().unwrap_or_default().to_string_lossy();
    let process = name.strip_prefix(ROOM).and_then(|name| {
        let (process, _) = name.split_once('-')?;
        process.parse::<u32>().ok()
    });
    process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}

fn over(over: Over, limits: &Limits) -> SandboxError {
    let limit = over.of(limits);
    SandboxError::Over { over, limit }
}

fn joined<T>(thread: JoinHandle<Option<T>>) -> Option<T> {
    thread.join().ok().flatten()
}
