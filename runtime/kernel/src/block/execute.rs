//! The execution of a block: takes in its entries, runs the rounds, and gives back the effects.

use crate::block::input::BlockInput;
use crate::block::job::Helpers;
use crate::executor::Executor;
use crate::generation::table::GenerationTable;
use crate::outcome::BlockOutcome;
use crate::outcome::receipt::Receipt;

impl Executor {
    /// Executes one block to its end.
    ///
    /// The order in which mailboxes are filled is part of the contract, and the same on every node: what the block before
    /// has left; then timers that are due, by height before by time, each in the order they were set; then the block's
    /// entries in their order. Effects of what happened since the block before (an upgrade, a start) come first in the
    /// outcome.
    pub fn execute(&mut self, helpers: &Helpers, block: BlockInput) -> BlockOutcome {
        let table = self.table();
        let frame = block.frame;
        (self.height, self.frame) = (frame.height, frame);
        let mut out = BlockOutcome {
            height: frame.height,
            generation: table.number(),
            ..std::mem::take(&mut self.between)
        };
        self.begin_block();
        // Most messages are answered in their block.
        out.replies.reserve(block.messages.len());
        self.deliver_due_timers(frame, &mut out);
        self.take_in(block, &table, &mut out);
        self.causes.collect();
        // Effects that were refused above keep no round from being made.
        self.used.effect_bytes = 0;
        while self.goes_on(&out) {
            self.round(helpers, &table, frame, &mut out);
        }
        self.end_block();
        if let Some(parameters) = &out.parameters {
            self.put_in_force(parameters.clone());
        }
        out.engines = self.engines.directory.len();
        out.backlog = self.engines.waiting.letters;
        out.next_timer_height = self.timers.next_height();
        out.next_timer_time = self.timers.next_time();
        let forgotten = self.keys.take_forgotten();
        out.stats.answers_forgotten += forgotten.answers;
        out.stats.clients_forgotten += forgotten.clients;
        out.receipt = Receipt::of(out.height, &out.replies, &out.events);
        self.totals.add(&out.stats);
        self.after_block();
        out
    }

    /// Takes in the entries of a block, in their order.
    fn take_in(&mut self, block: BlockInput, table: &GenerationTable, out: &mut BlockOutcome) {
        let frame = block.frame;
        let mut orders = block.orders.into_iter().peekable();
        let known = |index: u64| {
            let request = block.requests.get(usize::try_from(index).ok()?);
            request.copied().flatten()
        };
        let mut index = 0;
        for message in block.messages {
            while let Some(order) = orders.next_if(|order| order.index <= index) {
                self.carry_out(order, table, frame, out);
                index += 1;
            }
            self.deliver_ingress(index, known(index), message, table, out);
            index += 1;
        }
        for order in orders {
            self.carry_out(order, table, frame, out);
        }
        self.close_gaps(table, out);
    }
}
