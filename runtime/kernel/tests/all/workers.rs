//! The number of workers and of the engines in a chunk change nothing: not one byte of a state, not one reply.

use crate::rig::node::{Node, version_2};
use crate::rig::script::{Config, Message, Op, Target};
use crate::rig::{all_ingress, roots};
use refit_abi::{EngineId, Generation};
use refit_kernel::limits::{CHUNK_ENGINES, PARALLEL_MESSAGES_MIN};
use refit_kernel::{Emitted, LogLine, Receipt, Replied, Stats};

/// Engines of the first block: some chunks, the last one not full.
pub(crate) const ROOTS: usize = 200;

/// Blocks, with the swap in the middle.
const BLOCKS: u64 = 4;

/// Messages of a block: less than a block's script makes, so that a backlog crosses the swap.
pub(crate) const BUDGET: u64 = 2_000;

/// One worker, and chunks as they are.
const ALONE: (usize, usize) = (1, CHUNK_ENGINES);

/// Workers, and engines in a chunk.
const CREWS: [(usize, usize); 5] = [
    (2, CHUNK_ENGINES),
    (4, CHUNK_ENGINES),
    (1, 16),
    (4, 16),
    (2, 128),
];

/// All that a history of blocks gives.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    states: Vec<(EngineId, Vec<u8>)>,
    receipts: Vec<Receipt>,
    replies: Vec<Vec<Replied>>,
    events: Vec<Vec<Emitted>>,
    logs: Vec<Vec<LogLine>>,
    stats: Vec<Stats>,
    backlogs: Vec<usize>,
    generations: Vec<Generation>,
}

#[test]
fn the_same_blocks_on_any_workers_and_in_any_chunks_give_the_same_bytes() {
    let alone = history(ALONE, None);
    assert!(alone.replies.iter().all(|replies| !replies.is_empty()));
    assert!(
        alone
            .receipts
            .iter()
            .all(|receipt| receipt.engines.len() > ROOTS / 2)
    );
    // Otherwise no round ever went to the helpers.
    let widest = alone
        .stats
        .iter()
        .map(|stats| stats.messages / stats.rounds)
        .max()
        .unwrap();
    assert!(
        widest > PARALLEL_MESSAGES_MIN as u64,
        "rounds of {widest} messages"
    );
    assert!(alone.stats.iter().any(|stats| stats.spawned > 0));
    for crew in CREWS {
        assert_eq!(history(crew, None), alone, "{crew:?}");
    }
}

#[test]
fn with_a_swap_at_the_same_height_they_still_do() {
    let swap_after = BLOCKS / 2;
    let alone = history(ALONE, Some(swap_after));
    let swap = swap_after as usize;
    assert!(
        alone.backlogs[swap - 1] > 0,
        "no message waited across the swap"
    );
    assert_eq!(
        alone.generations[swap - 1..=swap],
        [Generation(1), Generation(2)]
    );
    assert_ne!(
        alone.states,
        history(ALONE, None).states,
        "the new code left no trace"
    );
    for crew in CREWS {
        assert_eq!(history(crew, Some(swap_after)), alone, "{crew:?}");
    }
}

fn history((workers, chunk): (usize, usize), swap_after: Option<u64>) -> Given {
    let roots = roots(ROOTS);
    let mut node = Node::new(workers);
    node.call(move |executor| executor.pack(chunk));
    for root in &roots {
        node.start(*root, &Config::default());
    }
    let mut given = Given {
        states: Vec::new(),
        receipts: Vec::new(),
        replies: Vec::new(),
        events: Vec::new(),
        logs: Vec::new(),
        stats: Vec::new(),
        backlogs: Vec::new(),
        generations: Vec::new(),
    };
    for height in 1..=BLOCKS {
        let out = node.block(all_ingress(&messages(&roots, height)), BUDGET);
        given.receipts.push(out.receipt);
        given.replies.push(out.replies);
        given.events.push(out.events);
        given.logs.push(out.logs);
        given.stats.push(out.stats);
        given.backlogs.push(out.backlog);
        given.generations.push(out.generation);
        if swap_after == Some(height) {
            assert_eq!(node.swap(&version_2()), Generation(2));
        }
    }
    given.states = node.states();
    given
}

/// Each root gets a message that spreads to many others, three deep.
pub(crate) fn messages(roots: &[EngineId], height: u64) -> Vec<(EngineId, Message)> {
    let script = |place: usize| spread(roots, place + height as usize * 7, 3);
    roots
        .iter()
        .enumerate()
        .map(|(place, root)| (*root, script(place)))
        .collect()
}

fn spread(roots: &[EngineId], place: usize, depth: u32) -> Message {
    let tag = (place * 10) as u32 + depth;
    let mut ops = vec![Op::Draw, Op::Emit(depth)];
    if depth > 0 {
        for step in [1, 11, 67] {
            let to = roots[(place * step + step) % roots.len()];
            ops.push(Op::send(to, spread(roots, place + step, depth - 1)));
        }
    }
    match place % 41 {
        3 => ops.push(Op::Spawn(Config {
            ops: vec![Op::Draw],
        })),
        5 => ops.push(Op::AfterBlocks(1, Message::default())),
        7 => ops.push(Op::Fail),
        11 => ops.push(Op::send(Target::Child(0), Message::tagged(tag))),
        13 => ops.push(Op::stop(Target::Child(0))),
        17 if depth == 0 && place.is_multiple_of(5) => ops.push(Op::Panic),
        _ => {}
    }
    Message { tag, ops }
}
