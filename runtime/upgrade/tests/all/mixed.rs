//! Many engines exchange messages without a pause while they are swapped.

use crate::node::{Node, UNBOUNDED};
use crate::ring::{self, Core, Message, VERSIONS};
use refit_abi::Generation;
use refit_kernel::{BlockOutcome, Stats};
use refit_upgrade::{Unwatched, Verdict};
use std::time::Instant;

/// Engines: four chunks.
const ENGINES: u64 = 256;

/// Messages that are always under way: enough that helpers are called in.
const TOKENS: u64 = 1_024;

/// Blocks between two swaps.
const BLOCKS_PER_SWAP: u64 = 2;

fn size(name: &str, small: u64) -> u64 {
    std::env::var(name).map_or(small, |text| text.parse().unwrap())
}

/// What the blocks of a run gave, and which code had to handle each.
#[derive(Default)]
struct Tally {
    /// By height, counted from 1.
    codes: Vec<u32>,
    messages: u64,
    mixed: u64,
}

impl Tally {
    fn count(&mut self, outcome: &BlockOutcome, swaps: u64) {
        assert_eq!(outcome.generation, Generation(swaps + 1));
        let Stats {
            messages,
            mixed,
            dead_letters,
            poisoned,
            ..
        } = outcome.stats;
        assert_eq!((dead_letters, poisoned), (0, 0));
        self.codes.push((swaps as usize % VERSIONS) as u32 + 1);
        self.messages += messages;
        self.mixed += mixed;
    }
}

/// `sent` and `got` agree for every pair, nothing came out of order, and each engine's messages of a
/// block were handled by the code of that block's generation.
fn all_arrived(cores: &[Core], tally: &Tally) {
    let engines = cores.len() as u64;
    for core in cores {
        assert_eq!(
            core.broken, 0,
            "engine {}: lost, duplicated or reordered",
            core.me
        );
        for to in 0..engines {
            let sent = core.sent.get(&to).copied().unwrap_or(0);
            let got = cores[to as usize].got.get(&core.me).copied().unwrap_or(0);
            assert_eq!(sent, got, "from {} to {to}", core.me);
        }
        for run in &core.runs {
            let blocks = &tally.codes[run.first as usize - 1..run.last as usize];
            assert!(blocks.iter().all(|code| *code == run.code), "{run:?}");
        }
    }
}

#[test]
fn no_message_is_lost_duplicated_reordered_or_handled_by_mixed_code_while_engines_are_swapped() {
    let messages = size("REFIT_MIXED_MESSAGES", 100_000);
    let swaps = size("REFIT_MIXED_SWAPS", 5);
    let hops = messages / TOKENS;
    // In every round each token makes one hop; some rounds are left for the last block.
    let rounds = (hops / ((swaps + 1) * BLOCKS_PER_SWAP)).max(1);
    let budget = rounds * TOKENS;
    let began = Instant::now();
    let mut node = Node::start(&ring::version(0), ENGINES, 2);
    let mut tally = Tally::default();
    let token = |seed| Message::Token {
        from: None,
        number: 0,
        left: hops,
        seed,
        engines: ENGINES,
    };
    let tokens: Vec<_> = (0..TOKENS)
        .map(|seed| (seed % ENGINES, token(seed)))
        .collect();
    tally.count(&node.block(&tokens, budget), 0);
    for swap in 1..=swaps {
        let armed = node.arm(&ring::version(swap as usize)).unwrap();
        // Everything is in the queue at once: block, update point, block.
        let before: Vec<_> = (1..BLOCKS_PER_SWAP)
            .map(|_| node.post(&[], budget))
            .collect();
        let (ended, crew) = node.begin(armed, Unwatched);
        let after = node.post(&[], budget);
        for outcome in before {
            let outcome = outcome.recv().unwrap();
            assert!(
                outcome.backlog > 0,
                "messages are under way when the gate closes"
            );
            tally.count(&outcome, swap - 1);
        }
        assert_eq!(
            ended.recv().unwrap().0,
            Verdict::Committed(Generation(swap + 1))
        );
        crew.join();
        tally.count(&after.recv().unwrap(), swap);
    }
    let last = node.block(&[], UNBOUNDED);
    assert_eq!(last.backlog, 0);
    tally.count(&last, swaps);
    let cores: Vec<_> = (0..ENGINES)
        .map(|engine| node.look(engine).0.core)
        .collect();
    all_arrived(&cores, &tally);
    assert_eq!(tally.mixed, 0);
    assert_eq!(tally.messages, TOKENS * (hops + 1));
    eprintln!(
        "{} messages between {ENGINES} engines over {swaps} swaps in {:.1} s: 0 lost, duplicated, \
         reordered or mixed",
        tally.messages,
        began.elapsed().as_secs_f64()
    );
}
