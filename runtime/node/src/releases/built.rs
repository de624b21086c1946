//! [`Builds`]: releases that came as source, built by this node: one at a time, on a thread of its own. Who asks is told how far it
//! is, and what came of the last one.
//!
//! ```text
//! releases/ID/built        which library was built of which package, and at which level
//! releases/ID/files/HASH   the library, as if it had come with the release
//! releases/ID/built.part   one that comes
//! ```

use super::building::{Build, BuildCommand, BuildOrder, Finished};
use super::folder::{ReleaseFolder, files_of, open_file, sync};
use super::staged::not_there;
use super::target::TARGET;
use parking_lot::Mutex;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::api::{BuildState, ReleaseBuild};
use refit_loader::Candidate;
use refit_release::{FileId, ReleaseId, VerifiedRelease};
use refit_store::remove_whole;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Longest record of what was built, in bytes.
const RECORD_BYTES_MAX: u64 = 128 << 10;

const RECORD: &str = "built";
const PART: &str = "built.part";

/// Mode of a library while it comes, and of one that is there.
const COMING: u32 = 0o600;
const THERE: u32 = 0o400;

/// A library that this node has built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuiltHere {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) toolchain: String,
    pub(crate) file: FileId,
    /// The level that it was built at, such as `L3`.
    pub(crate) level: String,
    pub(crate) build_id: String,
}

/// What builds releases, and the build that was begun last.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    command: Option<BuildCommand>,
    last: Mutex<Option<Last>>,
    ends: AtomicBool,
}

#[derive(Clone, Debug)]
struct Last {
    began: Instant,
    shown: ReleaseBuild,
}

impl Builds {
    /// With this command; without one nothing is built.
    pub(crate) fn new(command: Option<BuildCommand>) -> Self {
        Self {
            command,
            ..Self::default()
        }
    }

    /// Ends the build that is under way: the node does.
    pub(crate) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// The build that was begun last, if it is of this release.
    pub(crate) fn shown(&self, id: ReleaseId) -> Option<ReleaseBuild> {
        let last = self.last.lock();
        let last = last
            .as_ref()
            .filter(|last| last.shown.release == id.to_string())?;
        let mut shown = last.shown.clone();
        if shown.state == BuildState::Building {
            shown.elapsed_ms = ms(last.began);
        }
        Some(shown)
    }

    /// Begins to build what the release lacks here, if nothing is built just now; says how far it is.
    pub(crate) fn begin(
        self: &Arc<Self>,
        folder: Arc<ReleaseFolder>,
        release: VerifiedRelease,
    ) -> Result<ReleaseBuild, Explained> {
        let id = release.id();
        let command = self.command.clone().ok_or_else(|| {
            let next = "build it with `refit release build`, and pack the libraries with it";
            Explained::new(
                codes::RELEASE_NOT_BUILT,
                "this node builds no releases",
                next,
            )
        })?;
        let mut last = self.last.lock();
        if let Some(under_way) = last
            .as_ref()
            .filter(|it| it.shown.state == BuildState::Building)
        {
            return match under_way.shown.release == id.to_string() {
                true => Ok(under_way.shown.clone()),
                false => Err(Explained::new(
                    codes::BUILD_UNDER_WAY,
                    format!("the release {} is being built", under_way.shown.release),
                    "try again when that is done",
                )),
            };
        }
        let shown = ReleaseBuild {
            release: id.to_string(),
            state: BuildState::Building,
            package: String::new(),
            dependencies: false,
            compiled: 0,
            elapsed_ms: 0,
            level: None,
            reason: None,
        };
        *last = Some(Last {
            began: Instant::now(),
            shown: shown.clone(),
        });
        drop(last);
        let builds = self.clone();
        let thread = std::thread::Builder::new().name("refit-build".to_owned());
        let begun = thread.spawn(move || {
            let built = builds.build(&command, &folder, &release);
            builds.ended(&release, built);
        });
        match begun {
            Ok(_) => Ok(shown),
            Err(error) => {
                *self.last.lock() = None;
                let detail = format!("the system starts no more threads: {error}");
                Err(Explained::new(codes::NO_THREADS, detail, "try again"))
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut ReleaseBuild)) {
        if let Some(last) = self.last.lock().as_mut() {
            change(&mut last.shown);
            last.shown.elapsed_ms = ms(last.began);
        }
    }

    fn ended(&self, release: &VerifiedRelease, built: Result<(), Explained>) {
        let name = &release.manifest().name;
        match &built {
            Ok(()) => tracing::info!(release = %release.id(), "the release {name} is built"),
            Err(why) => tracing::warn!(
                release = %release.id(), code = why.code, "the release {name} is not built: {}", why.detail
            ),
        }
        self.change(|shown| {
            shown.state = match built {
                Ok(()) => BuildState::Built,
                Err(_) => BuildState::Failed,
            };
            shown.reason = built.err();
        });
    }

    fn build(
        &self,
        command: &BuildCommand,
        folder: &ReleaseFolder,
        release: &VerifiedRelease,
    ) -> Result<(), Explained> {
        let manifest = release.manifest();
        let mut built = folder.built(release.id());
        for module in not_there(release, folder, TARGET) {
            let root = manifest.source.as_ref().map(|source| source.root);
            let order = BuildOrder {
                root: root.ok_or_else(|| {
                    let next = "import a file of it that has its source";
                    Explained::new(codes::RELEASE_INCOMPLETE, "it has no source", next)
                })?,
                folder: module.folder.clone(),
            };
            self.change(|shown| {
                shown.package.clone_from(&module.package);
                (shown.dependencies, shown.compiled) = (false, 0);
            });
            let of = folder.of(release.id());
            let part = of.join(PART);
            new_file(&part).map_err(unwritten)?;
            let build = Build {
                release: &of,
                order: &order,
                output: &part,
            };
            let heard = |dependencies, compiled| {
                self.change(|shown| {
                    (shown.dependencies, shown.compiled) = (dependencies, compiled)
                });
            };
            let is_wanted = || !self.ends.load(Ordering::Relaxed);
            let Finished { level, build_id } = command.run(&build, &heard, &is_wanted)?;
            let file = taken(&of, &part)?;
            self.change(|shown| shown.level = Some(level.clone()));
            tracing::info!(
                release = %release.id(), package = module.package, %file, level, build_id, "built from the release's source"
            );
            built.retain(|it| it.package != module.package || it.toolchain != TARGET.toolchain);
            built.push(BuiltHere {
                package: module.package.clone(),
                target: TARGET.triple.to_owned(),
                toolchain: TARGET.toolchain.to_owned(),
                file,
                level,
                build_id,
            });
            write(&of, &built).map_err(unwritten)?;
        }
        Ok(())
    }
}

impl ReleaseFolder {
    /// What this node has built of a release; none if nothing can be read.
    pub(crate) fn built(&self, id: ReleaseId) -> Vec<BuiltHere> {
        let read = || -> io::Result<Vec<BuiltHere>> {
            let mut bytes = Vec::new();
            let file = open_file(&self.of(id).join(RECORD))?;
            file.take(RECORD_BYTES_MAX).read_to_end(&mut bytes)?;
            serde_json::from_slice(&bytes).map_err(io::Error::other)
        };
        read().unwrap_or_default()
    }
}

/// Gives the library that was written the name that is its hash.
fn taken(of: &Path, part: &Path) -> Result<FileId, Explained> {
    let library = Candidate::read(part).map_err(|error| explained(&error))?;
    let file = library.id();
    let to = files_of(of).join(file.to_string());
    let named = || -> io::Result<()> {
        fs::set_permissions(part, fs::Permissions::from_mode(THERE))?;
        File::open(part)?.sync_all()?;
        fs::rename(part, &to)?;
        sync(&files_of(of))
    };
    named().map_err(unwritten)?;
    Ok(file)
}

fn new_file(part: &Path) -> io::Result<()> {
    if part.symlink_metadata().is_ok() {
        fs::remove_file(part).or_else(|_| remove_whole(part))?;
    }
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(COMING).open(part);
    made.map(drop)
}

/// Writes down what was built, in one step.
fn write(of: &Path, built: &[BuiltHere]) -> io::Result<()> {
    let part = of.join(PART);
    let bytes = serde_json::to_vec(built).map_err(io::Error::other)?;
    fs::write(&part, bytes)?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, of.join(RECORD))?;
    sync(of)
}

fn explained(error: &dyn Explain) -> Explained {
    Explained::of(error)
}

fn unwritten(error: io::Error) -> Explained {
    let detail = format!("what was built is not kept: {error}");
    let next = "check the permissions of the data folder, and the free space";
    Explained::new(codes::RELEASES_UNWRITTEN, detail, next)
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
