//! Every bound of a block, of mailboxes, logs and dead letters is met exactly, reported, and loses nothing.

use crate::rig::alone::{executor, run};
use crate::rig::model::Model;
use crate::rig::node::Node;
use crate::rig::script::{Message, Op};
use crate::rig::{PLENTY, all_ingress, frame, index, root, roots};
use refit_abi::{EngineId, Undelivered};
use refit_kernel::ReplyError;
use refit_kernel::limits::{
    BLOCKS_PER_SPARE_STEP, DEAD_LETTERS_MAX, LOG_LINE_BYTES_MAX, LOG_LINES_PER_BLOCK_MAX,
    MAILBOX_MESSAGES_MAX, SENDS_PER_MESSAGE_MAX,
};

#[test]
fn a_spent_block_budget_leaves_a_backlog_that_the_next_blocks_handle() {
    // Deeper scripts would be JSON that no decoder takes.
    const HOPS: u64 = 25;
    let ids = roots(10);
    let mut node = Node::with_roots(1, &ids);
    let messages: Vec<_> = (0..ids.len())
        .map(|at| (ids[at], relay(&ids, at, HOPS)))
        .collect();
    let mut out = node.block(all_ingress(&messages), 15);
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
        .fold(Message::of(Vec::new()), |message, hop| {
            Message::of(vec![Op::send(ids[(at + hop) % ids.len()], message)])
        })
}

#[test]
fn a_block_without_a_budget_handles_nothing_and_keeps_everything() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let messages = all_ingress(&vec![(ids[0], Message::default()); 3]);
    let out = node.block(messages, 0);
    assert_eq!(
        (out.stats.messages, out.backlog, out.replies.len()),
        (0, 3, 0)
    );
    let out = node.block(Vec::new(), PLENTY);
    assert_eq!((out.stats.messages, out.backlog), (3, 0));
    let answered: Vec<_> = out.replies.iter().map(index).collect();
    assert_eq!(answered, [0, 1, 2], "in their order");
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
    let flood = Message::of(vec![Op::flood(receiver, count)]);
    let messages: Vec<_> = senders.iter().map(|id| (*id, flood.clone())).collect();
    let out = node.run(&messages);
    assert_eq!(out.stats, model.block(frame(1), &messages, PLENTY).stats);
    assert_eq!(node.memory(receiver).log.len(), MAILBOX_MESSAGES_MAX);
    let back = senders.len() * SENDS_PER_MESSAGE_MAX - MAILBOX_MESSAGES_MAX;
    let notices = node.memory(senders[4]).notices;
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
    let message = all_ingress(&[(ids[0], Message::default())]).remove(0);
    let out = node.block(vec![message; MAILBOX_MESSAGES_MAX + 2], 0);
    let told: Vec<_> = out
        .replies
        .into_iter()
        .map(|replied| (index(&replied), replied.outcome))
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
    let talk = |lines| Message::of(vec![Op::Log { lines: 1, bytes: 4 }; lines]);
    let out = node.run(&[
        (ids[0], talk(most + 1)),
        (ids[1], talk(1)),
        (ids[2], talk(2)),
    ]);
    assert_eq!((out.logs.len(), out.stats.log_lines_dropped), (most, 4));
    assert_eq!(node.run(&[(ids[0], talk(1))]).logs.len(), 1);
}

#[test]
fn a_log_line_is_kept_up_to_its_bytes() {
    let mut executor = executor(1);
    let log = Message::of([Op::Log {
        lines: 1,
        bytes: 1 << 20,
    }]);
    let outcome = run(&mut executor, &[(root(0), log)]);
    let bytes: Vec<_> = outcome.logs.iter().map(|log| log.line.len()).collect();
    assert!(
        matches!(bytes[..], [bytes] if bytes < LOG_LINE_BYTES_MAX + 8),
        "{bytes:?}"
    );
}

#[test]
fn the_newest_dead_letters_are_kept_and_all_are_counted() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let timers = |count| {
        let timer = |tag| Op::AfterBlocks(1, Message::tagged(tag));
        (0..count).map(timer).collect::<Vec<_>>()
    };
    let all = DEAD_LETTERS_MAX + 3;
    // Nobody can be told of the timers of an engine that is poisoned.
    let set = Message::of(timers(all as u32));
    node.run(&[(ids[0], set), (ids[0], Message::of(vec![Op::Panic]))]);
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
fn room_that_a_burst_took_is_given_back_and_room_that_is_needed_is_kept() {
    const ENGINES: usize = 40;
    let ids = roots(ENGINES);
    let mut node = Node::with_roots(1, &ids);
    let flood = |to: EngineId, count| Op::Flood {
        to: to.into(),
        count,
        bytes: 2_000,
    };
    let burst: Vec<_> = ids
        .iter()
        .map(|id| (*id, Message::of(vec![flood(ids[0], 500)])))
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
    let steady = [(ids[1], Message::of(vec![flood(ids[0], 100)]))];
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
