//! [`UpgradeRefused`]: why an upgrade does not reach its pause.

use crate::pause::{LetGo, Recall, RecallReason};
use crate::rehearsal::RehearsalError;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::api;
use refit_upgrade::PlanError;

/// Why an upgrade was refused before its pause.
#[derive(Debug)]
pub(super) struct UpgradeRefused(pub(super) Box<api::Reason>);

pub(super) fn refused(
    phase: api::Phase,
    code: impl Into<String>,
    detail: &impl ToString,
    next: impl Into<String>,
) -> UpgradeRefused {
    let why = Explained::new(code, detail.to_string(), next);
    UpgradeRefused(Box::new(api::Reason::new(phase, why)))
}

/// The refusal of an upgrade because of `error`.
pub(super) fn refused_by(phase: api::Phase, error: &impl Explain) -> UpgradeRefused {
    UpgradeRefused(Box::new(api::Reason::of(phase, error)))
}

/// The refusal, in `phase`, of an upgrade that was taken back.
pub(super) fn cancelled(phase: api::Phase, why: RecallReason) -> UpgradeRefused {
    let (detail, next) = match why {
        RecallReason::Operator => (
            "an operator took it back before its gate closed",
            "nothing was changed; plan again when it is time",
        ),
        RecallReason::Revoked => (
            "its release was revoked before its gate closed",
            "nothing was changed; bring the release that follows it",
        ),
        RecallReason::NotSigned => (
            "the keyset that counts since a rotation does not sign its release",
            "nothing was changed; have the release packed and signed again under that keyset",
        ),
    };
    refused(phase, codes::UPGRADE_CANCELLED, &detail, next)
}

/// Refuses to go on, in `phase`, with an upgrade that was taken back.
pub(super) fn not_cancelled(recall: &Recall, phase: api::Phase) -> Result<(), UpgradeRefused> {
    let why = recall.taken_back();
    why.map_or(Ok(()), |why| Err(cancelled(phase, why)))
}

/// The crew is gone.
pub(super) fn ended() -> UpgradeRefused {
    refused(
        api::Phase::Armed,
        codes::NODE_ENDED,
        &"the node is stopping",
        "start it again: refit run",
    )
}

impl From<LetGo> for UpgradeRefused {
    /// The driver did not bring it to its update point.
    fn from(why: LetGo) -> Self {
        match why {
            LetGo::TooLate { planned, now } => {
                refused_by(api::Phase::Armed, &PlanError::Past { planned, now })
            }
            LetGo::TakenBack(why) => cancelled(api::Phase::Armed, why),
            LetGo::Aborted { height, code } => refused(
                api::Phase::Armed,
                code,
                &format!(
                    "block {height} says that the upgrade was aborted where that block was made"
                ),
                "the old generation goes on, as it does there; plan again when the cause is mended",
            ),
        }
    }
}

impl From<RehearsalError> for UpgradeRefused {
    fn from(error: RehearsalError) -> Self {
        refused_by(api::Phase::Rehearsed, &error)
    }
}
