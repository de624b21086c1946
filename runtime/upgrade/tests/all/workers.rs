//! The number of workers changes nothing across upgrades of every class: not one byte of a state,
//! not one reply.

use crate::node::{Node, UNBOUNDED};
use crate::ring::{self, FAULT, Message, VERSIONS};
use refit_abi::{EngineId, Generation};
use refit_kernel::limits::PARALLEL_MESSAGES_MIN;
use refit_kernel::{BlockOutcome, Emitted, Replied, Stats};
use refit_upgrade::Verdict;

/// Engines: four chunks.
const ENGINES: u64 = 256;

/// Messages that are always under way: every round goes to the helpers.
const TOKENS: u64 = 2 * PARALLEL_MESSAGES_MIN as u64;

/// Rounds of one block, until its budget is spent.
const ROUNDS: u64 = 3;

/// All that a history gives.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    states: Vec<Vec<(EngineId, Vec<u8>)>>,
    generations: Vec<Generation>,
    replies: Vec<Vec<Replied>>,
    events: Vec<Vec<Emitted>>,
    stats: Vec<Stats>,
    backlogs: Vec<usize>,
}

impl Given {
    fn take(&mut self, outcome: BlockOutcome) {
        self.generations.push(outcome.generation);
        self.replies.push(outcome.replies);
        self.events.push(outcome.events);
        self.stats.push(outcome.stats);
        self.backlogs.push(outcome.backlog);
    }
}

/// Once around the ring, with messages under way at every update point; one upgrade is aborted by a
/// fault and made again.
fn history(workers: usize) -> Given {
    let budget = ROUNDS * TOKENS;
    let mut node = Node::start(&ring::version(0), ENGINES, workers);
    let mut given = Given::default();
    let token = |seed| Message::Token {
        from: None,
        number: 0,
        left: ROUNDS * (VERSIONS as u64 + 2),
        seed,
        engines: ENGINES,
    };
    let tokens: Vec<_> = (0..TOKENS)
        .map(|seed| (seed % ENGINES, token(seed)))
        .collect();
    given.take(node.block(&tokens, budget));
    for place in 1..=VERSIONS {
        if place == 2 {
            given.take(node.block(&[(200, Message::Set(FAULT))], TOKENS + 1));
            let verdict = node.upgrade(&ring::version(place));
            assert!(matches!(verdict, Verdict::Aborted { .. }), "{verdict:?}");
            given.take(node.block(&[(200, Message::Set(0))], TOKENS + 1));
        }
        let committed = Verdict::Committed(Generation(place as u64 + 1));
        assert_eq!(node.upgrade(&ring::version(place)), committed);
        // The block settles the states it touches, then all are read.
        given.take(node.block(&[(place as u64, Message::Add(1))], budget));
        given.states.push(node.states());
    }
    given.take(node.block(&[], UNBOUNDED));
    given.states.push(node.states());
    given
}

#[test]
fn the_same_blocks_and_upgrades_on_one_two_and_four_workers_give_the_same_bytes() {
    let alone = history(1);
    let last = alone.backlogs.len() - 1;
    // A block is cut inside a round, so that some tokens come to their end before the last bounded block does.
    let waits = |waiting: &usize| *waiting > TOKENS as usize / 2;
    assert!(
        alone.backlogs[..last].iter().all(waits),
        "mail waits over every swap: {:?}",
        alone.backlogs
    );
    assert_eq!(alone.backlogs[last], 0);
    assert_eq!(alone.generations[last], Generation(VERSIONS as u64 + 1));
    assert!(
        alone == history(2),
        "two workers give something else than one"
    );
    assert!(
        alone == history(4),
        "four workers give something else than one"
    );
}
