//! [`Migration`]: an upgrade of a snapshot, from its file to the file of another.

use super::image::Image;
use super::planning::{Planned, Probed, has_code, live, probe};
use super::{Coming, MigrateError, OldCode};
use crate::blocks::clock::{Clock as _, SystemClock};
use crate::code::libraries::Release;
use crate::rehearsal::{self, ModuleAt, Passed, RehearsalCommand, Request, Writes};
use crate::snapshot::{SnapshotFile, Unfinished};
use crate::upgrade::{OfflineRecord, offline_record};
use refit_admin::api::UpgradeRecord;
use refit_kernel::KindCount;
use refit_loader::ProbeCommand;
use refit_store::snapshot_begin;
use refit_upgrade::{Live, Plan};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How an offline upgrade runs.
#[derive(Clone, Debug)]
pub struct Runs {
    /// The program that probes libraries.
    pub probe: ProbeCommand,
    /// The program that runs the transitions, and its bounds.
    pub child: RehearsalCommand,
    /// Worker threads of a crew in it.
    pub workers: usize,
}

/// An upgrade of a snapshot that can be done: all its code is at hand, and its plan is one that a node would take.
#[derive(Debug)]
pub struct Migration {
    runs: Runs,
    pub(super) file: SnapshotFile,
    /// By their hashes.
    pub(super) old: BTreeMap<String, Probed>,
    pub(super) live: Live,
    pub(super) planned: Planned,
    began_at_ms: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Migrated {
    /// BLAKE3 over all states that it ended with, in hexadecimal: the same that a rehearsal of the plan says.
    pub digest: String,
    /// Number of engines before.
    pub engines: u64,
    /// Bytes of the states before.
    pub state_bytes: u64,
    /// Memory that it needed at most, in bytes.
    pub memory_bytes: u64,
    /// Time of the transitions, in microseconds: the pause of a node.
    pub took_us: u64,
    /// What a restored node has in its history.
    pub record: UpgradeRecord,
}

impl Migration {
    /// Reads all of the snapshot, finds the code, and makes the plan. Nothing is written.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn prepare(
        file: &Path,
        code: OldCode<'_>,
        coming: &Coming,
        runs: Runs,
    ) -> Result<Self, MigrateError> {
        let began_at_ms = SystemClock.now().0;
        let mut file = SnapshotFile::open(file)?;
        file.verify()?;
        let mut old = BTreeMap::new();
        for (artifact, library) in code.find(&mut file)? {
            old.insert(artifact, probe(library, &runs.probe)?);
        }
        let live = live(&file, &old)?;
        let planned = coming.plan(&file, &live, &runs.probe)?;
        Ok(Self {
            runs,
            file,
            old,
            live,
            planned,
            began_at_ms,
        })
    }

    /// What will be done.
    pub fn plan(&self) -> &Plan {
        &self.planned.plan
    }

    /// The snapshot that it begins with.
    pub fn file(&self) -> &SnapshotFile {
        &self.file
    }

    /// Whether the snapshot has its libraries in it.
    pub fn has_code(&self) -> bool {
        has_code(&self.file)
    }

    /// Runs the transitions, and writes nothing.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn check(&self) -> Result<Migrated, MigrateError> {
        Ok(self.migrated(self.run(None)?))
    }

    /// Runs the transitions, and writes the new snapshot into an empty file. It is whole when this returns, and nobody has
    /// synced it.
    ///
    /// # Errors
    /// [`MigrateError`]; the file is no snapshot then.
    pub fn write(&self, path: &Path, with_code: bool) -> Result<Migrated, MigrateError> {
        let system = |source: io::Error| MigrateError::Unfinished(Unfinished::System(source));
        let file = File::options().read(true).write(true).open(path);
        let mut file = file.map_err(system)?;
        file.write_all(&snapshot_begin()).map_err(system)?;
        let passed = self.run(Some(Writes {
            path: std::path::absolute(path).map_err(system)?,
            artifacts: self.artifacts(),
        }))?;
        let migrated = self.migrated(passed);
        self.beside(&file, &migrated.record, with_code)?
            .finish(&file)?;
        // As anybody will read it: what is not whole is not said to be there.
        SnapshotFile::open(path)?.verify()?;
        Ok(migrated)
    }

    fn run(&self, writes: Option<Writes>) -> Result<Passed, MigrateError> {
        let at = |probed: &Probed| ModuleAt {
            path: probed.probed.staged().path_for_child(),
        };
        let places: Vec<_> = self.old.keys().collect();
        let place = |artifact: &String| places.iter().position(|it| *it == artifact);
        let kinds = self.live.kinds.iter();
        let request = Request {
            old: self.old.values().map(at).collect(),
            kinds: kinds.filter_map(|kind| place(&kind.artifact)).collect(),
            new: self.planned.new.iter().map(at).collect(),
            workers: self.runs.workers,
            plan: self.planned.plan.clone(),
            writes,
            shadow: None,
        };
        let image = Image::of(&self.file)?;
        let copy = Box::new(move |to, head| image.copy(File::from(to), head));
        // Nobody calls it off: it ends with this process.
        let found = rehearsal::run(&self.runs.child, &request, copy, &|| false)?;
        Ok(found.passed()?)
    }

    fn migrated(&self, passed: Passed) -> Migrated {
        let header = self.file.header();
        let mut counts = vec![KindCount::default(); header.kinds.len()];
        for engine in self.file.engines() {
            let count = &mut counts[engine.kind];
            count.serving += 1;
            count.poisoned += u64::from(engine.state_bytes.is_none());
        }
        let releases: Vec<_> = header
            .kinds
            .iter()
            .map(|kind| Release {
                package: kind.package.clone(),
                version: kind.package_version.clone(),
                artifact: kind.artifact.clone(),
                file: String::new(),
            })
            .collect();
        let record = offline_record(&OfflineRecord {
            before: header.offline.len() as u64,
            plan: &self.planned.plan,
            live: &self.live,
            releases: &releases,
            counts: &counts,
            height: header.height,
            began_at_ms: self.began_at_ms,
            digest: &passed.digest,
        });
        Migrated {
            digest: passed.digest,
            engines: passed.engines,
            state_bytes: passed.state_bytes,
            memory_bytes: passed.memory_bytes,
            took_us: passed.pause_us,
            record,
        }
    }
}
