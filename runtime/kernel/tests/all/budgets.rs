//! Every bound is met exactly, told of, and loses nothing.

use crate::rig::actor::{Config, Message, Op, padded};
use crate::rig::model::Model;
use crate::rig::node::{Node, PLENTY, entry, frame, ingress, roots};
use refit_abi::{EngineId, Undelivered};
use refit_kernel::ReplyError;
use refit_kernel::limits::{
    BLOCKS_PER_SPARE_STEP, BYTES_PER_MESSAGE_MAX, DEAD_LETTERS_MAX, LOG_LINES_PER_BLOCK_MAX,
    MAILBOX_MESSAGES_MAX, SENDS_PER_MESSAGE_MAX, SPAWNS_PER_MESSAGE_MAX,
};

/// Bytes of the large messages of these tests.
const LARGE: u32 = 1 << 20;

fn script(ops: Vec<Op>) -> Message {
    Message { tag: 1, ops }
}

#[test]
fn one_message_sends_as_many_as_it_may_and_the_next_may_again() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let most = SENDS_PER_MESSAGE_MAX as u32;
    let over = script(vec![Op::Flood {
        to: ids[1],
        count: most + 1,
        bytes: 0,
    }]);
    let exact = script(vec![Op::Flood {
        to: ids[1],
        count: most,
        bytes: 0,
    }]);
    // In one batch: the budget is of a message, not of a round.
    node.run(&[(ids[0], over), (ids[0], exact)]);
    assert_eq!(node.state(ids[0]).refused, ["Budget"]);
    assert_eq!(node.state(ids[1]).log.len(), 2 * SENDS_PER_MESSAGE_MAX);
}

#[test]
fn one_message_sends_as_many_bytes_as_it_may() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let each = postcard::to_allocvec(&padded(LARGE)).unwrap().len();
    let fit = BYTES_PER_MESSAGE_MAX / each;
    assert!(fit > 1);
    let flood = Op::Flood {
        to: ids[1],
        count: fit as u32 + 1,
        bytes: LARGE,
    };
    node.run(&[(ids[0], script(vec![flood]))]);
    assert_eq!(node.state(ids[0]).refused, ["Budget"]);
    assert_eq!(node.state(ids[1]).log.len(), fit);
}

#[test]
fn events_count_towards_the_bytes_of_a_message() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let many = BYTES_PER_MESSAGE_MAX / LARGE as usize + 1;
    let mut ops = vec![Op::Emit { bytes: LARGE }; many];
    // What is left of the budget after the events that fit is less than this.
    ops.push(Op::Flood {
        to: ids[1],
        count: 1,
        bytes: LARGE,
    });
    let out = node.run(&[(ids[0], script(ops))]);
    assert_eq!(
        out.events.len(),
        many - 2,
        "each event is a little longer than {LARGE} bytes"
    );
    assert_eq!(node.state(ids[0]).refused, ["Budget"; 3]);
    assert!(node.state(ids[1]).log.is_empty());
}

#[test]
fn one_message_starts_as_many_engines_as_it_may() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let count = SPAWNS_PER_MESSAGE_MAX as u32 + 1;
    let out = node.run(&[(ids[0], script(vec![Op::SpawnMany { count }]))]);
    assert_eq!(out.stats.spawned, SPAWNS_PER_MESSAGE_MAX as u64);
    assert_eq!(node.statuses().len(), SPAWNS_PER_MESSAGE_MAX + 1);
    assert_eq!(node.state(ids[0]).refused, ["Budget"]);
}

#[test]
fn a_spent_block_budget_leaves_a_backlog_that_the_next_blocks_handle() {
    // Deeper scripts would be JSON that no decoder takes.
    const HOPS: u64 = 25;
    let ids = roots(10);
    let mut node = Node::with_roots(1, &ids);
    let messages: Vec<_> = (0..ids.len())
        .map(|at| (ids[at], relay(&ids, at, HOPS)))
        .collect();
    let mut out = node.block(ingress(&messages), 15);
    let (mut handled, mut blocks) = (out.stats.messages, 1);
    assert_eq!(out.replies.len(), ids.len());
    while out.backlog > 0 {
        // The budget is looked at between rounds, so a block takes one round more than would fit.
        assert_eq!(out.stats.messages, 20);
        assert_eq!(out.backlog, ids.len());
        out = node.block(Vec::new(), 15);
        handled += out.stats.messages;
        blocks += 1;
    }
    assert_eq!(handled, (HOPS + 1) * ids.len() as u64);
    assert_eq!(blocks, (HOPS + 1).div_ceil(2));
}

/// A message that goes `hops` engines further.
fn relay(ids: &[EngineId], at: usize, hops: u64) -> Message {
    (1..=hops as usize)
        .rev()
        .fold(script(Vec::new()), |message, hop| {
            script(vec![Op::Send {
                to: ids[(at + hop) % ids.len()],
                message,
            }])
        })
}

#[test]
fn a_block_without_a_budget_handles_nothing_and_keeps_everything() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let out = node.block(ingress(&[(ids[0], Message::default())]), 0);
    assert_eq!(
        (out.stats.messages, out.backlog, out.replies.len()),
        (0, 1, 0)
    );
    let out = node.block(Vec::new(), PLENTY);
    assert_eq!(
        (out.stats.messages, out.backlog, out.replies.len()),
        (1, 0, 1)
    );
}

#[test]
fn what_finds_a_mailbox_full_comes_back_and_the_model_agrees_in_every_count() {
    let ids = roots(6);
    let (senders, receiver) = (&ids[..5], ids[5]);
    let mut node = Node::with_roots(2, &ids);
    let mut model = Model::default();
    for id in &ids {
        model.start(*id, &Default::default(), frame(0));
    }
    let count = SENDS_PER_MESSAGE_MAX as u32;
    let flood = script(vec![Op::Flood {
        to: receiver,
        count,
        bytes: 0,
    }]);
    let messages: Vec<_> = senders.iter().map(|id| (*id, flood.clone())).collect();
    let out = node.run(&messages);
    assert_eq!(out.stats, model.block(frame(1), &messages, PLENTY).stats);
    assert_eq!(node.state(receiver).log.len(), MAILBOX_MESSAGES_MAX);
    let back = senders.len() * SENDS_PER_MESSAGE_MAX - MAILBOX_MESSAGES_MAX;
    let notices = node.state(senders[4]).notices;
    assert_eq!(notices.len(), back, "the last sender's did not fit");
    assert!(
        notices
            .iter()
            .all(|notice| *notice == (receiver, "Full".to_owned()))
    );
    let states = model
        .actors
        .iter()
        .map(|actor| (actor.id, actor.bytes().unwrap()));
    assert!(node.states() == states.collect::<Vec<_>>(), "states differ");
}

#[test]
fn a_client_learns_that_a_mailbox_is_full() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let message = ingress(&[(ids[0], Message::default())]).remove(0);
    let out = node.block(vec![message; MAILBOX_MESSAGES_MAX + 2], 0);
    let told: Vec<_> = out
        .replies
        .into_iter()
        .map(|replied| (entry(&replied).index, replied.outcome))
        .collect();
    let most = MAILBOX_MESSAGES_MAX as u64;
    let full = || {
        Err(ReplyError::Undelivered {
            engine: ids[0],
            reason: Undelivered::Full,
        })
    };
    assert_eq!(told, [(most, full()), (most + 1, full())]);
    assert_eq!(out.backlog, MAILBOX_MESSAGES_MAX);
    assert_eq!(node.run(&[]).replies.len(), MAILBOX_MESSAGES_MAX);
}

#[test]
fn log_lines_past_the_bound_are_counted() {
    let ids = roots(3);
    let mut node = Node::with_roots(1, &ids);
    let most = LOG_LINES_PER_BLOCK_MAX;
    let talk = |lines| {
        script(vec![
            Op::Log {
                text: "line".to_owned()
            };
            lines
        ])
    };
    let out = node.run(&[
        (ids[0], talk(most + 1)),
        (ids[1], talk(1)),
        (ids[2], talk(2)),
    ]);
    assert_eq!((out.logs.len(), out.stats.log_lines_dropped), (most, 4));
    assert_eq!(node.run(&[(ids[0], talk(1))]).logs.len(), 1);
}

#[test]
fn the_newest_dead_letters_are_kept_and_all_are_counted() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let timers = |count| {
        let timer = |tag| Op::TimerAfterBlocks {
            blocks: 1,
            message: Message { tag, ops: vec![] },
        };
        (0..count).map(timer).collect::<Vec<_>>()
    };
    let all = DEAD_LETTERS_MAX + 3;
    // Nobody can be told of the timers of an engine that is poisoned.
    let set = script(timers(all as u32));
    node.run(&[(ids[0], set), (ids[0], script(vec![Op::Panic]))]);
    assert_eq!(node.run(&[]).stats.dead_letters, all as u64);
    assert_eq!(
        node.call(|executor| executor.dead_letter_count()),
        all as u64
    );
    let kept = node.dead_letters();
    assert_eq!(kept.len(), DEAD_LETTERS_MAX);
    let oldest: Message = postcard::from_bytes(&kept[0].payload).unwrap();
    assert_eq!(oldest.tag, 3);
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
    let send = |count| Op::Flood {
        to: ids[1],
        count,
        bytes: 0,
    };
    let spends = vec![
        Op::Budget,
        send(3),
        Op::Spawn {
            config: Config::default(),
        },
        Op::TimerMany { count: 2 },
        Op::CancelTimer { nth: 0 },
        Op::Emit { bytes: 100 },
        Op::Budget,
        send(SENDS_PER_MESSAGE_MAX as u32),
        Op::Budget,
    ];
    // The second message has a budget of its own.
    node.run(&[(ids[0], script(spends)), (ids[0], script(vec![Op::Budget]))]);
    let message = postcard::to_allocvec(&Message::default()).unwrap().len();
    let config = postcard::to_allocvec(&Config::default()).unwrap().len();
    // An event counts with its topic and its quotation marks.
    let event = "topic".len() + 2 + 100;
    let bytes = BYTES_PER_MESSAGE_MAX - 3 * message - config - 2 * message - event;
    let (most, spawns) = (SENDS_PER_MESSAGE_MAX, SPAWNS_PER_MESSAGE_MAX);
    let whole = budget(most, BYTES_PER_MESSAGE_MAX, spawns, most, most);
    assert_eq!(
        node.state(ids[0]).budgets,
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
    assert_eq!(node.state(ids[0]).refused, ["Budget"]);
}

#[test]
fn room_that_a_burst_took_is_given_back_and_room_that_is_needed_is_kept() {
    const ENGINES: usize = 40;
    let ids = roots(ENGINES);
    let mut node = Node::with_roots(1, &ids);
    let flood = |to: EngineId, count| Op::Flood {
        to,
        count,
        bytes: 2_000,
    };
    let burst: Vec<_> = ids
        .iter()
        .map(|id| (*id, script(vec![flood(ids[0], 500)])))
        .collect();
    let room = |node: &Node| node.call(|executor| executor.room_bytes());
    let settled = |node: &mut Node| {
        node.call(|executor| {
            while executor.may_have_spare() {
                executor.give_back_step();
            }
        });
    };
    node.run(&burst);
    let full = room(&node);
    assert!(full > ENGINES * 500 * 2_000, "{full}");
    // A steady load of less, for as long as a node likes: what it needs is kept, the rest is not.
    let steady = [(ids[1], script(vec![flood(ids[0], 100)]))];
    for _ in 0..4 * BLOCKS_PER_SPARE_STEP {
        node.run(&steady);
    }
    let needed = room(&node);
    assert!(needed < full / 10, "{needed} of {full}");
    assert!(needed > 100 * 2_000, "{needed}");
    node.run(&steady);
    assert_eq!(room(&node), needed, "a steady load allocates nothing");
    settled(&mut node);
    let idle = room(&node);
    assert!(idle < needed / 2, "{idle} of {needed}");
    node.run(&steady);
}
