//! The upgrades of a round: one after the other, as long as the node lives. A kill takes whichever is under way.
//!
//! Each of them is one of four [`Deed`]s, in an order that the seed shuffles.

use super::branches::Order;
use super::clients::Shared;
use super::codes::{Codes, Live};
use super::found::{Check, Found};
use super::random::Random;
use crate::args::Kill;
use crate::client::{Client, NodeAddress, Refused};
use crate::commands::upgrade_plan;
use crate::demo::upgrade::ended;
use crate::failure::Failure;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{
    ProbationStatus, RollBackAccepted, Status, UpgradeAccepted, UpgradeReport, UpgradeState,
};
use refit_upgrade::{Directives, OfferedModule, Plan, Strategy};
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

/// The codes of refusals that are no end: the node starts, or the upgrade before is too young.
const LATER: [&str; 2] = [codes::NODE_STARTING, codes::ON_PROBATION];

/// One of so many upgrades is rehearsed.
const REHEARSED_OF: u64 = 4;

/// What is done with an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// It happens while the node serves, and becomes permanent by itself.
    Hot,
    /// The same, and is confirmed.
    Confirmed,
    /// The same, and is taken back.
    TakenBack,
    /// The node stops for it.
    Offline,
}

const DEEDS: [Deed; 4] = [Deed::Hot, Deed::Confirmed, Deed::TakenBack, Deed::Offline];

impl Deed {
    /// The one that leads to this step.
    fn leading_to(step: &str) -> Option<Self> {
        let is_of = |words: &[&str]| words.iter().any(|word| step.contains(word));
        if is_of(&["restart-upgrade"]) {
            Some(Self::Offline)
        } else if is_of(&["rollback", "branch", "told"]) {
            Some(Self::TakenBack)
        } else {
            is_of(&["confirmed"]).then_some(Self::Confirmed)
        }
    }
}

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
    /// Those of them for which the node stopped.
    pub(super) offline: u64,
    /// Those of them that were taken back, as far as no kill was in the way.
    pub(super) taken_back: u64,
    /// Those that did not happen and had no kill in their way, by the code of the reason.
    pub(super) refused: BTreeMap<String, u64>,
}

/// The upgrades of one life.
#[derive(Debug)]
pub(super) struct Upgrades {
    ends: Rc<Cell<bool>>,
    /// The deeds that came to an end.
    done: Rc<Cell<usize>>,
    task: JoinHandle<()>,
}

/// What the tasks of one thread share.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) ledger: Shared,
    pub(super) codes: Rc<RefCell<Codes>>,
    pub(super) ended: Rc<RefCell<Ended>>,
}

impl Known {
    /// The node is as its status says. Gives that.
    pub(super) fn stands(&self, status: &Status) -> Live {
        self.ledger.borrow_mut().stands_on(status.branch);
        let ledger = self.ledger.borrow();
        self.codes.borrow_mut().follow(ledger.branches());
        Live::from(status)
    }
}

impl Upgrades {
    /// Begins, with the one that leads to the step of `kill` if one does. Called inside a local set of tasks.
    pub(super) fn start(
        address: NodeAddress,
        libraries: &Libraries,
        known: &Known,
        random: Random,
        kill: Option<&Kill>,
    ) -> Self {
        let first = match kill {
            Some(Kill::At { step, .. }) => Deed::leading_to(step),
            _ => None,
        };
        let (ends, done) = (Rc::new(Cell::new(false)), Rc::default());
        let run = Run {
            client: Client::new(address, None),
            libraries: libraries.clone(),
            known: known.clone(),
            random,
            deck: first.into_iter().collect(),
            ends: ends.clone(),
            done: Rc::clone(&done),
        };
        let task = tokio::task::spawn_local(run.run());
        Self { ends, done, task }
    }

    /// Whether each deed was done once, or no more is done.
    pub(super) fn has_shown(&self) -> bool {
        self.done.get() >= DEEDS.len() || self.task.is_finished()
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
    /// What is still to be done before all begins again.
    deck: Vec<Deed>,
    ends: Rc<Cell<bool>>,
    done: Rc<Cell<usize>>,
}

/// Why an upgrade, or a roll-back, did not happen.
enum Not {
    /// By the code of the reason.
    Refused(String),
    /// To be asked again, or nobody answered.
    Later,
}

impl From<Failure> for Not {
    fn from(failure: Failure) -> Self {
        match failure.find::<Refused>() {
            Some(refused) if !LATER.contains(&refused.code()) => {
                Self::Refused(refused.code().to_owned())
            }
            _ => Self::Later,
        }
    }
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
            let deed = self.next();
            match self.upgrade(deed).await {
                Ok(()) => upgrades += 1,
                // Nothing was done: it is next again.
                Err(Not::Later) => {
                    self.deck.push(deed);
                    continue;
                }
                Err(Not::Refused(code)) => {
                    let mut ended = self.known.ended.borrow_mut();
                    *ended.refused.entry(code).or_default() += 1;
                }
            }
            self.done.set(self.done.get() + 1);
        }
    }

    /// The next deed of the deck.
    fn next(&mut self) -> Deed {
        if self.deck.is_empty() {
            let mut left = DEEDS.to_vec();
            while !left.is_empty() {
                let place = self.random.below(left.len() as u64);
                self.deck
                    .push(left.remove(usize::try_from(place).unwrap_or(0)));
            }
        }
        self.deck.pop().unwrap_or(Deed::Hot)
    }

    /// Plans, applies and follows one, and does with it what is to be done.
    async fn upgrade(&mut self, deed: Deed) -> Result<(), Not> {
        let status: Status = self.client.get("/v1/status").await?;
        if status.starting.is_some() {
            // Its log is not at its end: all that it says is of before.
            return Err(Not::Later);
        }
        self.known.stands(&status);
        let plan = self.plan(deed, &status)?;
        self.client.offer(&plan).await?;
        let body = serde_json::to_string(&plan)
            .map_err(|error| Failure::output(std::io::Error::other(error)))?;
        let headers = match self.random.one_in(REHEARSED_OF) {
            true => Vec::new(),
            false => vec![("refit-rehearsal", "off".to_owned())],
        };
        let answer = self.client.post("/v1/upgrades", &headers, body).await?;
        let accepted: UpgradeAccepted = self.client.decode(&answer)?;
        self.follow(accepted.id).await?;
        {
            let mut ended = self.known.ended.borrow_mut();
            ended.committed += 1;
            ended.offline += u64::from(deed == Deed::Offline);
        }
        match deed {
            Deed::Hot | Deed::Offline => Ok(()),
            Deed::Confirmed => {
                let path = format!("/v1/upgrades/{}/confirm", accepted.id);
                let answer = self.client.post(&path, &[], String::new()).await?;
                self.client.decode::<ProbationStatus>(&answer)?;
                Ok(())
            }
            Deed::TakenBack => self.take_back(accepted.id).await,
        }
    }

    /// The plan of the library that is not live.
    fn plan(&self, deed: Deed, status: &Status) -> Result<Plan, Failure> {
        let mut live = status.kinds.iter().map(|kind| &kind.artifact);
        let [one, other] = &self.libraries.later;
        let next = match live.any(|artifact| *artifact == one.artifact) {
            true => other,
            false => one,
        };
        let directives = Directives {
            strategy: match deed {
                Deed::Offline => Strategy::Offline,
                _ => Strategy::Hot,
            },
            ..Directives::default()
        };
        let live = upgrade_plan::live(status);
        let plan = Plan::make_with(&live, std::slice::from_ref(next), None, &directives);
        let plan = plan.map_err(upgrade_plan::PlanRefused)?;
        let mut codes = self.known.codes.borrow_mut();
        codes.plans(status.generation.next().0, &next.artifact);
        Ok(plan)
    }

    /// Waits for the end of an upgrade, also while the node is not there.
    async fn follow(&self, id: u64) -> Result<(), Not> {
        let path = format!("/v1/upgrades/{id}");
        for _ in 0..POLLS_MAX {
            match self.client.get::<UpgradeReport>(&path).await {
                Ok(report) if ended(&report) => {
                    let reason = report.reason.map(|reason| reason.code);
                    return match report.state {
                        UpgradeState::Committed => Ok(()),
                        _ => Err(Not::Refused(reason.unwrap_or_else(|| "unknown".to_owned()))),
                    };
                }
                Ok(_) => {}
                Err(failure) => {
                    if let refused @ Not::Refused(_) = Not::from(failure) {
                        return Err(refused);
                    }
                }
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Not::Refused("unfinished".to_owned()))
    }

    /// Takes the generation back, and waits until the node has done so.
    async fn take_back(&self, id: u64) -> Result<(), Not> {
        let status: Status = self.client.get("/v1/status").await?;
        self.known.stands(&status);
        let Some(on) = &status.probation else {
            return Err(Not::Refused(codes::NOT_ON_PROBATION.to_owned()));
        };
        // Before it is sent: the answer may be lost.
        self.known.ledger.borrow_mut().orders(Order {
            branch: status.branch,
            base: on.generation.0 - 1,
            is_accepted: false,
        });
        let path = format!("/v1/upgrades/{id}/rollback");
        let answer = self.client.post(&path, &[], String::new()).await;
        match answer.and_then(|answer| self.client.decode::<RollBackAccepted>(&answer)) {
            Ok(_) => self.known.ledger.borrow_mut().is_told(true),
            Err(failure) => {
                let why = Not::from(failure);
                if matches!(why, Not::Refused(_)) {
                    self.known.ledger.borrow_mut().is_told(false);
                }
                return Err(why);
            }
        }
        for _ in 0..POLLS_MAX {
            if let Ok(after) = self.client.get::<Status>("/v1/status").await
                && after.branch > status.branch
                && after.starting.is_none()
            {
                self.known.stands(&after);
                self.known.ended.borrow_mut().taken_back += 1;
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        let detail = format!("upgrade {id} is not taken back a minute after that was accepted");
        let found = Found::new(Check::RollBackForgotten, detail);
        self.known.ledger.borrow_mut().finds([found]);
        Ok(())
    }
}
