//! The promises of solo ordering, for any clients, clock and backlog.

use crate::common::{Executes, message};
use proptest::prelude::*;
use refit_abi::{BlockHash, BlockTime, EngineId, Height};
use refit_ordering::{
    Block, BlockSource, Decided, Due, Entry, EntryKind, Ground, NotTaken, ORDERS_MAX, PoolBounds,
    Solo, SoloConfig, Tip, Token,
};

const NOTHING: Due = Due {
    follows_upgrade: false,
    height_awaited: false,
    timer: None,
    backlog: 0,
};

/// A node whose mailboxes hold so many messages.
const fn behind(backlog: usize) -> Due {
    Due { backlog, ..NOTHING }
}

/// Solo ordering whose blocks are executed at once.
struct Node(Executes<Solo>);

impl Node {
    fn new(config: SoloConfig, tip: Tip) -> Self {
        Self(Executes::on(
            Solo::new(config),
            Ground {
                tip,
                ..Ground::default()
            },
        ))
    }

    fn offer(&self, number: u64, bytes: usize) -> Result<(), NotTaken> {
        let token = Some(Token(number));
        self.0.source.mempool().offer(message(number, bytes), token)
    }

    fn pending(&self) -> usize {
        self.0.source.mempool().pending()
    }

    fn next_due(&self, now: u64, due: Due) -> Option<u64> {
        let next = self.0.source.next_due(BlockTime(now), due);
        next.map(|time| time.0)
    }

    /// The block that is decided now, if one is; not executed yet.
    fn decides(&mut self, now: u64, due: Due) -> Option<Decided> {
        self.0.source.tick(BlockTime(now), due);
        self.0.decided()
    }

    fn next(&mut self, now: u64, due: Due) -> Option<Block> {
        let block = self.decides(now, due)?.block;
        self.0.executed(&block);
        Some(block)
    }
}

fn config() -> SoloConfig {
    SoloConfig {
        block_interval_millis: 10,
        at_once_messages: 2,
        idle_interval_millis: 1_000,
        messages_per_block: 3,
        pool: PoolBounds {
            messages: 8,
            bytes: 100,
        },
        backlog_mark: 5,
    }
}

#[test]
fn an_idle_node_makes_no_block() {
    let mut node = Node::new(config(), Tip::default());
    assert_eq!(node.next(100, NOTHING), None);
    assert_eq!(node.next_due(100, NOTHING), None);
}

#[test]
fn a_client_alone_gets_each_of_its_blocks_at_once() {
    let mut node = Node::new(SoloConfig::default(), Tip::default());
    for number in 1..=8 {
        node.offer(number, 1).unwrap();
        assert_eq!(node.next_due(100, NOTHING), Some(100));
        assert_eq!(node.next(100, NOTHING).unwrap().entries.len(), 1);
    }
}

#[test]
fn while_many_messages_come_a_block_fills_for_its_interval() {
    let mut node = Node::new(config(), Tip::default());
    node.offer(1, 1).unwrap();
    assert_eq!(node.next(100, NOTHING).unwrap().entries.len(), 1);
    node.offer(2, 1).unwrap();
    node.offer(3, 1).unwrap();
    assert_eq!(node.next(101, NOTHING).unwrap().entries.len(), 2);
    for number in 4..=6 {
        node.offer(number, 1).unwrap();
        assert_eq!(node.next_due(102, NOTHING), Some(110));
        assert_eq!(node.next(109, NOTHING), None);
    }
    assert_eq!(node.next(110, NOTHING).unwrap().entries.len(), 3);
    node.offer(7, 1).unwrap();
    assert_eq!(node.next_due(111, NOTHING), Some(120), "they still come");
    assert!(node.next(120, NOTHING).is_some());
    node.offer(8, 1).unwrap();
    assert_eq!(
        node.next_due(121, NOTHING),
        Some(121),
        "they do not any more"
    );
}

#[test]
fn no_block_is_decided_while_one_is_executed() {
    let mut node = Node::new(config(), Tip::default());
    node.offer(1, 1).unwrap();
    let first = node.decides(100, NOTHING).unwrap().block;
    node.offer(2, 1).unwrap();
    let due = Due {
        follows_upgrade: true,
        ..behind(1)
    };
    assert_eq!(
        (node.next_due(500, due), node.decides(500, due)),
        (None, None)
    );
    node.0.executed(&first);
    assert_eq!(node.next(500, due).unwrap().header.height, Height(2));
}

#[test]
fn nothing_is_decided_before_it_is_said_what_the_first_block_stands_on() {
    let mut solo = Solo::new(config());
    solo.mempool().offer(message(1, 1), None).unwrap();
    assert_eq!(solo.next_due(BlockTime(100), NOTHING), None);
    solo.executed(&Ground::default());
    assert!(solo.next_due(BlockTime(100), NOTHING).is_some());
}

#[test]
fn a_height_that_is_awaited_costs_one_empty_block_each_idle_interval() {
    let mut node = Node::new(config(), Tip::default());
    let due = Due {
        height_awaited: true,
        ..NOTHING
    };
    let first = node.next(100, due).unwrap();
    assert_eq!((first.header.height, first.entries.len()), (Height(1), 0));
    assert_eq!(node.next_due(103, due), Some(1_100));
    assert_eq!(node.next(1_099, due), None);
    // What clients send waits for no idle interval.
    node.offer(1, 1).unwrap();
    assert_eq!(node.next_due(103, due), Some(103));
    assert!(node.next(110, due).is_some());
    assert_eq!(node.next_due(111, due), Some(1_110));
    assert!(node.next(1_110, due).is_some());
}

#[test]
fn a_timer_by_time_gets_its_block_when_its_time_has_come_and_not_before() {
    let mut node = Node::new(config(), Tip::default());
    let due = Due {
        timer: Some(BlockTime(5_000)),
        ..NOTHING
    };
    assert_eq!(node.next_due(100, due), Some(5_000));
    assert_eq!(node.next(4_999, due), None);
    let block = node.next(5_003, due).unwrap();
    assert_eq!(
        (block.header.height, block.header.time),
        (Height(1), BlockTime(5_003))
    );
}

#[test]
fn a_timer_that_is_due_before_the_interval_is_over_waits_for_its_end_and_nobody_looks_meanwhile() {
    let mut node = Node::new(config(), Tip::default());
    node.offer(1, 1).unwrap();
    node.next(100, NOTHING).unwrap();
    let due = Due {
        timer: Some(BlockTime(103)),
        ..NOTHING
    };
    assert_eq!(node.next_due(104, due), Some(110));
    assert_eq!(node.next(109, due), None);
    assert!(node.next(110, due).is_some());
}

#[test]
fn a_timer_that_block_time_has_reached_comes_though_the_clock_is_behind() {
    let ahead = Tip {
        height: Height(7),
        time: BlockTime(3_600_000),
        hash: BlockHash([1; 32]),
    };
    let mut node = Node::new(config(), ahead);
    let due = |time| Due {
        timer: Some(BlockTime(time)),
        ..NOTHING
    };
    assert_eq!(node.next_due(50, due(3_600_000)), Some(50));
    assert_eq!(node.next(50, due(3_600_001)), None);
    let block = node.next(50, due(3_600_000)).unwrap();
    assert_eq!(
        block.header.time,
        BlockTime(3_600_000),
        "it stands still until the clock is there"
    );
}

#[test]
fn the_block_after_an_upgrade_waits_for_no_interval() {
    let mut node = Node::new(config(), Tip::default());
    node.offer(1, 1).unwrap();
    node.next(100, NOTHING).unwrap();
    let due = Due {
        follows_upgrade: true,
        ..NOTHING
    };
    assert_eq!(node.next_due(100, due), Some(100));
    let block = node.next(100, due).unwrap();
    assert_eq!(
        (block.header.height, block.header.time),
        (Height(2), BlockTime(100))
    );
}

#[test]
fn what_the_block_before_left_over_gets_a_block_of_its_own() {
    let mut node = Node::new(config(), Tip::default());
    let block = node.next(1, behind(1)).unwrap();
    assert!(block.entries.is_empty());
}

#[test]
fn above_the_backlog_mark_a_block_admits_a_share_however_much_waits() {
    let config = SoloConfig {
        messages_per_block: 24,
        ..config()
    };
    let mut node = Node::new(config, Tip::default());
    for number in 0..5 {
        node.offer(number, 1).unwrap();
    }
    let mut admitted = |now, backlog| {
        let block = node.next(now, behind(backlog)).unwrap();
        block.entries.len()
    };
    assert_eq!(admitted(1, usize::MAX), 3);
    assert_eq!(admitted(11, 5), 2);
}

#[test]
fn a_full_pool_refuses_by_count_and_by_bytes_and_has_room_again_after_a_block() {
    let mut node = Node::new(config(), Tip::default());
    let full = |messages, bytes| Err(NotTaken::Full { messages, bytes });
    node.offer(1, 60).unwrap();
    assert_eq!(node.offer(2, 41), full(1, 60));
    for number in 2..=8 {
        node.offer(number, 5).unwrap();
    }
    assert_eq!(node.offer(9, 0), full(8, 95));
    assert_eq!(node.next(1, NOTHING).unwrap().entries.len(), 3);
    node.offer(9, 70).unwrap();
}

#[test]
fn a_clock_that_steps_back_delays_no_block_and_no_block_time() {
    let mut node = Node::new(config(), Tip::default());
    for number in 1..=9 {
        let _ = node.offer(number, 1);
    }
    let first = node.next(1_000_000, NOTHING).unwrap();
    let second = node.next(500, NOTHING).unwrap();
    assert_eq!(second.header.time, first.header.time);
    assert_eq!(node.next(509, NOTHING), None);
    assert!(node.next(510, NOTHING).is_some());
}

#[test]
fn a_node_that_comes_back_goes_on_after_its_tip() {
    let tip = Tip {
        height: Height(41),
        time: BlockTime(9000),
        hash: BlockHash([1; 32]),
    };
    let mut node = Node::new(config(), tip);
    node.offer(1, 1).unwrap();
    let block = node.next(5, NOTHING).unwrap();
    assert_eq!(
        (block.header.height, block.header.time, block.header.parent),
        (Height(42), BlockTime(9000), tip.hash)
    );
}

#[derive(Clone, Debug)]
enum Step {
    Offer { bytes: usize },
    Ask { after_millis: u64, due: Due },
}

fn step() -> impl Strategy<Value = Step> {
    let due = (
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, (0_u64..300).prop_map(BlockTime)),
        prop_oneof![4 => Just(0_usize), 1 => 1_usize..9],
    )
        .prop_map(|(follows_upgrade, height_awaited, timer, backlog)| Due {
            follows_upgrade,
            height_awaited,
            timer,
            backlog,
        });
    prop_oneof![
        (0_usize..30).prop_map(|bytes| Step::Offer { bytes }),
        (0_u64..14, due).prop_map(|(after_millis, due)| Step::Ask { after_millis, due }),
    ]
}

/// What a run did: the blocks, each with the clock and what was due, and the accepted messages' numbers.
struct Run {
    blocks: Vec<(BlockTime, Due, Block)>,
    accepted: Vec<u64>,
    pending: usize,
}

fn run(steps: Vec<Step>) -> Result<Run, TestCaseError> {
    let mut node = Node::new(config(), Tip::default());
    let (mut now, mut blocks, mut accepted) = (50, Vec::new(), Vec::new());
    for (number, step) in (0_u64..).zip(steps) {
        match step {
            Step::Offer { bytes } => {
                if node.offer(number, bytes).is_ok() {
                    accepted.push(number);
                }
                prop_assert!(node.pending() <= config().pool.messages);
            }
            Step::Ask { after_millis, due } => {
                now += after_millis;
                let promised = node.next_due(now, due);
                let decided = node.decides(now, due);
                prop_assert_eq!(
                    decided.is_some(),
                    promised == Some(now),
                    "next_due told the truth"
                );
                if let Some(Decided { block, tokens, .. }) = decided {
                    let numbers = block.entries.iter().map(|entry| {
                        entry
                            .message()
                            .and_then(|message| message.ingress.sequence.map(Token))
                    });
                    prop_assert!(numbers.eq(tokens), "each token beside its message");
                    node.0.executed(&block);
                    blocks.push((BlockTime(now), due, block));
                }
            }
        }
    }
    Ok(Run {
        blocks,
        accepted,
        pending: node.pending(),
    })
}

fn order(node: &Node, number: u64) -> Result<(), NotTaken> {
    let engine = EngineId::root("kv").unwrap();
    let pool = node.0.source.mempool();
    pool.order(Entry::Restart { key: None, engine }, Token(number))
}

#[test]
fn what_an_operator_orders_gets_a_block_at_once_and_stands_in_front_of_the_messages() {
    let mut node = Node::new(config(), Tip::default());
    // The messages of an interval are above the mark: the next block fills.
    for number in 1..=3 {
        node.offer(number, 1).unwrap();
    }
    node.next(100, NOTHING).unwrap();
    node.offer(5, 1).unwrap();
    assert_eq!(node.next_due(101, NOTHING), Some(110));
    order(&node, 77).unwrap();
    order(&node, 78).unwrap();
    assert_eq!(node.next_due(101, NOTHING), Some(101));
    let decided = node.decides(101, NOTHING).unwrap();
    assert_eq!(decided.tokens, [77, 78, 5].map(|token| Some(Token(token))));
    let kinds: Vec<_> = decided.block.entries.iter().map(Entry::kind).collect();
    let restart = EntryKind::Restart;
    assert_eq!(kinds, [restart, restart, EntryKind::Message]);
    assert!(!node.0.source.mempool().has_orders());
}

#[test]
fn orders_have_places_of_their_own_and_no_more_than_those() {
    let node = Node::new(config(), Tip::default());
    while node.offer(1, 1).is_ok() {}
    for number in 0..ORDERS_MAX as u64 {
        order(&node, number).unwrap();
    }
    let full = NotTaken::Orders { orders: ORDERS_MAX };
    assert_eq!(order(&node, 1), Err(full));
}

proptest! {
    #[test]
    fn nothing_accepted_is_lost_doubled_or_reordered(steps in prop::collection::vec(step(), 0..120)) {
        let run = run(steps)?;
        let messages = run.blocks.iter().flat_map(|(_, _, block)| &block.entries);
        let given: Vec<u64> = messages.filter_map(|entry| entry.message()?.ingress.sequence).collect();
        prop_assert_eq!(&given[..], &run.accepted[..given.len()]);
        prop_assert_eq!(run.accepted.len() - given.len(), run.pending);
    }

    #[test]
    fn blocks_form_a_chain_whose_time_never_goes_back(steps in prop::collection::vec(step(), 0..120)) {
        let mut ground = Ground::default();
        for (now, _, block) in run(steps)?.blocks {
            prop_assert_eq!(ground.check(&block), Ok(()));
            prop_assert_eq!(block.header.time, ground.tip.time.max(now));
            ground.tip = block.tip();
        }
    }

    #[test]
    fn the_interval_the_block_size_and_the_mark_are_kept(steps in prop::collection::vec(step(), 0..120)) {
        let (mut given, mut tip, mut recent) = (None, BlockTime(0), Vec::new());
        for (now, due, block) in run(steps)?.blocks {
            let since = given.map_or(u64::MAX, |given: BlockTime| now.0 - given.0);
            given = Some(now);
            // Within an interval there is one block that brings the number above the mark, and none after it.
            recent.retain(|(at, _): &(BlockTime, usize)| now.0 - at.0 < config().block_interval_millis);
            let admitted: usize = recent.iter().map(|(_, messages)| messages).sum();
            let few = admitted < 2 * config().at_once_messages + config().messages_per_block;
            prop_assert!(due.follows_upgrade || since >= config().block_interval_millis || few);
            // The block after an upgrade comes beside those, whatever was admitted before it.
            if !due.follows_upgrade {
                recent.push((now, block.entries.len()));
            }
            prop_assert!(block.entries.len() <= config().messages_per_block);
            let share = (config().messages_per_block / 8).max(1);
            prop_assert!(due.backlog <= config().backlog_mark || block.entries.len() <= share);
            let timer = due.timer.is_some_and(|timer| timer <= now.max(tip));
            let height = due.height_awaited && since >= config().idle_interval_millis;
            let reason = due.follows_upgrade || due.backlog > 0 || timer || height;
            prop_assert!(reason || !block.entries.is_empty(), "an empty block for nothing");
            tip = block.header.time;
        }
    }
}
