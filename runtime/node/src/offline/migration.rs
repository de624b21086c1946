//! [`Migration`]: an upgrade of a snapshot, from its file to the file of another.

use super::planning::{Planned, Probed, has_code, live, probe};
use super::{Coming, MigrateError, OldCode};
use crate::blocks::chain;
use crate::blocks::clock::{Clock as _, SystemClock};
use crate::code::libraries::Release;
use crate::recovery::about::{About, KeptKind};
use crate::rehearsal::{
    self, Copying, ModuleAt, Passed, RehearsalCommand, RehearsalError, Request, Writes,
};
use crate::snapshot::finish::{Beside, Embedded, parameters};
use crate::snapshot::{SnapshotFile, SnapshotKind, Unfinished};
use crate::upgrade::{OfflineRecord, offline_record};
use refit_admin::api::UpgradeRecord;
use refit_kernel::{ArtifactHash, KindCount};
use refit_loader::ProbeCommand;
use refit_ordering::{CodeManifest, Ground, KindCode, ParametersHash, UpgradeEnd, UpgradeOutcome};
use refit_store::snapshot_begin;
use refit_upgrade::{Live, Plan};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
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
    file: SnapshotFile,
    /// By their hashes.
    old: BTreeMap<String, Probed>,
    live: Live,
    planned: Planned,
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
        };
        let (records, begin) = self.file.image_records()?;
        let image = Image {
            file: File::open(self.file.path()).map_err(Unfinished::System)?,
            begin,
            length: records.iter().map(|record| record.length).sum(),
        };
        let copy = Box::new(move |to, head| image.copy(to, head));
        // Nobody calls it off: it ends with this process.
        let passed = rehearsal::run(&self.runs.child, &request, copy, &|| false)?;
        Ok(passed)
    }

    /// BLAKE3 of the library of each kind of the new generation.
    fn artifacts(&self) -> BTreeMap<String, ArtifactHash> {
        let hash = |probed: &Probed| ArtifactHash(probed.library.id().to_bytes());
        let kinds = self.live.kinds.iter();
        let live = kinds.filter_map(|kind| {
            let library = self.old.get(&kind.artifact)?;
            Some((kind.descriptor.kind.clone(), hash(library)))
        });
        let new = self.planned.new.iter().flat_map(|new| {
            let kinds = new.descriptor().kinds.iter();
            kinds.map(move |kind| (kind.kind.clone(), hash(new)))
        });
        live.chain(new).collect()
    }

    /// The library of each kind of the new generation, in the order of its table: what is replaced keeps its place.
    fn table(&self) -> Vec<(String, &Probed)> {
        let comes = |name: &str| {
            let mut new = self.planned.new.iter();
            new.find(|new| new.kind(name).is_some())
        };
        let kinds = self.live.kinds.iter();
        let mut table: Vec<_> = kinds
            .filter_map(|kind| {
                let name = &kind.descriptor.kind;
                let library = comes(name).or_else(|| self.old.get(&kind.artifact))?;
                Some((name.clone(), library))
            })
            .collect();
        for new in &self.planned.new {
            for kind in &new.descriptor().kinds {
                if table.iter().all(|(name, _)| *name != kind.kind) {
                    table.push((kind.kind.clone(), new));
                }
            }
        }
        table
    }

    fn beside(
        &self,
        file: &File,
        record: &UpgradeRecord,
        with_code: bool,
    ) -> Result<Beside, MigrateError> {
        let header = self.file.header();
        let about = header.about().map_err(|why| self.file.content(why))?;
        let mut kept: BTreeMap<_, _> = about
            .kinds
            .iter()
            .map(|it| (&it.artifact, &it.file))
            .collect();
        let modules = self.planned.plan.modules.iter();
        kept.extend(modules.map(|module| (&module.artifact, &module.path)));
        let (mut kinds, mut codes, mut shown, mut libraries) =
            (vec![], vec![], vec![], BTreeMap::new());
        for (name, library) in self.table() {
            let (module, artifact) = (library.descriptor(), library.artifact());
            let Some(kind) = library.kind(&name) else {
                continue;
            };
            codes.push(KindCode::of(module, kind, artifact.clone()));
            shown.push(SnapshotKind::of(module, kind, artifact.clone()));
            kinds.push(KeptKind {
                kind: name,
                file: kept
                    .get(&artifact)
                    .map_or_else(String::new, |file| (*file).clone()),
                artifact: artifact.clone(),
            });
            libraries.insert(artifact, library);
        }
        let ground = Ground {
            outcome: Some(UpgradeOutcome {
                plan: chain::digest(&self.planned.plan),
                end: UpgradeEnd::Committed,
            }),
            manifest: CodeManifest::new(codes).hash(),
            parameters: ParametersHash(parameters(file)?.hash().0),
            ..about.ground()
        };
        let embed = |(artifact, library): (String, &Probed)| Embedded {
            artifact,
            bytes: Box::new(Cursor::new(library.library.bytes().to_vec())),
        };
        let mut offline = header.offline.clone();
        offline.extend(serde_json::to_value(record).ok());
        Ok(Beside {
            about: About::of_kinds(&ground, self.live.generation.next(), kinds),
            ground,
            kinds: shown,
            identity: header.identity.get().as_bytes().to_vec(),
            offline,
            code: match with_code {
                true => libraries.into_iter().map(embed).collect(),
                false => Vec::new(),
            },
        })
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

/// The image of a snapshot, on its way to the child.
struct Image {
    file: File,
    begin: u64,
    length: u64,
}

impl Image {
    fn copy(
        self,
        to: impl Write + Send + 'static,
        head: Vec<u8>,
    ) -> Result<Box<dyn Copying>, RehearsalError> {
        let failed = |source| RehearsalError::Stream(refit_kernel::StreamError::Read { source });
        let Self {
            mut file,
            begin,
            length,
        } = self;
        file.seek(SeekFrom::Start(begin)).map_err(failed)?;
        let write = move || {
            let mut to = to;
            // A child that has ended says itself why, and one that gets less says that.
            let _ = to
                .write_all(&head)
                .and_then(|()| io::copy(&mut file.take(length), &mut to));
        };
        let thread = std::thread::Builder::new().name("refit-migration".to_owned());
        thread.spawn(write).map_err(failed)?;
        Ok(Box::new(Written))
    }
}

/// The copy's writer: it knows no more than the child says.
struct Written;

impl Copying for Written {
    fn failure(&mut self) -> Option<RehearsalError> {
        None
    }
}
