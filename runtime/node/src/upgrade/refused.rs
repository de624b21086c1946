//! [`Refused`]: why an upgrade does not come to its pause.

use super::cancel::cancelled;
use crate::pause::LetGo;
use crate::rehearsal::RehearsalError;
use refit_admin::api;
use refit_upgrade::PlanError;

/// Why an upgrade was refused before its pause.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Box<api::Reason>);

pub(super) fn refused(
    phase: api::Phase,
    code: impl Into<String>,
    detail: &impl ToString,
    next: impl Into<String>,
) -> Refused {
    Refused(Box::new(api::Reason {
        phase,
        code: code.into(),
        detail: detail.to_string(),
        next: next.into(),
        engine: None,
        key: None,
    }))
}

pub(super) fn refused_plan(phase: api::Phase, error: &PlanError) -> Refused {
    refused(phase, error.code(), error, error.next())
}

/// The crew is gone.
pub(super) fn ended() -> Refused {
    refused(
        api::Phase::Armed,
        "node-ended",
        &"the node is stopping",
        "start it again: refit run",
    )
}

impl From<LetGo> for Refused {
    /// The driver did not bring it to its update point.
    fn from(why: LetGo) -> Self {
        match why {
            LetGo::TooLate { planned, now } => {
                refused_plan(api::Phase::Armed, &PlanError::Past { planned, now })
            }
            LetGo::TakenBack => cancelled(api::Phase::Armed),
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

impl From<RehearsalError> for Refused {
    fn from(error: RehearsalError) -> Self {
        Self(Box::new(api::Reason {
            code: error.code().to_owned(),
            detail: error.to_string(),
            next: error.next(),
            phase: api::Phase::Rehearsed,
            engine: error.engine(),
            key: error.key(),
        }))
    }
}
