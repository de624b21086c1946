//! [`Node`]: the handle, and what the admin interface asks through it.

use crate::answers::events::EventLog;
use crate::answers::refusals::{
    ended, engine_stuck, has_ended_how, no_reply_yet, pause_lasts, starting,
};
use crate::blocks::intake::{Door, Intake};
use crate::known::failed::Failed;
use crate::known::latest::{Counts, Latest};
use crate::known::released::Released;
use crate::known::standing::Standing;
use crate::limits::{STATE_WAIT_MAX, STATUS_WAIT_MAX};
use crate::pause::{Recall, RecallReason};
use crate::probation::{Alarm, OnRollBack, Probation};
use crate::recovery::checkpoints::Checkpoints;
use crate::recovery::stretch::stretch;
use crate::serve::place::Place;
use crate::serve::probation::TakenBack;
use crate::serve::trials::Trials;
use crate::snapshot::Snapshots;
use crate::upgrade::Upgrades;
use crate::watch::{Watched, Watcher};
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use refit_abi::codes;
use refit_abi::{EngineId, Height};
use refit_admin::api::{
    CodeTaken, EngineRestarted, EngineRevived, Imported, KeptRelease, KeysetInForce, Life,
    OfferedRelease, ParameterChange, ParametersReport, ProbationStatus, QuarantineEntry,
    RehearsalReport, ReleaseBuild, ReleasesPruned, RollBackAccepted, RollBackReport, Status,
    UpgradeAccepted, UpgradeRecord, UpgradeReport,
};
use refit_admin::{
    Answer, ApplyOptions, Bytes, CapturedState, CarriedOut, Entrance, EventFeed, GoodState,
    LastGood, Metrics, Moment, OfferedCode, OrderedBy, Pending, Refusal, Replied, RequestId, Room,
    Sent, TakenSnapshot,
};
use refit_kernel::{Duty, Receipt};
use refit_ordering::BlockRefused;
use refit_store::Store;
use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A running node. Dropping the last handle stops it.
pub struct Node {
    pub(crate) door: Door,
    pub(crate) intake: Sender<Intake>,
    pub(crate) duty: Arc<Duty>,
    pub(crate) latest: Arc<Mutex<Latest>>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Arc<EventLog>,
    pub(crate) upgrades: Arc<Upgrades>,
    pub(crate) released: Arc<Released>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) probation: Arc<Probation>,
    pub(crate) on_roll_back: Option<Arc<OnRollBack>>,
    pub(crate) trials: Trials,
    /// Hears of panics while a generation is on probation.
    pub(crate) alarms: Sender<Alarm>,
    /// Until the node is stopped.
    pub(crate) checkpoints: Mutex<Option<Checkpoints>>,
    pub(crate) snapshots: Snapshots,
    pub(crate) life: Life,
    pub(crate) place: Place,
    /// For large answers.
    pub(crate) answers: Room,
    pub(crate) driver: Mutex<Option<JoinHandle<()>>>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) _watcher: Watcher,
    /// The last status of the node, for requests that come while an engine does not return.
    pub(crate) known: Mutex<Option<Status>>,
}

impl Node {
    /// Counts since the node started.
    pub fn counts(&self) -> Counts {
        self.latest.lock().counts
    }

    /// Every live engine's state as postcard, in the order they were started; `None` if the crew
    /// does not answer or a state does not encode.
    pub fn states(&self) -> Option<Vec<(EngineId, Vec<u8>)>> {
        let states = |executor: &mut refit_kernel::Executor| executor.encode_states().ok();
        self.duty.ask(states, STATUS_WAIT_MAX).ok().flatten()
    }

    /// Whether what it keeps outlives the process.
    pub fn outlives(&self) -> bool {
        self.store.archive().is_some()
    }

    /// Why the node executes no more blocks, if it has refused a decided one. It answers queries still.
    pub fn halted(&self) -> Option<BlockRefused> {
        self.standing.halted()
    }

    /// Why the node executes no more blocks although nobody told it to end: a thread of its own panicked, or the log
    /// takes no blocks. The node answers this until it is ended.
    pub fn failed(&self) -> Option<&Failed> {
        self.standing.failed()
    }

    /// The receipt of the block at `height`, if it is among the newest [`RECEIPTS_MAX`](crate::RECEIPTS_MAX).
    pub fn receipt(&self, height: Height) -> Option<Receipt> {
        self.standing.receipts.lock().of(height)
    }

    /// Tells the node where it serves, for its status. Only the first word counts.
    pub fn serves_at(&self, addresses: Vec<String>) {
        self.place.serves_at(addresses);
    }

    /// The node has been told to end, and finishes the requests under way: what nobody will read is given up.
    pub fn told_to_end(&self) {
        self.upgrades.end_rehearsals();
        self.snapshots.end();
    }

    /// Stops the node: the block under way is finished, the crew and the driver are joined.
    pub fn stop(&self) {
        self.told_to_end();
        // Before the crew: the driver is the only one that sends it blocks, and finishes the one under way.
        let _ = self.intake.send(Intake::Stop);
        // One that is under way is given up: the log has all.
        drop(self.checkpoints.lock().take());
        let driver = self.driver.lock().take();
        if let Some(driver) = driver {
            // A panicked driver has said so itself.
            let _ = driver.join();
        }
        self.upgrades.join_crew();
        if let Some(archive) = self.store.archive() {
            self.probation.leave(archive);
        }
        if let Err(error) = self.upgrades.quarantine().settle() {
            tracing::error!(%error, "after a restart the quarantine is as the disk has it");
        }
    }

    /// Whether there are engines to be asked.
    pub(crate) fn accepts(&self) -> Result<(), Refusal> {
        self.accepts_looks()?;
        let is_starting = self.latest.lock().starting;
        match is_starting {
            true => Err(self
                .watched
                .stuck()
                .map_or_else(starting, |stuck| engine_stuck(503, &stuck))),
            false => Ok(()),
        }
    }

    /// Waits until what was read of the engines at a moment may leave: until its block is in the log for good.
    pub(crate) fn leaves_within(&self, read: Moment, wait: Duration) -> Result<(), Refusal> {
        match self.released.reach_within(read, wait) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(has_ended_how(&self.standing)),
            None => Err(no_reply_yet()),
        }
    }

    /// Whether there is a crew to be asked.
    pub(crate) fn accepts_looks(&self) -> Result<(), Refusal> {
        // It fails before it has ended.
        match self.failed().is_some() || self.latest.lock().ended {
            true => Err(has_ended_how(&self.standing)),
            false => Ok(()),
        }
    }
}

impl refit_admin::Node for Node {
    fn send(
        &self,
        engine: EngineId,
        at: Entrance,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Answer<'_, Replied> {
        Box::pin(self.send_message(engine, at, request, body))
    }

    fn submit(
        &self,
        at: Entrance,
        group: Vec<Sent>,
    ) -> Pin<Box<dyn Future<Output = Pending> + Send + '_>> {
        Box::pin(self.submit_group(at, group))
    }

    fn query(&self, engine: EngineId, body: Bytes) -> Answer<'_, Replied> {
        Box::pin(self.send_query(engine, body))
    }

    fn state(&self, engine: EngineId) -> Result<CapturedState, Refusal> {
        self.accepts_looks()?;
        let captured = crate::serve::capture::state(&self.duty, &self.watched, engine)?;
        let read = Moment {
            height: captured.fixture.height,
            generation: captured.generation,
        };
        self.leaves_within(read, STATE_WAIT_MAX)?;
        Ok(captured)
    }

    fn snapshot(&self, with_code: bool) -> Result<TakenSnapshot, Refusal> {
        self.accepts()?;
        let taken = self.snapshots.take(with_code)?;
        self.leaves_within(taken.moment, STATE_WAIT_MAX)?;
        Ok(taken)
    }

    fn restart(&self, engine: EngineId, by: OrderedBy) -> Answer<'_, CarriedOut<EngineRestarted>> {
        Box::pin(async move { self.restart_engine(engine, &by).await })
    }

    fn last_good(&self, engine: EngineId, by: &OrderedBy) -> Result<LastGood, Refusal> {
        self.find_last_good(engine, by)
    }

    fn revive(
        &self,
        engine: EngineId,
        state: GoodState,
        by: OrderedBy,
    ) -> Answer<'_, CarriedOut<EngineRevived>> {
        Box::pin(async move { self.revive_engine(engine, state, &by).await })
    }

    fn parameters(&self) -> ParametersReport {
        Self::parameters(self)
    }

    fn set_parameters(
        &self,
        change: ParameterChange,
        by: OrderedBy,
    ) -> Answer<'_, CarriedOut<ParametersReport>> {
        Box::pin(async move { self.change_parameters(change, &by).await })
    }

    fn offer(&self, code: OfferedCode) -> Result<CodeTaken, Refusal> {
        let OfferedCode { from, bytes } = code;
        let taken = self.upgrades.offered.take(from, bytes);
        let taken = taken.map_err(|error| {
            let detail = format!("the library cannot be kept: {error}");
            let next =
                "see that there is space on the disk of the node's data folder, and try again";
            let (status, code) = match error.kind() {
                io::ErrorKind::StorageFull => (503, codes::DISK_FULL),
                _ => (500, codes::CODE_NOT_TAKEN),
            };
            Refusal::new(status, code, detail, next)
        })?;
        Ok(CodeTaken {
            artifact: taken.artifact,
            bytes: taken.bytes,
        })
    }

    fn apply(
        &self,
        plan: Bytes,
        by: OrderedBy,
        options: ApplyOptions,
    ) -> Answer<'_, UpgradeAccepted> {
        Box::pin(self.take_on(plan, by, options))
    }

    fn rehearse(&self, plan: Bytes) -> Answer<'_, RehearsalReport> {
        let upgrades = self.upgrades.clone();
        let asked = Arc::new(Recall::default());
        let wanted = asked.clone();
        // It asks the crew itself: a handle to the live code must not be held as long as this takes.
        let store = self.store.clone();
        let rehearse = move || {
            let stretch = move |generation| stretch(&*store, generation);
            upgrades.rehearse(&plan, &wanted, &stretch)
        };
        Box::pin(async move {
            // Dropped with this future, also where the client has gone: then nobody reads the report.
            let _asked = GivesUp(asked);
            let rehearsed = tokio::task::spawn_blocking(rehearse).await;
            rehearsed.map_err(|_| ended())?
        })
    }

    fn quarantine(&self) -> Vec<QuarantineEntry> {
        self.upgrades.quarantine().entries()
    }

    fn clear_quarantine(&self, artifact: &str) -> Result<usize, Refusal> {
        let cleared = self.upgrades.quarantine().clear(artifact);
        cleared.map_err(|error| Refusal::of(500, &error))
    }

    fn upgrade(&self, id: u64) -> Option<UpgradeReport> {
        self.upgrades.report(id)
    }

    fn upgrade_record(&self, id: u64) -> Option<UpgradeRecord> {
        self.upgrades.record_of(id)
    }

    fn releases(&self) -> Result<Vec<KeptRelease>, Refusal> {
        self.accepts_looks()?;
        self.kept_releases()
    }

    fn import(&self, body: Box<dyn Read + Send>) -> Result<Imported, Refusal> {
        self.accepts_looks()?;
        self.import_record(body)
    }

    fn offered(&self, release: &str) -> Result<OfferedRelease, Refusal> {
        self.accepts()?;
        self.offered_release(release)
    }

    fn build_release(&self, release: &str) -> Result<ReleaseBuild, Refusal> {
        self.accepts()?;
        self.begin_build(release)
    }

    fn release_build(&self, release: &str) -> Result<ReleaseBuild, Refusal> {
        self.build_shown(release)
    }

    fn prune_releases(&self) -> Result<ReleasesPruned, Refusal> {
        self.accepts_looks()?;
        self.prune_imported()
    }

    fn keyset(&self) -> Result<KeysetInForce, Refusal> {
        let shown = self.upgrades.trust.shown();
        shown.map_err(|error| Refusal::of(404, &error))
    }

    fn install_keyset(&self, bytes: &[u8]) -> Result<KeysetInForce, Refusal> {
        self.accepts_looks()?;
        let trust = &self.upgrades.trust;
        let installed = trust.install(bytes).and_then(|()| trust.shown());
        let installed = installed.map_err(|error| Refusal::of(409, &error))?;
        self.calls_back_what_is_not_signed();
        Ok(installed)
    }

    fn upgrades(&self) -> Vec<UpgradeReport> {
        self.upgrades.reports()
    }

    fn cancel_upgrade(&self, id: u64) -> Result<Option<UpgradeReport>, Refusal> {
        // What is made again happened: it cannot be taken back.
        if self.latest.lock().starting {
            return Err(starting());
        }
        self.upgrades.cancel(id, RecallReason::Operator)
    }

    fn confirm_upgrade(&self, id: u64) -> Result<ProbationStatus, Refusal> {
        self.confirm(id)
    }

    fn roll_back(&self, id: u64) -> Result<RollBackAccepted, Refusal> {
        self.take_back(id, &TakenBack::by_operator())
    }

    fn check_roll_back(&self, id: u64) -> Result<RollBackReport, Refusal> {
        self.try_roll_back(id).map(|tried| tried.report)
    }

    fn status(&self) -> Result<Status, Refusal> {
        self.look()
    }

    fn ready(&self) -> Result<(), Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
        self.replies_leave()?;
        if let Some(lasted) = self.watched.long_pause() {
            return Err(pause_lasts(lasted));
        }
        match self.watched.stuck() {
            Some(stuck) => Err(engine_stuck(503, &stuck)),
            None => Ok(()),
        }
    }

    fn live(&self) -> Result<(), Refusal> {
        if let Some(failed) = self.failed() {
            return Err(failed.refusal());
        }
        match self.watched.stuck() {
            // A call that is merely long keeps a node from being ready, and is no reason to kill it.
            Some(stuck) if stuck.is_dead => Err(engine_stuck(503, &stuck)),
            _ => Ok(()),
        }
    }

    fn events(&self) -> Arc<dyn EventFeed> {
        self.events.clone()
    }

    fn answers(&self) -> &Room {
        &self.answers
    }

    fn moment(&self) -> Moment {
        // Not the newest block: it may be executed, and not be in the log for good.
        self.released.moment()
    }

    fn life(&self) -> Life {
        self.life
    }

    fn branch(&self) -> u64 {
        self.latest.lock().branch.0
    }

    fn is_unconfirmed(&self) -> bool {
        self.probation.holding().is_some()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Ends a rehearsal when the client that waits for it does not any more; one that has ended is not touched.
struct GivesUp(Arc<Recall>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        // Nobody else decides about it.
        let _ = self.0.take_back(RecallReason::Operator);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("latest", &*self.latest.lock())
            .finish_non_exhaustive()
    }
}
