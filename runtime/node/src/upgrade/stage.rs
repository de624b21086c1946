//! Everything before the pause but the rehearsal: read, inspect, stage, probe, load, arm. Whatever fails here leaves
//! the node as it was; what was mapped is retired by the caller.

use super::cancel;
use crate::micros::micros;
use crate::pause::Recall;
use parking_lot::Mutex;
use refit_admin::api;
use refit_kernel::{GenerationTable, Grants};
use refit_loader::{Candidate, LoadedModule, Loader, ProbedArtifact};
use refit_upgrade::{
    Armed, Directives, Live, Phase, Plan, PlanError, PlannedModule, Surroundings, Watch, lint,
    refusal,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Why an upgrade was refused before its pause.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Box<api::Reason>);

/// Collects what staging has done so far.
pub(super) struct Staging<'a> {
    pub(super) loader: &'a Loader,
    pub(super) watch: &'a Mutex<dyn Watch>,
    recall: &'a Recall,
    /// The modules that are mapped by now.
    pub(super) loaded: Vec<LoadedModule>,
    /// The phases that are done, with their times in microseconds.
    pub(super) phases: Vec<api::PhaseTime>,
}

impl<'a> Staging<'a> {
    pub(super) fn new(loader: &'a Loader, watch: &'a Mutex<dyn Watch>, recall: &'a Recall) -> Self {
        Self {
            loader,
            watch,
            recall,
            loaded: Vec::new(),
            phases: Vec::new(),
        }
    }

    /// From the files to modules that a child process found fit; none of their code is here yet.
    pub(super) fn probe(
        &mut self,
        plan: &Plan,
        (live, grants): (&Live, &Grants),
    ) -> Result<Vec<ProbedArtifact>, Refused> {
        let start = Instant::now();
        let mut staged = Vec::new();
        for planned in &plan.modules {
            staged.push(self.stage(planned)?);
        }
        self.reached(Phase::Staged, api::Phase::Staged, start)?;
        let start = Instant::now();
        let mut probed = Vec::new();
        for artifact in staged {
            let refused = |error: refit_loader::ProbeError| {
                refused(api::Phase::Probed, error.code(), &error, error.next())
            };
            probed.push(self.loader.probe(artifact).map_err(refused)?);
        }
        self.check_plan(plan, (live, grants), &probed)?;
        self.reached(Phase::Probed, api::Phase::Probed, start)?;
        Ok(probed)
    }

    /// From probed modules to an armed upgrade.
    pub(super) fn load(
        &mut self,
        probed: Vec<ProbedArtifact>,
        table: &Arc<GenerationTable>,
        directives: &Directives,
    ) -> Result<Arc<Armed>, Refused> {
        let start = Instant::now();
        for artifact in probed {
            let refused = |error: refit_loader::LoadError| {
                refused(api::Phase::Armed, error.code(), &error, error.next())
            };
            self.loaded
                .push(self.loader.load(artifact).map_err(refused)?);
        }
        let armed = self.arm(table, directives)?;
        self.reached(Phase::Armed, api::Phase::Armed, start)?;
        Ok(armed)
    }

    fn stage(&self, planned: &PlannedModule) -> Result<refit_loader::StagedArtifact, Refused> {
        let phase = api::Phase::Staged;
        let candidate = Candidate::read(Path::new(&planned.path))
            .map_err(|error| refused(phase, error.code(), &error, error.next()))?;
        let found = candidate.id().to_string();
        if found != planned.artifact {
            let (path, planned) = (planned.path.clone(), planned.artifact.clone());
            return Err(refused_plan(
                phase,
                &PlanError::Changed {
                    path,
                    found,
                    planned,
                },
            ));
        }
        let inspected = candidate
            .inspect()
            .map_err(|error| refused(phase, error.code(), &error, error.next()))?;
        self.loader
            .stage(inspected)
            .map_err(|error| refused(phase, error.code(), &error, error.next()))
    }

    /// Whether the code gives what the plan says: the plan is made again, from what was probed.
    fn check_plan(
        &self,
        plan: &Plan,
        (live, grants): (&Live, &Grants),
        probed: &[ProbedArtifact],
    ) -> Result<(), Refused> {
        let phase = api::Phase::Probed;
        let candidates: Vec<_> = plan
            .modules
            .iter()
            .zip(probed)
            .map(|(planned, probed)| refit_upgrade::Candidate {
                path: planned.path.clone(),
                artifact: planned.artifact.clone(),
                meant: None,
                descriptor: probed.verdict().descriptor().clone(),
                outside: probed.staged().inspection().outside_words(),
            })
            .collect();
        let again = Plan::make_with(live, &candidates, plan.at_height, &plan.directives)
            .map_err(|error| refused_plan(phase, &error))?;
        let kinds = |plan: &Plan| -> Vec<(String, refit_upgrade::Class)> {
            let kinds = plan.modules.iter().flat_map(|module| &module.kinds);
            kinds.map(|kind| (kind.kind.clone(), kind.class)).collect()
        };
        for ((kind, planned), (_, found)) in kinds(plan).into_iter().zip(kinds(&again)) {
            if planned != found {
                return Err(refused_plan(
                    phase,
                    &PlanError::Class {
                        kind,
                        planned,
                        found,
                    },
                ));
            }
        }
        if again.modules != plan.modules || again.carried != plan.carried {
            let error = PlanError::Base {
                planned: plan.base,
                live: live.generation,
            };
            return Err(refused_plan(phase, &error));
        }
        let surroundings = Surroundings {
            grants: grants.clone(),
            ..Surroundings::default()
        };
        let findings = lint(&again, live, &candidates, &surroundings);
        match refusal(plan, &findings) {
            Some(found) => Err(refused(phase, found.code, &found.reason, found.next)),
            None => Ok(()),
        }
    }

    /// Arms on a thread of its own: it calls into the new modules, and every thread that does must
    /// end before they can be unmapped.
    fn arm(
        &self,
        table: &Arc<GenerationTable>,
        directives: &Directives,
    ) -> Result<Arc<Armed>, Refused> {
        let directives = directives.clone();
        let modules: Vec<_> = self
            .loaded
            .iter()
            .map(|loaded| loaded.module().clone())
            .collect();
        let table = table.clone();
        let thread = std::thread::Builder::new().name("refit-arm".to_owned());
        let armed = thread
            .spawn(move || Armed::new(&table, &modules, &directives))
            .map_err(|error| {
                refused(
                    api::Phase::Armed,
                    "no-threads",
                    &error,
                    "raise the limit of processes",
                )
            })?
            .join();
        match armed {
            Ok(Ok(armed)) => Ok(Arc::new(armed)),
            Ok(Err(error)) => Err(refused(
                api::Phase::Armed,
                error.code(),
                &error,
                error.next(),
            )),
            Err(_) => Err(refused(
                api::Phase::Armed,
                "arming-panicked",
                &"the node's own code panicked",
                "the node goes on; please report it with the log",
            )),
        }
    }

    pub(super) fn reached(
        &mut self,
        phase: Phase,
        shown: api::Phase,
        start: Instant,
    ) -> Result<(), Refused> {
        cancel::check(self.recall, shown)?;
        let us = micros(start.elapsed());
        self.watch.lock().reached(phase).map_err(|withdrawn| {
            refused(
                shown,
                "withdrawn",
                &withdrawn,
                "apply the plan again when ready",
            )
        })?;
        self.phases.push(api::PhaseTime { phase: shown, us });
        Ok(())
    }
}

pub(super) fn refused(
    phase: api::Phase,
    code: impl Into<String>,
    detail: &impl ToString,
    next: impl Into<String>,
) -> Refused {
    Refused(Box::new(api::Reason {
        phase,
        code: code.into(),
        detail: detail.to_string(),
        next: next.into(),
        engine: None,
        key: None,
    }))
}

pub(super) fn refused_plan(phase: api::Phase, error: &PlanError) -> Refused {
    refused(phase, error.code(), error, error.next())
}
