//! [`Driver`]: makes blocks, has them logged and executed, and lets the effects out; between two
//! blocks, brings armed upgrades to their update point.

use crate::answers;
use crate::clock::Clock;
use crate::events::{EventBlock, EventWriter};
use crate::intake::{self, Blocks, Intake, Submission};
use crate::latest::{Latest, add};
use crate::limits::{DRIVER_SLEEP_MAX, INTAKE_PER_TURN_MAX};
use crate::lines;
use crate::troubles::Troubles;
use crate::upgrade::Waiting;
use crate::waiters::{AwaitedAnswer, Waiters};
use crossbeam_channel::{Receiver, select};
use parking_lot::Mutex;
use refit_abi::BlockTime;
use refit_abi::host::BlockFrame;
use refit_abi::raw::Codec;
use refit_admin::{Metrics, Refusal};
use refit_kernel::crew::{Command, Commands};
use refit_kernel::{Awaited, BlockInput, BlockOutcome, Executor, Key, RequestDigest};
use refit_ordering::{Block, BlockSource, Decided, Due, Ground, Ingress, NotTaken, Refused, Tip};
use refit_store::Store;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a driver is made of.
pub(crate) struct DriverParts {
    pub(crate) source: Box<dyn BlockSource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<dyn Store>,
    /// What the first block stands on.
    pub(crate) ground: Ground,
    pub(crate) intake: Receiver<Intake>,
    pub(crate) commands: Commands,
    pub(crate) latest: Arc<Mutex<Latest>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: EventWriter,
    pub(crate) budget: u64,
}

/// Makes blocks and has them executed.
pub(crate) struct Driver {
    parts: DriverParts,
    waiters: Waiters,
    /// Blocks that the source has decided.
    blocks: Blocks,
    /// What the next block stands on.
    ground: Ground,
    /// Whether the source was told of it.
    told: bool,
    armed: Option<Box<Waiting>>,
    /// The next block is made at once: it follows an upgrade.
    follow_up: bool,
    /// What waits for coming blocks, after the newest.
    awaited: Awaited,
    troubles: Troubles,
    /// The poisoned engines are counted anew with the next block.
    recount: bool,
}

/// The crew, or the client's side, is gone.
struct Ended;

impl Driver {
    pub(crate) fn new(mut parts: DriverParts) -> Self {
        let (outlet, blocks) = intake::blocks();
        parts.source.begin(Arc::new(outlet));
        Self {
            ground: parts.ground.clone(),
            parts,
            waiters: Waiters::default(),
            blocks,
            // There are no engines yet that could execute a block.
            told: true,
            armed: None,
            follow_up: false,
            awaited: Awaited::default(),
            troubles: Troubles::default(),
            recount: true,
        }
    }

    /// Runs until it is told to stop or the crew is gone.
    pub(crate) fn run(mut self) {
        // A panic has been logged; without this, nobody would hear that nothing is executed any more.
        let _ = catch_unwind(AssertUnwindSafe(|| while self.turn().is_ok() {}));
        self.parts.latest.lock().ended = true;
        let _ = self.parts.commands.send(Command::Stop);
    }

    fn turn(&mut self) -> Result<(), Ended> {
        self.tell_source();
        let pushed = self.take_in()?;
        // What came for the newest block's height runs before there is another block.
        self.upgrade_if_due()?;
        self.tell_source();
        let due = self.due();
        self.parts.source.tick(self.parts.clock.now(), due);
        if let Some(decided) = pushed.or_else(|| self.blocks.try_recv().ok()) {
            self.execute(decided)?;
        }
        self.upgrade_if_due()
    }

    /// Tells the source what the next block stands on, once the newest one and an upgrade at its height are over.
    fn tell_source(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            self.parts.source.executed(&self.ground);
        }
    }

    /// Waits for something to do, then takes in what is there. What is left stays in the channel. Gives a block if the
    /// source has pushed one.
    fn take_in(&mut self) -> Result<Option<Decided>, Ended> {
        let wait = self.sleep(self.parts.clock.now());
        let mut pushed = None;
        let mut next = select! {
            recv(self.parts.intake) -> intake => Some(intake.map_err(|_| Ended)?),
            recv(self.blocks) -> decided => {
                pushed = Some(decided.map_err(|_| Ended)?);
                self.parts.intake.try_recv().ok()
            }
            default(wait) => None,
        };
        let mut taken = 0;
        while let Some(intake) = next.take() {
            self.take(intake)?;
            taken += 1;
            if taken < INTAKE_PER_TURN_MAX {
                next = self.parts.intake.try_recv().ok();
            }
        }
        Ok(pushed)
    }

    fn take(&mut self, intake: Intake) -> Result<(), Ended> {
        match intake {
            Intake::Message(submission) => self.submit(submission),
            Intake::Upgrade(waiting) => self.armed = Some(waiting),
            // The next step of this turn lets it go.
            Intake::Recalled => {}
            Intake::Started(awaited) => self.hear_of(awaited),
            Intake::Stop => return Err(Ended),
        }
        Ok(())
    }

    /// What the engines wait for as they have started. A block that was made meanwhile knows better.
    fn hear_of(&mut self, awaited: Awaited) {
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

    /// What needs a block beside clients' messages.
    fn due(&self) -> Due {
        let mut armed = self.armed.iter();
        let plan = armed.any(|waiting| waiting.at_height.is_some());
        Due {
            follows_upgrade: self.follow_up,
            height_awaited: plan || self.awaited.timer_height.is_some(),
            timer: self.awaited.timer_time,
            backlog: self.awaited.backlog,
        }
    }

    fn submit(&mut self, submission: Submission) {
        let Submission {
            engine,
            client,
            sequence,
            payload,
            answer,
        } = submission;
        let awaited = match sequence {
            Some(sequence) => {
                let request = RequestDigest::of(engine, Codec::Json, &payload);
                AwaitedAnswer::Keyed(Key { client, sequence }, request)
            }
            None => self.waiters.keyless(),
        };
        // The same request waits already, and its answer is this one's too.
        let Some(answerer) = self.waiters.join(awaited, answer) else {
            return;
        };
        let message = Ingress {
            engine,
            client,
            sequence,
            payload,
        };
        match self.parts.source.mempool().offer(message, awaited.token()) {
            Ok(()) => self.waiters.wait(awaited, answerer),
            Err(why) => {
                let _ = answerer.answer.send(Err(not_taken(&why)));
            }
        }
    }

    fn execute(&mut self, Decided { block, tokens }: Decided) -> Result<(), Ended> {
        if let Err(refused) = self.ground.check(&block) {
            return Err(refuses(&refused));
        }
        self.follow_up = false;
        let (height, time) = (block.height, block.time);
        let bytes = block.to_bytes();
        if let Err(error) = self.parts.store.append(height, &bytes) {
            // Nothing was executed; without the log nothing may be.
            tracing::error!(%height, %error, "the block log refuses the block; the node stops");
            return Err(Ended);
        }
        let frame = BlockFrame {
            height,
            time,
            hash: Block::hash_of(&bytes),
        };
        drop(bytes);
        self.ground.tip = Tip {
            height,
            time,
            hash: frame.hash,
        };
        self.told = false;
        let messages = block
            .messages
            .into_iter()
            .map(|message| refit_kernel::Ingress {
                engine: message.engine,
                client: message.client,
                sequence: message.sequence,
                payload: message.payload,
            });
        let input = BlockInput {
            frame,
            messages: messages.collect(),
            budget: self.parts.budget,
        };
        self.waiters.placed(height, &tokens);
        let (done, outcome) = crossbeam_channel::bounded(1);
        self.parts
            .commands
            .send(Command::Block(input, done))
            .map_err(|_| Ended)?;
        let outcome = outcome.recv().map_err(|_| Ended)?;
        self.publish(&outcome, time);
        if self.recount || outcome.stats.poisoned > 0 {
            self.recount = false;
            self.count_poisoned();
        }
        self.release(outcome, time);
        Ok(())
    }

    fn publish(&mut self, outcome: &BlockOutcome, time: BlockTime) {
        self.awaited = Awaited {
            height: outcome.height,
            backlog: outcome.backlog,
            timer_height: outcome.next_timer_height,
            timer_time: outcome.next_timer_time,
        };
        let mut latest = self.parts.latest.lock();
        latest.height = outcome.height;
        latest.time = time;
        latest.generation = outcome.generation;
        latest.backlog = outcome.backlog;
        latest.tempo.block(Instant::now());
        add(&mut latest.counts.blocks, &outcome.stats);
        // Before the answers go out: whoever has one sees it counted.
        let repeated = outcome.replies.iter().filter(|replied| replied.repeated);
        latest.counts.repeated += repeated.count() as u64;
        let metrics = &self.parts.metrics;
        metrics.set_height(outcome.height);
        metrics.set_generation(outcome.generation);
        metrics.add_messages(outcome.stats.messages);
        metrics.set_mailbox_depth(outcome.backlog as u64);
        crate::leaks::tell();
        metrics.add_dead_letters(outcome.stats.dead_letters);
        let stats = &outcome.stats;
        metrics.add_forgotten(stats.answers_forgotten, stats.clients_forgotten);
        for (kind, count) in &outcome.faults {
            metrics.add_faults(kind, *count);
        }
    }

    /// Counts the poisoned engines of each kind anew: after blocks and upgrades in which that may have changed.
    fn count_poisoned(&self) {
        let metrics = Arc::clone(&self.parts.metrics);
        let count = move |executor: &mut Executor| {
            let table = executor.table();
            for ((_, entry), count) in table.iter().zip(executor.kind_counts()) {
                metrics.set_poisoned(&entry.kind.descriptor().kind, count.poisoned);
            }
        };
        // Without a crew there is nothing to count.
        let _ = self.parts.commands.send(Command::Call(Box::new(count)));
    }

    /// Lets the effects of a logged and executed block out.
    fn release(&mut self, outcome: BlockOutcome, time: BlockTime) {
        let emitted = outcome.events.len() as u64;
        let block = EventBlock {
            height: outcome.height,
            time,
            generation: outcome.generation,
        };
        let forgotten = self.parts.events.add(block, outcome.events);
        self.parts.metrics.add_events(emitted, forgotten);
        for line in outcome.logs {
            lines::log(&line);
        }
        for trouble in &outcome.troubles {
            self.troubles.tell(trouble, Instant::now());
        }
        for replied in outcome.replies {
            let mut answerers = self.waiters.take(&replied.asker);
            let Some(first) = answerers.next() else {
                continue;
            };
            let answer = answers::answer(replied);
            for answerer in answerers {
                // The client may be gone; it can ask again.
                let _ = answerer.answer.send(answers::repeated(&answer));
            }
            let _ = first.answer.send(answer);
        }
    }

    /// Brings the armed upgrade to its update point if the newest block is that of its height. Lets it go if it is
    /// a later one, or if the upgrade was taken back: it happens there or not at all.
    fn upgrade_if_due(&mut self) -> Result<(), Ended> {
        let Some(waiting) = self.armed.take() else {
            return Ok(());
        };
        match waiting.goes(self.ground.tip.height) {
            Ok(true) => self.upgrade(*waiting),
            Ok(false) => {
                self.armed = Some(waiting);
                Ok(())
            }
            Err(why) => {
                waiting.let_go(why);
                Ok(())
            }
        }
    }

    fn upgrade(&mut self, waiting: Waiting) -> Result<(), Ended> {
        let (point, baton, resumed) = waiting.into_parts();
        self.parts
            .commands
            .send(Command::Upgrade(point, baton))
            .map_err(|_| Ended)?;
        // The wait ends when the new leader has opened the gate.
        resumed.recv().map_err(|_| Ended)?;
        self.follow_up = true;
        self.recount = true;
        self.told = false;
        Ok(())
    }
}

/// What a client hears whose message does not come into a block.
fn not_taken(why: &NotTaken) -> Refusal {
    match why {
        NotTaken::Closed => Refusal::new(
            503,
            "blocks-fixed",
            why.to_string(),
            "send to the node that makes the blocks",
        ),
        full => Refusal::new(503, "queue-full", full.to_string(), "send again later"),
    }
}

/// A block that was decided does not stand on what this node has: it goes no further.
fn refuses(refused: &Refused) -> Ended {
    tracing::error!("the node refuses a decided block and stops: {refused}");
    Ended
}

#[cfg(test)]
mod tests;
