//! A checkpoint of the generation that an upgrade ends, taken shortly before it: a roll-back, and a start after a crash
//! in the pause, execute little of the log again.
//!
//! It is asked for behind the rehearsal, so that two copies of the states never lie beside each other, and waited for by
//! the upgrade's own thread alone: the pause comes when the copy has ended. An upgrade that waits for its height gets one
//! more there, from the driver, if the log has grown meanwhile.

use super::attempt::Attempt;
use super::refused::UpgradeRefused;
use crate::blocks::intake::Intake;
use crate::limits::{CHECKPOINT_BEFORE_WAIT_MAX, CHECKPOINT_LOOK};
use crossbeam_channel::{RecvTimeoutError, bounded};
use refit_upgrade::Phase;
use std::time::Instant;

impl Attempt {
    /// Has one taken, unless the newest is near. Without it the way back is longer, and is there all the same.
    pub(super) fn checkpoint(&self) -> Result<(), UpgradeRefused> {
        if self.rules.again || self.upgrades.store.archive().is_none() {
            return Ok(());
        }
        let (done, ended) = bounded(1);
        if self.upgrades.intake.send(Intake::Checkpoint(done)).is_err() {
            // The next step finds that the node has ended.
            return Ok(());
        }
        let deadline = Instant::now() + CHECKPOINT_BEFORE_WAIT_MAX;
        while Instant::now() < deadline {
            // Nothing is sent: whoever has the other end drops it when the checkpoint is kept, failed or not needed.
            if let Err(RecvTimeoutError::Disconnected) = ended.recv_timeout(CHECKPOINT_LOOK) {
                return Ok(());
            }
            self.steps.goes_on(Phase::Armed)?;
        }
        tracing::warn!(
            id = self.id,
            "the checkpoint before the upgrade is not written in time: the upgrade goes on without it"
        );
        Ok(())
    }
}
