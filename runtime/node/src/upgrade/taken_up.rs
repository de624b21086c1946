//! An upgrade that was armed when the node ended, and that no block tells of: it is tried again. The attempt is written down
//! before it is made; after the second one that ended the node, its code goes into quarantine.

use super::Upgrades;
use super::attempt::Attempt;
use super::rules::Rules;
use crate::code::armed::{self, Armed};
use crate::code::quarantine::Forbidden;
use crate::limits::{RETIRE_WAIT_MAX, UNRELEASED_BLOCKS_MAX, UPGRADE_ATTEMPTS_MAX};
use crossbeam_channel::{Receiver, bounded};
use refit_abi::host::Explained;
use refit_abi::{Height, codes};
use refit_admin::ApplyOptions;
use refit_admin::api::{QuarantineEntry, QuarantineState, Reason};
use refit_ordering::{Entry, PlanDigest};
use refit_store::{Archive, Fault};
use std::sync::Arc;

/// An upgrade that may have ended the node.
pub(crate) struct Open {
    pub(crate) armed: Armed,
    pub(crate) plan: PlanDigest,
    /// The newest block.
    pub(crate) height: Height,
    /// Its entry in the log, if no block has it.
    pub(crate) entry: Option<Entry>,
}

/// Disconnects once an upgrade that was taken up is armed, or has ended; nothing is ever sent.
pub(crate) type Staged = Receiver<()>;

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It waits for its height, as it did.
    Waits,
    /// It is tried once more.
    Again,
    /// It has ended the node too often.
    GivenUp,
}

impl Next {
    /// Of an upgrade that is to come, on a node whose newest block is that at `height`.
    pub(crate) fn of(armed: &Armed, height: Height) -> Self {
        // It begins at a start that comes to its height, and nowhere else.
        if armed.is_offline() && armed.plan.at_height.is_some_and(|planned| planned > height) {
            return Self::Waits;
        }
        // The last blocks may be lost with the crash: the pause may have been behind them.
        let may_have_begun = match armed.plan.at_height {
            Some(planned) => planned.0 <= height.0 + UNRELEASED_BLOCKS_MAX as u64,
            None => true,
        };
        match (may_have_begun, armed.attempts) {
            (false, _) => Self::Waits,
            (true, ..UPGRADE_ATTEMPTS_MAX) => Self::Again,
            (true, _) => Self::GivenUp,
        }
    }
}

impl Upgrades {
    /// Takes it up again, on a thread of its own, if it is to be; whoever wants to wait until it is armed can.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be written down: nothing is tried then.
    pub(crate) fn take_up(
        self: &Arc<Self>,
        open: Open,
        archive: &dyn Archive,
    ) -> Result<Option<Staged>, Fault> {
        let attempts = self.count(&open, archive)?;
        let Some(attempts) = attempts else {
            return Ok(None);
        };
        let mut plan = open.armed.plan.clone();
        let mut came_from = Vec::new();
        for module in &mut plan.modules {
            let Some(kept) = archive.code(&module.artifact) else {
                let (artifact, file) = (&module.artifact, &module.path);
                tracing::warn!(
                    artifact,
                    file,
                    "the upgrade is not taken up again: its library is not kept"
                );
                let detail = format!(
                    "the node ended while it was armed, and its library {artifact} is not kept"
                );
                let why = Explained::new(codes::KEPT_CODE_MISSING, detail, "make another plan");
                self.did_not_happen(&plan, why);
                armed::forget_plan(&open.plan, archive)?;
                return Ok(None);
            };
            let path = std::mem::replace(&mut module.path, kept.display().to_string());
            came_from.push((module.artifact.clone(), path));
        }
        let look =
            |executor: &mut refit_kernel::Executor| (executor.table(), executor.kind_counts());
        let Ok((table, counts)) = self.duty.ask(look, RETIRE_WAIT_MAX) else {
            // The crew does not answer: the next start finds it as this one did.
            return Ok(None);
        };
        // It was rehearsed before it was armed.
        let options = ApplyOptions {
            no_rehearsal: true,
            ..ApplyOptions::default()
        };
        let Ok(mut rules) = Rules::new(&self.policy, &options) else {
            return Ok(None);
        };
        rules.attempts = attempts;
        rules.entry = open.entry;
        let is_offline = open.armed.is_offline();
        if is_offline {
            rules.offline(None);
            // Nobody is served yet, and no block is made: it is carried out here.
            rules.while_starting = plan.at_height.is_none_or(|planned| planned == open.height);
        }
        let while_starting = rules.while_starting;
        rules.is_recorded = while_starting;
        let (armed_again, staged) = bounded(0);
        rules.staged = Some(armed_again);
        let mut state = self.state.lock();
        if state.reports.under_way().is_some() {
            // What was ordered meanwhile goes first; the next start looks again.
            return Ok(None);
        }
        let live = state.libraries.live(&table);
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        if let Err(error) = plan.check_base(&live) {
            tracing::warn!("the upgrade is not taken up again: {error}");
            drop(state);
            self.did_not_happen(&plan, Explained::of(&error));
            armed::forget_plan(&open.plan, archive)?;
            return Ok(None);
        }
        let opened = state.open(&plan, open.armed.key, &live, &counts);
        // The report that the life before has left open is this one's.
        let id = state.reports.goes_on(opened);
        let foreseen = open.armed.foreseen.clone();
        state.reports.update(id, |report| foreseen.tell(report));
        state.recall = rules.recall.clone();
        let attempt = Attempt::new(self.clone(), id, plan, live, rules);
        let upgrades = self.clone();
        let (digest, before) = (open.plan, open.armed.clone());
        let work = move || {
            attempt.guarded();
            upgrades.not_counted(id, &digest, &before);
            let mut state = upgrades.state.lock();
            for (artifact, path) in came_from {
                state.libraries.came_from(artifact, path);
            }
        };
        if while_starting {
            drop(state);
            work();
            self.was_offline(id, open.armed.stopped_at_ms);
            return Ok(None);
        }
        let thread = std::thread::Builder::new().name(format!("refit-upgrade-{id}"));
        if let Err(error) = thread.spawn(work) {
            let detail = format!("the system starts no more threads: {error}");
            state.reports.refuse(id, codes::NO_THREADS, &detail);
            drop(state);
            self.journal_report(id);
        }
        Ok(Some(staged))
    }

    /// What an earlier life has left open, and this one does not go on with, did not happen.
    pub(crate) fn close_left_open(&self) {
        let mut state = self.state.lock();
        let closed = state.reports.close_left_open();
        drop(state);
        closed.into_iter().for_each(|id| self.journal_report(id));
    }

    /// An attempt that ended because the node was told to end is none: it says nothing of the code.
    fn not_counted(&self, id: u64, digest: &PlanDigest, before: &Armed) {
        let is_ended = |why: Reason| why.code == codes::NODE_ENDED;
        let was_told = self
            .report(id)
            .is_some_and(|it| it.reason.is_some_and(is_ended));
        let Some(archive) = self.store.archive().filter(|_| was_told) else {
            return;
        };
        if let Ok(Some(_)) = armed::find(digest, archive)
            && let Err(fault) = before.record(digest, archive)
        {
            tracing::warn!("an attempt that the node's end has cut short stays counted: {fault}");
        }
    }

    /// Writes the attempt down; `None` if there is none any more.
    fn count(&self, open: &Open, archive: &dyn Archive) -> Result<Option<u32>, Fault> {
        let plan = &open.armed.plan;
        let (attempts, packages) = (open.armed.attempts, plan.packages().join(", "));
        // A pause that did not end has restarted the node: the list says in which engine.
        if let Some(Forbidden { entry, .. }) = self.forbidden(plan) {
            let why = &entry.reason;
            tracing::warn!(
                packages,
                "the upgrade that was armed is not tried again: {why}"
            );
            let next = "the code is in quarantine; bring a mended build";
            let why = Explained::new(entry.code, entry.reason, next);
            self.did_not_happen(plan, why);
            armed::forget_plan(&open.plan, archive)?;
            return Ok(None);
        }
        if let Some(came) = crate::trust::of_plan(plan)
            && let Err(revoked) = self.trust.not_revoked(came.release)
        {
            tracing::warn!(
                packages,
                "the upgrade that was armed is not tried again: {revoked}"
            );
            self.did_not_happen(plan, Explained::of(&revoked));
            armed::forget_plan(&open.plan, archive)?;
            return Ok(None);
        }
        match Next::of(&open.armed, open.height) {
            Next::Waits => {
                let at_height = plan.at_height.map(|height| height.0);
                tracing::info!(
                    at_height,
                    packages,
                    "an upgrade was armed when the node ended: it waits on for its height"
                );
                Ok(Some(attempts))
            }
            Next::Again => {
                let attempts = attempts + 1;
                tracing::warn!(
                    attempts,
                    packages,
                    "an upgrade was armed when the node ended, and no block tells of it: it is tried again"
                );
                let counted = open.armed.clone().counted(attempts);
                counted.record(&open.plan, archive)?;
                Ok(Some(attempts))
            }
            Next::GivenUp => {
                tracing::error!(
                    attempts,
                    packages,
                    "the node has ended as often in an upgrade as it is tried: the upgrade is given up, and its code is \
                     in quarantine"
                );
                self.policy.quarantine.record(QuarantineEntry {
                    artifacts: plan.artifacts(),
                    packages: plan.packages(),
                    at_ms: self.now_ms(),
                    height: open.height.0,
                    state: QuarantineState::Quarantined,
                    code: codes::UPGRADE_CRASHED.to_owned(),
                    reason: format!("the node has ended {attempts} times in its upgrade"),
                });
                let detail = format!("the node has ended {attempts} times in this upgrade");
                let next = "see the node's log for the cause; bring a mended build";
                let why = Explained::new(codes::UPGRADE_CRASHED, detail, next);
                self.did_not_happen(plan, why);
                armed::forget_plan(&open.plan, archive)?;
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::Generation;
    use refit_upgrade::{Directives, PLAN_FORMAT, Plan, Strategy};

    fn armed(strategy: Strategy, at_height: Option<Height>, attempts: u32) -> Armed {
        let directives = Directives {
            strategy,
            ..Directives::default()
        };
        let plan = Plan {
            format: PLAN_FORMAT,
            base: Generation(1),
            base_code: String::new(),
            at_height,
            modules: Vec::new(),
            carried: Vec::new(),
            directives,
            findings: Vec::new(),
            release: None,
            predicted_pause_us: None,
        };
        Armed::new(plan, 0).counted(attempts)
    }

    #[test]
    fn an_upgrade_for_which_the_node_has_stopped_is_tried_twice_and_begins_at_no_other_height() {
        let next = |at_height, attempts| {
            Next::of(&armed(Strategy::Offline, at_height, attempts), Height(7))
        };
        for at_height in [None, Some(Height(7))] {
            let tried: Vec<_> = (0..=2).map(|attempts| next(at_height, attempts)).collect();
            assert_eq!(tried, [Next::Again, Next::Again, Next::GivenUp]);
        }
        // Within the blocks that a crash may lose, where a hot one may have begun.
        assert_eq!(next(Some(Height(8)), 2), Next::Waits);
        let hot = armed(Strategy::Hot, Some(Height(8)), 1);
        assert_eq!(Next::of(&hot, Height(7)), Next::Again);
    }
}
