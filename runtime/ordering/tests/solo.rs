//! What solo ordering promises, whatever clients, clock and backlog do.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use proptest::prelude::*;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_ordering::{Block, Due, Full, Ingress, Ordering, Solo, SoloConfig, Tip};

const NOTHING: Due = Due {
    timer_or_plan: false,
    backlog: 0,
};

fn message(ticket: u64, bytes: usize) -> Ingress {
    let (engine, client) = (EngineId::root("kv").unwrap(), ClientId::of("ada"));
    Ingress {
        engine,
        client,
        sequence: ticket,
        payload: vec![b'1'; bytes],
        ticket,
    }
}

fn config() -> SoloConfig {
    SoloConfig {
        block_interval_millis: 10,
        messages_per_block: 3,
        queue_messages: 8,
        queue_bytes: 100,
        backlog_mark: 5,
    }
}

#[test]
fn an_idle_node_makes_no_block_and_a_timer_makes_an_empty_one() {
    let mut solo = Solo::new(config(), Tip::default());
    assert_eq!(solo.next(BlockTime(100), NOTHING), None);
    assert_eq!(solo.next_due(BlockTime(100), NOTHING), None);
    let due = Due {
        timer_or_plan: true,
        backlog: 0,
    };
    assert_eq!(solo.next_due(BlockTime(100), due), Some(BlockTime(100)));
    let block = solo.next(BlockTime(100), due).unwrap();
    assert_eq!(
        (block.height, block.time, block.messages.len()),
        (Height(1), BlockTime(100), 0)
    );
    assert_eq!(solo.next_due(BlockTime(103), due), Some(BlockTime(110)));
    assert_eq!(solo.next(BlockTime(109), due), None);
    assert!(solo.next(BlockTime(110), due).is_some());
}

#[test]
fn what_the_block_before_left_over_gets_a_block_of_its_own() {
    let mut solo = Solo::new(config(), Tip::default());
    let block = solo
        .next(
            BlockTime(1),
            Due {
                timer_or_plan: false,
                backlog: 1,
            },
        )
        .unwrap();
    assert!(block.messages.is_empty());
}

#[test]
fn above_the_backlog_mark_blocks_go_on_but_admit_nothing() {
    let mut solo = Solo::new(config(), Tip::default());
    solo.offer(message(1, 1)).unwrap();
    let block = solo
        .next(
            BlockTime(1),
            Due {
                timer_or_plan: false,
                backlog: 6,
            },
        )
        .unwrap();
    assert_eq!((block.messages.len(), solo.pending()), (0, 1));
    let block = solo
        .next(
            BlockTime(11),
            Due {
                timer_or_plan: false,
                backlog: 5,
            },
        )
        .unwrap();
    assert_eq!((block.messages.len(), solo.pending()), (1, 0));
}

#[test]
fn a_full_queue_refuses_by_count_and_by_bytes_and_has_room_again_after_a_block() {
    let mut solo = Solo::new(config(), Tip::default());
    solo.offer(message(1, 60)).unwrap();
    assert_eq!(
        solo.offer(message(2, 41)),
        Err(Full {
            messages: 1,
            bytes: 60
        })
    );
    for ticket in 2..=8 {
        solo.offer(message(ticket, 5)).unwrap();
    }
    assert_eq!(
        solo.offer(message(9, 0)),
        Err(Full {
            messages: 8,
            bytes: 95
        })
    );
    assert_eq!(solo.next(BlockTime(1), NOTHING).unwrap().messages.len(), 3);
    solo.offer(message(9, 70)).unwrap();
}

#[test]
fn a_clock_that_steps_back_delays_no_block_and_no_block_time() {
    let mut solo = Solo::new(config(), Tip::default());
    for ticket in 1..=9 {
        let _ = solo.offer(message(ticket, 1));
    }
    let first = solo.next(BlockTime(1_000_000), NOTHING).unwrap();
    let second = solo.next(BlockTime(500), NOTHING).unwrap();
    assert_eq!(second.time, first.time.next());
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
    solo.offer(message(1, 1)).unwrap();
    let block = solo.next(BlockTime(5), NOTHING).unwrap();
    assert_eq!(
        (block.height, block.time, block.parent),
        (Height(42), BlockTime(9001), tip.hash)
    );
}

#[derive(Clone, Debug)]
enum Step {
    Offer { bytes: usize },
    Ask { after_millis: u64, due: Due },
}

fn step() -> impl Strategy<Value = Step> {
    let due = (
        prop::bool::weighted(0.2),
        prop_oneof![4 => Just(0_usize), 1 => 1_usize..9],
    )
        .prop_map(|(timer_or_plan, backlog)| Due {
            timer_or_plan,
            backlog,
        });
    prop_oneof![
        (0_usize..30).prop_map(|bytes| Step::Offer { bytes }),
        (0_u64..14, due).prop_map(|(after_millis, due)| Step::Ask { after_millis, due }),
    ]
}

/// What a run did: the blocks, each with the clock and what was due, and the accepted tickets.
struct Run {
    blocks: Vec<(BlockTime, Due, Block)>,
    accepted: Vec<u64>,
    pending: usize,
}

fn run(steps: Vec<Step>) -> Result<Run, TestCaseError> {
    let mut solo = Solo::new(config(), Tip::default());
    let (mut now, mut blocks, mut accepted) = (BlockTime(50), Vec::new(), Vec::new());
    for (ticket, step) in steps.into_iter().enumerate() {
        match step {
            Step::Offer { bytes } => {
                if solo.offer(message(ticket as u64, bytes)).is_ok() {
                    accepted.push(ticket as u64);
                }
                prop_assert!(solo.pending() <= config().queue_messages);
            }
            Step::Ask { after_millis, due } => {
                now.0 += after_millis;
                let promised = solo.next_due(now, due);
                let block = solo.next(now, due);
                prop_assert_eq!(
                    block.is_some(),
                    promised == Some(now),
                    "next_due told the truth"
                );
                blocks.extend(block.map(|block| (now, due, block)));
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
        let given: Vec<u64> = messages.map(|message| message.ticket).collect();
        prop_assert_eq!(&given[..], &run.accepted[..given.len()]);
        prop_assert_eq!(run.accepted.len() - given.len(), run.pending);
    }

    #[test]
    fn blocks_form_a_chain_in_growing_time(steps in prop::collection::vec(step(), 0..120)) {
        let mut tip = Tip::default();
        for (now, _, block) in run(steps)?.blocks {
            prop_assert_eq!(block.height, tip.height.next());
            prop_assert_eq!(block.parent, tip.hash);
            prop_assert_eq!(block.time, tip.time.next().max(now));
            tip = block.tip();
        }
    }

    #[test]
    fn the_interval_the_block_size_and_the_mark_are_kept(steps in prop::collection::vec(step(), 0..120)) {
        let mut earliest = BlockTime(0);
        for (now, due, block) in run(steps)?.blocks {
            prop_assert!(now >= earliest);
            earliest = BlockTime(now.0 + config().block_interval_millis);
            prop_assert!(block.messages.len() <= config().messages_per_block);
            prop_assert!(due.backlog <= config().backlog_mark || block.messages.is_empty());
            prop_assert!(due.any() || !block.messages.is_empty(), "an empty block for nothing");
        }
    }
}
