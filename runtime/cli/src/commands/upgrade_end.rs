//! An upgrade that did not end in a new generation, as a failure of the command.

use crate::exit::Exit;
use miette::Diagnostic;
use refit_admin::api::{Phase, UPGRADE_CANCELLED, UpgradeReport, UpgradeState};
use refit_upgrade::LINT_CODES;
use std::fmt;
use std::time::Duration;

/// How the upgrade stands.
#[derive(Debug)]
pub(crate) enum UpgradeEnd {
    /// It was aborted or refused.
    Failed { report: UpgradeReport },
    /// It has not come to its end in the time that was given.
    Unfinished {
        report: UpgradeReport,
        wait: Duration,
    },
    /// Whoever followed it was interrupted; it goes on.
    Left { id: u64 },
    /// The node restarted, and knows nothing of it.
    Restarted { id: u64 },
}

/// Passes a committed upgrade, and makes a failure of any other.
pub(crate) fn check(report: UpgradeReport) -> Result<(), Box<UpgradeEnd>> {
    match report.state {
        UpgradeState::Committed => Ok(()),
        _ => Err(Box::new(UpgradeEnd::Failed { report })),
    }
}

impl UpgradeEnd {
    pub(crate) fn exit(&self) -> Exit {
        let report = match self {
            Self::Failed { report } => report,
            Self::Unfinished { .. } => return Exit::NoAnswer,
            Self::Left { .. } => return Exit::Interrupted,
            Self::Restarted { .. } => return Exit::TransitionFailed,
        };
        match (&report.reason, report.state) {
            (_, UpgradeState::Aborted) => Exit::TransitionFailed,
            (Some(reason), _) if reason.code == UPGRADE_CANCELLED => Exit::Refused,
            (Some(reason), _) if LINT_CODES.contains(&reason.code.as_str()) => Exit::PlanRefused,
            (Some(reason), _) if reason.phase <= Phase::Probed => Exit::of_artifact(&reason.code),
            (Some(reason), _) if reason.phase == Phase::Rehearsed => Exit::of_rehearsal(reason),
            _ => Exit::Refused,
        }
    }
}

impl fmt::Display for UpgradeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { report } => {
                let UpgradeReport {
                    id, state, from, ..
                } = report;
                write!(f, "upgrade {id} was {state}, generation {from} goes on")?;
                match &report.reason {
                    Some(reason) => write!(f, ": {}", reason.detail),
                    None => Ok(()),
                }
            }
            Self::Restarted { id } => {
                write!(
                    f,
                    "the node restarted while upgrade {id} was under way, with the code from before"
                )
            }
            Self::Unfinished { report, wait } => {
                let wait_s = wait.as_secs();
                write!(
                    f,
                    "upgrade {} is still {} after {wait_s} s",
                    report.id, report.state
                )
            }
            Self::Left { id } => {
                write!(f, "interrupted: upgrade {id} goes on in the node")
            }
        }
    }
}

/// What can be done about an upgrade that goes on.
fn goes_on(id: u64) -> String {
    format!(
        "follow it with:    refit upgrade status {id} --follow\ntake it back with: refit upgrade cancel {id}"
    )
}

impl std::error::Error for UpgradeEnd {}

impl Diagnostic for UpgradeEnd {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(match self {
            Self::Failed { report } => {
                let code = report
                    .reason
                    .as_ref()
                    .map_or("unknown", |reason| reason.code.as_str());
                Box::new(format!("upgrade::{code}"))
            }
            Self::Unfinished { .. } => Box::new("upgrade::unfinished"),
            Self::Left { .. } => Box::new("upgrade::interrupted"),
            Self::Restarted { .. } => Box::new("upgrade::node-restarted"),
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Failed { report } => report
                .reason
                .as_ref()
                .map(|reason| Box::new(&reason.next) as _),
            Self::Restarted { .. } => Some(Box::new(
                "see why with `refit upgrade quarantine` and in the node's log",
            )),
            Self::Unfinished { report, .. } => Some(Box::new(goes_on(report.id))),
            Self::Left { id } => Some(Box::new(goes_on(*id))),
        }
    }
}
