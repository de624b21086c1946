//! An upgrade that did not end in a new generation, as a failure of the command.

use crate::exit::Exit;
use crate::failure::{Failure, Reported};
use crate::units::shown_time;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{Phase, Reason, UpgradeReport, UpgradeState};
use refit_upgrade::LINT_CODES;
use std::borrow::Cow;
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
pub(crate) fn check(report: UpgradeReport) -> Result<(), Failure> {
    match report.state {
        UpgradeState::Committed => Ok(()),
        _ => Err(UpgradeEnd::Failed { report }.into()),
    }
}

impl UpgradeEnd {
    fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Failed { report } => report.reason.as_ref(),
            Self::Unfinished { .. } | Self::Left { .. } | Self::Restarted { .. } => None,
        }
    }
}

impl Reported for UpgradeEnd {
    fn exit(&self) -> Exit {
        let of_the_code = || Exit::of(self.code());
        match self {
            // What is not in the list is an engine's own, from its fault.
            Self::Failed { report } if report.state == UpgradeState::Aborted => {
                of_the_code().unwrap_or(Exit::TransitionFailed)
            }
            Self::Failed { .. } if self.reason().is_some() => {
                self.reason().map_or(Exit::Refused, of_refusal)
            }
            _ => of_the_code().unwrap_or(Exit::Refused),
        }
    }
}

/// The exit for an upgrade that was refused before its pause: as the list of codes says, but that what the linter finds
/// refuses a plan, whatever else the same code is said of.
pub(crate) fn of_refusal(reason: &Reason) -> Exit {
    let is_early = reason.phase <= Phase::Probed;
    if is_early && LINT_CODES.contains(&reason.code.as_str()) {
        return Exit::PlanRefused;
    }
    Exit::of(&reason.code).unwrap_or(match (is_early, &reason.engine) {
        // Of a newer node.
        (true, _) => Exit::ArtifactRefused,
        // An engine's own, from its fault.
        (false, Some(_)) => Exit::TransitionFailed,
        (false, None) => Exit::Refused,
    })
}

impl fmt::Display for UpgradeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { report } => {
                let UpgradeReport {
                    id, state, from, ..
                } = report;
                write!(f, "upgrade {id} was {state} (generation {from} goes on)")?;
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
                let wait = shown_time(*wait);
                write!(
                    f,
                    "upgrade {} is still {} after {wait}",
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

impl Explain for UpgradeEnd {
    fn code(&self) -> &str {
        match self {
            Self::Failed { report } => report
                .reason
                .as_ref()
                .map_or(codes::UPGRADE_LOST, |reason| reason.code.as_str()),
            Self::Unfinished { .. } => codes::UPGRADE_UNFINISHED,
            Self::Left { .. } => codes::UPGRADE_INTERRUPTED,
            Self::Restarted { .. } => codes::UPGRADE_NODE_RESTARTED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Failed { report } => Cow::Borrowed(
                report
                    .reason
                    .as_ref()
                    .map_or("see the node's log", |reason| reason.next.as_str()),
            ),
            Self::Restarted { .. } => {
                Cow::Borrowed("see why with `refit upgrade quarantine` and in the node's log")
            }
            Self::Unfinished { report, .. } => Cow::Owned(goes_on(report.id)),
            Self::Left { id } => Cow::Owned(goes_on(*id)),
        }
    }

    fn engine_name(&self) -> Option<String> {
        self.reason()?.engine.clone()
    }

    fn key(&self) -> Option<&str> {
        self.reason()?.key.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: &str, phase: Phase, engine: Option<&str>) -> Exit {
        of_refusal(&Reason {
            code: code.to_owned(),
            detail: "no".to_owned(),
            next: "another".to_owned(),
            phase,
            engine: engine.map(str::to_owned),
            key: None,
        })
    }

    #[test]
    fn a_refused_upgrade_exits_by_what_refused_it() {
        let staged = |code| exit(code, Phase::Staged, None);
        assert_eq!(staged("module-unreadable"), Exit::Usage);
        assert_eq!(staged("not-elf"), Exit::ArtifactRefused);
        assert_eq!(staged("wrong-compiler"), Exit::AbiIncompatible);
        assert_eq!(staged("upgrade-cancelled"), Exit::Refused);
        assert_eq!(staged("of-a-newer-node"), Exit::ArtifactRefused);
        let probed = |code| exit(code, Phase::Probed, None);
        assert_eq!(probed("plan-artifact-changed"), Exit::PlanRefused);
        assert_eq!(probed("capability-missing"), Exit::PlanRefused);
        let rehearsed = |code, engine| exit(code, Phase::Rehearsed, engine);
        assert_eq!(rehearsed("pause-too-long", None), Exit::Refused);
        assert_eq!(rehearsed("rehearsal-under-way", None), Exit::Busy);
        assert_eq!(rehearsed("rehearsal-crashed", None), Exit::TransitionFailed);
        assert_eq!(rehearsed("too-poor", Some("kv")), Exit::TransitionFailed);
    }

    #[test]
    fn an_aborted_upgrade_exits_as_the_list_of_codes_says_and_by_an_engines_own_as_failed() {
        let aborted = |code: &str| {
            let reason =
                format!(r#"{{"code":"{code}","detail":"no","next":"another","phase":"armed"}}"#);
            let report = format!(
                r#"{{"id":1,"state":"aborted","from":1,"to":1,"engines":[],"class":"carry","stage_us":0,"wait_us":0,"pause_us":0,"phases":[],"retired":true,"pinned":[],"reason":{reason}}}"#
            );
            let report = serde_json::from_str(&report).unwrap();
            UpgradeEnd::Failed { report }.exit()
        };
        assert_eq!(aborted("sweep-too-long"), Exit::Busy);
        assert_eq!(aborted("transition-failed"), Exit::TransitionFailed);
        assert_eq!(aborted("overtaken"), Exit::Refused);
        assert_eq!(aborted("withdrawn"), Exit::Refused);
        assert_eq!(aborted("plan-parameters"), Exit::PlanRefused);
        assert_eq!(aborted("too-poor"), Exit::TransitionFailed);
        let known = codes::GROUPS.iter().flat_map(|group| group.codes);
        for known in known.filter(|known| known.exit != Exit::Done) {
            assert_eq!(aborted(known.code), known.exit, "{}", known.code);
        }
    }
}
