//! [`Node`]: the handle, and what the admin interface asks through it.

use crate::answers::query_refusal;
use crate::events::EventLog;
use crate::failed::Failed;
use crate::intake::{Answerer, Door, Intake, Submission, Way};
use crate::latest::{Counts, Latest};
use crate::limits::{REPLY_WAIT_MAX, STATUS_WAIT_MAX};
use crate::standing::Standing;
use crate::upgrade::Upgrades;
use crate::watch::{StuckCall, Watched, Watcher};
use crossbeam_channel::{Sender, TrySendError};
use parking_lot::Mutex;
use refit_abi::fixture::Fixture;
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId, Generation, Height};
use refit_admin::api::{
    EngineRestarted, Life, ParameterChange, ParametersReport, QuarantineEntry, RehearsalReport,
    Status, UpgradeAccepted, UpgradeReport,
};
use refit_admin::{
    Answer, Bytes, EventFeed, Metrics, Moment, NoRoom, Pending, Refusal, Replied, RequestId, Room,
    Sent, Wishes,
};
use refit_kernel::crew::{Command, Commands, Query};
use refit_kernel::{Executor, GenerationTable, KindCount, QueryError, Receipt};
use refit_ordering::Refused;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A running node. Dropping the last handle stops it.
pub struct Node {
    pub(crate) door: Door,
    pub(crate) intake: Sender<Intake>,
    pub(crate) commands: Commands,
    pub(crate) latest: Arc<Mutex<Latest>>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Arc<EventLog>,
    pub(crate) upgrades: Arc<Upgrades>,
    pub(crate) life: Life,
    /// For large answers.
    pub(crate) answers: Room,
    pub(crate) workers: usize,
    pub(crate) driver: Mutex<Option<JoinHandle<()>>>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) _watcher: Watcher,
    /// The last look at the node, for whoever asks while an engine does not return.
    pub(crate) known: Mutex<Option<Status>>,
}

/// The name under which clients without an idempotency key send.
pub(crate) const NAMELESS: &str = "";

impl Node {
    /// Counts since the node started.
    pub fn counts(&self) -> Counts {
        self.latest.lock().counts
    }

    /// Every live engine's state as postcard, in the order they were started; `None` if the crew
    /// does not answer or a state does not encode.
    pub fn states(&self) -> Option<Vec<(EngineId, Vec<u8>)>> {
        let states = |executor: &mut refit_kernel::Executor| executor.encode_states().ok();
        crate::status::ask(&self.commands, states, STATUS_WAIT_MAX).flatten()
    }

    /// Why the node executes no more blocks, if it has refused a decided one. It answers queries still.
    pub fn halted(&self) -> Option<&Refused> {
        self.standing.halted()
    }

    /// Why the node executes no more blocks though nobody has told it to end: a thread of its own panicked, or the log
    /// takes no blocks. It can be asked why until it is ended.
    pub fn failed(&self) -> Option<&Failed> {
        self.standing.failed()
    }

    /// What the block at `height` has brought about, if it is among the newest
    /// [`RECEIPTS_MAX`](crate::RECEIPTS_MAX).
    pub fn receipt(&self, height: Height) -> Option<Receipt> {
        self.standing.receipts.lock().of(height)
    }

    /// Stops the node: the block under way is finished, the crew and the driver are joined.
    pub fn stop(&self) {
        let _ = self.intake.send(Intake::Stop);
        let driver = self.driver.lock().take();
        if let Some(driver) = driver {
            // A panicked driver has said so itself.
            let _ = driver.join();
        }
        self.upgrades.join_crew();
    }

    async fn send_message(
        &self,
        engine: EngineId,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Result<Replied, Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
        let place = self.door.enter(1).await?;
        let (answer, answered) = oneshot::channel();
        let name = request.as_ref().map_or(NAMELESS, |request| &request.client);
        let client = ClientId::of(name);
        let _named = self.watched.name(client, name);
        let sequence = request.as_ref().map(|request| request.sequence);
        let answer = Answerer {
            answer: Way::One(answer),
            _place: Some(place),
        };
        let payload = body.to_vec();
        let submission = Submission {
            engine,
            client,
            sequence,
            payload,
            answer,
        };
        self.intake
            .try_send(Intake::Message(submission))
            .map_err(|error| match error {
                TrySendError::Full(_) => overloaded(),
                TrySendError::Disconnected(_) => ended(),
            })?;
        hold(&self.answers, self.within(answered).await?)
    }

    /// Does something that needs the live generation and the engines of each of its kinds, on a thread
    /// that may block.
    fn with_live<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Upgrades>, &GenerationTable, &[KindCount]) -> Result<T, Refusal>
        + Send
        + 'static,
    ) -> Answer<'_, T> {
        let (commands, upgrades) = (self.commands.clone(), self.upgrades.clone());
        let (latest, watched) = (self.latest.clone(), self.watched.clone());
        let standing = self.standing.clone();
        let begin = move || {
            if let Some(stuck) = watched.stuck() {
                return Err(engine_stuck(503, &stuck));
            }
            let look = |executor: &mut Executor| (executor.table(), executor.kind_counts());
            let looked = crate::status::ask(&commands, look, STATUS_WAIT_MAX);
            let (live, counts) = looked.ok_or_else(|| silent((&latest, &standing), &watched))?;
            work(upgrades, &live, &counts)
        };
        let accepts = self.accepts_looks();
        Box::pin(async move {
            accepts?;
            let begun = tokio::task::spawn_blocking(begin).await;
            begun.map_err(|_| ended())?
        })
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

    /// Whether there is a crew to be asked.
    pub(crate) fn accepts_looks(&self) -> Result<(), Refusal> {
        // It fails before it has ended.
        match self.failed().is_some() || self.latest.lock().ended {
            true => Err(has_ended_how(&self.standing)),
            false => Ok(()),
        }
    }

    async fn send_query(&self, engine: EngineId, body: Bytes) -> Result<Replied, Refusal> {
        self.accepts()?;
        let (answer, answered) = oneshot::channel();
        let answers = self.answers.clone();
        let reply = move |outcome: Result<Vec<u8>, QueryError>, height: Height, generation| {
            if let Err(error @ QueryError::TooLarge { .. }) = &outcome {
                tracing::error!(%engine, "{error}");
            }
            // Here, on the crew's thread: an answer that finds no room is gone before the next is made.
            let held = outcome
                .map_err(|error| query_refusal(&error))
                .and_then(|body| answers.hold(body).map_err(Refusal::from));
            let answered = match held {
                Ok(body) => Ok(Replied {
                    body,
                    height,
                    generation,
                    repeated: false,
                }),
                Err(refusal) => Err(refusal.at(Moment { height, generation }, false)),
            };
            // The client may be gone.
            let _ = answer.send(answered);
        };
        let query = Query {
            engine,
            codec: Codec::Json,
            query: body.to_vec(),
            answer: Box::new(reply),
        };
        self.commands
            .try_send(Command::Query(query))
            .map_err(|error| match error {
                TrySendError::Full(_) => overloaded(),
                TrySendError::Disconnected(_) => ended(),
            })?;
        self.within(answered).await
    }

    /// Waits for an answer as long as a client may; then says why there is none.
    async fn within(
        &self,
        answered: oneshot::Receiver<Result<Replied, Refusal>>,
    ) -> Result<Replied, Refusal> {
        match tokio::time::timeout(REPLY_WAIT_MAX, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(has_ended_how(&self.standing)),
            Err(_) => Err(match self.watched.stuck() {
                Some(stuck) => engine_stuck(504, &stuck),
                None => no_reply_yet(),
            }),
        }
    }
}

/// A reply with its part of the room for answers.
pub(crate) fn hold(answers: &Room, replied: Replied) -> Result<Replied, Refusal> {
    let moment = replied.moment();
    match answers.hold(replied.body) {
        Ok(body) => Ok(Replied { body, ..replied }),
        Err(no_room) => Err(reply_without_room(no_room).at(moment, replied.repeated)),
    }
}

/// A message was handled, and its reply is too large for what other clients have left unread.
fn reply_without_room(no_room: NoRoom) -> Refusal {
    Refusal {
        next: "the message was handled: send it again with the same key for its reply; without a key, query the state"
            .to_owned(),
        ..no_room.into()
    }
}

pub(crate) fn no_reply_yet() -> Refusal {
    Refusal::new(
        504,
        "no-reply-yet",
        format!("no reply within {} s", REPLY_WAIT_MAX.as_secs()),
        "send the same request with the same key again: it is executed once",
    )
}

/// A call into an engine does not return: nothing else happens until it does.
pub(crate) fn engine_stuck(status: u16, stuck: &StuckCall) -> Refusal {
    Refusal::new(
        status,
        "engine-stuck",
        format!("{stuck}; nothing else runs until it returns"),
        "see `refit status`; a node that stays so is ended with a second signal and started again",
    )
}

pub(crate) fn overloaded() -> Refusal {
    Refusal::new(
        503,
        "overloaded",
        "the node has more to do than it keeps",
        "send again later",
    )
}

/// The crew did not come to a question in time.
pub(crate) fn silent(
    (latest, standing): (&Mutex<Latest>, &Standing),
    watched: &Watched,
) -> Refusal {
    match (*latest.lock(), watched.stuck()) {
        (Latest { ended: true, .. }, _) => return has_ended_how(standing),
        (_, Some(stuck)) => return engine_stuck(503, &stuck),
        (Latest { starting: true, .. }, None) => return starting(),
        _ => {}
    }
    Refusal::new(
        503,
        "node-busy",
        format!(
            "the node did not come to it within {} s: a block, a copy of its states or a pause takes longer",
            STATUS_WAIT_MAX.as_secs()
        ),
        "ask again; if it stays so, see the node's log",
    )
}

/// The engines are not all started.
fn starting() -> Refusal {
    Refusal::new(
        503,
        "node-starting",
        "the node starts its engines",
        "ask again in a moment; if it stays so, see the node's log",
    )
}

/// Why a node that executes no more blocks does not.
pub(crate) fn has_ended_how(standing: &Standing) -> Refusal {
    standing.goes_on().err().unwrap_or_else(ended)
}

pub(crate) fn ended() -> Refusal {
    Refusal::new(
        503,
        "node-ended",
        "the node executes no more blocks",
        "see its log; start it again",
    )
}

impl refit_admin::Node for Node {
    fn send(
        &self,
        engine: EngineId,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Answer<'_, Replied> {
        Box::pin(self.send_message(engine, request, body))
    }

    fn submit(&self, group: Vec<Sent>) -> Pin<Box<dyn Future<Output = Pending> + Send + '_>> {
        Box::pin(self.submit_group(group))
    }

    fn query(&self, engine: EngineId, body: Bytes) -> Answer<'_, Replied> {
        Box::pin(self.send_query(engine, body))
    }

    fn state(&self, engine: EngineId) -> Result<(Fixture, Generation), Refusal> {
        self.accepts_looks()?;
        crate::capture::state((&self.commands, &self.watched), engine)
    }

    fn restart(&self, engine: EngineId) -> Answer<'_, EngineRestarted> {
        Box::pin(self.restart_engine(engine))
    }

    fn parameters(&self) -> ParametersReport {
        Self::parameters(self)
    }

    fn set_parameters(&self, change: ParameterChange) -> Answer<'_, ParametersReport> {
        Box::pin(self.change_parameters(change))
    }

    fn apply(
        &self,
        plan: Bytes,
        request: Option<RequestId>,
        wishes: Wishes,
    ) -> Answer<'_, UpgradeAccepted> {
        let height = self.latest.lock().height;
        let apply = move |upgrades: Arc<Upgrades>, live: &GenerationTable, counts: &[KindCount]| {
            let asked = (&plan[..], request, wishes);
            upgrades.apply(asked, (live, counts), height)
        };
        self.with_live(apply)
    }

    fn rehearse(&self, plan: Bytes) -> Answer<'_, RehearsalReport> {
        let upgrades = self.upgrades.clone();
        // It asks the crew itself: a handle to the live code must not be held as long as this takes.
        let rehearse = move || upgrades.rehearse(&plan);
        Box::pin(async move {
            let rehearsed = tokio::task::spawn_blocking(rehearse).await;
            rehearsed.map_err(|_| ended())?
        })
    }

    fn quarantine(&self) -> Vec<QuarantineEntry> {
        self.upgrades.quarantine().entries()
    }

    fn clear_quarantine(&self, artifact: &str) -> Result<usize, Refusal> {
        let cleared = self.upgrades.quarantine().clear(artifact);
        cleared.map_err(|error| Refusal::new(500, error.code(), error.to_string(), error.next()))
    }

    fn upgrade(&self, id: u64) -> Option<UpgradeReport> {
        self.upgrades.report(id)
    }

    fn upgrades(&self) -> Vec<UpgradeReport> {
        self.upgrades.reports()
    }

    fn cancel_upgrade(&self, id: u64) -> Result<Option<UpgradeReport>, Refusal> {
        self.upgrades.cancel(id)
    }

    fn status(&self) -> Result<Status, Refusal> {
        self.look()
    }

    fn ready(&self) -> Result<(), Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
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
        let latest = self.latest.lock();
        Moment {
            height: latest.height,
            generation: latest.generation,
        }
    }

    fn life(&self) -> Life {
        self.life
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
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
