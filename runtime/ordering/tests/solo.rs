//! What solo ordering promises, whatever clients, clock and backlog do.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use proptest::prelude::*;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_ordering::{Block, Due, Full, Ingress, Next, Ordering, Solo, SoloConfig, Tip, Token};

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

fn message(number: u64, bytes: usize) -> Ingress {
    let (engine, client) = (EngineId::root("kv").unwrap(), ClientId::of("ada"));
    Ingress {
        engine,
        client,
        sequence: Some(number),
        payload: vec![b'1'; bytes],
    }
}

fn config() -> SoloConfig {
    SoloConfig {
        block_interval_millis: 10,
        idle_interval_millis: 1_000,
        messages_per_block: 3,
        queue_messages: 8,
        queue_bytes: 100,
        backlog_mark: 5,
    }
}

#[test]
fn an_idle_node_makes_no_block() {
    let mut solo = Solo::new(config(), Tip::default());
    assert_eq!(solo.next(BlockTime(100), NOTHING), None);
    assert_eq!(solo.next_due(BlockTime(100), NOTHING), None);
}

#[test]
fn a_height_that_is_awaited_costs_one_empty_block_each_idle_interval() {
    let mut solo = Solo::new(config(), Tip::default());
    let due = Due {
        height_awaited: true,
        ..NOTHING
    };
    let first = solo.next(BlockTime(100), due).unwrap().block;
    assert_eq!((first.height, first.messages.len()), (Height(1), 0));
    assert_eq!(solo.next_due(BlockTime(103), due), Some(BlockTime(1_100)));
    assert_eq!(solo.next(BlockTime(1_099), due), None);
    // What clients send waits for no idle interval.
    solo.offer(message(1, 1), None).unwrap();
    assert_eq!(solo.next_due(BlockTime(103), due), Some(BlockTime(110)));
    assert!(solo.next(BlockTime(110), due).is_some());
    assert_eq!(solo.next_due(BlockTime(111), due), Some(BlockTime(1_110)));
    assert!(solo.next(BlockTime(1_110), due).is_some());
}

#[test]
fn a_timer_by_time_gets_its_block_when_its_time_has_come_and_not_before() {
    let mut solo = Solo::new(config(), Tip::default());
    let due = Due {
        timer: Some(BlockTime(5_000)),
        ..NOTHING
    };
    assert_eq!(solo.next_due(BlockTime(100), due), Some(BlockTime(5_000)));
    assert_eq!(solo.next(BlockTime(4_999), due), None);
    let block = solo.next(BlockTime(5_003), due).unwrap().block;
    assert_eq!((block.height, block.time), (Height(1), BlockTime(5_003)));
}

#[test]
fn a_timer_that_is_due_before_the_interval_is_over_waits_for_its_end_and_nobody_looks_meanwhile() {
    let mut solo = Solo::new(config(), Tip::default());
    solo.offer(message(1, 1), None).unwrap();
    solo.next(BlockTime(100), NOTHING).unwrap();
    let due = Due {
        timer: Some(BlockTime(103)),
        ..NOTHING
    };
    assert_eq!(solo.next_due(BlockTime(104), due), Some(BlockTime(110)));
    assert_eq!(solo.next(BlockTime(109), due), None);
    assert!(solo.next(BlockTime(110), due).is_some());
}

#[test]
fn a_timer_that_block_time_has_reached_comes_though_the_clock_is_behind() {
    let ahead = Tip {
        height: Height(7),
        time: BlockTime(3_600_000),
        hash: BlockHash([1; 32]),
    };
    let mut solo = Solo::new(config(), ahead);
    let due = |time| Due {
        timer: Some(BlockTime(time)),
        ..NOTHING
    };
    assert_eq!(
        solo.next_due(BlockTime(50), due(3_600_000)),
        Some(BlockTime(50))
    );
    assert_eq!(solo.next(BlockTime(50), due(3_600_001)), None);
    let block = solo.next(BlockTime(50), due(3_600_000)).unwrap().block;
    assert_eq!(
        block.time,
        BlockTime(3_600_000),
        "it stands still until the clock is there"
    );
}

#[test]
fn the_block_after_an_upgrade_waits_for_no_interval() {
    let mut solo = Solo::new(config(), Tip::default());
    solo.offer(message(1, 1), None).unwrap();
    solo.next(BlockTime(100), NOTHING).unwrap();
    let due = Due {
        follows_upgrade: true,
        ..NOTHING
    };
    assert_eq!(solo.next_due(BlockTime(100), due), Some(BlockTime(100)));
    let block = solo.next(BlockTime(100), due).unwrap().block;
    assert_eq!((block.height, block.time), (Height(2), BlockTime(100)));
}

#[test]
fn what_the_block_before_left_over_gets_a_block_of_its_own() {
    let mut solo = Solo::new(config(), Tip::default());
    let block = solo.next(BlockTime(1), behind(1)).unwrap().block;
    assert!(block.messages.is_empty());
}

#[test]
fn above_the_backlog_mark_blocks_go_on_but_admit_nothing() {
    let mut solo = Solo::new(config(), Tip::default());
    solo.offer(message(1, 1), None).unwrap();
    let block = solo.next(BlockTime(1), behind(6)).unwrap().block;
    assert_eq!((block.messages.len(), solo.pending()), (0, 1));
    let block = solo.next(BlockTime(11), behind(5)).unwrap().block;
    assert_eq!((block.messages.len(), solo.pending()), (1, 0));
}

#[test]
fn a_full_queue_refuses_by_count_and_by_bytes_and_has_room_again_after_a_block() {
    let mut solo = Solo::new(config(), Tip::default());
    solo.offer(message(1, 60), None).unwrap();
    assert_eq!(
        solo.offer(message(2, 41), None),
        Err(Full {
            messages: 1,
            bytes: 60
        })
    );
    for number in 2..=8 {
        solo.offer(message(number, 5), None).unwrap();
    }
    assert_eq!(
        solo.offer(message(9, 0), None),
        Err(Full {
            messages: 8,
            bytes: 95
        })
    );
    assert_eq!(
        solo.next(BlockTime(1), NOTHING)
            .unwrap()
            .block
            .messages
            .len(),
        3
    );
    solo.offer(message(9, 70), None).unwrap();
}

#[test]
fn a_clock_that_steps_back_delays_no_block_and_no_block_time() {
    let mut solo = Solo::new(config(), Tip::default());
    for number in 1..=9 {
        let _ = solo.offer(message(number, 1), None);
    }
    let first = solo.next(BlockTime(1_000_000), NOTHING).unwrap().block;
    let second = solo.next(BlockTime(500), NOTHING).unwrap().block;
    assert_eq!(second.time, first.time);
    assert_eq!(solo.next(BlockTime(509), NOTHING), None);
    assert!(solo.next(BlockTime(510), NOTHING).is_some());
}

#[test]
fn a_node_that_comes_back_goes_on_after_its_tip() {
    let tip = Tip {
        height: Height(41),
        time: BlockTime(9000),
        hash: BlockHash([1; 32]),
    };
    let mut solo = Solo::new(config(), tip);
    solo.offer(message(1, 1), None).unwrap();
    let block = solo.next(BlockTime(5), NOTHING).unwrap().block;
    assert_eq!(
        (block.height, block.time, block.parent),
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
    let mut solo = Solo::new(config(), Tip::default());
    let (mut now, mut blocks, mut accepted) = (BlockTime(50), Vec::new(), Vec::new());
    for (number, step) in (0_u64..).zip(steps) {
        match step {
            Step::Offer { bytes } => {
                if solo
                    .offer(message(number, bytes), Some(Token(number)))
                    .is_ok()
                {
                    accepted.push(number);
                }
                prop_assert!(solo.pending() <= config().queue_messages);
            }
            Step::Ask { after_millis, due } => {
                now.0 += after_millis;
                let promised = solo.next_due(now, due);
                let next = solo.next(now, due);
                prop_assert_eq!(
                    next.is_some(),
                    promised == Some(now),
                    "next_due told the truth"
                );
                if let Some(Next { block, tokens }) = next {
                    let numbers = block
                        .messages
                        .iter()
                        .map(|message| message.sequence.map(Token));
                    prop_assert!(numbers.eq(tokens), "each token beside its message");
                    blocks.push((now, due, block));
                }
            }
        }
    }
    Ok(Run {
        blocks,
        accepted,
        pending: solo.pending(),
    })
}

proptest! {
    #[test]
    fn nothing_accepted_is_lost_doubled_or_reordered(steps in prop::collection::vec(step(), 0..120)) {
        let run = run(steps)?;
        let messages = run.blocks.iter().flat_map(|(_, _, block)| &block.messages);
        let given: Vec<u64> = messages.filter_map(|message| message.sequence).collect();
        prop_assert_eq!(&given[..], &run.accepted[..given.len()]);
        prop_assert_eq!(run.accepted.len() - given.len(), run.pending);
    }

    #[test]
    fn blocks_form_a_chain_whose_time_never_goes_back(steps in prop::collection::vec(step(), 0..120)) {
        let mut tip = Tip::default();
        for (now, _, block) in run(steps)?.blocks {
            prop_assert_eq!(block.height, tip.height.next());
            prop_assert_eq!(block.parent, tip.hash);
            prop_assert_eq!(block.time, tip.time.max(now));
            tip = block.tip();
        }
    }

    #[test]
    fn the_interval_the_block_size_and_the_mark_are_kept(steps in prop::collection::vec(step(), 0..120)) {
        let (mut given, mut tip) = (None, BlockTime(0));
        for (now, due, block) in run(steps)?.blocks {
            let since = given.map_or(u64::MAX, |given: BlockTime| now.0 - given.0);
            given = Some(now);
            prop_assert!(due.follows_upgrade || since >= config().block_interval_millis);
            prop_assert!(block.messages.len() <= config().messages_per_block);
            prop_assert!(due.backlog <= config().backlog_mark || block.messages.is_empty());
            let timer = due.timer.is_some_and(|timer| timer <= now.max(tip));
            let height = due.height_awaited && since >= config().idle_interval_millis;
            let reason = due.follows_upgrade || due.backlog > 0 || timer || height;
            prop_assert!(reason || !block.messages.is_empty(), "an empty block for nothing");
            tip = block.time;
        }
    }
}
