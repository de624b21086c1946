//! The upgrades of a round: one after the other, as long as the node lives. A kill takes whichever is under way.

use super::codes::Codes;
use super::random::Random;
use crate::client::{Client, NodeAddress, Refused};
use crate::commands::upgrade_plan;
use crate::demo::upgrade::ended;
use crate::failure::Failure;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{Status, UpgradeAccepted, UpgradeReport, UpgradeState};
use refit_upgrade::{OfferedModule, Plan};
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Most upgrades of one life of a node.
const UPGRADES_MAX: u32 = 12;

/// Most tries of upgrades in one life.
const TRIES_MAX: u32 = 400;

/// Looks before an upgrade is given up on, and the time between two: a minute.
const POLLS_MAX: u32 = 6_000;
const POLL: Duration = Duration::from_millis(10);

/// Longest pause between two upgrades, in milliseconds.
const IDLE_MS_MAX: u64 = 150;

/// The codes of refusals of a plan that is tried again: the node starts, or the upgrade before is too young.
const LATER: [&str; 2] = [codes::NODE_STARTING, codes::ON_PROBATION];

/// One of so many upgrades is rehearsed.
const REHEARSED_OF: u64 = 4;

/// The libraries of a node: its first, and two that can follow it and each other.
#[derive(Clone, Debug)]
pub(super) struct Libraries {
    pub(super) first: OfferedModule,
    pub(super) later: [OfferedModule; 2],
}

/// What became of the upgrades.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Ended {
    pub(super) committed: u64,
    /// Those that did not happen and had no kill in their way, by the code of the reason.
    pub(super) refused: BTreeMap<String, u64>,
}

/// The upgrades of one life.
#[derive(Debug)]
pub(super) struct Upgrades {
    ends: Rc<Cell<bool>>,
    task: JoinHandle<()>,
}

/// What the tasks of one thread share.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) codes: Rc<RefCell<Codes>>,
    pub(super) ended: Rc<RefCell<Ended>>,
}

impl Upgrades {
    /// Begins. Called inside a local set of tasks.
    pub(super) fn start(
        address: NodeAddress,
        libraries: &Libraries,
        known: &Known,
        random: Random,
    ) -> Self {
        let ends = Rc::new(Cell::new(false));
        let run = Run {
            client: Client::new(address, None),
            libraries: libraries.clone(),
            known: known.clone(),
            random,
            ends: ends.clone(),
        };
        let task = tokio::task::spawn_local(run.run());
        Self { ends, task }
    }

    /// Ends with the upgrade that is under way, whose node lives on.
    pub(super) async fn end(self) {
        self.ends.set(true);
        // It does not panic, and what it would have done is no invariant.
        let _ = self.task.await;
    }

    /// Ends at once: the node was killed.
    pub(super) fn abort(self) {
        self.task.abort();
    }
}

struct Run {
    client: Client,
    libraries: Libraries,
    known: Known,
    random: Random,
    ends: Rc<Cell<bool>>,
}

impl Run {
    async fn run(mut self) {
        let (mut upgrades, mut tries) = (0, 0);
        while upgrades < UPGRADES_MAX && tries < TRIES_MAX {
            let idle = Duration::from_millis(self.random.below(IDLE_MS_MAX + 1));
            tokio::time::sleep(idle).await;
            if self.ends.get() {
                return;
            }
            tries += 1;
            match self.upgrade().await {
                Ok(None) => {
                    upgrades += 1;
                    self.known.ended.borrow_mut().committed += 1;
                }
                Ok(Some(code)) => self.refused(code),
                // Not there, or not any more: what a refusal says is counted, unless it is to be asked again later.
                Err(failure) => {
                    if let Some(refused) = failure.find::<Refused>()
                        && !LATER.contains(&refused.code())
                    {
                        self.refused(refused.code().to_owned());
                    }
                }
            }
        }
    }

    fn refused(&self, code: String) {
        let mut ended = self.known.ended.borrow_mut();
        *ended.refused.entry(code).or_default() += 1;
    }

    /// Plans, applies and follows one; gives the code of the reason if it did not happen.
    async fn upgrade(&mut self) -> Result<Option<String>, Failure> {
        let status: Status = self.client.get("/v1/status").await?;
        let live = status.kinds.iter().map(|kind| kind.artifact.as_str());
        let live: Vec<_> = live.collect();
        let [one, other] = &self.libraries.later;
        let next = match live.contains(&one.artifact.as_str()) {
            true => other,
            false => one,
        };
        let candidates = std::slice::from_ref(next);
        let plan = Plan::make(&upgrade_plan::live(&status), candidates, None);
        let plan = plan.map_err(upgrade_plan::PlanRefused)?;
        let body = serde_json::to_string(&plan)
            .map_err(|error| Failure::output(std::io::Error::other(error)))?;
        self.known
            .codes
            .borrow_mut()
            .plans(status.generation.next().0, &next.artifact);
        let headers = match self.random.one_in(REHEARSED_OF) {
            true => Vec::new(),
            false => vec![("refit-rehearsal", "off".to_owned())],
        };
        let answer = self.client.post("/v1/upgrades", &headers, body).await?;
        let accepted: UpgradeAccepted = self.client.decode(&answer)?;
        let path = format!("/v1/upgrades/{}", accepted.id);
        for _ in 0..POLLS_MAX {
            let report: UpgradeReport = self.client.get(&path).await?;
            if ended(&report) {
                let reason = report.reason.map(|reason| reason.code);
                return Ok(match report.state {
                    UpgradeState::Committed => None,
                    _ => Some(reason.unwrap_or_else(|| "unknown".to_owned())),
                });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(Some("unfinished".to_owned()))
    }
}
