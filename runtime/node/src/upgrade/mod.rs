//! Upgrades of one node: one at a time, from the plan to the retired old code.
//!
//! A plan is taken on ([`taking_on`]) and [begins](begin) if it fits; from then on it is one [`attempt`], whose phases are
//! in the files that are called as they are. [`reports`] is what is known of each, [`cancel`] takes one back.

mod again;
mod arm;
mod attempt;
mod begin;
mod cancel;
mod checkpoint;
mod configured;
mod copy;
mod journal;
mod leaving;
mod offline;
mod pause;
mod probe;
mod record;
mod refused;
mod rehearse;
mod rehearse_only;
mod release;
mod report;
mod reports;
mod retire;
mod rolled_back;
mod rules;
mod shadow;
mod shown;
mod stage;
mod steps;
mod stop;
mod taken_up;
mod taking_on;
mod without_block;

pub use configured::NotBrought;
pub(crate) use offline::{OfflineRecord, offline_record};
pub(crate) use probe::as_planned;
pub(crate) use shadow::FindStretch;
pub(crate) use taken_up::{Next, Open, Staged};
pub(crate) use taking_on::{Proposed, TakingOn};

use crate::blocks::clock::Clock;
use crate::blocks::intake::Intake;
use crate::code::CodeLock;
use crate::code::libraries::{Libraries, Release};
use crate::code::offered::Offered;
use crate::code::quarantine::{Forbidden, Quarantine};
use crate::known::standing::Standing;
use crate::pause::Recall;
use crate::pause::watchdog::OnStuck;
use crate::probation::{OnRollBack, Probation};
use crate::rehearsal::RehearsalCommand;
use crate::releases::{Builds, ReleaseFolder};
use crate::trust::Trust;
use crate::watch::Watched;
use crossbeam_channel::{Receiver, Sender};
use leaving::Leaving;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use refit_abi::codes;
use refit_abi::{EngineId, Generation, Height};
use refit_admin::api::{RollBackReport, UpgradeReport};
use refit_admin::{Metrics, PLAN_BYTES_MAX, Refusal};
use refit_kernel::{Duty, GenerationTable};
use refit_loader::Loader;
use refit_store::Store;
use refit_upgrade::{Plan, PlanError, Registry, Watch};
use reports::Reports;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The upgrades of one node.
pub(crate) struct Upgrades {
    pub(crate) loader: Loader,
    pub(crate) duty: Arc<Duty>,
    intake: Sender<Intake>,
    store: Arc<dyn Store>,
    /// Libraries that were handed over.
    pub(crate) offered: Offered,
    code: Arc<CodeLock>,
    probation: Arc<Probation>,
    watch: Arc<Mutex<dyn Watch>>,
    metrics: Arc<Metrics>,
    watched: Arc<Watched>,
    standing: Arc<Standing>,
    /// Tells when upgrades begin and end.
    clock: Arc<dyn Clock>,
    /// Whose releases are taken.
    pub(crate) trust: Arc<Trust>,
    /// Where they are; absent where the node keeps none.
    pub(crate) releases: Option<Arc<ReleaseFolder>>,
    /// What builds those that came as source.
    pub(crate) builds: Arc<Builds>,
    policy: Policy,
    /// Held while a plan is taken on: what the node knows of it holds until a block has said whether its key is free.
    entrance: Arc<tokio::sync::Mutex<()>>,
    /// Held by a rehearsal: there is one at a time.
    rehearsing: Mutex<()>,
    /// Who waits for the rehearsals of plans that were asked for last.
    asked: Mutex<Asked>,
    /// Held by the upgrade that is under way; what it changes is under the other locks.
    state: Mutex<State>,
}

/// The operator's policy for upgrades.
pub(crate) struct Policy {
    /// How upgrades are rehearsed, if they are.
    pub(crate) rehearsal: Option<RehearsalCommand>,
    /// The longest pause that a rehearsal may predict.
    pub(crate) max_pause: Option<Duration>,
    /// Whether code that may do more than the live code is refused, unless its plan allows it.
    pub(crate) refuses_new_capabilities: bool,
    /// How long a pause may last before it counts as stuck.
    pub(crate) pause_limit: Duration,
    /// Code that does not come in again.
    pub(crate) quarantine: Quarantine,
    /// For so many blocks after an upgrade the node can be rolled back; 0 where nothing outlives the process.
    pub(crate) probation_blocks: u64,
    /// The longest time without service that an upgrade for which the node stops may need; 0: none may.
    pub(crate) max_downtime: Option<Duration>,
    /// Is called once the node has stopped for an upgrade: starts it again. Absent where nothing would come of that.
    pub(crate) on_offline: Option<Arc<OnRollBack>>,
    /// Is called when a pause is stuck.
    pub(crate) on_stuck: Option<Arc<OnStuck>>,
}

/// The state that upgrades change.
struct State {
    libraries: Libraries,
    reports: Reports,
    registry: Registry,
    /// What this start has taken back, if it has.
    rolled_back: Option<(RollBackReport, BTreeSet<EngineId>)>,
    /// Of the upgrade that came last.
    recall: Arc<Recall>,
    /// Disconnects once the journal has the upgrade that was committed last.
    untold: Option<Untold>,
}

/// Disconnects once a committed upgrade is in the journal, or is given up; nothing is ever sent.
pub(crate) type Untold = Receiver<()>;

/// The rehearsals that plans' readers ask for.
#[derive(Default)]
struct Asked {
    /// Of the one under way, if there is one.
    under_way: Option<Arc<Recall>>,
    /// The node has been told to end: there are no more.
    ends: bool,
}

/// The parts that the upgrades of a node work with.
pub(crate) struct UpgradesParts {
    pub(crate) loader: Loader,
    /// Of the generation that is live at the start.
    pub(crate) libraries: Libraries,
    /// That generation.
    pub(crate) generation: Generation,
    /// The block after which the node goes on.
    pub(crate) height: Height,
    /// Held while code is kept for an upgrade.
    pub(crate) probation: Arc<Probation>,
    pub(crate) code: Arc<CodeLock>,
    pub(crate) duty: Arc<Duty>,
    pub(crate) intake: Sender<Intake>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) offered: Offered,
    /// Gets each phase, and may withdraw an upgrade.
    pub(crate) watch: Arc<Mutex<dyn Watch>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) releases: Option<Arc<ReleaseFolder>>,
    pub(crate) builds: Arc<Builds>,
    pub(crate) policy: Policy,
}

impl Upgrades {
    pub(crate) fn new(parts: UpgradesParts) -> Self {
        let UpgradesParts {
            loader,
            libraries,
            generation,
            height,
            code,
            probation,
            duty,
            intake,
            store,
            offered,
            watch,
            metrics,
            watched,
            standing,
            clock,
            trust,
            releases,
            builds,
            policy,
        } = parts;
        let mut registry = Registry::default();
        registry.publish(generation, height);
        metrics.set_libraries(loader.mapped() as u64, loader.pinned().len() as u64);
        let state = Mutex::new(State {
            libraries,
            reports: Reports::of_before(clock.clone(), &*store),
            registry,
            rolled_back: None,
            recall: Arc::default(),
            untold: None,
        });
        Self {
            loader,
            duty,
            intake,
            store,
            offered,
            code,
            probation,
            watch,
            metrics,
            watched,
            standing,
            clock,
            trust,
            releases,
            builds,
            policy,
            entrance: Arc::default(),
            rehearsing: Mutex::new(()),
            asked: Mutex::default(),
            state,
        }
    }

    /// Whether nothing of the plan is in quarantine.
    fn not_quarantined(&self, plan: &Plan) -> Result<(), Refusal> {
        let Some(Forbidden { entry, artifact }) = self.forbidden(plan) else {
            return Ok(());
        };
        let file = self
            .policy
            .quarantine
            .path()
            .map_or_else(String::new, |path| format!(" (in {})", path.display()));
        let detail = format!(
            "{artifact} is in quarantine since block {}: {}{file}",
            entry.height, entry.reason
        );
        let next = format!(
            "bring a mended build; to try this one again all the same: refit upgrade quarantine --clear {artifact}"
        );
        Err(Refusal::new(409, codes::RELEASE_QUARANTINED, detail, next))
    }

    /// What of the plan is in quarantine, if anything is.
    fn forbidden<'a>(&self, plan: &'a Plan) -> Option<Forbidden<'a>> {
        let artifacts = plan.modules.iter().map(|module| module.artifact.as_str());
        self.policy.quarantine.forbids(artifacts)
    }

    pub(crate) fn quarantine(&self) -> &Quarantine {
        &self.policy.quarantine
    }

    pub(crate) fn report(&self, id: u64) -> Option<UpgradeReport> {
        self.state.lock().reports.get(id)
    }

    pub(crate) fn reports(&self) -> Vec<UpgradeReport> {
        self.state.lock().reports.all()
    }

    pub(crate) fn under_way(&self) -> Option<u64> {
        self.state.lock().reports.under_way()
    }

    /// The height that the upgrade under way waits for, if its plan says one.
    pub(crate) fn awaited_height(&self) -> Option<Height> {
        let state = self.state.lock();
        let report = state.reports.get(state.reports.under_way()?)?;
        report.at_height.filter(|_| !report.state.is_final())
    }

    pub(crate) fn last(&self) -> Option<UpgradeReport> {
        self.state.lock().reports.last_ended()
    }

    /// What the code of a table's kinds is called, in the table's order.
    pub(crate) fn live_releases(&self, table: &GenerationTable) -> Vec<Release> {
        let libraries = &self.state.lock().libraries;
        let release = |kind| libraries.release(&libraries.artifact(kind));
        table
            .iter()
            .map(|(_, entry)| release(&entry.kind))
            .collect()
    }

    /// By what to wait until the journal has all upgrades that are committed. A checkpoint behind one that the journal does
    /// not have would have the next life of the node know nothing of it: the log that tells of it may be gone.
    pub(crate) fn untold(&self) -> Option<Untold> {
        self.state.lock().untold.clone()
    }

    /// What is mapped now, and where it came from.
    pub(crate) fn libraries(&self) -> MappedMutexGuard<'_, Libraries> {
        MutexGuard::map(self.state.lock(), |state| &mut state.libraries)
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut UpgradeReport)) {
        self.state.lock().reports.update(id, change);
    }

    /// Now, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64 {
        self.clock.now().0
    }

    /// Ends the node's threads: the crew has been told to stop.
    pub(crate) fn join_crew(&self) {
        let (crew, takes_over) = (self.duty.dismiss(), None);
        Leaving { crew, takes_over }.join(self);
    }
}

fn under_way(id: u64) -> Refusal {
    Refusal::new(
        409,
        codes::UPGRADE_UNDER_WAY,
        format!("upgrade {id} is under way"),
        format!(
            "wait for its end: refit upgrade status {id}; or take it back: refit upgrade cancel {id}"
        ),
    )
}

fn read_plan(plan: &[u8]) -> Result<Plan, Refusal> {
    let unreadable = |detail: String| {
        let next = "make a plan with: refit upgrade plan KIND=PATH --out plan.json";
        Refusal::new(400, codes::PLAN_UNREADABLE, detail, next)
    };
    if plan.len() > PLAN_BYTES_MAX {
        return Err(unreadable(format!(
            "{} bytes, at most {PLAN_BYTES_MAX}",
            plan.len()
        )));
    }
    let plan: Plan = serde_json::from_slice(plan)
        .map_err(|error| unreadable(format!("it is no plan: {error}")))?;
    // Before anything is staged, kept or said of it.
    plan.check_bounds()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(plan)
}

fn refusal(error: &PlanError) -> Refusal {
    Refusal::of(409, error)
}
