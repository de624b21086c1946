//! The generations whose code is kept, and why each is: a list that is made of what checkpoints, armed upgrades and the
//! quarantine say.

use super::about::About;
use crate::code::armed::{self, Recorded};
use crate::code::libraries::Release;
use crate::releases::{About as AboutRelease, KeepError, ReleaseFolder};
use refit_abi::codes;
use refit_abi::host::Explained;
use refit_abi::{Generation, Height};
use refit_admin::api::{
    KeptLibrary, KeptRelease, QuarantineEntry, QuarantineState, ReleaseName, ReleaseState,
    UpgradeReport, UpgradeState, WhyKept,
};
use refit_store::{ArchiveView, Fault};
use std::collections::BTreeMap;

/// The code of a kind: its name, and BLAKE3 of its library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KindCode {
    pub(crate) kind: String,
    pub(crate) artifact: String,
}

/// The generation that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveRelease {
    pub(crate) generation: Generation,
    pub(crate) kinds: Vec<KindCode>,
    /// The block with which it is permanent, if it can be taken back.
    pub(crate) until: Option<Height>,
}

/// What libraries are called, by their hashes, and as which releases generations came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    libraries: BTreeMap<String, Release>,
    releases: BTreeMap<Generation, ReleaseName>,
}

/// The releases that were imported, and what is known of them beside.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfFolder {
    pub(crate) imported: Vec<ImportedRelease>,
    /// Those with which nothing can be done.
    pub(crate) damaged: Vec<DamagedRelease>,
    /// The ids of those that are revoked.
    pub(crate) revoked: Vec<String>,
    /// The id of the one that an upgrade is under way to.
    pub(crate) staged: Option<String>,
}

/// A release that was imported.
#[derive(Clone, Debug)]
pub(crate) struct ImportedRelease {
    pub(crate) about: AboutRelease,
    pub(crate) bytes: u64,
}

impl Names {
    /// As reports of upgrades say.
    pub(crate) fn of_reports(reports: &[UpgradeReport]) -> Self {
        let mut names = Self::default();
        let committed = reports
            .iter()
            .filter(|report| report.state == UpgradeState::Committed);
        for report in committed {
            // Of two at one number the later one counts: the one before was taken back.
            match &report.release {
                Some(release) => names.releases.insert(report.to, release.clone()),
                None => names.releases.remove(&report.to),
            };
        }
        for kind in reports.iter().flat_map(|report| &report.engines) {
            names.add(Release {
                package: kind.package.clone(),
                version: kind.to_package_version.clone(),
                artifact: kind.artifact.clone(),
                file: kind.file.clone(),
            });
        }
        names
    }

    pub(crate) fn add(&mut self, release: Release) {
        self.libraries.insert(release.artifact.clone(), release);
    }
}

impl ImportedRelease {
    /// Whether one of its libraries is on record there.
    fn is_of(&self, entry: &QuarantineEntry) -> bool {
        let modules = self.about.modules.iter();
        let mut files = modules.flat_map(|module| &module.artifact);
        files.any(|file| entry.artifacts.contains(file))
    }
}

/// A release that was imported, and of which the folder has not what it should.
#[derive(Clone, Debug)]
pub(crate) struct DamagedRelease {
    id: String,
    why: Explained,
    bytes: u64,
}

impl OfFolder {
    /// The releases of a folder, each with its size.
    pub(crate) fn look(folder: &ReleaseFolder) -> Result<Self, KeepError> {
        let mut found = Self::default();
        for (id, about) in folder.all()? {
            let bytes = folder.bytes(id);
            match about {
                Ok(about) => found.imported.push(ImportedRelease { about, bytes }),
                Err(error) => found.damaged.push(DamagedRelease {
                    id: id.to_string(),
                    why: damaged(&error),
                    bytes,
                }),
            }
        }
        Ok(found)
    }
}

fn damaged(error: &KeepError) -> Explained {
    let detail = match error {
        // Its folder is there.
        KeepError::Unknown { .. } => "a record of it is missing in its folder".to_owned(),
        error => error.to_string(),
    };
    let next = "import it again, or remove it with `refit release prune`";
    Explained::new(codes::ARCHIVE_DAMAGED, detail, next)
}

/// A generation, and why it is kept.
#[derive(Default)]
struct Known {
    kinds: Vec<KindCode>,
    why: Vec<WhyKept>,
}

/// Lists what is kept, the newest generation last, and then what has failed. Without an archive only what is live.
pub(crate) fn list(
    live: LiveRelease,
    archive: Option<&dyn ArchiveView>,
    quarantine: &[QuarantineEntry],
    names: &Names,
    folder: &OfFolder,
) -> Result<Vec<KeptRelease>, Fault> {
    let mut known: BTreeMap<Generation, Known> = BTreeMap::new();
    let mut called = names.clone();
    if let Some(archive) = archive {
        let from = of_checkpoints(archive, &mut known)?;
        for recorded in in_order(archive)? {
            of_armed(&recorded, live.generation, from, &mut known);
            called.add_plan(&recorded);
        }
    }
    let (generation, until) = (live.generation, live.until);
    let it = known.entry(generation).or_default();
    it.kinds = live.kinds;
    it.why.insert(0, WhyKept::Live);
    if until.is_some()
        && let Some((_, before)) = known.range_mut(..generation).next_back()
    {
        before.why.insert(0, WhyKept::WayBack);
    }
    let shown = Shown {
        archive,
        names: &called,
    };
    let state = |of: Generation| match of.cmp(&generation) {
        std::cmp::Ordering::Less => ReleaseState::Old,
        std::cmp::Ordering::Greater => ReleaseState::Armed,
        std::cmp::Ordering::Equal if until.is_some() => ReleaseState::OnProbation,
        std::cmp::Ordering::Equal => ReleaseState::Current,
    };
    let generations = known.iter().map(|(of, it)| KeptRelease {
        generation: Some(*of),
        state: state(*of),
        until: until.filter(|_| *of == generation),
        release: called.releases.get(of).cloned(),
        libraries: shown.libraries(&it.kinds),
        why: it.why.clone(),
    });
    let mut releases: Vec<_> = generations.collect();
    let is_listed = |of: &ImportedRelease, releases: &[KeptRelease]| {
        let mut names = releases.iter().flat_map(|it| &it.release);
        names.any(|listed| listed.id == of.about.release.id)
    };
    let mut told = Vec::new();
    for imported in &folder.imported {
        if !is_listed(imported, &releases) {
            told.push(imported);
            releases.push(shown.imported(imported, folder, quarantine));
        }
    }
    releases.extend(folder.damaged.iter().map(shown_damaged));
    let is_told = |entry: &&QuarantineEntry| told.iter().any(|it| it.is_of(entry));
    let quarantine = quarantine.iter().filter(|entry| !is_told(entry));
    releases.extend(quarantine.map(|entry| shown.failed(entry)));
    Ok(releases)
}

fn shown_damaged(damaged: &DamagedRelease) -> KeptRelease {
    let DamagedRelease { id, why, bytes } = damaged;
    let (id, why) = (id.clone(), why.clone());
    // Which libraries it has is in what cannot be read.
    let libraries = KeptLibrary {
        kinds: Vec::new(),
        package: String::new(),
        version: String::new(),
        artifact: String::new(),
        bytes: Some(*bytes),
    };
    KeptRelease {
        generation: None,
        state: ReleaseState::Damaged,
        until: None,
        release: None,
        libraries: vec![libraries],
        why: vec![WhyKept::Damaged { id, why }],
    }
}

/// Notes the code of checkpoints; gives the block of the oldest.
fn of_checkpoints(
    archive: &dyn ArchiveView,
    known: &mut BTreeMap<Generation, Known>,
) -> Result<Height, Fault> {
    let checkpoints = archive.checkpoints()?;
    for checkpoint in &checkpoints {
        let Ok(about) = About::from_bytes(&checkpoint.about) else {
            continue;
        };
        let it = known.entry(about.generation).or_default();
        let code = about.kinds.iter().map(|kept| KindCode {
            kind: kept.kind.clone(),
            artifact: kept.artifact.clone(),
        });
        it.kinds = code.collect();
        let height = checkpoint.height;
        it.why.push(WhyKept::Checkpoint { height });
    }
    Ok(checkpoints.first().map_or(Height(0), |it| it.height))
}

fn in_order(archive: &dyn ArchiveView) -> Result<Vec<Recorded>, Fault> {
    let mut recorded = armed::all(archive)?;
    recorded.sort_by_key(|it| it.armed.plan.base);
    Ok(recorded)
}

/// Notes the code of an upgrade of which a record is kept.
fn of_armed(
    recorded: &Recorded,
    live: Generation,
    from: Height,
    known: &mut BTreeMap<Generation, Known>,
) {
    let plan = &recorded.armed.plan;
    let next = plan.base.next();
    let base = known.get(&plan.base).map(|base| base.kinds.clone());
    let it = known.entry(next).or_default();
    if it.kinds.is_empty() {
        it.kinds = base.unwrap_or_default();
        for module in &plan.modules {
            for kind in &module.kinds {
                let code = KindCode {
                    kind: kind.kind.clone(),
                    artifact: module.artifact.clone(),
                };
                match it.kinds.iter_mut().find(|old| old.kind == code.kind) {
                    Some(old) => *old = code,
                    None => it.kinds.push(code),
                }
            }
        }
    }
    it.why.push(match next > live {
        true => WhyKept::Armed {
            at_height: plan.at_height,
        },
        false => WhyKept::Replay { from },
    });
}

impl Names {
    fn add_plan(&mut self, recorded: &Recorded) {
        let plan = &recorded.armed.plan;
        if let Some(release) = &plan.release {
            let called = ReleaseName {
                id: release.id.clone(),
                name: release.name.clone(),
                epoch: release.epoch,
                sequence: release.sequence,
            };
            self.releases.entry(plan.base.next()).or_insert(called);
        }
        for module in &recorded.armed.plan.modules {
            self.libraries
                .entry(module.artifact.clone())
                .or_insert(Release {
                    package: module.package.clone(),
                    version: module.version.clone(),
                    artifact: module.artifact.clone(),
                    file: module.path.clone(),
                });
        }
    }
}

/// What libraries are shown with.
struct Shown<'a> {
    archive: Option<&'a dyn ArchiveView>,
    names: &'a Names,
}

impl Shown<'_> {
    /// The libraries of these kinds, each once.
    fn libraries(&self, kinds: &[KindCode]) -> Vec<KeptLibrary> {
        let mut libraries: Vec<KeptLibrary> = Vec::new();
        for KindCode { kind, artifact } in kinds {
            match libraries.iter_mut().find(|it| it.artifact == *artifact) {
                Some(known) => known.kinds.push(kind.clone()),
                None => libraries.push(KeptLibrary {
                    kinds: vec![kind.clone()],
                    ..self.library(artifact)
                }),
            }
        }
        libraries
    }

    fn library(&self, artifact: &str) -> KeptLibrary {
        let release = self.names.libraries.get(artifact);
        let path = self.archive.and_then(|archive| archive.code(artifact));
        let bytes = path.and_then(|path| std::fs::metadata(path).ok());
        KeptLibrary {
            kinds: Vec::new(),
            package: release.map_or_else(String::new, |it| it.package.clone()),
            version: release.map_or_else(String::new, |it| it.version.clone()),
            artifact: artifact.to_owned(),
            bytes: bytes.map(|it| it.len()),
        }
    }

    fn imported(
        &self,
        imported: &ImportedRelease,
        folder: &OfFolder,
        quarantine: &[QuarantineEntry],
    ) -> KeptRelease {
        let ImportedRelease { about, bytes } = imported;
        let modules = about.modules.iter();
        let mut left = Some(*bytes);
        let libraries = modules.map(|module| KeptLibrary {
            kinds: module.kinds.clone(),
            package: module.package.clone(),
            version: module.version.clone(),
            artifact: module.artifact.clone().unwrap_or_default(),
            // The release is on the disk as a whole.
            bytes: left.take(),
        });
        let verdict = quarantine.iter().find(|entry| imported.is_of(entry));
        let why = verdict.map(|entry| WhyKept::Verdict {
            code: entry.code.clone(),
        });
        let id = &about.release.id;
        let state = match verdict.map(|entry| entry.state) {
            _ if folder.revoked.contains(id) => ReleaseState::Revoked,
            _ if folder.staged.as_ref() == Some(id) => ReleaseState::Staged,
            Some(QuarantineState::Quarantined) => ReleaseState::Quarantined,
            Some(_) => ReleaseState::Failed,
            None => ReleaseState::Unpacked,
        };
        KeptRelease {
            generation: None,
            state,
            until: None,
            release: Some(about.release.clone()),
            libraries: libraries.collect(),
            why: std::iter::once(WhyKept::Imported).chain(why).collect(),
        }
    }

    fn failed(&self, entry: &QuarantineEntry) -> KeptRelease {
        let libraries = entry.artifacts.iter().enumerate().map(|(place, artifact)| {
            let mut library = self.library(artifact);
            if library.package.is_empty() {
                let named = entry.packages.get(place).map_or("", String::as_str);
                let (package, version) = named.rsplit_once(' ').unwrap_or((named, ""));
                (library.package, library.version) = (package.to_owned(), version.to_owned());
            }
            library
        });
        KeptRelease {
            generation: None,
            state: match entry.state {
                QuarantineState::Quarantined => ReleaseState::Quarantined,
                _ => ReleaseState::Failed,
            },
            until: None,
            release: None,
            libraries: libraries.collect(),
            why: vec![WhyKept::Verdict {
                code: entry.code.clone(),
            }],
        }
    }
}
