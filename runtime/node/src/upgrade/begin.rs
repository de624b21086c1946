//! Whether the upgrade of a plan can begin now, by what this node alone knows; and its beginning.

use super::attempt::Attempt;
use super::report::audit;
use super::reports::Opened;
use super::rules::Rules;
use super::taking_on::{Fitting, Met, Proposed};
use super::{State, Upgrades, refusal, under_way};
use crate::probation::OnProbation;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::Explained;
use refit_admin::Refusal;
use refit_admin::api::{Phase, Reason, UpgradeState};
use refit_kernel::{Key, KindCount};
use refit_upgrade::{Live, Plan, PlanError, Strategy};
use std::sync::Arc;

impl Upgrades {
    /// The upgrade that was taken on under a key in the block at `height`.
    pub(super) fn before(&self, key: Key, height: Height) -> Result<u64, Refusal> {
        let known = self.state.lock().reports.under(key);
        known.ok_or_else(|| {
            let detail = format!(
                "a plan was taken on under this key in block {height}, and this node keeps no report of its upgrade"
            );
            let next = "it is not taken on again; see the upgrades that are kept: refit upgrade history";
            Refusal::new(409, codes::UPGRADE_FORGOTTEN, detail, next)
        })
    }

    /// The rules for the upgrade of a plan, and its beginning, if it can begin now, as far as this node alone knows.
    pub(super) fn fits(&self, proposed: &Proposed, met: Met<'_>) -> Result<Fitting, Refusal> {
        let Met {
            table,
            counts,
            height,
        } = met;
        let plan = &proposed.plan;
        self.not_quarantined(plan)?;
        self.may_stop(plan)?;
        let mut rules = Rules::new(&self.policy, &proposed.options)?;
        if plan.directives.strategy == Strategy::Offline {
            rules.offline(self.policy.max_downtime);
        }
        // Under a key a block has it before anything is done.
        rules.entry = proposed.key.is_none().then(|| proposed.entry());
        let state = self.state.lock();
        if let Some(id) = state.reports.under_way() {
            return Err(under_way(id));
        }
        if let Some(on) = self.probation.now() {
            return Err(on_probation(&on));
        }
        let live = state.libraries.live(table);
        drop(state);
        plan.check_base(&live).map_err(|error| refusal(&error))?;
        let release = self.of_release(plan, &live, height);
        rules.release = release.map_err(|why| why.refusal())?;
        match plan.at_height {
            Some(planned) if planned < height => Err(refusal(&PlanError::Past {
                planned,
                now: height,
            })),
            Some(planned) if planned == height && proposed.key.is_some() => Err(too_soon(planned)),
            _ => Ok(Fitting {
                rules,
                live,
                counts,
            }),
        }
    }

    /// Opens the report of the upgrade of a plan that fits; returns its number.
    pub(super) fn open(&self, proposed: &Proposed, fitting: &Fitting) -> u64 {
        let key = proposed.key();
        let mut state = self.state.lock();
        let id = state.open(&proposed.plan, key, &fitting.live, &fitting.counts);
        let built = fitting.rules.release.as_ref();
        if let Some(level) = built.and_then(|release| release.built_at()) {
            let level = level.to_owned();
            state
                .reports
                .update(id, |report| report.built = Some(level));
        }
        // Under the same lock as its report: whoever sees the upgrade can take it back.
        state.recall = fitting.rules.recall.clone();
        drop(state);
        // Before a block has the key: a node that is killed behind that block finds what it was used for.
        if key.is_some() {
            self.journal_report(id);
        }
        id
    }

    /// Ends the report of an upgrade that no block has taken on.
    pub(super) fn not_taken_on(&self, id: u64, why: &Explained) {
        let mut state = self.state.lock();
        state.reports.free_key(id);
        state.reports.update(id, |report| {
            report.state = UpgradeState::Refused;
            report.reason = Some(Reason::new(Phase::Staged, why.clone()));
        });
        drop(state);
        self.journal_report(id);
    }

    /// Begins an upgrade whose report is open, on a thread of its own.
    pub(super) fn begin(self: &Arc<Self>, id: u64, proposed: &Proposed, fitting: Fitting) {
        let Fitting { rules, live, .. } = fitting;
        let plan = proposed.plan.clone();
        let code = self.report(id).map(|report| audit(&report));
        let (base, at_height) = (plan.base, plan.at_height.map(|height| height.0));
        tracing::info!(id, %base, at_height, code, "upgrade taken on");
        let attempt = Attempt::new(self.clone(), id, plan, live, rules);
        let thread = std::thread::Builder::new().name(format!("refit-upgrade-{id}"));
        // The report is open: it says why nothing follows.
        if let Err(error) = thread.spawn(move || attempt.guarded()) {
            let detail = format!("the system starts no more threads: {error}");
            let mut state = self.state.lock();
            state.reports.refuse(id, codes::NO_THREADS, &detail);
            drop(state);
            self.journal_report(id);
        }
    }
}

impl State {
    /// Opens the report of an upgrade of these live kinds, which have so many engines; gives its number.
    pub(super) fn open(
        &mut self,
        plan: &Plan,
        key: Option<Key>,
        live: &Live,
        counts: &[KindCount],
    ) -> u64 {
        let releases = live.kinds.iter();
        let releases: Vec<_> = releases
            .map(|kind| self.libraries.release(&kind.artifact))
            .collect();
        self.reports.open(&Opened {
            plan,
            key,
            live,
            releases: &releases,
            counts,
        })
    }
}

/// One generation is on probation at a time: else nobody could say what a roll-back takes back.
fn on_probation(on: &OnProbation) -> Refusal {
    let detail = format!(
        "generation {} can still be taken back, until block {}",
        on.base.next(),
        on.until
    );
    let next = "make it permanent with `refit upgrade confirm`, take it back with `refit upgrade rollback`, or wait for that block";
    Refusal::new(409, codes::ON_PROBATION, detail, next)
}

/// A block that is still to be made would have to come before the plan's height.
fn too_soon(planned: Height) -> Refusal {
    let detail = format!(
        "the plan is for height {planned}, and a plan under a key must be in a block before it begins: block {} at the \
         soonest",
        planned.next()
    );
    let next = "plan again with a later --at-height, or none; or apply it without a key";
    Refusal::new(409, codes::PLAN_HEIGHT_PASSED, detail, next)
}
