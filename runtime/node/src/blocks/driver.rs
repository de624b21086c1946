//! [`Driver`]: makes blocks, has them logged and executed, and lets the effects out; between two
//! blocks, brings armed upgrades to their update point.

mod count;
mod execution;
mod held;
mod states;
mod update;

use crate::answers::events::EventWriter;
use crate::blocks::clock::Clock;
use crate::blocks::intake::{
    self, Blocks, Ended as Waiter, Intake, Ordering, Photograph, Standpoint, Submission, Wanted,
};
use crate::blocks::states::{Passed, States, StatesDue};
use crate::blocks::waiters::{Asked, Waiters};
use crate::known::failed::{Failed, said};
use crate::known::latest::Latest;
use crate::known::released::Released;
use crate::known::standing::Standing;
use crate::limits::{
    CHECKPOINT_BEFORE_BLOCKS, CHECKPOINT_BLOCKS, CHECKPOINT_LOG_BYTES, CHECKPOINT_NEAR_BYTES,
    CREW_LOST_WAIT_MAX, DRIVER_SLEEP_MAX, INTAKE_PER_TURN_MAX, PHOTOGRAPH_WAIT_MAX,
};
use crate::log::troubles::Troubles;
use crate::pause::{Stopping, Waiting};
use crate::probation::branches::BranchPoint;
use crate::probation::{Alarm, Probation};
use count::Count;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use execution::Outgoing;
use held::Held;
use parking_lot::Mutex;
use refit_abi::codes;
use refit_abi::{BlockTime, Height};
use refit_admin::{Metrics, Refusal};
use refit_kernel::crew::Panic;
use refit_kernel::{Awaited, Duty, Key, RequestDigest};
use refit_ordering::{BlockSource, Decided, Due, Ground, Message, NotTaken};
use refit_store::{AppendError, Store};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The parts that make a driver.
pub(crate) struct DriverParts {
    pub(crate) source: Box<dyn BlockSource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<dyn Store>,
    /// The ground of the first block: its parent's hash, height and time, the code and the parameters.
    pub(crate) ground: Ground,
    pub(crate) standing: Arc<Standing>,
    pub(crate) released: Arc<Released>,
    pub(crate) intake: Receiver<Intake>,
    pub(crate) duty: Arc<Duty>,
    pub(crate) latest: Arc<Mutex<Latest>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: EventWriter,
    /// Is told when a checkpoint is due.
    pub(crate) checkpoints: Sender<Wanted>,
    pub(crate) probation: Arc<Probation>,
    /// Whether a panic may have the generation taken back.
    pub(crate) takes_back: bool,
    /// Blocks up to this one are made anew, and each is in the log for good before it is executed, so that one that ends
    /// the node is found there.
    pub(crate) one_by_one: Height,
    /// The last block that is made anew, if any is.
    pub(crate) anew: Height,
    /// Hears of panics while a generation is on probation.
    pub(crate) alarms: Sender<Alarm>,
    /// Where the log goes on under another branch.
    pub(crate) branches: Vec<BranchPoint>,
    pub(crate) states: States,
}

/// Makes blocks and has them executed.
pub(crate) struct Driver {
    parts: DriverParts,
    waiters: Waiters,
    held: Held,
    /// Blocks that the source has decided.
    blocks: Blocks,
    /// The one of them that is executed next.
    next: Option<Decided>,
    /// The ground of the next block.
    ground: Ground,
    /// Whether the source already has this ground.
    told: bool,
    /// Effects of executed blocks, in their order: each leaves when the log has its block for good. Those of the
    /// newest leave while the next one is executed, or at once if there is none.
    outgoing: VecDeque<Outgoing>,
    /// The log has more blocks for good, or takes none any more.
    logged: Receiver<()>,
    /// Keeps that channel open for a log that never needs it.
    _log: Sender<()>,
    /// The last block that the log had when the node started: up to this one nothing is new to anybody.
    replayed: Height,
    /// The log since the newest checkpoint.
    since_checkpoint: SinceCheckpoint,
    /// Each copies the state before the next block: one for the checkpoint that is under way, one for the snapshot.
    photographs: VecDeque<Box<Photograph>>,
    /// The states that headers are still to name, and those that a replay must come to.
    states: StatesDue,
    passed: Vec<Passed>,
    /// Whether the disk has room for new messages, if that was looked at in this turn.
    room: Option<bool>,
    /// No block follows the one that is executed.
    told_to_end: bool,
    /// A decided block was not executed, because the node had halted: the source waits for its end.
    has_dropped: bool,
    armed: Option<Box<Waiting>>,
    /// An upgrade for which this ends at its height.
    stops: Option<Box<Stopping>>,
    /// Set if the next block is made at once, because it follows an upgrade: tells that upgrade's thread when it
    /// begins.
    follow_up: Option<Sender<Instant>>,
    /// The messages and timers that wait for coming blocks, after the newest block.
    awaited: Awaited,
    troubles: Troubles,
    /// The engines, for the metrics.
    count: Count,
}

/// How much the log has grown since a checkpoint was taken.
#[derive(Debug, Default)]
struct SinceCheckpoint {
    blocks: u64,
    bytes: u64,
    /// An upgrade has changed the code since.
    is_other_code: bool,
    /// How many blocks there were when one was asked for last.
    asked: Option<u64>,
}

impl SinceCheckpoint {
    /// Whether one is to be asked for, also if an upgrade comes. One that was asked for may fail: then another is, in time.
    fn is_due(&self, upgrade_comes: bool) -> bool {
        if let Some(asked) = self.asked {
            return self.blocks - asked >= CHECKPOINT_BLOCKS;
        }
        let is_long = self.blocks >= CHECKPOINT_BLOCKS || self.bytes >= CHECKPOINT_LOG_BYTES;
        let is_far = self.bytes >= CHECKPOINT_NEAR_BYTES;
        is_long || self.is_other_code || (upgrade_comes && is_far)
    }
}

/// Why there are no more turns.
enum Ended {
    /// The node was told to end, or nobody is left who could ask it anything; or it stops for an upgrade.
    Told,
    /// The crew is gone. What it said of that comes with it, or is still to come.
    Crew(Option<Panic>),
    /// The log does not take this block.
    Log(Height, AppendError),
    /// The source is gone.
    Source,
}

impl Ended {
    /// The failure that this end is, for a node that was not told to end.
    fn failed(self, duty: &Duty) -> Option<Failed> {
        match self {
            Self::Told => None,
            Self::Crew(panic) => {
                // The leader's end is seen before its panic text arrives.
                let panic = panic.or_else(|| duty.lost().recv_timeout(CREW_LOST_WAIT_MAX).ok());
                let said = panic.map_or_else(String::new, |panic| said(&*panic));
                Some(Failed::Crew { said })
            }
            Self::Log(height, error) => Some(Failed::Log { height, error }),
            Self::Source => Some(Failed::Source),
        }
    }
}

impl Driver {
    pub(crate) fn new(mut parts: DriverParts) -> Self {
        let (outlet, blocks) = intake::blocks();
        // One word is enough, however many blocks it is about.
        let (log, logged) = bounded(1);
        let wake = log.clone();
        parts.store.wake_with(Box::new(move || {
            let _ = wake.try_send(());
        }));
        parts.source.begin(Arc::new(outlet));
        let replayed = parts.store.last();
        let States { due, passed } = std::mem::take(&mut parts.states);
        let mut states = StatesDue::default();
        due.into_iter().for_each(|due| states.add(due));
        let mut this = Self {
            ground: parts.ground.clone(),
            parts,
            waiters: Waiters::default(),
            held: Held::default(),
            blocks,
            next: None,
            // There are no engines yet that could execute a block.
            told: true,
            outgoing: VecDeque::new(),
            logged,
            _log: log,
            replayed,
            since_checkpoint: SinceCheckpoint::default(),
            photographs: VecDeque::new(),
            states,
            passed,
            room: None,
            told_to_end: false,
            has_dropped: false,
            armed: None,
            stops: None,
            follow_up: None,
            awaited: Awaited::default(),
            troubles: Troubles::default(),
            count: Count::new(),
        };
        this.branch_off();
        this
    }

    /// Runs until it is told to stop or the crew is gone.
    pub(crate) fn run(mut self) {
        // A panic has been logged; without this, nobody would learn that nothing is executed any more.
        let turned = catch_unwind(AssertUnwindSafe(|| {
            loop {
                if let Err(ended) = self.turn() {
                    return ended;
                }
            }
        }));
        let (duty, intake) = (self.parts.duty.clone(), self.parts.intake.clone());
        let failed = match turned {
            Ok(ended) => ended.failed(&duty),
            Err(panic) => Some(Failed::Driver {
                said: said(&*panic),
            }),
        };
        if let Some(failed) = failed {
            self.parts.standing.fails(failed);
        }
        let standing = self.parts.standing.clone();
        // Before anybody is answered: who asks again on hearing of the failure must see the end.
        self.parts.latest.lock().ended = true;
        // Everyone who waits gets the failure, even if the crew is slow with its next order. The caller's source may
        // panic once more, which is logged and changes nothing.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.let_out_last();
            self.parts.released.end();
            drop(self);
        }));
        duty.end();
        if standing.failed().is_some() {
            turn_away(&intake);
        }
    }

    fn turn(&mut self) -> Result<(), Ended> {
        self.count_soon();
        self.room = None;
        self.log_goes_on()?;
        self.compare_with_passed();
        self.tell_source();
        self.take_in()?;
        // An upgrade for the newest block's height runs before there is another block.
        self.upgrade_if_due()?;
        self.take_photographs();
        self.tell_source();
        let due = self.due();
        // The one place where the clock is read for a block: what is decided carries its time.
        self.parts.source.tick(self.parts.clock.now(), due);
        self.look_for_block();
        match self.next.take() {
            Some(decided) => self.execute(decided)?,
            None => self.let_out(),
        }
        self.upgrade_if_due()
    }

    /// Has the state copied, here where no block is under way.
    fn take_photographs(&mut self) {
        while let Some(photograph) = self.photographs.pop_front() {
            let Photograph {
                is_checkpoint,
                take,
            } = *photograph;
            if is_checkpoint {
                self.since_checkpoint = SinceCheckpoint::default();
            }
            let here = Standpoint {
                ground: self.ground.clone(),
                on_probation: self.parts.probation.now(),
            };
            let taken = self
                .parts
                .duty
                .ask(move |executor| take(executor, here), PHOTOGRAPH_WAIT_MAX);
            if let Err(silence) = taken {
                tracing::warn!("the state is not copied: {silence}");
            }
        }
    }

    /// Says that a checkpoint is due, if it is, and not before a start is at its end: it would take the processor from it.
    fn ask_for_checkpoint(&mut self) {
        if self.ground.tip.height < self.replayed.max(self.parts.anew) {
            return;
        }
        let planned = self.armed.iter().filter_map(|waiting| waiting.at_height);
        let from = planned.map(|at| at.0.saturating_sub(CHECKPOINT_BEFORE_BLOCKS));
        let comes = from
            .min()
            .is_some_and(|from| from <= self.ground.tip.height.0);
        if self.since_checkpoint.is_due(comes) {
            self.want_checkpoint(Wanted::default());
        }
    }

    /// An upgrade comes that waits for the checkpoint before it.
    fn checkpoint_before(&mut self, ended: Waiter) {
        if self.since_checkpoint.is_due(true) {
            self.want_checkpoint(Wanted { by: Some(ended) });
        }
    }

    fn want_checkpoint(&mut self, wanted: Wanted) {
        self.since_checkpoint.asked = Some(self.since_checkpoint.blocks);
        // One word is enough; while a checkpoint is under way the next one waits.
        let _ = self.parts.checkpoints.try_send(wanted);
    }

    /// Takes out the block that the source has decided, if it has.
    fn look_for_block(&mut self) {
        if self.next.is_none() {
            self.next = self.blocks.try_recv().ok();
        }
    }

    /// Gives the source the ground of the next block, once the newest one and an upgrade at its height are over.
    fn tell_source(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            self.parts.source.executed(&self.ground);
        }
    }

    /// Waits for something to do, then takes in what is there. What is left stays in the channel.
    fn take_in(&mut self) -> Result<(), Ended> {
        let wait = match self.may_leave() {
            // Effects that may leave wait for no message that may never come.
            true => Duration::ZERO,
            false => self.sleep(self.parts.clock.now()),
        };
        let mut next = select! {
            recv(self.parts.intake) -> intake => Some(intake.map_err(|_| Ended::Told)?),
            // Also between two blocks: else the panic would be noticed only with the next one.
            recv(self.parts.duty.lost()) -> panic => {
                return Err(Ended::Crew(panic.ok()));
            }
            // The end of this turn lets out what may leave.
            recv(self.logged) -> _ => None,
            recv(self.blocks) -> decided => {
                self.next = Some(decided.map_err(|_| Ended::Source)?);
                self.parts.intake.try_recv().ok()
            }
            default(wait) => None,
        };
        let mut taken = 0;
        while let Some(intake) = next.take() {
            self.take(intake)?;
            taken += 1;
            // A flood of messages does not keep a block from being made.
            if taken < INTAKE_PER_TURN_MAX {
                next = self.parts.intake.try_recv().ok();
            }
        }
        self.look_for_block();
        Ok(())
    }

    fn take(&mut self, intake: Intake) -> Result<(), Ended> {
        match intake {
            Intake::Message(submission) => self.submit(submission),
            Intake::Messages(submissions) => {
                for submission in submissions {
                    self.submit(submission);
                }
            }
            Intake::Order(order) => self.order(order),
            Intake::Upgrade(mut waiting) => {
                self.announce(&mut waiting);
                self.armed = Some(waiting);
            }
            Intake::StopAt(stopping) => self.stops = Some(stopping),
            // The next step of this turn lets it go.
            Intake::Recalled => {}
            // The block that was dropped is decided anew.
            Intake::GoesOn => self.told &= !std::mem::take(&mut self.has_dropped),
            Intake::Photograph(photograph) => self.photographs.push_back(photograph),
            Intake::Checkpoint(ended) => self.checkpoint_before(ended),
            Intake::State(hashed) => self.hear_of_state(hashed),
            Intake::Started(awaited) => self.hear_of(awaited),
            Intake::Stop => return Err(Ended::Told),
        }
        Ok(())
    }

    /// Notes what the engines wait for after their start, unless a block that was made meanwhile knows better.
    fn hear_of(&mut self, awaited: Awaited) {
        // A block that was executed before this came has newer word.
        if self.ground.tip.height == awaited.height {
            self.awaited = awaited;
            self.told = false;
        }
    }

    /// How long nothing needs to be done.
    fn sleep(&self, now: BlockTime) -> Duration {
        let next = self.parts.source.next_due(now, self.due());
        let until = next.map_or(u64::MAX, |time| time.0.saturating_sub(now.0));
        Duration::from_millis(until).min(DRIVER_SLEEP_MAX)
    }

    /// The reasons for a block beside clients' messages.
    fn due(&self) -> Due {
        let mut armed = self.armed.iter();
        let mut stops = self.stops.iter();
        let plan = armed.any(|waiting| waiting.at_height.is_some())
            || stops.any(|stopping| stopping.at_height.is_some());
        let probation = self.parts.probation.is_on();
        Due {
            follows_upgrade: self.follow_up.is_some(),
            height_awaited: plan
                || probation
                || self.states.is_awaited()
                || self.awaited.timer_height.is_some(),
            timer: self.awaited.timer_time,
            backlog: self.awaited.backlog,
        }
    }

    /// Has what an operator orders come into a block.
    fn order(&mut self, Ordering { entry, answer }: Ordering) {
        let taken = self.parts.standing.goes_on().and_then(|()| {
            let token = self.waiters.token();
            let pool = self.parts.source.mempool();
            let offered = pool.order(entry, token);
            offered.map_err(|why| not_taken(&why)).map(|()| token)
        });
        match taken {
            Ok(token) => self.waiters.wait_for_order(token, answer),
            Err(refusal) => drop(answer.send(Err(refusal))),
        }
    }

    /// Whether the disk has room for what one more message brings about.
    fn has_room(&mut self) -> bool {
        let store = &self.parts.store;
        *self.room.get_or_insert_with(|| store.has_room())
    }

    fn submit(&mut self, submission: Submission) {
        if let Err(refusal) = self.parts.standing.goes_on() {
            let _ = submission.answer.answer.send(Err(refusal));
            return;
        }
        if !self.has_room() {
            let _ = submission.answer.answer.send(Err(disk_full()));
            return;
        }
        let Submission { ingress, answer } = submission;
        let awaited = match ingress.sequence {
            Some(sequence) => {
                let request = RequestDigest::of_message(&ingress);
                let client = ingress.client;
                let key = Key { client, sequence };
                self.waiters.keyed(Asked { key, request })
            }
            None => self.waiters.keyless(),
        };
        // The same request waits already, and its answer is this one's too.
        let Some(answerer) = self.waiters.join(awaited, answer) else {
            return;
        };
        let message = Message {
            ingress,
            // Solo ordering asks for no proof of who sends.
            authenticator: Vec::new(),
        };
        match self
            .parts
            .source
            .mempool()
            .offer(message, Some(awaited.token()))
        {
            Ok(()) => self.waiters.wait(awaited, answerer),
            Err(why) => {
                let _ = answerer.answer.send(Err(not_taken(&why)));
            }
        }
    }
}

/// Refuses everything sent to a failed node, until the node is told to end: the channel keeps entries that nobody
/// takes out.
fn turn_away(intake: &Receiver<Intake>) {
    while let Ok(intake) = intake.recv() {
        if matches!(intake, Intake::Stop) {
            return;
        }
    }
}

/// The refusal of a message while the disk has room only for what is under way.
fn disk_full() -> Refusal {
    let detail =
        "the disk of the data folder is full: new messages are refused, queries are answered";
    let next = "make room on it; the node goes on by itself";
    Refusal::new(503, codes::DISK_FULL, detail, next)
}

/// The refusal of a message that does not come into a block.
fn not_taken(why: &NotTaken) -> Refusal {
    match why {
        NotTaken::Closed => Refusal::new(
            503,
            codes::BLOCKS_FIXED,
            why.to_string(),
            "send to the node that makes the blocks",
        ),
        full => Refusal::new(503, codes::QUEUE_FULL, full.to_string(), "send again later"),
    }
}

#[cfg(test)]
mod tests;
