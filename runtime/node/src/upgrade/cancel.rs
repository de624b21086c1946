//! An upgrade is taken back before its gate closes: by an operator, or because its release may not come in any more.

use super::Upgrades;
use crate::blocks::intake::Intake;
use crate::limits::CANCEL_WAIT_MAX;
use crate::pause::RecallReason;
use refit_abi::codes;
use refit_admin::Refusal;
use refit_admin::api::{UPGRADE_CANCELLED, UpgradeReport};
use std::time::{Duration, Instant};

/// Between two checks whether a cancelled upgrade has ended.
const END_LOOK: Duration = Duration::from_millis(1);

impl Upgrades {
    /// Takes back an upgrade that has not reached its update point, and waits for its end: then there is room for
    /// another. `None`: the node does not know it.
    ///
    /// # Errors
    /// The [`Refusal`] of one whose gate has closed, or that has ended in another way.
    pub(crate) fn cancel(
        &self,
        id: u64,
        why: RecallReason,
    ) -> Result<Option<UpgradeReport>, Refusal> {
        let (report, recall) = {
            let state = self.state.lock();
            (state.reports.get(id), state.recall.clone())
        };
        let Some(report) = report else {
            return Ok(None);
        };
        if report.state.is_final() {
            return of_ended(report).map(Some);
        }
        // There is one upgrade at a time: what has not ended is the one that came last.
        if !recall.take_back(why) {
            return Err(gate_closed(id));
        }
        tracing::info!(id, ?why, "the upgrade is taken back");
        // A driver that sleeps has to look. One that has no room for this is awake, and looks at each turn.
        let _ = self.intake.send(Intake::Recalled);
        let deadline = Instant::now() + CANCEL_WAIT_MAX;
        loop {
            let report = self.report(id);
            let ends = |report: &UpgradeReport| report.state.is_final();
            if report.as_ref().is_none_or(ends) || Instant::now() >= deadline {
                // Whoever is told that it was cancelled finds it so after a crash: it may not be written down yet.
                self.journal_report(id);
                return Ok(report);
            }
            // The upgrade ends in a moment, or goes on to its next phase first: nobody wakes this thread for it.
            std::thread::sleep(END_LOOK);
        }
    }
}

/// The answer for an upgrade that had ended before it could be cancelled, perhaps by an earlier cancel.
fn of_ended(report: UpgradeReport) -> Result<UpgradeReport, Refusal> {
    let code = report.reason.as_ref().map(|reason| reason.code.as_str());
    if code == Some(UPGRADE_CANCELLED) {
        return Ok(report);
    }
    let (id, state) = (report.id, report.state);
    Err(Refusal::new(
        409,
        codes::UPGRADE_ENDED,
        format!("upgrade {id} has ended already: it was {state}"),
        format!("see how: refit upgrade status {id}"),
    ))
}

fn gate_closed(id: u64) -> Refusal {
    Refusal::new(
        409,
        codes::GATE_CLOSED,
        format!("upgrade {id} is at its update point: it can no longer be taken back"),
        format!(
            "see what becomes of it: refit upgrade status {id}; older code comes back by a plan of its own"
        ),
    )
}
