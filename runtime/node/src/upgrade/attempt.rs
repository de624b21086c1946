//! [`Attempt`]: one upgrade, from its plan to its end, on a thread of its own.
//!
//! ```text
//! stage → probe → rehearse → arm → pause → retire
//!   └───────┴────────┴────────┴──▶ refused: nothing has changed, and what was mapped goes
//! ```
//!
//! Each phase has a file that is called as it is. Whatever happens, [`report`](super::report) has it in the report of the
//! upgrade, which others read meanwhile.

use super::Upgrades;
use super::arm::Ready;
use super::refused::{UpgradeRefused, ended};
use super::rules::Rules;
use super::steps::Steps;
use crate::blocks::intake::Intake;
use crate::code::libraries::retire;
use crate::known::failed::{Failed, said};
use crate::limits::RETIRE_WAIT_MAX;
use refit_abi::codes;
use refit_admin::Outcome;
use refit_admin::api::{UpgradeReport, UpgradeState};
use refit_loader::LoadedModule;
use refit_upgrade::{Live, Plan};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// One upgrade.
pub(super) struct Attempt {
    pub(super) upgrades: Arc<Upgrades>,
    /// Its number.
    pub(super) id: u64,
    pub(super) plan: Plan,
    /// The generation that the plan was made for.
    pub(super) live: Live,
    /// The rules for this upgrade.
    pub(super) rules: Rules,
    pub(super) started: Instant,
    /// The phases that are done.
    pub(super) steps: Steps,
    /// The new modules that are mapped by now.
    pub(super) loaded: Vec<LoadedModule>,
}

impl Attempt {
    pub(super) fn new(
        upgrades: Arc<Upgrades>,
        id: u64,
        plan: Plan,
        live: Live,
        rules: Rules,
    ) -> Self {
        Self {
            started: Instant::now(),
            steps: Steps::new(upgrades.watch.clone(), rules.recall.clone()),
            loaded: Vec::new(),
            upgrades,
            id,
            plan,
            live,
            rules,
        }
    }

    /// Runs the upgrade from its plan to its end. If that panics, the report still ends; if the swap may have begun,
    /// the node ends too, because nobody knows any more what runs.
    pub(super) fn guarded(self) {
        let (upgrades, id) = (self.upgrades.clone(), self.id);
        let panic = match catch_unwind(AssertUnwindSafe(|| self.run())) {
            Ok(()) => return,
            Err(panic) => panic,
        };
        let said = said(&*panic);
        let was = upgrades.report(id).map(|report| report.state);
        tracing::error!(id, ?was, "the upgrade's thread panicked: {said}");
        let detail = format!("the node's own code panicked: {said}");
        // Until it is armed it has touched nothing of the node: this upgrade alone is lost.
        if was == Some(UpgradeState::Staging) {
            upgrades.metrics.count_upgrade(Outcome::Refused, None);
            upgrades
                .state
                .lock()
                .reports
                .refuse(id, codes::UPGRADE_PANICKED, &detail);
            upgrades.journal_report(id);
            return;
        }
        upgrades.standing.fails(Failed::Upgrade { id, said });
        upgrades.state.lock().reports.lose(id, &detail);
        let _ = upgrades.intake.send(Intake::Stop);
    }

    /// Takes the upgrade from its plan to its end.
    fn run(mut self) {
        let upgrades = self.upgrades.clone();
        match self.prepare() {
            Ok(Some(ready)) => self.pause(ready),
            Ok(None) => self.stop(),
            Err(refused) => self.refuse(refused),
        }
        // Also after a refusal: what was mapped for it may have to stay.
        upgrades.metrics.set_libraries(
            upgrades.loader.mapped() as u64,
            upgrades.loader.pinned().len() as u64,
        );
    }

    /// All that comes before the pause; `None` if there is none in this process, because the node stops for it.
    fn prepare(&mut self) -> Result<Option<Ready>, UpgradeRefused> {
        // First, because it costs nothing: a bound that nobody will measure refuses before files are read.
        self.rules.can_be_met()?;
        // A handle on live code. It ends with this function: the retirement counts handles.
        let table = self.upgrades.duty.ask(|it| it.table(), RETIRE_WAIT_MAX);
        let table = table.map_err(|_| ended())?;
        let probed = self.probe(table.grants())?;
        // Before anything is mapped here: code that fails its rehearsal never comes into this process.
        let memory_bytes = self.rehearse(&probed)?;
        self.checkpoint()?;
        // Late: a revocation is heard up to here, and behind it by whoever takes the upgrade back.
        if !self.rules.again {
            self.release_goes_on()?;
        }
        if self.stops() {
            self.prepare_stop(&probed)?;
            return Ok(None);
        }
        let armed = self.arm(probed, &table)?;
        self.record()?;
        self.make_ready(armed, memory_bytes).map(Some)
    }

    /// Nothing has changed; what was mapped is retired. The record of one that its node has left stays: the next start
    /// takes it up.
    pub(super) fn refuse(self, refused: UpgradeRefused) {
        if refused.0.code != codes::NODE_ENDED {
            self.forget_record();
        }
        self.not_made(refused);
    }

    /// The same of one that its node has left: its record stays, and the next start takes it up.
    pub(super) fn not_made(mut self, refused: UpgradeRefused) {
        let pinned = retire(std::mem::take(&mut self.loaded));
        let reason = *refused.0;
        tracing::warn!(
            id = self.id,
            reason = reason.code,
            "upgrade refused: {}",
            reason.detail
        );
        self.upgrades.metrics.count_upgrade(Outcome::Refused, None);
        self.upgrades.clone().update(self.id, |report| {
            report.state = UpgradeState::Refused;
            report.reason = Some(reason);
            report.phases = std::mem::take(&mut self.steps.done);
            report.retired = pinned.is_empty();
            report.pinned = pinned;
        });
        self.journal();
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut UpgradeReport)) {
        self.upgrades.update(self.id, change);
    }
}
