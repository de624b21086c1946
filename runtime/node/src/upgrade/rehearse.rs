//! The node's side of a rehearsal: a copy of the engines, the files of old and new code, one child.

use super::cancel::{self, cancelled};
use super::copy;
use super::stage::{Refused, Staging, refused};
use super::{Upgrades, refusal};
use crate::limits::RETIRE_WAIT_MAX;
use crate::micros::micros;
use crate::pause::Recall;
use crate::rehearsal::{
    self, ModuleAt, NEEDS_ALL, Passed, REHEARSAL_STATE_BYTES_MAX, REHEARSAL_WAIT_MAX,
    RehearsalCommand, RehearsalError, Request,
};
use parking_lot::{Mutex, MutexGuard};
use refit_abi::Generation;
use refit_admin::Refusal;
use refit_admin::api::{self, Reason, RehearsalReport};
use refit_kernel::{Grants, ImageScope};
use refit_loader::ProbedArtifact;
use refit_upgrade::{Directives, Live, Plan, Unwatched};
use std::time::{Duration, Instant};

/// How long an upgrade waits for the end of the rehearsal that a plan's reader asked for: as long as one
/// may take, with the copy of its states.
const PLACE_WAIT_MAX: Duration = REHEARSAL_WAIT_MAX.saturating_add(RETIRE_WAIT_MAX);

/// Between two looks at whether an upgrade that waits for that place is taken back.
const PLACE_LOOK: Duration = Duration::from_millis(50);

/// A rehearsal that passed, and what it was made of.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub(super) passed: Passed,
    /// How long no block ran so that the states could be copied.
    pub(super) copied: Duration,
}

/// Rehearses bringing these modules in. Ends at once if the upgrade is taken back.
pub(super) fn rehearse(
    upgrades: &Upgrades,
    command: &RehearsalCommand,
    (new, directives): (&[ProbedArtifact], &Directives),
    recall: &Recall,
) -> Result<Rehearsed, Refused> {
    let table = upgrades.duty.ask(|it| it.table(), RETIRE_WAIT_MAX);
    let table = table.map_err(|_| copy::not_come())?;
    let ((old, kinds), artifacts) = {
        let state = upgrades.state.lock();
        let files = state.libraries.files(&table)?;
        (files, state.libraries.hashes(&table))
    };
    let new_kinds = new.iter().flat_map(|new| &new.verdict().descriptor().kinds);
    let new_kinds = new_kinds.map(|kind| kind.kind.clone());
    // What is started afresh needs nothing of the state that it drops.
    let crossing = new_kinds.filter(|kind| !directives.restart.contains(kind));
    let mut scope = ImageScope {
        kinds: Some(crossing.collect()),
        clients: false,
        artifacts,
        bytes_max: REHEARSAL_STATE_BYTES_MAX,
    };
    let new = new.iter().map(|probed| ModuleAt {
        path: probed.staged().path_for_child(),
    });
    let request = Request {
        old,
        kinds,
        new: new.collect(),
        workers: upgrades.duty.workers(),
        directives: directives.clone(),
    };
    let generation = table.number();
    // An upgrade that is not rehearsed may come in meanwhile, and must find no handle to the code that it
    // retires. One that did already has left it for a sweep.
    drop(table);
    upgrades.loader.sweep();
    let (mut copied, called_off) = (Duration::ZERO, || recall.is_taken_back());
    loop {
        let copier = copy::Copier {
            upgrades,
            generation,
            scope: scope.clone(),
            cpu_s: command.seconds(),
        };
        let copy = Box::new(|to, head| copier.copy((to, head), &mut copied));
        match rehearsal::run(command, &request, copy, &called_off) {
            Ok(passed) => return Ok(Rehearsed { passed, copied }),
            Err(RehearsalError::CalledOff) => return Err(cancelled(api::Phase::Rehearsed)),
            // A transition asks engines whose code does not change.
            Err(error) if error.code() == NEEDS_ALL && scope.kinds.is_some() => scope.kinds = None,
            Err(error) => return Err(error.into()),
        }
    }
}

impl Upgrades {
    /// Rehearses a plan, for whoever wants to know before applying it. Changes nothing.
    pub(crate) fn rehearse(&self, plan: &[u8]) -> Result<RehearsalReport, Refusal> {
        let plan = super::read_plan(plan)?;
        let command = self.policy.rehearsal.as_ref().ok_or_else(off)?;
        let (live, grants) = self.base(&plan)?;
        let _one = self.rehearsing.try_lock().ok_or_else(busy)?;
        let start = Instant::now();
        let rehearsed = self.rehearse_plan(command, &plan, (&live, &grants));
        let overtaken = self.overtaken(live.generation);
        let rehearsed = overtaken.map_or(rehearsed, |error| Err(error.into()));
        Ok(report(rehearsed, start, self.policy.max_pause))
    }

    fn rehearse_plan(
        &self,
        command: &RehearsalCommand,
        plan: &Plan,
        (live, grants): (&Live, &Grants),
    ) -> Result<Rehearsed, Refused> {
        let unwatched = Mutex::new(Unwatched);
        // Nobody takes back what does not happen.
        let recall = Recall::default();
        let mut staging = Staging::new(&self.loader, &unwatched, &recall);
        let probed = staging.probe(plan, (live, grants))?;
        rehearse(self, command, (&probed, &plan.directives), &recall)
    }

    /// The live generation and what it grants, if the plan was made for it and nothing else is under way.
    /// No handle to its code is among them: a rehearsal takes long.
    fn base(&self, plan: &Plan) -> Result<(Live, Grants), Refusal> {
        let table = self.duty.ask(|it| it.table(), RETIRE_WAIT_MAX);
        let table = table.map_err(|_| not_asked())?;
        let state = self.state.lock();
        if let Some(id) = state.reports.under_way() {
            return Err(super::under_way(id));
        }
        let live = state.libraries.live(&table);
        plan.check_base(&live).map_err(|error| refusal(&error))?;
        Ok((live, table.grants().clone()))
    }

    /// Whether another generation is live by now: then the plan is for what is no more, and what a
    /// rehearsal found says nothing, whichever state it met.
    fn overtaken(&self, planned: Generation) -> Option<RehearsalError> {
        let live = self.duty.ask(|it| it.table().number(), RETIRE_WAIT_MAX);
        let live = live.ok()?;
        (live != planned).then_some(RehearsalError::Overtaken { planned, live })
    }

    /// The place of the one rehearsal, for an upgrade: two at a time would need the memory twice.
    pub(super) fn place(&self, recall: &Recall) -> Result<MutexGuard<'_, ()>, Refused> {
        let deadline = Instant::now() + PLACE_WAIT_MAX;
        while Instant::now() < deadline {
            if let Some(place) = self.rehearsing.try_lock_for(PLACE_LOOK) {
                return Ok(place);
            }
            cancel::check(recall, api::Phase::Rehearsed)?;
        }
        let detail = "another rehearsal does not end";
        let next = "apply the plan again when it has ended";
        let phase = api::Phase::Rehearsed;
        Err(refused(phase, "rehearsal-under-way", &detail, next))
    }
}

fn report(
    rehearsed: Result<Rehearsed, Refused>,
    start: Instant,
    max_pause: Option<Duration>,
) -> RehearsalReport {
    let max_pause_us = max_pause.map(micros);
    let took_us = micros(start.elapsed());
    match rehearsed {
        Ok(Rehearsed { passed, copied }) => RehearsalReport {
            copy_us: micros(copied),
            predicted_us: Some(passed.pause_us),
            max_pause_us,
            runs: passed.runs,
            engines: passed.engines,
            state_bytes: passed.state_bytes,
            memory_bytes: passed.memory_bytes,
            digest: passed.digest,
            took_us,
            reason: None,
        },
        Err(refused) => RehearsalReport {
            copy_us: 0,
            predicted_us: None,
            max_pause_us,
            runs: 0,
            engines: 0,
            state_bytes: 0,
            memory_bytes: 0,
            digest: String::new(),
            took_us,
            reason: Some(*refused.0),
        },
    }
}

impl From<RehearsalError> for Refused {
    fn from(error: RehearsalError) -> Self {
        Self(Box::new(Reason {
            code: error.code().to_owned(),
            detail: error.to_string(),
            next: error.next(),
            phase: api::Phase::Rehearsed,
            engine: error.engine(),
            key: error.key(),
        }))
    }
}

fn off() -> Refusal {
    Refusal::new(
        409,
        "rehearsal-off",
        "the node does not rehearse",
        "start it without --no-rehearsal, or plan with --no-rehearsal",
    )
}

fn not_asked() -> Refusal {
    Refusal::new(
        503,
        "node-busy",
        "the node did not come to say what is live",
        "try again; see refit status and the node's log if it stays",
    )
}

fn busy() -> Refusal {
    Refusal::new(
        409,
        "rehearsal-under-way",
        "another plan is being rehearsed",
        "try again when it has ended",
    )
}
