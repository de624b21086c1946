//! Every budget of one message is met exactly, and what is beyond it is refused to the engine that asks.

use crate::rig::alone::{executor, reply, run};
use crate::rig::node::Node;
use crate::rig::script::{Config, Message, Op, Target};
use crate::rig::{root, roots};
use refit_kernel::limits::{
    BYTES_PER_MESSAGE_MAX, SENDS_PER_MESSAGE_MAX, SPAWNS_PER_MESSAGE_MAX, STOPS_PER_MESSAGE_MAX,
};

/// Bytes of the large messages of these tests.
const LARGE: u32 = 1 << 20;

#[test]
fn one_message_sends_as_many_as_it_may_and_the_next_may_again() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let most = SENDS_PER_MESSAGE_MAX as u32;
    let over = Message::of(vec![Op::flood(ids[1], most + 1)]);
    let exact = Message::of(vec![Op::flood(ids[1], most)]);
    // In one batch: the budget is of a message, not of a round.
    node.run(&[(ids[0], over), (ids[0], exact)]);
    assert_eq!(node.memory(ids[0]).refused, ["Budget"]);
    assert_eq!(node.memory(ids[1]).log.len(), 2 * SENDS_PER_MESSAGE_MAX);
}

#[test]
fn one_message_sends_as_many_bytes_as_it_may() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let each = postcard::to_allocvec(&Message::padded(LARGE))
        .unwrap()
        .len();
    let fit = BYTES_PER_MESSAGE_MAX / each;
    assert!(fit > 1);
    let flood = Op::Flood {
        to: ids[1].into(),
        count: fit as u32 + 1,
        bytes: LARGE,
    };
    // A smaller one behind that which is refused has room.
    let smaller = Op::flood(ids[1], 1);
    node.run(&[(ids[0], Message::of([flood, smaller]))]);
    assert_eq!(node.memory(ids[0]).refused, ["Budget"]);
    assert_eq!(node.memory(ids[1]).log.len(), fit + 1);
}

#[test]
fn events_count_towards_the_bytes_of_a_message() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let many = BYTES_PER_MESSAGE_MAX / LARGE as usize + 1;
    let mut ops = vec![Op::Emit(LARGE); many];
    // What is left of the budget after the events that fit is less than this.
    ops.push(Op::Flood {
        to: ids[1].into(),
        count: 1,
        bytes: LARGE,
    });
    let out = node.run(&[(ids[0], Message::of(ops))]);
    assert_eq!(
        out.events.len(),
        many - 2,
        "each event is a little longer than {LARGE} bytes"
    );
    assert_eq!(node.memory(ids[0]).refused, ["Budget"; 3]);
    assert!(node.memory(ids[1]).log.is_empty());
}

#[test]
fn one_message_starts_as_many_engines_as_it_may() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let count = SPAWNS_PER_MESSAGE_MAX as u32 + 1;
    let out = node.run(&[(ids[0], Message::of(vec![Op::SpawnMany(count)]))]);
    assert_eq!(out.stats.spawned, SPAWNS_PER_MESSAGE_MAX as u64);
    assert_eq!(node.statuses().len(), SPAWNS_PER_MESSAGE_MAX + 1);
    assert_eq!(node.memory(ids[0]).refused, ["Budget"]);
}

#[test]
fn a_handler_can_ask_what_its_message_may_still_do() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let budget = |messages: usize, bytes: usize, spawns: usize, timers: usize, events: usize| {
        format!(
            "Budget {{ messages: {messages}, bytes: {bytes}, spawns: {spawns}, timers: {timers}, events: {events} }}"
        )
    };
    let send = |count| Op::flood(ids[1], count);
    let spends = vec![
        Op::Budget,
        send(3),
        Op::Spawn(Config::default()),
        Op::TimerMany(2),
        Op::CancelTimer(0),
        Op::Emit(100),
        Op::Budget,
        send(SENDS_PER_MESSAGE_MAX as u32),
        Op::Budget,
    ];
    // The second message has a budget of its own.
    node.run(&[
        (ids[0], Message::of(spends)),
        (ids[0], Message::of(vec![Op::Budget])),
    ]);
    let message = postcard::to_allocvec(&Message::default()).unwrap().len();
    let config = postcard::to_allocvec(&Config::default()).unwrap().len();
    // An event counts with its topic and its quotation marks.
    let event = "topic".len() + 2 + 100;
    let bytes = BYTES_PER_MESSAGE_MAX - 3 * message - config - 2 * message - event;
    let (most, spawns) = (SENDS_PER_MESSAGE_MAX, SPAWNS_PER_MESSAGE_MAX);
    let whole = budget(most, BYTES_PER_MESSAGE_MAX, spawns, most, most);
    assert_eq!(
        node.memory(ids[0]).budgets,
        [
            whole.clone(),
            // A cancel counts as what it undoes: setting and cancelling comes to an end.
            budget(most - 3, bytes, spawns - 1, most - 3, most - 1),
            budget(
                0,
                bytes - (most - 3) * message,
                spawns - 1,
                most - 3,
                most - 1
            ),
            whole,
        ]
    );
    assert_eq!(node.memory(ids[0]).refused, ["Budget"]);
}

#[test]
fn one_message_stops_so_many_engines_and_is_then_refused() {
    let mut executor = executor(1);
    // One that is no child of it goes on, which takes as much room as one that is stopped.
    let ops = vec![Op::stop(root(7)); STOPS_PER_MESSAGE_MAX + 1];
    let outcome = run(&mut executor, &[(root(0), Message::of(ops))]);
    assert_eq!(reply(&outcome, 0).unwrap().refused, ["Budget"]);
    let next = run(
        &mut executor,
        &[(root(0), Message::of([Op::stop(Target::Me)]))],
    );
    assert!(reply(&next, 0).unwrap().refused.is_empty());
}
