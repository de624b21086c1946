//! An upgrade that happened, made again: a block of the log says that it was committed, and the node that starts comes
//! to its height.

use super::Upgrades;
use super::attempt::Attempt;
use super::rules::Rules;
use crate::code::armed::Armed;
use crate::limits::RETIRE_WAIT_MAX;
use refit_abi::Height;
use refit_admin::ApplyOptions;
use refit_admin::api::UpgradeState;
use refit_store::Archive;
use std::sync::Arc;

impl Upgrades {
    /// Makes it, after the block at `height`, and returns once that is over; why it did not come to the same end, if
    /// so. It was rehearsed when it happened, and is not again.
    pub(crate) fn again(
        self: &Arc<Self>,
        armed: Armed,
        height: Height,
        archive: &dyn Archive,
    ) -> Result<(), String> {
        let mut plan = armed.plan;
        plan.at_height = Some(height);
        let mut came_from = Vec::new();
        for module in &mut plan.modules {
            let kept = archive.code(&module.artifact);
            let kept = kept.ok_or_else(|| {
                format!(
                    "its library {} ({}) is not kept",
                    module.artifact, module.path
                )
            })?;
            let path = std::mem::replace(&mut module.path, kept.display().to_string());
            came_from.push((module.artifact.clone(), path));
        }
        let look =
            |executor: &mut refit_kernel::Executor| (executor.table(), executor.kind_counts());
        let looked = self.duty.ask(look, RETIRE_WAIT_MAX);
        let (table, counts) = looked.map_err(|silence| silence.to_string())?;
        let options = ApplyOptions {
            no_rehearsal: true,
            ..ApplyOptions::default()
        };
        let mut rules = Rules::new(&self.policy, &options).map_err(|why| why.why.to_string())?;
        rules.again = true;
        rules.probation_blocks = armed.probation_blocks;
        let mut state = self.state.lock();
        let live = state.libraries.live(&table);
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        plan.check_base(&live).map_err(|error| error.to_string())?;
        let id = state.open(&plan, None, &live, &counts);
        let foreseen = armed.foreseen;
        state.reports.update(id, |report| foreseen.tell(report));
        state.recall = rules.recall.clone();
        drop(state);
        tracing::info!(id, %height, "the upgrade after this block is made again");
        Attempt::new(self.clone(), id, plan, live, rules).guarded();
        let mut state = self.state.lock();
        for (artifact, path) in came_from {
            state.libraries.came_from(artifact, path);
        }
        let report = state.reports.get(id);
        let ended = report.map(|report| (report.state, report.reason));
        match ended {
            Some((UpgradeState::Committed, _)) => {
                state.reports.forget_repeated(id);
                Ok(())
            }
            Some((_, Some(reason))) => Err(format!("{}: {}", reason.code, reason.detail)),
            _ => Err("nobody knows how it ended".to_owned()),
        }
    }
}
