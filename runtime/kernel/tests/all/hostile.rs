//! A hostile engine beside an honest one: it floods itself, sets timers without end, starts engines that do the same,
//! emits, and panics; and because of many messages of clients at once it does all of that, logs and replies at length.
//! The honest one's clients are answered in the block that they wrote to.

use crate::rig::alone::executor;
use crate::rig::script::{Config, Message, Op, Target};
use crate::rig::{block, index, ingress, memory, root};
use refit_kernel::crew::Helpers;
use refit_kernel::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_PER_BLOCK_MAX};
use refit_kernel::{BlockOutcome, Executor, Parameters};

const BLOCKS: u64 = 60;

/// Messages of the honest engine's clients in each block.
const HONEST: u64 = 5;

/// Room for mail and what waits to be routed, used or not, in bytes: what the bounds below come to.
const ROOM_BYTES_MAX: usize = 24 << 20;

/// Engines that there may be.
const ENGINES_MAX: usize = 400;

fn small_blocks() -> Parameters {
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
        ingress(root(0), &hostile()),
        ingress(root(1), &hostile()),
        ingress(root(2 + height as usize % 2), &Message::of([Op::Panic])),
    ];
    let first = messages.len() as u64;
    let honest = |_| ingress(root(9), &Message::default());
    messages.extend((0..HONEST).map(honest));
    let outcome = executor.execute(&Helpers::none(), block(height, messages));
    assert!(outcome.stats.messages <= 6_000 + ENGINES_MAX as u64);
    let honest = outcome.replies.iter().filter(|it| index(it) >= first);
    honest.map(|replied| replied.outcome.is_ok()).collect()
}

#[test]
fn beside_a_hostile_engine_an_honest_ones_clients_are_answered_at_once_and_memory_is_bounded() {
    let mut executor = executor(10);
    executor.set_parameters(small_blocks());
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
    assert_eq!(memory(&executor, root(9)).log.len() as u64, BLOCKS * HONEST);
}

/// Messages of the hostile engine's clients in each block: as many causes.
const CAUSES: usize = 60;

/// What is written where a text is cut, at most, in bytes.
const CUT_BYTES: usize = 8;

/// Blocks of it.
const FLOODED_BLOCKS: u64 = 8;

/// What a letter, a message that is routed, a timer, an event or a reply takes beside its bytes, in bytes.
const PLACE_BYTES_MAX: usize = 256;

/// So small that each of the hostile messages reaches some of it.
fn small() -> Parameters {
    let mut parameters = small_blocks();
    parameters.block.effect_bytes = 1 << 20;
    parameters.round.deeds = 4_000;
    parameters.round.bytes = 2 << 20;
    parameters.round.effect_bytes = 3 << 20;
    parameters.mailbox.all_bytes = 4 << 20;
    parameters.mailbox.kept_bytes = 1 << 20;
    parameters.timers.all_bytes = 1 << 20;
    parameters.timers.bytes_per_engine = 1 << 18;
    parameters
}

/// What mailboxes and a round may take, as the bounds have it. A list has up to twice the room that it needs.
fn room_bytes_max(bounds: &Parameters) -> usize {
    let waiting = bounds.mailbox.all_messages + bounds.mailbox.kept_messages;
    let waiting_bytes = bounds.mailbox.all_bytes + bounds.mailbox.kept_bytes;
    let places = (waiting + bounds.round.deeds + LOG_LINES_PER_BLOCK_MAX) * PLACE_BYTES_MAX;
    2 * (places + waiting_bytes + bounds.round.bytes)
}

/// Bytes of what leaves with a block.
fn leaving(outcome: &BlockOutcome) -> usize {
    let replies = outcome.replies.iter();
    let replies = replies.map(|it| it.outcome.as_ref().map_or(0, Vec::len));
    let events = outcome.events.iter().map(|it| it.payload.len());
    replies.chain(events).sum()
}

/// Because of one message: a flood in messages and bytes, timers, engines that do likewise, events, log lines, and a
/// reply that is long.
fn everything() -> Message {
    let child = Config {
        ops: vec![
            Op::Emit(1),
            Op::Log {
                lines: 20,
                bytes: 1_000,
            },
            Op::AfterBlocks(1, Message::default()),
        ],
    };
    let mut ops = vec![
        Op::flood(Target::Me, 400),
        Op::Spawn(child),
        Op::Log {
            lines: 30,
            bytes: 2 * LOG_LINE_BYTES_MAX as u32,
        },
        Op::Say(100_000),
    ];
    ops.extend(vec![Op::Bytes(Target::Me, 20_000); 10]);
    ops.extend(vec![Op::AfterBlocks(1, Message::of([Op::Say(90_000)])); 20]);
    ops.extend(vec![Op::Emit(7); 100]);
    Message::of(ops)
}

#[test]
fn beside_a_flood_of_many_causes_an_honest_ones_clients_are_answered_and_memory_is_bounded() {
    let mut executor = executor(10);
    let bounds = small();
    executor.set_parameters(bounds.clone());
    let leaving_max = bounds.round.effect_bytes + bounds.block.effect_bytes as usize;
    let line_max = LOG_LINE_BYTES_MAX + CUT_BYTES;
    let (mut most_room, mut most_leaving, mut most_logs) = (0, 0, 0);
    for height in 1..=FLOODED_BLOCKS {
        let hostile = |n: usize| ingress(root(n % 9), &everything());
        let mut messages: Vec<_> = (0..CAUSES).map(hostile).collect();
        let honest = |_| ingress(root(9), &Message::default());
        messages.extend((0..HONEST).map(honest));
        let outcome = executor.execute(&Helpers::none(), block(height, messages));
        let honest = outcome.replies.iter().filter(|it| it.engine == root(9));
        let answered: Vec<_> = honest.map(|it| it.outcome.is_ok()).collect();
        assert_eq!(answered, [true; HONEST as usize], "in block {height}");
        most_room = most_room.max(executor.room_bytes());
        most_leaving = most_leaving.max(leaving(&outcome));
        most_logs = most_logs.max(outcome.logs.iter().map(|it| it.line.len()).sum());
        assert!(executor.engines() <= ENGINES_MAX);
    }
    assert!(most_room <= room_bytes_max(&bounds), "{most_room}");
    assert!(most_leaving <= leaving_max, "{most_leaving}");
    assert!(most_logs <= LOG_LINES_PER_BLOCK_MAX * line_max);
    // The flood was one.
    assert!(most_room > room_bytes_max(&bounds) / 16, "{most_room}");
    assert!(most_leaving > bounds.block.effect_bytes as usize);
}
