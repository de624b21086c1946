//! A hostile engine beside an honest one: it floods itself, sets timers without end, starts engines that do the same,
//! emits, and panics. The honest one's clients are answered in the block that they wrote to.

use crate::harness::{block, executor, ingress, place, root, seen};
use crate::script::{Message, Op, Target};
use refit_kernel::crew::Helpers;
use refit_kernel::{Executor, Parameters};

const BLOCKS: u64 = 60;

/// Messages of the honest engine's clients in each block.
const HONEST: u64 = 5;

/// Room for mail and what waits to be routed, used or not, in bytes: what the bounds below come to.
const ROOM_BYTES_MAX: usize = 24 << 20;

/// Engines that there may be.
const ENGINES_MAX: usize = 400;

fn bounded() -> Parameters {
    let mut parameters = Parameters::default();
    parameters.block.messages = 6_000;
    parameters.block.rounds = 64;
    parameters.cause.messages_per_block = 1_000;
    parameters.cause.rounds_per_block = 16;
    parameters.cause.in_all.messages = 10_000;
    parameters.cause.in_all.starts = 40;
    parameters.mailbox.messages = 2_000;
    parameters.mailbox.all_messages = 8_000;
    parameters.mailbox.kept_messages = 1_000;
    parameters.timers.all = 2_000;
    parameters.timers.per_engine = 100;
    parameters.engines.engines = ENGINES_MAX;
    parameters
}

/// What a hostile message does, again and again.
fn hostile() -> Message {
    Message::of([
        Op::Again(Target::Me, 24),
        Op::AgainAfter(1),
        Op::Breed(3),
        Op::Emit(7),
    ])
}

/// The honest engine's part of one block beside hostile ones: whose messages were answered.
fn one_block(executor: &mut Executor, height: u64) -> Vec<bool> {
    let mut messages = vec![
        ingress(root(0), 0, hostile()),
        ingress(root(1), 0, hostile()),
        ingress(root(2 + height as usize % 2), 0, Message::of([Op::Panic])),
    ];
    let first = messages.len() as u64;
    let honest = |number| ingress(root(9), height * HONEST + number, Message::default());
    messages.extend((0..HONEST).map(honest));
    let outcome = executor.execute(&Helpers::none(), block(height, messages));
    assert!(outcome.stats.messages <= 6_000 + ENGINES_MAX as u64);
    let honest = outcome.replies.iter().filter(|it| place(it) >= first);
    honest.map(|replied| replied.outcome.is_ok()).collect()
}

#[test]
fn beside_a_hostile_engine_an_honest_ones_clients_are_answered_at_once_and_memory_is_bounded() {
    let mut executor = executor(10);
    executor.set_parameters(bounded());
    let mut waited = 0;
    for height in 1..=BLOCKS {
        let answered = one_block(&mut executor, height);
        assert_eq!(answered, [true; HONEST as usize], "in block {height}");
        waited = waited.max(executor.backlog());
        let room = executor.room_bytes();
        assert!(room <= ROOM_BYTES_MAX, "{room} bytes in block {height}");
        assert!(executor.engines() <= ENGINES_MAX);
    }
    assert!(waited >= 4_000, "only {waited} messages ever waited");
    assert_eq!(seen(&executor, root(9)).len() as u64, BLOCKS * HONEST);
}
