//! [`TakingOn`]: a plan is taken on, or is not.
//!
//! ```text
//!  what is known of its key ──▶ what this node alone knows ──▶ its entry in a block ──▶ the upgrade begins
//!         │ taken on before          │ under way, past, …          │ the key is another's
//!         ▼                          ▼                             ▼
//!   the number of then            refused                       refused
//! ```
//!
//! Its report is opened, and is in the journal, before a block has its key: whatever ends the node meanwhile, its next
//! life knows what the key was used for.
//!
//! One plan at a time is on this way, so that what was found at one step holds at the next. A plan without a key
//! needs no block: it begins at once, and its entry comes when it is armed. What a block has taken on is begun, also
//! if its operator has gone meanwhile: this runs to its end as long as the node does.

use super::rules::Rules;
use super::{Upgrades, read_plan};
use crate::answers::key_refusal;
use crate::answers::refusals::{ended, engine_stuck, has_ended_how, overloaded, silent};
use crate::blocks::chain;
use crate::blocks::intake::Intake;
use crate::blocks::orders::{self, Answered};
use crate::entries;
use crate::known::latest::Latest;
use crate::known::standing::Standing;
use crate::limits::{DOOR_WAIT_MAX, REPLY_WAIT_MAX, STATUS_WAIT_MAX};
use crate::watch::Watched;
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::Explained;
use refit_admin::api::UpgradeAccepted;
use refit_admin::{ApplyOptions, CarriedOut, OrderedBy, Refusal};
use refit_kernel::{
    At, Done, Executor, GenerationTable, Key, KeyRefusal, KindCount, Order, OrderKey,
};
use refit_ordering::{Entry, PLAN_ENTRY_BYTES_MAX};
use refit_upgrade::{Live, Plan};
use std::sync::Arc;

/// A plan on its way into the node, and what of the node it meets.
pub(crate) struct TakingOn {
    pub(crate) upgrades: Arc<Upgrades>,
    pub(crate) intake: Sender<Intake>,
    pub(crate) latest: Arc<Mutex<Latest>>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) watched: Arc<Watched>,
}

/// A plan as it was read.
pub(crate) struct Proposed {
    pub(super) plan: Plan,
    pub(super) options: ApplyOptions,
    /// The same for the log.
    entry: Vec<u8>,
    /// The same for the executor.
    order: Order,
    pub(super) key: Option<refit_ordering::OrderKey>,
}

/// The result of a look at the crew.
struct Looked {
    table: Arc<GenerationTable>,
    counts: Vec<KindCount>,
    /// The earlier use of the plan's key, if there is one.
    known: Option<Result<(At, Done), KeyRefusal>>,
}

/// The node that a plan meets.
pub(super) struct Met<'a> {
    pub(super) table: &'a GenerationTable,
    /// The engines of each of its kinds.
    pub(super) counts: Vec<KindCount>,
    /// The newest block.
    pub(super) height: Height,
}

/// The checks' verdict on a plan, before anything is done.
enum Found {
    /// It can be taken on.
    Fits(Box<Fitting>),
    /// It was taken on, as the upgrade of this number.
    Before(u64),
}

/// A plan that fits.
pub(super) struct Fitting {
    pub(super) rules: Rules,
    pub(super) live: Live,
    pub(super) counts: Vec<KindCount>,
}

impl Proposed {
    pub(crate) fn read(
        plan: &[u8],
        by: &OrderedBy,
        options: ApplyOptions,
    ) -> Result<Self, Refusal> {
        let plan = read_plan(plan)?;
        let said = chain::entry(&plan, &options);
        let entry = said.to_bytes();
        if entry.len() > PLAN_ENTRY_BYTES_MAX {
            let detail = format!(
                "in a block the plan has {} bytes, at most {PLAN_ENTRY_BYTES_MAX} are taken",
                entry.len()
            );
            let next = "bring fewer kinds at once";
            return Err(Refusal::new(400, codes::PLAN_UNREADABLE, detail, next));
        }
        Ok(Self {
            order: entries::noted(&said, entry.clone()),
            plan,
            options,
            entry,
            key: orders::key(by),
        })
    }

    /// Its entry in a block.
    pub(super) fn entry(&self) -> Entry {
        Entry::Plan {
            key: self.key,
            plan: self.entry.clone(),
        }
    }

    /// Its key, as the executor calls it.
    pub(super) fn key(&self) -> Option<Key> {
        let OrderKey { key, .. } = self.key.map(entries::order_key)?;
        Some(key)
    }
}

impl TakingOn {
    /// Takes the plan on; returns the number of its upgrade.
    pub(crate) async fn run(self, proposed: Proposed) -> Result<UpgradeAccepted, Refusal> {
        let (base, artifacts) = (proposed.plan.base, proposed.plan.artifacts().join(", "));
        let packages = proposed.plan.packages().join(", ");
        let taken_on = self.take_on(proposed).await;
        if let Err(refusal) = &taken_on {
            let (reason, detail) = (&refusal.why.code, &refusal.why.detail);
            tracing::warn!(%base, packages, artifacts, %reason, "plan refused: {detail}");
        }
        taken_on
    }

    async fn take_on(self, proposed: Proposed) -> Result<UpgradeAccepted, Refusal> {
        // Shared with the threads below, which go on if the client does not wait any more.
        let (this, proposed) = (Arc::new(self), Arc::new(proposed));
        let entrance = this.upgrades.entrance.clone().lock_owned();
        let entrance = tokio::time::timeout(DOOR_WAIT_MAX, entrance).await;
        let _entrance = entrance.map_err(|_| match this.watched.stuck() {
            Some(stuck) => engine_stuck(503, &stuck),
            None => overloaded(),
        })?;
        // Asks the crew, which may be in a long block: not on a thread that serves connections.
        let found = this.blocking(&proposed, Self::find).await??;
        let fitting = match found {
            Found::Fits(fitting) => fitting,
            Found::Before(id) => return Ok(UpgradeAccepted { id, repeated: true }),
        };
        let open = move |this: &Self, proposed: &Proposed| {
            let id = this.upgrades.open(proposed, &fitting);
            (id, fitting)
        };
        let (id, fitting) = this.blocking(&proposed, open).await?;
        if let Some(key) = proposed.key()
            && let Some(id) = this.announced(id, key, &proposed).await?
        {
            return Ok(UpgradeAccepted { id, repeated: true });
        }
        let begin = move |this: &Self, proposed: &Proposed| {
            this.upgrades.begin(id, proposed, *fitting);
        };
        this.blocking(&proposed, begin).await?;
        let repeated = false;
        Ok(UpgradeAccepted { id, repeated })
    }

    /// Has a block take the plan on under its key; gives the upgrade of before, if an earlier block has that key.
    async fn announced(
        self: &Arc<Self>,
        id: u64,
        key: Key,
        proposed: &Arc<Proposed>,
    ) -> Result<Option<u64>, Refusal> {
        let taken = self.ordered(proposed.entry()).await;
        let why = match &taken {
            Ok(taken) if !taken.repeated => return Ok(None),
            Ok(taken) => {
                let height = taken.moment.height;
                let detail = format!("block {height} has taken a plan on under its key");
                Explained::new(codes::KEY_USED, detail, "see the upgrade of then")
            }
            Err(refusal) => (*refusal.why).clone(),
        };
        let close = move |this: &Self, _: &Proposed| this.upgrades.not_taken_on(id, &why);
        self.blocking(proposed, close).await?;
        // Executed after the look: the upgrade of then is the answer.
        let before = taken?.moment.height;
        self.upgrades.before(key, before).map(Some)
    }

    /// Does something on a thread that may block.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        proposed: &Arc<Proposed>,
        work: impl FnOnce(&Self, &Proposed) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (this, proposed) = (self.clone(), proposed.clone());
        let worked = tokio::task::spawn_blocking(move || work(&this, &proposed));
        worked.await.map_err(|_| ended())
    }

    /// Looks at the crew, and at what this node alone knows.
    fn find(&self, proposed: &Proposed) -> Result<Found, Refusal> {
        if let Some(stuck) = self.watched.stuck() {
            return Err(engine_stuck(503, &stuck));
        }
        let asked = proposed.key().map(|key| (key, proposed.order.clone()));
        let look = move |executor: &mut Executor| Looked {
            table: executor.table(),
            counts: executor.kind_counts(),
            known: asked.and_then(|(key, order)| executor.ordered_before(key, &order)),
        };
        let looked = self.upgrades.duty.ask(look, STATUS_WAIT_MAX);
        let looked = looked.map_err(|_| silent(&self.latest, &self.standing, &self.watched))?;
        match (looked.known, proposed.key()) {
            (Some(Ok((at, _))), Some(key)) => {
                return self.upgrades.before(key, at.height).map(Found::Before);
            }
            (Some(Err(why)), _) => return Err(key_refusal(why)),
            _ => {}
        }
        // Read after the look, so that it is no older than the table: a plan whose height is over by now must not
        // begin.
        let height = self.latest.lock().height;
        let met = Met {
            table: &looked.table,
            counts: looked.counts,
            height,
        };
        let fitting = self.upgrades.fits(proposed, met)?;
        Ok(Found::Fits(Box::new(fitting)))
    }

    /// Has the plan's entry come into a block, and waits until that is executed and in the log, or the node has ended.
    async fn ordered(&self, entry: Entry) -> Result<CarriedOut<Done>, Refusal> {
        self.standing.goes_on()?;
        let mut answered: Answered = orders::give(&self.intake, entry)?;
        loop {
            match tokio::time::timeout(REPLY_WAIT_MAX, &mut answered).await {
                Ok(Ok(carried_out)) => return carried_out,
                Ok(Err(_)) => return Err(has_ended_how(&self.standing)),
                Err(_) if self.latest.lock().ended => return Err(has_ended_how(&self.standing)),
                Err(_) => {}
            }
        }
    }
}
