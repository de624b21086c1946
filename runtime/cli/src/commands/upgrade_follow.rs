//! Follows an upgrade to its end: what `refit upgrade apply`, `upgrade status --follow` and `upgrade wait` share.
//!
//! Each phase before the pause that ends is a line on stderr. A signal ends the following, never the upgrade: that lives in
//! the node, and whoever is interrupted is told how to look again.

use super::upgrade_end::UpgradeEnd;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use crate::signals::Signals;
use refit_admin::api::{Phase, PhaseTime, Status, UpgradeReport, UpgradeState};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two looks at the upgrade.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Longest wait, after an upgrade has ended, for the time without a block around it: a busy node changes its crews
/// within a second.
const WHOLE_WAIT_MAX: Duration = Duration::from_secs(3);

/// Longest wait for a node that does not answer any more: it may be restarting.
const RESTART_WAIT_MAX: Duration = Duration::from_secs(10);

/// Following one upgrade.
pub(super) struct Following<'a> {
    pub(super) client: &'a Client,
    /// The upgrade's number.
    pub(super) id: u64,
    /// Longest wait for its end.
    pub(super) wait_max: Duration,
    /// Whether each phase is a line on stderr.
    pub(super) shows_phases: bool,
}

impl Following<'_> {
    /// Waits for the upgrade's end.
    pub(super) async fn to_end(&self) -> Result<UpgradeReport, Failure> {
        let mut signals = Signals::take().map_err(Failure::start)?;
        tokio::select! {
            report = self.look_on() => report,
            Some(()) = signals.next() => Err(Box::new(UpgradeEnd::Left { id: self.id }).into()),
        }
    }

    async fn look_on(&self) -> Result<UpgradeReport, Failure> {
        let deadline = Instant::now() + self.wait_max;
        let mut progress = Progress::default();
        let mut ended = None;
        loop {
            let Some(report) = self.look().await? else {
                continue;
            };
            if self.shows_phases {
                progress.show(&report);
            }
            let now = Instant::now();
            if report.state.is_final() {
                let since = *ended.get_or_insert(now);
                if is_whole(&report) || now.duration_since(since) >= WHOLE_WAIT_MAX {
                    return Ok(report);
                }
            } else if now >= deadline {
                let wait = self.wait_max;
                return Err(Box::new(UpgradeEnd::Unfinished { report, wait }).into());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// The upgrade as it is now; `None` if the node did not answer for a while, and does again.
    async fn look(&self) -> Result<Option<UpgradeReport>, Failure> {
        let id = self.id;
        let failure = match self.client.get(&format!("/v1/upgrades/{id}")).await {
            Ok(report) => return Ok(Some(report)),
            Err(failure) => failure,
        };
        match self.is_known().await {
            Some(true) => Ok(None),
            Some(false) => Err(Box::new(UpgradeEnd::Restarted { id }).into()),
            None => {
                show::talk(format_args!(
                    "the node does not answer, so how upgrade {id} ended is not known"
                ));
                Err(failure)
            }
        }
    }

    /// Whether the node knows the upgrade, once it serves again; `None` if it does not in time. One that starts executes
    /// its log first, and knows only then what it goes on with.
    async fn is_known(&self) -> Option<bool> {
        let began = Instant::now();
        let mut said = None;
        loop {
            let standing = self.standing().await;
            if let Standing::Serves { knows } = standing {
                return Some(knows);
            }
            if said.replace(standing) != Some(standing) {
                show::talk(standing.told());
            }
            if began.elapsed() >= standing.wait_max(self.wait_max) {
                return None;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn standing(&self) -> Standing {
        let status = self.client.get::<Status>("/v1/status").await;
        if status.is_ok_and(|status| status.starting.is_some()) {
            return Standing::Starts;
        }
        let reports = self.client.get::<Vec<UpgradeReport>>("/v1/upgrades").await;
        reports.map_or(Standing::Silent, |reports| Standing::Serves {
            knows: reports.iter().any(|report| report.id == self.id),
        })
    }
}

/// How a node stands that did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It does not answer.
    Silent,
    /// It executes its log.
    Starts,
    /// It serves, and knows the upgrade or does not.
    Serves { knows: bool },
}

impl Standing {
    fn told(self) -> String {
        match self {
            Self::Starts => "the node is starting; waiting until it serves".to_owned(),
            _ => {
                let wait_s = RESTART_WAIT_MAX.as_secs();
                format!("the node does not answer; trying again for {wait_s} s")
            }
        }
    }

    /// How long it may stand so: a log may be long, so that is as long as the upgrade itself is waited for.
    fn wait_max(self, upgrade: Duration) -> Duration {
        match self {
            Self::Starts => upgrade.max(RESTART_WAIT_MAX),
            _ => RESTART_WAIT_MAX,
        }
    }
}

/// Whether the report of an upgrade that has ended says for how long no block ran, if that was so.
fn is_whole(report: &UpgradeReport) -> bool {
    report.state == UpgradeState::Refused || report.without_block.is_some()
}

/// What was shown of an upgrade that goes on.
#[derive(Debug, Default)]
struct Progress {
    state: Option<UpgradeState>,
    /// How many finished phases were shown.
    phases: usize,
}

impl Progress {
    /// Shows what is new.
    fn show(&mut self, report: &UpgradeReport) {
        for line in self.lines(report) {
            show::talk(line);
        }
    }

    /// A line for each phase before the pause that has ended since the last look, and one when it waits for its height.
    fn lines(&mut self, report: &UpgradeReport) -> Vec<String> {
        let id = report.id;
        let new = report.phases.get(self.phases..).unwrap_or_default();
        // Those of the pause end within microseconds of each other, and stand in the report.
        let slow = new.iter().filter(|phase| phase.phase <= Phase::Armed);
        let mut lines: Vec<_> = slow.map(|phase| phase_line(id, phase)).collect();
        self.phases = self.phases.max(report.phases.len());
        let is_new = self.state.replace(report.state) != Some(report.state);
        if is_new && report.state == UpgradeState::Armed {
            let waits = match report.at_height {
                Some(height) => format!("upgrade {id} waits for the end of block {height}"),
                None => format!("upgrade {id} waits for the end of a block"),
            };
            lines.push(waits);
        }
        lines
    }
}

fn phase_line(id: u64, time: &PhaseTime) -> String {
    let took = show::upgrade::microseconds(time.us);
    format!("upgrade {id} is {} ({took})", time.phase)
}
