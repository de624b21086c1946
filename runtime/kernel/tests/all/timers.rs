//! A timer comes in its block: by height, or in the first block that is late enough.

use crate::rig::node::Node;
use crate::rig::script::{Config, Message, Op, Origin, Target};
use crate::rig::{BLOCK_MILLIS, PLENTY, all_ingress, roots};
use refit_abi::{BlockTime, EngineId, Height, TimerId};
use refit_kernel::Executor;
use refit_kernel::limits::{MAILBOX_MESSAGES_MAX, SENDS_PER_MESSAGE_MAX, TIMERS_PER_ENGINE_MAX};

fn by_height(blocks: u64, tag: u32) -> Op {
    Op::AfterBlocks(blocks, Message::tagged(tag))
}

fn by_time(millis: u64, tag: u32) -> Op {
    Op::AfterTime(millis, Message::tagged(tag))
}

/// Tags of the timers that have come to an engine.
fn rung(node: &Node, engine: EngineId) -> Vec<u32> {
    let log = node.memory(engine).log;
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
    assert_eq!(node.memory(ids[0]).refused, ["Past", "Past"]);
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
        ops: vec![Op::AfterBlocks(1, inner)],
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
fn the_timers_and_the_dead_letters_of_an_engine_go_with_it_when_it_stops() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let child = |nth: usize, ops| Op::send(Target::Child(nth as u32), Message::of(ops));
    let spawn = || Op::Spawn(Config::default());
    let set = |nth| child(nth, vec![by_height(1, 1), by_time(5 * BLOCK_MILLIS, 2)]);
    // One that is poisoned has dead letters: its timers come for nobody.
    let ops = vec![spawn(), spawn(), set(0), set(1), child(1, vec![Op::Panic])];
    let out = node.run(&[
        (ids[0], Message::of(ops)),
        (ids[1], Message::of(vec![by_height(9, 3)])),
    ]);
    assert!(out.next_timer_time.is_some());
    assert_eq!(node.run(&[]).stats.dead_letters, 1);
    assert_eq!(node.dead_letters().len(), 1);
    let stops = [0, 1].map(|nth| Op::stop(Target::Child(nth)));
    let out = node.run(&[(ids[0], Message::of(stops.to_vec()))]);
    assert_eq!(out.next_timer_time, None, "the other's are by height");
    assert!(out.next_timer_height.is_some());
    assert!(node.dead_letters().is_empty());
    // They were: the count stays.
    assert_eq!(node.call(|executor| executor.dead_letter_count()), 1);
}

#[test]
fn a_cancelled_timer_does_not_come_and_one_that_came_cannot_be_cancelled() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(
        ids[0],
        Message::of(vec![
            by_height(1, 10),
            by_height(2, 20),
            by_time(2 * BLOCK_MILLIS, 21),
            by_height(3, 30),
            // In the message that set it.
            Op::CancelTimer(3),
        ]),
    )]);
    let out = node.run(&[(ids[0], Message::of(vec![Op::CancelTimer(1)]))]);
    assert_eq!(out.next_timer_height, None);
    let cancels = [0, 1, 2].map(Op::CancelTimer);
    // The third is in the mailbox already when the block's messages are handled.
    node.run(&[(ids[0], Message::of(cancels.to_vec()))]);
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]), [10, 21]);
    assert_eq!(node.memory(ids[0]).refused, ["Unknown"; 3]);
}

#[test]
fn a_cancel_of_a_message_that_fails_is_undone_and_its_numbers_are_given_again() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let fails = vec![
        by_height(1, 99),
        Op::CancelTimer(0),
        by_height(1, 98),
        Op::Fail,
    ];
    node.run(&[
        (ids[0], Message::of(vec![by_height(2, 1), by_height(2, 2)])),
        (ids[0], Message::of(fails)),
        (
            ids[0],
            Message::of(vec![by_height(2, 3), Op::CancelTimer(1)]),
        ),
    ]);
    node.run(&[]);
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]), [1, 3]);
    assert_eq!(node.memory(ids[0]).timers, [0, 1, 2].map(TimerId));
}

#[test]
fn a_timer_that_its_own_code_does_not_take_is_refused_when_it_is_set() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let out = node.run(&[(ids[0], Message::of(vec![Op::TimerInTongues]))]);
    assert_eq!(node.memory(ids[0]).refused, ["Schema"]);
    assert_eq!(out.next_timer_height, None);
}

#[test]
fn one_engine_has_at_most_so_many_timers_waiting_and_takes_no_room_of_another() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let rounds = TIMERS_PER_ENGINE_MAX / SENDS_PER_MESSAGE_MAX;
    let many = Op::TimerMany(SENDS_PER_MESSAGE_MAX as u32);
    let fill = (0..rounds).map(|_| (ids[0], Message::of(vec![many.clone()])));
    let mut messages: Vec<_> = fill.collect();
    // One more is refused; after a cancel there is room for it.
    let freed = vec![by_height(1, 1), Op::CancelTimer(0), by_height(1, 2)];
    messages.push((ids[0], Message::of(freed)));
    messages.push((ids[1], Message::of(vec![by_height(1, 3)])));
    node.run(&messages);
    assert_eq!(node.memory(ids[0]).refused, ["Budget"]);
    assert_eq!(rung(&node, ids[0]).len(), 0);
    let out = node.run(&[]);
    // What was promised comes, all of it.
    assert_eq!(rung(&node, ids[0]).len(), TIMERS_PER_ENGINE_MAX);
    assert_eq!(rung(&node, ids[1]), [3]);
    assert_eq!((out.stats.dead_letters, out.logs.len()), (0, 0));
}

#[test]
fn a_fault_at_a_timer_is_told_to_the_engine_that_set_it() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let again = Op::AfterBlocks(1, Message::of(vec![by_height(1, 5), Op::Fail]));
    node.run(&[(ids[0], Message::of(vec![again]))]);
    let out = node.run(&[]);
    assert_eq!(out.stats.faults, 1);
    // The timer that the failing handler set is gone with its other outputs: the notice is the only word of it.
    assert_eq!(out.next_timer_height, None);
    assert_eq!(
        node.memory(ids[0]).notices,
        [(ids[0], "Faulted".to_owned())]
    );
}

#[test]
fn timers_that_came_with_an_image_can_be_cancelled_and_the_next_has_a_new_number() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let set = vec![
        by_height(2, 1),
        by_time(2 * BLOCK_MILLIS, 2),
        by_height(2, 3),
    ];
    node.run(&[(ids[0], Message::of(set))]);
    node.call(|executor| {
        let image = executor.image(1 << 20).unwrap();
        let copy = Executor::from_image(executor.table(), &image).unwrap();
        assert_eq!(copy.image(1 << 20).unwrap(), image);
        executor.discard_engines();
        *executor = copy;
    });
    let cancels = [0, 1].map(Op::CancelTimer);
    let ops = [cancels.to_vec(), vec![by_height(1, 4)]].concat();
    node.run(&[(ids[0], Message::of(ops))]);
    node.run(&[]);
    assert_eq!(rung(&node, ids[0]), [3, 4]);
    assert_eq!(node.memory(ids[0]).timers, [0, 1, 2, 3].map(TimerId));
    assert!(node.memory(ids[0]).refused.is_empty());
}

#[test]
fn what_is_due_comes_as_the_mailbox_has_room_in_order_and_nothing_of_it_is_lost() {
    const ROOM: usize = 3;
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let set: Vec<_> = (0..10).map(|tag| by_height(2, tag)).collect();
    let other = Message::of(vec![by_height(2, 99)]);
    node.run(&[(ids[0], Message::of(set)), (ids[1], other)]);
    let fill: Vec<_> = (0..MAILBOX_MESSAGES_MAX - ROOM)
        .map(|_| (ids[0], Message::default()))
        .collect();
    node.block(all_ingress(&fill), 0);
    let full = node.block(Vec::new(), 0);
    assert_eq!(full.backlog, MAILBOX_MESSAGES_MAX + 1, "with the other's");
    assert_eq!(full.next_timer_height, Some(full.height), "the rest is due");
    node.run(&[]);
    assert_eq!(rung(&node, ids[1]), [99]);
    // An image of what is due gives the rest as well.
    node.call(|executor| {
        let image = executor.image(1 << 24).unwrap();
        let copy = Executor::from_image(executor.table(), &image).unwrap();
        executor.discard_engines();
        *executor = copy;
    });
    let out = node.run(&[]);
    assert_eq!((out.stats.dead_letters, out.next_timer_height), (0, None));
    assert_eq!(rung(&node, ids[0]), (0..10).collect::<Vec<_>>());
}
