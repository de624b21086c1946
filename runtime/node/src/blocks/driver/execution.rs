//! Blocks are logged and executed, and their effects let out.

use super::{Driver, Ended};
use crate::answers;
use crate::answers::events::EventBlock;
use crate::entries;
use crate::limits::{DRIVER_SLEEP_MAX, LAST_APPENDS_WAIT_MAX, UNRELEASED_BLOCKS_MAX};
use crate::log::lines;
use crate::probation::Alarm;
use crossbeam_channel::{Receiver, select_biased};
use refit_abi::host::BlockFrame;
use refit_abi::{BlockTime, Height};
use refit_admin::Moment;
use refit_kernel::{Awaited, BlockInput, BlockOutcome, Parameters, Trouble, Wrong};
use refit_ordering::{
    BLOCK_BYTES_MAX, Block, BlockRefused, Branch, Canonical, Decided, Header, ParametersHash,
    PoolBounds, ReceiptHash, SEAL_BYTES_MAX, Seal, Tip, UpgradeEnd, UpgradeOutcome, check_length,
};
use refit_store::{AppendError, BLOCK_BYTES_MAX as LOGGED_BYTES_MAX};
use std::sync::Arc;
use std::time::Instant;

/// Effects of a logged and executed block that have not left.
pub(super) struct Outgoing {
    outcome: BlockOutcome,
    time: BlockTime,
    branch: Branch,
}

/// The size of a seal's kind and length, in bytes.
const SEAL_FRAME_BYTES: usize = 16;

// Every block that is executed can be logged.
const _: () = assert!(BLOCK_BYTES_MAX + SEAL_BYTES_MAX + SEAL_FRAME_BYTES <= LOGGED_BYTES_MAX);

impl Driver {
    pub(super) fn execute(&mut self, decided: Decided) -> Result<(), Ended> {
        let known = decided.canonical();
        let Decided {
            block,
            seal,
            tokens,
            ..
        } = decided;
        if self.parts.standing.halted().is_some() {
            self.stands_still();
            return Ok(());
        }
        // A block of the log is hashed where it is read, and its bytes go nowhere.
        let known = known.filter(|_| block.header.height <= self.replayed);
        let (canonical, bytes) = match known {
            Some(known) => (known, Vec::new()),
            None => {
                let bytes = block.to_bytes();
                (Canonical::of(&bytes), bytes)
            }
        };
        let accepted = self.accepts(&block, canonical.length);
        let accepted = accepted.and_then(|()| seal.check(block.header.height));
        let (height, time) = (block.header.height, block.header.time);
        let header = block.header;
        // Before it is logged: a block that cannot be carried out must not be in the log.
        let input = accepted.and_then(|()| entries::input(block.entries, height));
        let input = match input {
            Ok(input) => input,
            Err(refused) => {
                self.halt(refused);
                return Ok(());
            }
        };
        self.catch_up()?;
        let follows = self.follow_up.take();
        let Canonical { hash, length } = canonical;
        self.since_checkpoint.blocks += 1;
        self.since_checkpoint.bytes += length as u64;
        self.log(height, bytes, &seal)?;
        if height <= self.parts.one_by_one {
            self.until_durable(height)?;
        }
        let frame = BlockFrame { height, time, hash };
        let branch = self.ground.branch;
        let input = BlockInput {
            frame,
            // After the log has it: from here on those who wait are known by their places in the block.
            requests: self.waiters.placed(height, &tokens),
            ..input
        };
        if let Some(upgrade) = follows {
            // Its thread may have given up waiting.
            let _ = upgrade.try_send(Instant::now());
        }
        let began = Instant::now();
        let outcome = self.parts.duty.execute(input);
        let outcome = outcome.map_err(|_| Ended::Crew(None))?;
        // While the crew works.
        self.let_out();
        let outcome = self.outcome_of(&outcome)?;
        self.parts.metrics.observe_block(began.elapsed());
        self.goes_on_from(frame, &outcome);
        self.states_after(&header);
        self.publish(&outcome, time);
        self.count_after(&outcome);
        self.ask_for_checkpoint();
        // Kept until the crew has the next block: to answer clients takes time in which it would stand still.
        self.outgoing.push_back(Outgoing {
            outcome,
            time,
            branch,
        });
        if self.parts.probation.is_last_anew(height) {
            let outcomes = self.outgoing.iter().map(|outgoing| &outgoing.outcome);
            self.parts.probation.compare(outcomes);
        }
        match self.told_to_end {
            true => Err(Ended::Told),
            false => Ok(()),
        }
    }

    /// Waits until the crew is through with a block. Takes in meanwhile what comes for later ones, and lets out what may
    /// leave of earlier ones.
    fn outcome_of(&mut self, done: &Receiver<BlockOutcome>) -> Result<BlockOutcome, Ended> {
        while !self.told_to_end {
            // Biased: a finished block goes before messages for later ones.
            let taken = select_biased! {
                recv(done) -> outcome => return outcome.map_err(|_| Ended::Crew(None)),
                recv(self.logged) -> _ => {
                    self.let_out();
                    Ok(())
                }
                recv(self.parts.intake) -> intake => {
                    intake.map_err(|_| Ended::Told).and_then(|intake| self.take(intake))
                }
            };
            self.told_to_end = taken.is_err();
        }
        done.recv().map_err(|_| Ended::Crew(None))
    }

    /// Whether there are effects whose block the log has for good.
    pub(super) fn may_leave(&self) -> bool {
        let oldest = self.outgoing.front();
        oldest.is_some_and(|oldest| oldest.outcome.height <= self.parts.store.durable_height())
    }

    /// Lets out the effects of the executed blocks that the log has for good, if they have not left: at the latest
    /// before the node waits for anything but the block after them.
    pub(super) fn let_out(&mut self) {
        let durable = self.parts.store.durable_height();
        while let Some(outgoing) = self
            .outgoing
            .pop_front_if(|oldest| oldest.outcome.height <= durable)
        {
            let moment = Moment {
                height: outgoing.outcome.height,
                generation: outgoing.outcome.generation,
            };
            // Those of older blocks go first.
            self.let_out_held();
            self.release(outgoing);
            self.parts.released.grow(moment);
        }
        self.let_out_held();
    }

    /// At the end: lets out what can still leave.
    pub(super) fn let_out_last(&mut self) {
        let deadline = Instant::now() + LAST_APPENDS_WAIT_MAX;
        self.let_out();
        while !self.outgoing.is_empty() && self.parts.store.fault().is_none() {
            if self.logged.recv_deadline(deadline).is_err() {
                tracing::error!(
                    "the log does not have the last blocks in time: their answers do not leave"
                );
                return;
            }
            self.let_out();
        }
    }

    /// Waits until the log has so many of the executed blocks for good that another may be executed.
    fn catch_up(&mut self) -> Result<(), Ended> {
        while self.outgoing.len() >= UNRELEASED_BLOCKS_MAX {
            self.let_out();
            self.log_goes_on()?;
            if self.outgoing.len() >= UNRELEASED_BLOCKS_MAX {
                let _ = self.logged.recv_timeout(DRIVER_SLEEP_MAX);
            }
        }
        Ok(())
    }

    /// Waits until the log has a block for good.
    fn until_durable(&self, height: Height) -> Result<(), Ended> {
        while self.parts.store.durable_height() < height {
            self.log_goes_on()?;
            let _ = self.logged.recv_timeout(DRIVER_SLEEP_MAX);
        }
        Ok(())
    }

    /// Whether the log takes blocks: if not, those that were executed and are not in it have no effect.
    pub(super) fn log_goes_on(&self) -> Result<(), Ended> {
        match self.parts.store.fault() {
            None => Ok(()),
            Some(fault) => {
                let height = self.parts.store.durable_height().next();
                Err(Ended::Log(height, AppendError::Fault { height, fault }))
            }
        }
    }

    /// Whether a decided block fits this node's ground. Its clock has no say: the block is decided.
    fn accepts(&mut self, block: &Block, bytes: usize) -> Result<(), BlockRefused> {
        self.follow_abort(&block.header);
        self.ground.check(block)?;
        check_length(block.header.height, bytes)
    }

    /// An upgrade that was aborted where the block was made has changed nothing there, nor here if it did not happen: the
    /// block is what says why.
    fn follow_abort(&mut self, header: &Header) {
        let is_abort = |outcome: &UpgradeOutcome| matches!(outcome.end, UpgradeEnd::Aborted { .. });
        let theirs = header.outcome.as_ref().filter(|theirs| is_abort(theirs));
        let happened = self
            .ground
            .outcome
            .as_ref()
            .is_some_and(|ours| !is_abort(ours));
        if let (Some(theirs), false) = (theirs, happened) {
            self.ground.outcome = Some(theirs.clone());
        }
    }

    /// Halts: to execute the block, or another in its place, would be to diverge. All who wait get this reason.
    pub(super) fn halt(&mut self, refused: BlockRefused) {
        self.parts.standing.halts(refused);
        self.stands_still();
    }

    /// The node has halted, and drops a decided block. What waits for one of the next is dropped with it: nobody who is
    /// told now that it was not handled finds it handled later. Answers of blocks that were executed leave as ever.
    fn stands_still(&mut self) {
        self.let_out();
        self.has_dropped = true;
        let pool = self.parts.source.mempool();
        drop((pool.take(PoolBounds::ALL), pool.take_orders()));
        // Dropped, each gets the reason from the standing: see `has_ended_how`.
        self.waiters.drop_unplaced();
    }

    /// Has the log take a block with its seal.
    fn log(&mut self, height: Height, mut bytes: Vec<u8>, seal: &Seal) -> Result<(), Ended> {
        if height <= self.replayed {
            // It is where it comes from.
            return Ok(());
        }
        // Behind the block, whose hash does not cover it: nodes of one chain may hold other seals.
        bytes.extend(seal.to_bytes());
        // Nothing was executed; without the log nothing may be.
        let appended = self.parts.store.append(height, &bytes);
        appended.map_err(|error| Ended::Log(height, error))
    }

    /// Makes this block the ground of the next one.
    fn goes_on_from(&mut self, frame: BlockFrame, outcome: &BlockOutcome) {
        self.ground.tip = Tip {
            height: frame.height,
            time: frame.time,
            hash: frame.hash,
        };
        self.ground.receipt = ReceiptHash(outcome.receipt.root.0);
        if let Some(parameters) = &outcome.parameters {
            self.put_in_force(parameters);
        }
        self.ground.outcome = None;
        self.branch_off();
        self.told = false;
    }

    /// The next block is of another branch, if one begins here.
    pub(super) fn branch_off(&mut self) {
        let here = self.ground.tip.height;
        let mut points = self.parts.branches.iter();
        if let Some(point) = points.rfind(|point| point.after == here) {
            self.ground.branch = self.ground.branch.max(point.branch);
        }
    }

    /// Tells of the engines that panicked.
    fn raise_alarm(&self, height: Height, troubles: &[Trouble]) {
        let poisoned = |trouble: &&Trouble| matches!(trouble.what, Wrong::Poisoned { .. });
        for trouble in troubles.iter().filter(poisoned) {
            self.parts.probation.alarm(self.parts.takes_back);
            // Those that find no room say no more than those before them.
            let _ = self.parts.alarms.try_send(Alarm::Panicked {
                engine: trouble.engine,
                height,
            });
        }
    }

    /// The end of the probation, if it comes with the block at `height`: said behind what went wrong in it and before it.
    fn end_probation(&self, height: Height) {
        let probation = &self.parts.probation;
        if probation.is_over(height)
            && let Err(_full) = self.parts.alarms.try_send(Alarm::IsOver { height })
        {
            probation.not_checked();
        }
    }

    /// Other parameters hold for the next block, and its header says so.
    pub(super) fn put_in_force(&mut self, parameters: &Arc<Parameters>) {
        self.ground.parameters = ParametersHash(parameters.hash().0);
        let since = self.ground.tip.height;
        self.parts.standing.put_in_force(parameters, since);
    }

    fn publish(&mut self, outcome: &BlockOutcome, time: BlockTime) {
        let receipt = outcome.receipt.clone();
        self.parts.standing.receipts.lock().add(receipt);
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
        latest.branch = self.ground.branch;
        latest.backlog = outcome.backlog;
        latest.tempo.block(Instant::now());
        // Counts are of this life of the node.
        let is_new = outcome.height > self.replayed;
        if is_new {
            latest.counts.blocks.add(&outcome.stats);
            // Before the answers go out: a client that has its answer sees it counted.
            let replies = outcome.replies.iter().map(|replied| replied.repeated);
            let orders = outcome.ordered.iter().map(|ordered| ordered.repeated);
            let repeated = replies.chain(orders).filter(|is_one| *is_one);
            latest.counts.repeated += repeated.count() as u64;
        }
        // Whoever asks how the node is does not wait for the metrics.
        drop(latest);
        let metrics = &self.parts.metrics;
        metrics.set_height(outcome.height);
        metrics.set_generation(outcome.generation);
        metrics.set_mailbox_depth(outcome.backlog as u64);
        crate::log::leaks::tell();
        if !is_new {
            return;
        }
        metrics.add_dead_letters(outcome.stats.dead_letters);
        let stats = &outcome.stats;
        metrics.add_forgotten(stats.answers_forgotten, stats.clients_forgotten);
        for (kind, count) in &outcome.messages {
            metrics.add_messages(kind, *count);
        }
        for (kind, count) in &outcome.faults {
            metrics.add_faults(kind, *count);
        }
    }

    /// Lets the effects of a logged and executed block out.
    fn release(&mut self, outgoing: Outgoing) {
        let Outgoing {
            outcome,
            time,
            branch,
        } = outgoing;
        // Here, where the crew may have the next block.
        self.parts.probation.compare([&outcome]);
        self.parts.probation.tells(outcome.height, &outcome.replies);
        let emitted = outcome.events.len() as u64;
        let block = EventBlock {
            branch,
            height: outcome.height,
            time,
            generation: outcome.generation,
        };
        let forgotten = self.parts.events.add(block, outcome.events);
        if outcome.height <= self.replayed {
            // Nobody waits for it, and the log of the life before has its lines. An end of the probation comes with the
            // first block behind the log: once the start has told of the engines that panicked.
            return;
        }
        self.parts.metrics.add_events(emitted, forgotten);
        for line in outcome.logs {
            lines::log(&line);
        }
        if self.parts.probation.is_on() {
            self.raise_alarm(outcome.height, &outcome.troubles);
            self.end_probation(outcome.height);
        }
        for trouble in &outcome.troubles {
            self.troubles.tell(trouble, Instant::now());
        }
        for ordered in outcome.ordered {
            let order = refit_kernel::Entry {
                height: outcome.height,
                index: ordered.index,
            };
            if let Some(orderer) = self.waiters.take_order(&order) {
                // The operator may be gone; the outcome is in the reports.
                let _ = orderer.send(answers::ordered(ordered));
            }
        }
        for replied in outcome.replies {
            self.reply(replied);
        }
    }
}
