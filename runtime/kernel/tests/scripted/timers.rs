//! A timer comes in its block: by height, or in the first block that is late enough.

use crate::actor::{Message, Op, Origin};
use crate::node::{BLOCK_MILLIS, Node, PLENTY, roots};
use refit_abi::{BlockTime, EngineId, Height, Sender, Undelivered};

fn by_height(blocks: u64, tag: u32) -> Op {
    Op::TimerAfterBlocks {
        blocks,
        message: Message {
            tag,
            ops: Vec::new(),
        },
    }
}

fn by_time(millis: u64, tag: u32) -> Op {
    Op::TimerAfterTime {
        millis,
        message: Message {
            tag,
            ops: Vec::new(),
        },
    }
}

/// Tags of the timers that have come to an engine.
fn rung(node: &Node, engine: EngineId) -> Vec<u32> {
    let log = node.state(engine).log;
    log.iter()
        .filter(|seen| seen.from == Origin::Timer)
        .map(|seen| seen.tag)
        .collect()
}

#[test]
fn timers_come_in_the_block_of_their_height_or_time_and_once() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    // At height 1 and time 1 × BLOCK_MILLIS.
    let ops = vec![
        by_height(3, 30),
        by_time(2 * BLOCK_MILLIS, 20),
        by_height(1, 10),
        by_time(2 * BLOCK_MILLIS + 1, 31),
        by_height(1, 11),
    ];
    let out = node.run(&[(ids[0], Message { tag: 0, ops })]);
    assert_eq!(out.next_timer_height, Some(Height(2)));
    assert_eq!(out.next_timer_time, Some(BlockTime(3 * BLOCK_MILLIS)));
    assert!(rung(&node, ids[0]).is_empty());
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]), [10, 11]);
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]), [10, 11, 20]);
    let out = node.run(&[]);
    // One millisecond past a block's time waits for the next block. Heights come before times.
    assert_eq!(rung(&node, ids[0]), [10, 11, 20, 30, 31]);
    assert_eq!((out.next_timer_height, out.next_timer_time), (None, None));
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]).len(), 5);
}

#[test]
fn a_timer_for_now_is_refused() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let out = node.run(&[(
        ids[0],
        Message {
            tag: 0,
            ops: vec![by_height(0, 1), by_time(0, 2)],
        },
    )]);
    assert_eq!(node.state(ids[0]).refused, ["Past", "Past"]);
    assert_eq!((out.next_timer_height, out.next_timer_time), (None, None));
}

#[test]
fn a_timer_may_set_the_next_one() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let inner = Message {
        tag: 2,
        ops: vec![by_height(1, 3)],
    };
    let outer = Message {
        tag: 1,
        ops: vec![Op::TimerAfterBlocks {
            blocks: 1,
            message: inner,
        }],
    };
    node.run(&[(ids[0], outer)]);
    node.run(&[]);
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]), [2, 3]);
}

#[test]
fn a_timer_that_is_due_in_a_block_without_budget_waits_in_the_mailbox() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(
        ids[0],
        Message {
            tag: 0,
            ops: vec![by_height(1, 1)],
        },
    )]);
    assert_eq!(node.block(Vec::new(), 0).backlog, 1);
    node.block(Vec::new(), PLENTY);
    assert_eq!(rung(&node, ids[0]), [1]);
}

#[test]
fn the_timer_of_a_stopped_engine_is_a_dead_letter() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let stop = Op::Stop { engine: ids[0] };
    node.run(&[(
        ids[0],
        Message {
            tag: 0,
            ops: vec![by_height(1, 1), stop],
        },
    )]);
    assert_eq!(node.run(&[]).stats.dead_letters, 1);
    let letters = node.dead_letters();
    assert_eq!((letters[0].sender, letters[0].to), (Sender::Timer, ids[0]));
    assert_eq!(letters[0].reason, Undelivered::Stopped);
}
