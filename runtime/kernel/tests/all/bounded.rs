//! Where budgets cut rounds, hold back and refuse, neither the number of workers nor that of the engines in a chunk
//! changes anything.

use crate::histories::{Block, history};
use crate::rig::node::Node;
use crate::rig::script::Config;
use crate::rig::{LARGE, all_ingress, roots};
use proptest::prelude::*;
use refit_abi::EngineId;
use refit_kernel::{Emitted, Image, Parameters, ReplyError, Spent, Stats};
use refit_test_support::check;

/// Workers, and engines in a chunk.
const CREWS: [(usize, usize); 4] = [(1, 64), (2, 16), (4, 128), (4, 1)];

/// All that a history gives.
#[derive(Debug, PartialEq)]
struct Given {
    replies: Vec<Vec<Result<Vec<u8>, ReplyError>>>,
    events: Vec<Vec<Emitted>>,
    stats: Vec<Stats>,
    /// After each block: states, mail, timers, causes.
    images: Vec<Image>,
}

impl Given {
    /// The first block whose results differ, and which of them do.
    fn differs(&self, other: &Given) -> String {
        let differs = |at: &usize| {
            let replies = self.replies[*at] == other.replies[*at];
            let stats = self.stats[*at] == other.stats[*at];
            !(replies && stats && self.images[*at] == other.images[*at])
        };
        let Some(at) = (0..self.stats.len()).find(differs) else {
            return "only events differ".to_owned();
        };
        let (one, two) = (&self.images[at], &other.images[at]);
        let causes = (&one.causes, &two.causes);
        let engines = one.engines.iter().zip(&two.engines);
        let engine = engines.clone().find(|(one, two)| one != two);
        let stats = (self.stats[at], other.stats[at]);
        format!("block {at}: {stats:?}, {causes:?}, {engine:?}")
    }
}

/// So small that histories reach them.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    per_block: u64,
    rounds: u64,
    in_all: u64,
    block_rounds: u64,
    round_deeds: usize,
    effect_bytes: usize,
}

impl Bounds {
    fn parameters(self) -> Parameters {
        let mut parameters = Parameters::default();
        parameters.cause.messages_per_block = self.per_block;
        parameters.cause.rounds_per_block = self.rounds;
        parameters.cause.in_all = Spent {
            messages: self.in_all,
            bytes: 20 * self.in_all,
            starts: 3,
        };
        parameters.cause.regained = Spent {
            messages: 1,
            bytes: 10,
            starts: 0,
        };
        parameters.block.rounds = self.block_rounds;
        parameters.mailbox.messages = 12;
        parameters.round.deeds = self.round_deeds;
        parameters.round.bytes = 20 * self.round_deeds;
        parameters.round.effect_bytes = self.effect_bytes;
        parameters.block.effect_bytes = self.effect_bytes as u64 / 3 + 1;
        parameters
    }
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let of_causes = (1_u64..12, 1_u64..6, 1_u64..60, 1_u64..12);
    let of_rounds = (1_usize..100, 500_usize..20_000);
    (of_causes, of_rounds).prop_map(|(causes, (round_deeds, effect_bytes))| {
        let (per_block, rounds, in_all, block_rounds) = causes;
        Bounds {
            per_block,
            rounds,
            in_all,
            block_rounds,
            round_deeds,
            effect_bytes,
        }
    })
}

fn given(roots: &[EngineId], blocks: &[Block], bounds: Bounds, crew: (usize, usize)) -> Given {
    let mut node = Node::new(crew.0);
    node.call(move |executor| {
        executor.pack(crew.1);
        executor.set_parameters(bounds.parameters());
    });
    for root in roots {
        node.start(*root, &Config::default());
    }
    let mut given = Given {
        replies: Vec::new(),
        events: Vec::new(),
        stats: Vec::new(),
        images: Vec::new(),
    };
    // Some blocks more, for what was held back.
    let idle = Block {
        messages: Vec::new(),
        budget: 50,
    };
    for block in blocks.iter().chain(std::iter::repeat_n(&idle, 3)) {
        let outcome = node.block(all_ingress(&block.messages), block.budget);
        let replies = outcome.replies.into_iter().map(|replied| replied.outcome);
        given.replies.push(replies.collect());
        given.events.push(outcome.events);
        given.stats.push(outcome.stats);
        let image = node.call(|executor| executor.image(LARGE));
        given.images.push(image.unwrap());
    }
    given
}

#[test]
fn the_same_blocks_under_small_budgets_give_the_same_on_any_workers_and_in_any_chunks() {
    let histories = (20_usize..150).prop_flat_map(|count| history(roots(count)));
    check(40, &(histories, bounds()), |((roots, blocks), bounds)| {
        let alone = given(&roots, &blocks, bounds, CREWS[0]);
        for crew in &CREWS[1..] {
            let other = given(&roots, &blocks, bounds, *crew);
            prop_assert!(other == alone, "{:?}: {}", crew, alone.differs(&other));
        }
        Ok(())
    });
}
