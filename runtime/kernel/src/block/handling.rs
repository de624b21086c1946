//! One chunk's part of a round: its engines get their mail, in batches, and what they do lies in the chunk's outbox.

use crate::block::checked;
use crate::block::noted;
use crate::block::round::RoundFacts;
use crate::block::running::{Allowances, Mark, Running};
use crate::causes::{Allowance, Portion};
use crate::engines::chunk::{Chunk, SharedChunk};
use crate::engines::mailbox::Letter;
use crate::engines::outbox::Outbox;
use crate::engines::room::{Turn, take_turns};
use crate::engines::slot::{Poison, Slot, SlotState};
use crate::generation::replaced::leak_if_unfit;
use crate::generation::table::{GenerationTable, KindEntry};
use crate::limits::BATCH_LETTERS_MAX;
use crate::outcome::trouble::{self, Trouble, Wrong};
use refit_abi::host::{BlockFrame, HandleContext, running};
use refit_abi::raw::{CallStatus, Delivery};
use refit_abi::{EngineId, Undelivered};

/// How much of its mail each engine gets in a round: so much from its front, and at least one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Quota {
    /// All of it.
    pub(crate) const ALL: Self = Self {
        messages: u64::MAX,
        bytes: u64::MAX,
    };

    fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// How many of these letters.
    fn of(self, letters: &[Letter]) -> usize {
        if self.is_all() {
            return letters.len();
        }
        let mut bytes = 0;
        let fits = |letter: &&Letter| {
            bytes += letter.payload.len() as u64;
            bytes <= self.bytes
        };
        let most = usize::try_from(self.messages).unwrap_or(usize::MAX);
        let count = letters.iter().take(most).take_while(fits).count();
        count.max(1).min(letters.len())
    }
}

/// The code that is live, and of it that of the engine at hand.
#[derive(Clone, Copy)]
pub(crate) struct Code<'a> {
    pub(crate) table: &'a GenerationTable,
    pub(crate) entry: &'a KindEntry,
}

impl Chunk {
    /// Handles the mail of this chunk's engines, as far as it is given out, in the order of the slots. The chunks of
    /// the round that come before it are claimed already.
    pub(crate) fn run(
        &mut self,
        table: &GenerationTable,
        facts: &RoundFacts,
        before: &[SharedChunk],
    ) {
        let mut active = std::mem::take(&mut self.active);
        active.sort_unstable();
        let (mut left, mut is_cut) = (Vec::new(), !facts.quota.is_all());
        for index in &active {
            let Some(slot) = self.slots.get_mut(*index as usize) else {
                continue;
            };
            let mut letters = slot.mailbox.take_out();
            let most = &letters[..facts.quota.of(&letters)];
            let mut turn = Turn::new(&facts.room, before);
            let outbox = &mut self.outbox;
            let count = in_steps(slot, most, &self.arena, outbox, table, facts, &mut turn);
            let handled_bytes = outbox.note_handled(&letters[..count]);
            is_cut |= count < most.len();
            letters.drain(..count);
            if !letters.is_empty() && turn.has_told_enough() {
                take_turns(&mut letters);
            }
            for letter in &mut letters {
                letter.carry(&self.arena, &mut left);
            }
            slot.mailbox.put_back(letters, handled_bytes);
        }
        let slots = &self.slots;
        let has_mail = |index: &u32| {
            let slot = slots.get(*index as usize);
            slot.is_some_and(|slot| !slot.mailbox.is_empty())
        };
        match is_cut {
            false => active.clear(),
            true => active.retain(has_mail),
        }
        self.active = active;
        self.arena_needed = self.arena_needed.max(self.arena.len());
        self.outbox.note_needed();
        self.arena.clear();
        if !left.is_empty() {
            self.arena = left;
        }
        self.outbox.is_closed = true;
    }
}

/// Hands an engine its mail in steps, until it has made as much as is its part; how many letters it got.
fn in_steps(
    slot: &mut Slot,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    table: &GenerationTable,
    facts: &RoundFacts,
    turn: &mut Turn<'_>,
) -> usize {
    let mut done = 0;
    while done < letters.len() {
        let left = &letters[done..];
        let step = match slot.state {
            SlotState::Live(_) => {
                let rolls_back = |entry: &KindEntry| entry.kind.descriptor().rollback;
                turn.step(done, left, table.get(slot.kind).is_some_and(rolls_back))
            }
            // The rest goes back at once; behind a panic it counts as it does within one step.
            SlotState::Poisoned(_) | SlotState::Away => {
                if done > 0 && !facts.faults_checked {
                    slot.count(facts.frame.height, left.len());
                    outbox.count_handled(slot.kind, left.len());
                }
                left.len()
            }
        };
        if step == 0 {
            break;
        }
        handle(slot, &left[..step], arena, outbox, table, facts, turn);
        done += step;
    }
    done
}

fn handle(
    slot: &mut Slot,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    table: &GenerationTable,
    facts: &RoundFacts,
    turn: &mut Turn<'_>,
) {
    let Some(entry) = table.get(slot.kind) else {
        return bounce_all(slot.id, letters, arena, outbox, Undelivered::Stopped);
    };
    slot.settle(entry, facts.update_point);
    if let Some(trouble) = slot.take_untold(entry) {
        outbox.stats.poisoned += 1;
        trouble::keep(&mut outbox.troubles, || trouble);
    }
    let code = Code { table, entry };
    match &slot.state {
        SlotState::Live(_) if facts.last_good_of(slot.id).is_some() => {
            noted::deliver(slot, letters, arena, outbox, code, facts, turn);
        }
        SlotState::Live(_) if facts.faults_checked => {
            checked::deliver(slot, letters, arena, outbox, code, facts, turn);
        }
        SlotState::Live(_) => {
            deliver(slot, letters, arena, outbox, code, facts, turn);
        }
        SlotState::Poisoned(_) => {
            bounce_all(slot.id, letters, arena, outbox, Undelivered::Poisoned);
        }
        SlotState::Away => bounce_all(slot.id, letters, arena, outbox, Undelivered::Stopped),
    }
}

pub(crate) fn deliver(
    slot: &mut Slot,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    code: Code<'_>,
    facts: &RoundFacts,
    turn: &mut Turn<'_>,
) {
    let frame = facts.frame;
    let ordinal = slot.count(frame.height, letters.len());
    outbox.count_handled(slot.kind, letters.len());
    let SlotState::Live(instance) = &mut slot.state else {
        return;
    };
    let Code { table, entry } = code;
    let mut running = Running {
        outbox,
        table,
        frame,
        id: slot.id,
        kind: slot.kind,
        letters: &[],
        arena,
        counters: &mut slot.counters,
        timers: &mut slot.timers,
        node_timers: facts.node_timers,
        node_timer_bytes: facts.node_timer_bytes,
        parameters: &facts.parameters,
        allowances: Allowances::Causes(&facts.causes),
        allowed: Portion::of(Allowance::of(&facts.parameters.message)),
        allowed_of: None,
        turn: *turn,
        mark: Mark::UNSET,
        failed: None,
        panic: None,
    };
    let mut batch: Vec<Delivery<'_>> = Vec::with_capacity(letters.len().min(BATCH_LETTERS_MAX));
    let mut done = 0;
    for part in letters.chunks(BATCH_LETTERS_MAX) {
        running.turn_to(part);
        batch.clear();
        batch.extend(
            part.iter()
                .map(|letter| letter.envelope.delivery(letter.payload(arena))),
        );
        let mut context = HandleContext::new(slot.id, frame, ordinal + done as u64, &mut running);
        let outcome = entry.kind.handle(instance, &batch, &mut context);
        let used = running.turn.used;
        turn.used = used;
        match outcome {
            Some(outcome) if outcome.status == CallStatus::Panicked => {
                let text = running.panic.take().unwrap_or_default();
                let rest = &letters[(done + outcome.done).min(letters.len())..];
                return poisoned(slot, rest, arena, outbox, code.entry, frame, &text);
            }
            Some(_) => done += part.len(),
            // `settle` left a state that fits, so this is not reached; the mail is not lost if it were.
            None => {
                let rest = &letters[done..];
                return bounce_all(slot.id, rest, arena, outbox, Undelivered::Rejected);
            }
        }
    }
}

/// The engine has panicked at the first of these letters: it gets none of the rest.
fn poisoned(
    slot: &mut Slot,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    entry: &KindEntry,
    frame: BlockFrame,
    text: &str,
) {
    let poison = poison(slot, entry, frame, letters.first(), text);
    trouble::keep(&mut outbox.troubles, || {
        Trouble::of(slot.id, Some(entry), poison)
    });
    outbox.stats.poisoned += 1;
    let rest = letters.get(1..).unwrap_or_default();
    bounce_all(slot.id, rest, arena, outbox, Undelivered::Poisoned);
}

fn poison(
    slot: &mut Slot,
    entry: &KindEntry,
    frame: BlockFrame,
    letter: Option<&Letter>,
    text: &str,
) -> Wrong {
    let before = std::mem::replace(&mut slot.state, SlotState::Away);
    if let SlotState::Live(instance) = before {
        let _about = running::about(slot.id);
        leak_if_unfit(entry.kind.discard(instance));
    }
    let poison = Poison::new(entry, frame.height, letter.map(|it| &it.envelope), text);
    let tells = poison.tells();
    slot.state = SlotState::Poisoned(Box::new(poison));
    tells
}

pub(crate) fn bounce_all(
    engine: EngineId,
    letters: &[Letter],
    arena: &[u8],
    outbox: &mut Outbox,
    reason: Undelivered,
) {
    for letter in letters {
        outbox.bounce(engine, &letter.envelope, letter.payload(arena), reason);
    }
}
