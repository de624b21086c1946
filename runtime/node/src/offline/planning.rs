//! The plan of an offline upgrade: made as `refit upgrade plan` makes one, or compared with one that was made.

use super::MigrateError;
use crate::snapshot::{Offered, SnapshotFile};
use crate::trust::of_plan;
use crate::upgrade::as_planned;
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use refit_loader::{Candidate, OpenError, ProbeCommand, ProbedArtifact, StagedArtifact};
use refit_store::Sort;
use refit_upgrade::{
    Directives, LintContext, Live, LiveKind, OfferedModule, Plan, PlanError, lint, refusal,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What an offline upgrade is to bring.
#[derive(Clone, Debug)]
pub enum Coming {
    /// These libraries.
    Libraries {
        /// A library for each kind that is meant.
        offered: Vec<Offered>,
        /// What the plan orders beside them.
        directives: Box<Directives>,
    },
    /// What a plan says.
    Plan(Box<Plan>),
}

/// A library that a child process found fit.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) library: Candidate,
    pub(super) probed: ProbedArtifact,
}

impl Probed {
    pub(super) fn descriptor(&self) -> &Descriptor {
        self.probed.verdict().descriptor()
    }

    pub(super) fn kind(&self, name: &str) -> Option<&KindDescriptor> {
        let mut kinds = self.descriptor().kinds.iter();
        kinds.find(|kind| kind.kind == name)
    }

    /// BLAKE3 of it, in hexadecimal.
    pub(super) fn artifact(&self) -> String {
        self.library.id().to_string()
    }
}

/// Probes a library in a child process; nothing of it comes into this one.
pub(super) fn probe(library: Candidate, command: &ProbeCommand) -> Result<Probed, MigrateError> {
    let path = library.origin().to_owned();
    let probe = |library: Candidate| -> Result<ProbedArtifact, OpenError> {
        let staged = StagedArtifact::stage(library.inspect()?, &std::env::temp_dir())?;
        Ok(ProbedArtifact::probe(staged, command)?)
    };
    let probed = probe(library.clone());
    let probed = probed.map_err(|why| MigrateError::Library { path, why })?;
    Ok(Probed { library, probed })
}

/// Reads and probes a library that comes in.
fn probe_file(path: &Path, command: &ProbeCommand) -> Result<Probed, MigrateError> {
    let library = Candidate::read(path).map_err(|why| MigrateError::Library {
        path: path.to_owned(),
        why: why.into(),
    })?;
    probe(library, command)
}

/// The generation of a snapshot, as a plan sees it.
pub(super) fn live(
    file: &SnapshotFile,
    old: &BTreeMap<String, Probed>,
) -> Result<Live, MigrateError> {
    let header = file.header();
    let kind = |kind: &crate::snapshot::SnapshotKind| {
        let library = old.get(&kind.artifact);
        let descriptor = library.and_then(|library| library.kind(&kind.kind));
        let descriptor = descriptor.ok_or_else(|| {
            let (kind, artifact) = (&kind.kind, &kind.artifact);
            file.content(format!("the library {artifact} has no kind `{kind}`"))
        })?;
        Ok(LiveKind {
            descriptor: descriptor.clone(),
            artifact: kind.artifact.clone(),
        })
    };
    Ok(Live {
        generation: header.generation,
        kinds: header
            .kinds
            .iter()
            .map(kind)
            .collect::<Result<_, MigrateError>>()?,
    })
}

/// A plan, and the code that comes in with it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// In the order of the plan's modules.
    pub(super) new: Vec<Probed>,
}

impl Coming {
    /// Makes the plan, or compares it with the code: what the linter refuses for a node is refused here.
    pub(super) fn plan(
        &self,
        file: &SnapshotFile,
        live: &Live,
        probe: &ProbeCommand,
    ) -> Result<Planned, MigrateError> {
        let meant = self.meant();
        let new: Vec<_> = meant
            .iter()
            .map(|(_, path)| probe_file(path, probe))
            .collect::<Result<_, _>>()?;
        let offered = meant.into_iter().zip(&new);
        let offered: Vec<_> = offered
            .map(|((meant, path), probed)| OfferedModule {
                path: absolute(&path).display().to_string(),
                artifact: probed.artifact(),
                meant,
                descriptor: probed.descriptor().clone(),
                outside: probed.probed.staged().inspection().outside_words(),
            })
            .collect();
        let plan = match self {
            Self::Libraries { directives, .. } => {
                let mut plan = Plan::make_with(live, &offered, None, directives)?;
                plan.findings = lint(&plan, live, &offered, &context(file)?);
                plan
            }
            Self::Plan(plan) => {
                fits(plan, file, live, &offered)?;
                (**plan).clone()
            }
        };
        // The findings of another day's plan are not those of today.
        let findings = lint(&plan, live, &offered, &context(file)?);
        match refusal(&plan, &findings) {
            Some(found) => Err(MigrateError::Lint(Box::new(found))),
            None => Ok(Planned { plan, new }),
        }
    }

    /// The libraries, each with the kind that is meant if one was named.
    fn meant(&self) -> Vec<(Option<String>, PathBuf)> {
        match self {
            Self::Libraries { offered, .. } => {
                let meant = |it: &Offered| (Some(it.kind.clone()), it.path.clone());
                offered.iter().map(meant).collect()
            }
            Self::Plan(plan) => {
                let modules = plan.modules.iter();
                modules
                    .map(|module| (None, PathBuf::from(&module.path)))
                    .collect()
            }
        }
    }
}

/// Whether a plan was made for this snapshot's code, and for these libraries.
fn fits(
    plan: &Plan,
    file: &SnapshotFile,
    live: &Live,
    offered: &[OfferedModule],
) -> Result<(), MigrateError> {
    plan.check_bounds()?;
    is_admitted(plan, file)?;
    plan.check_base(live)?;
    let height = file.header().height;
    if let Some(planned) = plan.at_height.filter(|planned| *planned != height) {
        return Err(MigrateError::OtherHeight { planned, height });
    }
    for (module, found) in plan.modules.iter().zip(offered) {
        if module.artifact != found.artifact {
            return Err(MigrateError::from(PlanError::Changed {
                path: found.path.clone(),
                found: found.artifact.clone(),
                planned: module.artifact.clone(),
            }));
        }
    }
    // Its own paths: they are compared too, and a relative one is another here.
    let mut offered = offered.to_vec();
    for (module, found) in plan.modules.iter().zip(&mut offered) {
        found.path.clone_from(&module.path);
    }
    let again = Plan::make_with(live, &offered, plan.at_height, &plan.directives)?;
    Ok(as_planned(&again, plan)?)
}

/// Whether a node that goes on from the snapshot would take the release that the plan brings, if it brings one.
fn is_admitted(plan: &Plan, file: &SnapshotFile) -> Result<(), MigrateError> {
    let Some(planned) = &plan.release else {
        return Ok(());
    };
    let id = || planned.id.clone();
    let came = of_plan(plan).ok_or_else(|| MigrateError::NoRelease { id: id() })?;
    let admitted = file.taken_over()?.admits(came);
    admitted.map_err(|error| MigrateError::Release(Box::new(error)))
}

/// What the linter knows of a snapshot. No blocks come, and it has no quarantine list.
fn context(file: &SnapshotFile) -> Result<LintContext, MigrateError> {
    let mut context = LintContext {
        grants: file.parameters()?.grants,
        ..LintContext::default()
    };
    let kinds = &file.header().kinds;
    for engine in file.engines() {
        let kind = kinds[engine.kind].kind.clone();
        *context.poisoned.entry(kind).or_default() += u64::from(engine.state_bytes.is_none());
    }
    Ok(context)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether a snapshot brings its libraries along.
pub(super) fn has_code(file: &SnapshotFile) -> bool {
    let mut records = file.reader.records().iter();
    records.any(|record| record.name.sort == Sort::Code)
}
