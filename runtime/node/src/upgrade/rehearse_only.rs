//! A rehearsal that a plan's reader asks for: nothing comes of it but its report.

use super::probe::Probing;
use super::refused::UpgradeRefused;
use super::rehearse::{Rehearsal, Rehearsed};
use super::steps::Steps;
use super::{FindStretch, Upgrades, refusal};
use crate::limits::RETIRE_WAIT_MAX;
use crate::micros::micros;
use crate::pause::{Recall, RecallReason};
use crate::rehearsal::{RehearsalCommand, RehearsalError};
use refit_abi::Generation;
use refit_abi::codes;
use refit_admin::Refusal;
use refit_admin::api::{self, RehearsalReport, ShadowReport};
use refit_kernel::Grants;
use refit_upgrade::{Live, Plan};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The generation that a rehearsal starts from. No handle to its code is in it: a rehearsal takes long, and a module is
/// unmapped only when nobody holds it.
struct Base {
    live: Live,
    grants: Grants,
}

impl Upgrades {
    /// Rehearses a plan before it is applied, and looks what the new code answers to the blocks of `stretch`. Changes
    /// nothing. It ends early once `recall` says that nobody waits for it.
    pub(crate) fn rehearse(
        &self,
        plan: &[u8],
        recall: &Arc<Recall>,
        stretch: &FindStretch,
    ) -> Result<RehearsalReport, Refusal> {
        let plan = super::read_plan(plan)?;
        let command = self.policy.rehearsal.as_ref().ok_or_else(off)?;
        self.starts_again()?;
        let Base { live, grants } = self.base(&plan)?;
        // Before anything of its libraries is looked at.
        self.of_release(&plan, &live, self.store.last())
            .map_err(|why| why.refusal())?;
        let _one = self.rehearsing.try_lock().ok_or_else(busy)?;
        self.note_asked(recall)?;
        let start = Instant::now();
        let probing = Probing {
            loader: &self.loader,
            offered: &self.offered,
            plan: &plan,
            live: &live,
            grants: &grants,
            refuses_new_capabilities: self.policy.refuses_new_capabilities,
        };
        let rehearsed = self.rehearse_probed(command, &probing, recall, stretch);
        let overtaken = self.overtaken(live.generation);
        let rehearsed = overtaken.map_or(rehearsed, |error| Err(error.into()));
        Ok(report(rehearsed, start, self.policy.max_pause))
    }

    /// Whoever tells the node to end, ends this rehearsal too.
    fn note_asked(&self, recall: &Arc<Recall>) -> Result<(), Refusal> {
        let mut asked = self.asked.lock();
        if asked.ends {
            return Err(crate::answers::refusals::ended());
        }
        asked.under_way = Some(recall.clone());
        Ok(())
    }

    /// The node is told to end: nobody gets the report of the rehearsal of a plan any more, and none begins. No release is built.
    pub(crate) fn end_rehearsals(&self) {
        self.builds.end();
        let mut asked = self.asked.lock();
        asked.ends = true;
        if let Some(recall) = asked.under_way.take() {
            // One that has ended is not touched by this.
            let _ = recall.take_back(RecallReason::Operator);
        }
    }

    fn rehearse_probed(
        &self,
        command: &RehearsalCommand,
        probing: &Probing<'_>,
        recall: &Arc<Recall>,
        stretch: &FindStretch,
    ) -> Result<(Rehearsed, ShadowReport), UpgradeRefused> {
        let probed = probing.run(&mut Steps::unwatched(recall.clone()))?;
        let rehearsal = Rehearsal {
            upgrades: self,
            command,
            new: &probed,
            plan: probing.plan,
            recall,
        };
        let rehearsed = rehearsal.run()?;
        let shadow = rehearsal.shadow(stretch);
        // Nobody reads of it.
        super::refused::not_cancelled(recall, api::Phase::Rehearsed)?;
        Ok((rehearsed, shadow))
    }

    /// The live generation, if the plan was made for it and nothing else is under way.
    fn base(&self, plan: &Plan) -> Result<Base, Refusal> {
        let table = self.duty.ask(|it| it.table(), RETIRE_WAIT_MAX);
        let table = table.map_err(|_| not_asked())?;
        let state = self.state.lock();
        if let Some(id) = state.reports.under_way() {
            return Err(super::under_way(id));
        }
        let live = state.libraries.live(&table);
        plan.check_base(&live).map_err(|error| refusal(&error))?;
        Ok(Base {
            live,
            grants: table.grants().clone(),
        })
    }

    /// Whether another generation is live by now: then the plan is for what is no more, and what a
    /// rehearsal found says nothing, whichever state it met.
    fn overtaken(&self, planned: Generation) -> Option<RehearsalError> {
        let live = self.duty.ask(|it| it.table().number(), RETIRE_WAIT_MAX);
        let live = live.ok()?;
        (live != planned).then_some(RehearsalError::Overtaken { planned, live })
    }
}

fn report(
    rehearsed: Result<(Rehearsed, ShadowReport), UpgradeRefused>,
    start: Instant,
    max_pause: Option<Duration>,
) -> RehearsalReport {
    let max_pause_us = max_pause.map(micros);
    let took_us = micros(start.elapsed());
    match rehearsed {
        Ok((Rehearsed { passed, copied }, shadow)) => RehearsalReport {
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
            shadow: Some(shadow),
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
            shadow: None,
        },
    }
}

fn off() -> Refusal {
    Refusal::new(
        409,
        codes::REHEARSAL_OFF,
        "the node does not rehearse",
        "start it without --no-rehearsal, or plan with --no-rehearsal",
    )
}

fn not_asked() -> Refusal {
    Refusal::new(
        503,
        codes::NODE_BUSY,
        "the node did not say in time what is live",
        "try again; see refit status and the node's log if it stays",
    )
}

fn busy() -> Refusal {
    Refusal::new(
        409,
        codes::REHEARSAL_UNDER_WAY,
        "another plan is being rehearsed",
        "try again when it has ended",
    )
}
