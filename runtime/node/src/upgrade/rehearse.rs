//! The node's side of a rehearsal: a copy of the engines, the files of old and new code, one child.

use super::Upgrades;
use super::attempt::Attempt;
use super::copy;
use super::refused::{UpgradeRefused, cancelled, not_cancelled, refused};
use crate::code::libraries::ModuleFiles;
use crate::limits::RETIRE_WAIT_MAX;
use crate::micros::micros;
use crate::pause::{Recall, RecallReason};
use crate::rehearsal::{
    self, ModuleAt, NEEDS_ALL, Passed, REHEARSAL_STATE_BYTES_MAX, REHEARSAL_WAIT_MAX,
    RehearsalCommand, RehearsalError, Request,
};
use parking_lot::MutexGuard;
use refit_abi::host::Explain;
use refit_abi::{Generation, codes};
use refit_admin::RehearsalOutcome;
use refit_admin::api;
use refit_kernel::{ArtifactHash, ImageScope};
use refit_loader::ProbedArtifact;
use refit_upgrade::{Phase, Plan};
use std::time::{Duration, Instant};

/// How long an upgrade waits for the end of the rehearsal that a plan's reader asked for: as long as one
/// may take, with the copy of its states.
const PLACE_WAIT_MAX: Duration = REHEARSAL_WAIT_MAX.saturating_add(RETIRE_WAIT_MAX);

/// Between two looks at whether an upgrade that waits for that place is taken back.
const PLACE_LOOK: Duration = Duration::from_millis(50);

/// A rehearsal that passed, and the code that it ran.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub(super) passed: Passed,
    /// How long no block ran so that the states could be copied.
    pub(super) copied: Duration,
}

/// What a child is asked, and of which code.
pub(super) struct Asked {
    pub(super) request: Request,
    /// The live generation.
    pub(super) generation: Generation,
    /// Of each of its kinds.
    pub(super) artifacts: Vec<ArtifactHash>,
}

/// A rehearsal's subject and its manner.
pub(super) struct Rehearsal<'a> {
    pub(super) upgrades: &'a Upgrades,
    pub(super) command: &'a RehearsalCommand,
    /// The new modules.
    pub(super) new: &'a [ProbedArtifact],
    pub(super) plan: &'a Plan,
    /// It ends at once if the upgrade is taken back.
    pub(super) recall: &'a Recall,
}

impl Attempt {
    /// Rehearses the upgrade, if its rules say so; returns the memory in bytes that it needed.
    pub(super) fn rehearse(&mut self, probed: &[ProbedArtifact]) -> Result<u64, UpgradeRefused> {
        let Some(command) = &self.rules.rehearsal else {
            tracing::info!(id = self.id, "the upgrade is not rehearsed");
            return Ok(0);
        };
        // Before the time is taken: to wait for another rehearsal is no part of this one.
        let place = self.upgrades.place(&self.rules.recall)?;
        let start = Instant::now();
        let rehearsal = Rehearsal {
            upgrades: &self.upgrades,
            command,
            new: probed,
            plan: &self.plan,
            recall: &self.rules.recall,
        };
        let Rehearsed { passed, copied } = rehearsal.run()?;
        // Before the predicted pause is judged: whoever waits for the place need not wait for a report.
        drop(place);
        let predicted_us = passed.pause_us;
        self.update(|report| {
            report.predicted_us = Some(predicted_us);
            report.digest = Some(passed.digest);
            report.copy_us = Some(micros(copied));
        });
        self.rules.accept(predicted_us)?;
        self.rules.accept_downtime(start.elapsed())?;
        tracing::info!(id = self.id, predicted_us, "upgrade rehearsed");
        self.steps.reached(Phase::Rehearsed, start)?;
        Ok(passed.memory_bytes)
    }
}

impl Rehearsal<'_> {
    /// Rehearses, and counts how it ended, unless somebody took the upgrade back.
    pub(super) fn run(&self) -> Result<Rehearsed, UpgradeRefused> {
        let began = Instant::now();
        let rehearsed = self.rehearse();
        let outcome = match rehearsed {
            Ok(_) => RehearsalOutcome::Passed,
            Err(_) => RehearsalOutcome::Failed,
        };
        // One that was called off says nothing about how rehearsals go.
        if rehearsed.is_ok() || self.recall.taken_back().is_none() {
            let metrics = &self.upgrades.metrics;
            metrics.count_rehearsal(outcome, began.elapsed());
        }
        rehearsed
    }

    fn rehearse(&self) -> Result<Rehearsed, UpgradeRefused> {
        let Self {
            upgrades,
            command,
            plan,
            recall,
            ..
        } = *self;
        let Asked {
            request,
            generation,
            artifacts,
        } = self.asked()?;
        let new_kinds = self.new.iter();
        let new_kinds = new_kinds.flat_map(|new| &new.verdict().descriptor().kinds);
        let new_kinds = new_kinds.map(|kind| kind.kind.clone());
        // An engine that starts afresh needs nothing of the state that it drops.
        let crossing = new_kinds.filter(|kind| !plan.directives.restart.contains(kind));
        let mut scope = ImageScope {
            // A function over the whole snapshot sees the states of all.
            kinds: (!plan.is_whole()).then(|| crossing.collect()),
            // No transition sees the keys and answers of clients: they would be copied for nothing.
            clients: false,
            artifacts,
            bytes_max: REHEARSAL_STATE_BYTES_MAX,
        };
        // An upgrade that is not rehearsed may come in meanwhile, and must find no handle to the code that it
        // retires. One that did already has left it for a sweep.
        upgrades.loader.sweep();
        let (mut copied, called_off) = (Duration::ZERO, || recall.taken_back().is_some());
        loop {
            let copier = copy::Copier {
                upgrades,
                generation,
                scope: scope.clone(),
                cpu_s: command.seconds(),
            };
            let copy = Box::new(|to, head| copier.copy(to, head, &mut copied));
            match rehearsal::run(command, &request, copy, &called_off) {
                Ok(found) => {
                    let passed = found.passed()?;
                    return Ok(Rehearsed { passed, copied });
                }
                Err(RehearsalError::CalledOff) => {
                    let why = recall.taken_back().unwrap_or(RecallReason::Operator);
                    return Err(cancelled(api::Phase::Rehearsed, why));
                }
                // A transition asks engines whose code does not change.
                Err(error) if error.code() == NEEDS_ALL && scope.kinds.is_some() => {
                    scope.kinds = None
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What a child is asked, of the code that is live now.
    pub(super) fn asked(&self) -> Result<Asked, UpgradeRefused> {
        let upgrades = self.upgrades;
        let table = upgrades.duty.ask(|it| it.table(), RETIRE_WAIT_MAX);
        let table = table.map_err(|_| copy::not_come())?;
        let (ModuleFiles { modules, kinds }, artifacts) = {
            let state = upgrades.state.lock();
            let files = state.libraries.files(&table)?;
            (files, state.libraries.hashes(&table))
        };
        let new = self.new.iter().map(|probed| ModuleAt {
            path: probed.staged().path_for_child(),
        });
        Ok(Asked {
            request: Request {
                old: modules,
                kinds,
                new: new.collect(),
                workers: upgrades.duty.workers(),
                plan: self.plan.clone(),
                shadow: None,
                writes: None,
            },
            generation: table.number(),
            artifacts,
        })
    }
}

impl Upgrades {
    /// The place of the one rehearsal, for an upgrade: two at a time would need the memory twice.
    pub(super) fn place(&self, recall: &Recall) -> Result<MutexGuard<'_, ()>, UpgradeRefused> {
        let deadline = Instant::now() + PLACE_WAIT_MAX;
        // In short waits: one that is taken back leaves the queue at once.
        while Instant::now() < deadline {
            if let Some(place) = self.rehearsing.try_lock_for(PLACE_LOOK) {
                return Ok(place);
            }
            not_cancelled(recall, api::Phase::Rehearsed)?;
        }
        let detail = "another rehearsal does not end";
        let next = "apply the plan again when it has ended";
        let phase = api::Phase::Rehearsed;
        Err(refused(phase, codes::REHEARSAL_UNDER_WAY, &detail, next))
    }
}
