//! The rounds of a block: how far each goes, and what is counted after it.
//!
//! A block's budget and what a cause may have handled in one block are looked at before each round, and the round is
//! cut to fit: by counts of letters that wait, so that the cut is the same on any number of workers and in chunks of
//! any size.

use crate::amount::Amount;
use crate::block::handling::Quota;
use crate::block::hold_back::HeldBack;
use crate::block::hold_back::hold_back;
use crate::block::job::Helpers;
use crate::block::job::Job;
use crate::block::report::Report;
use crate::block::round::{Round, RoundFacts};
use crate::causes::Causes;
use crate::engines::outbox::Outbox;
use crate::engines::room::{Made, RoundRoom};
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::limits::PARALLEL_MESSAGES_MIN;
use crate::outcome::BlockOutcome;
use refit_abi::host::BlockFrame;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

impl Executor {
    pub(crate) fn begin_block(&mut self) {
        self.used.handled_bytes = 0;
        self.used.repeated_bytes = 0;
        self.used.started = Made::default();
        self.causes.begin_block(self.height);
    }

    /// Whether there is a further round in this block.
    pub(crate) fn goes_on(&self, out: &BlockOutcome) -> bool {
        let most = &self.parameters.block;
        !self.engines.active.is_empty()
            && out.stats.messages < most.messages
            && out.stats.rounds < most.rounds
            && self.used.handled_bytes < most.bytes
            && self.used.effect_bytes < most.effect_bytes
    }

    /// Bytes of replies and events that may still come before the block ends.
    fn effect_bytes_left(&self) -> u64 {
        let most = self.parameters.block.effect_bytes;
        most.saturating_sub(self.used.effect_bytes)
    }

    fn engines_with_mail(&self, active: &[u32]) -> usize {
        let engines = |index: &u32| self.engines.chunks[*index as usize].read().active.len();
        active.iter().map(engines).sum()
    }

    /// One round; none, if all that waits is to wait for the next block.
    pub(crate) fn round(
        &mut self,
        helpers: &Helpers,
        table: &Arc<GenerationTable>,
        frame: BlockFrame,
        out: &mut BlockOutcome,
    ) {
        // Mail makes chunks active in any order; the round and its effects go by the order of the chunks.
        self.engines.active.sort_unstable();
        if self.causes.has_over() {
            self.hold_back();
            if self.engines.active.is_empty() {
                return;
            }
        }
        let active = std::mem::take(&mut self.engines.active);
        let engines = self.engines_with_mail(&active);
        self.used.started = Made::default();
        let chunk = |index: &u32| self.engines.chunks[*index as usize].clone();
        let mut round = Arc::new(Round {
            shared: self.shared.clone(),
            chunks: active.iter().map(chunk).collect(),
            claimed: AtomicUsize::new(0),
            facts: RoundFacts {
                update_point: self.settling.update_point,
                frame,
                node_timers: self.timers.len(),
                node_timer_bytes: self.timers.bytes(),
                parameters: self.parameters.clone(),
                quota: self.quota(engines, out),
                room: RoundRoom::of(&self.parameters.round, engines, self.effect_bytes_left()),
                causes: std::mem::take(&mut self.causes),
                faults_checked: self.faults_checked,
                last_good: self.last_good.clone(),
            },
            generation: out.generation,
            mixed: AtomicUsize::new(0),
            report: Report::default(),
        });
        // To wake the helpers for few messages takes longer than to handle these alone.
        let alone = active.len() == 1 || self.engines.waiting.letters < PARALLEL_MESSAGES_MIN;
        helpers.run(&Job::Round(round.clone()), alone);
        out.stats.rounds += 1;
        out.stats.mixed += round.mixed.load(Ordering::Relaxed) as u64;
        // Code changes only while the gate is closed, and a round is inside of it.
        debug_assert_eq!(out.stats.mixed, 0, "a worker saw another generation");
        self.causes = causes_of(&mut round);
        let mut outboxes = std::mem::take(&mut self.outboxes);
        for (index, chunk) in active.iter().zip(&round.chunks) {
            let mut chunk = chunk.write();
            outboxes.push(std::mem::take(&mut chunk.outbox));
            // The mail that the quota left.
            if !chunk.active.is_empty() {
                self.engines.active.push(*index);
            }
        }
        self.count_handled(&outboxes, out.stats.rounds);
        self.route(&mut outboxes, table, frame, out, 0);
        self.causes.collect();
        for (chunk, outbox) in round.chunks.iter().zip(outboxes.drain(..)) {
            // Back to its chunk, so that the next round uses its memory again.
            chunk.write().outbox = outbox;
        }
        self.outboxes = outboxes;
        self.close_gaps(table, out);
    }

    /// How much of its mail each engine gets, so that the round stays within what the block may still handle: equal
    /// parts of that. An engine gets one letter at least: no budget is too small for all.
    fn quota(&self, engines: usize, out: &BlockOutcome) -> Quota {
        let most = &self.parameters.block;
        let messages = most.messages.saturating_sub(out.stats.messages);
        let bytes = most.bytes.saturating_sub(self.used.handled_bytes);
        if self.engines.waiting.letters as u64 <= messages
            && self.engines.waiting.bytes as u64 <= bytes
        {
            return Quota::ALL;
        }
        let engines = (engines as u64).max(1);
        Quota {
            messages: messages / engines,
            bytes: bytes / engines,
        }
    }

    /// Counts what a round has handled, before what came of it is counted.
    fn count_handled(&mut self, outboxes: &[Outbox], round: u64) {
        for handled in outboxes.iter().flat_map(|outbox| &outbox.handled) {
            self.engines.waiting.letters -= handled.messages as usize;
            self.engines.waiting.bytes -= handled.bytes as usize;
            self.used.handled_bytes += handled.bytes;
            self.causes.handled(round, *handled);
        }
    }

    /// Takes out of mailboxes what its cause is not to have handled in this block.
    fn hold_back(&mut self) {
        let chunks = self.engines.active.iter();
        let chunks = chunks.map(|index| self.engines.chunks[*index as usize].write());
        let HeldBack { amount, engines } = hold_back(&mut self.causes, chunks);
        self.engines.waiting.letters -= amount.letters;
        self.engines.waiting.bytes -= amount.bytes;
        self.engines.holders.extend(engines);
        self.engines.held.letters += amount.letters;
        self.engines.held.bytes += amount.bytes;
        let chunks = &self.engines.chunks;
        let has_mail = |index: &u32| !chunks[*index as usize].read().active.is_empty();
        self.engines.active.retain(has_mail);
    }

    /// Puts what was held back into the mailboxes again, before what has come since.
    pub(crate) fn end_block(&mut self) {
        self.causes.end_block();
        self.engines.held = Amount::default();
        for engine in std::mem::take(&mut self.engines.holders) {
            // One that has stopped has refused what was held back of its mail.
            let Some(place) = self.engines.directory.get(engine) else {
                continue;
            };
            let mut chunk = self.engines.chunks[place.chunk as usize].write();
            let had_mail = !chunk.active.is_empty();
            for letter in chunk.unhold(place.slot) {
                self.causes
                    .unhold(letter.envelope.cause, letter.payload.len());
                self.engines.waiting.letters += 1;
                self.engines.waiting.bytes += letter.payload.len();
            }
            if !had_mail && !chunk.active.is_empty() {
                self.engines.active.push(place.chunk);
            }
        }
    }
}

/// Takes the table of causes back from a round. All workers have dropped it.
fn causes_of(round: &mut Arc<Round>) -> Causes {
    match Arc::get_mut(round) {
        Some(round) => std::mem::take(&mut round.facts.causes),
        None => round.facts.causes.clone(),
    }
}
