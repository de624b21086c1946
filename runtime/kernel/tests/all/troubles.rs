//! A trouble that no client learns of is in the block's outcome, with engine, kind, version and message.

use crate::rig::actor::{PANIC_TEXT, planned_fault};
use crate::rig::node::Node;
use crate::rig::script::{Message, Op, Origin};
use crate::rig::{ACTOR, roots, tester};
use refit_abi::{EngineId, Sender, Undelivered};
use refit_kernel::limits::TROUBLES_PER_BLOCK_MAX;
use refit_kernel::{ReplyError, Trouble, Wrong};

fn send(to: EngineId, ops: Vec<Op>) -> Message {
    let message = Message::of(ops);
    Message::of(vec![Op::send(to, message)])
}

fn trouble(engine: EngineId, what: Wrong) -> Trouble {
    let kind = Some((ACTOR.to_owned(), 0));
    Trouble { engine, kind, what }
}

#[test]
fn a_fault_at_another_engines_message_is_told_to_it_counted_and_written_down() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let out = node.run(&[
        (ids[0], send(ids[1], vec![Op::Fail])),
        // A client reads its own fault.
        (ids[1], Message::of(vec![Op::Fail])),
    ]);
    assert_eq!(
        node.memory(ids[0]).notices,
        [(ids[1], "Faulted".to_owned())]
    );
    let what = Wrong::Faulted {
        sender: Sender::Engine(ids[0]),
        sequence: 0,
        code: planned_fault().code,
    };
    assert_eq!(out.troubles, [trouble(ids[1], what)]);
    assert_eq!(out.stats.faults, 2);
    assert_eq!(
        out.faults.into_iter().collect::<Vec<_>>(),
        [(ACTOR.to_owned(), 2)]
    );
}

#[test]
fn a_poisoned_engine_is_written_down_with_the_message_that_did_it() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let out = node.run(&[
        (ids[0], Message::of(vec![])),
        (ids[0], Message::of(vec![Op::Panic])),
    ]);
    let what = Wrong::Poisoned {
        sender: Some(Sender::Client(tester())),
        sequence: 1,
        text: PANIC_TEXT.to_owned(),
    };
    assert_eq!(out.troubles, [trouble(ids[0], what)]);
}

#[test]
fn dead_letters_are_written_down_and_no_more_of_them_than_a_log_can_bear() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let many = Op::TimerMany(2 * TROUBLES_PER_BLOCK_MAX as u32);
    let panic = Message::of(vec![Op::Panic]);
    node.run(&[(ids[0], Message::of(vec![many])), (ids[0], panic)]);
    let out = node.run(&[]);
    assert_eq!(out.stats.dead_letters, 2 * TROUBLES_PER_BLOCK_MAX as u64);
    assert_eq!(out.troubles.len(), TROUBLES_PER_BLOCK_MAX);
    let what = Wrong::DeadLetter {
        sender: Sender::Timer,
        reason: Undelivered::Poisoned,
    };
    assert_eq!(out.troubles[0], trouble(ids[0], what));
}

#[test]
fn a_node_that_compares_states_says_which_fault_came_after_a_change() {
    let ids = roots(2);
    let messages = [
        (ids[0], Message::of(vec![Op::Fail])),
        (ids[0], Message::of(vec![Op::FailHalfDone])),
        (ids[0], Message::of(vec![])),
        (ids[0], send(ids[1], vec![Op::FailHalfDone])),
        (ids[0], Message::of(vec![Op::Panic])),
        (ids[0], Message::of(vec![])),
    ];
    let mut node = Node::with_roots(1, &ids);
    node.call(|executor| executor.check_faults(true));
    let out = node.run(&messages);
    let engine = ids[0];
    let errors: Vec<_> = out.replies.into_iter().map(|it| it.outcome.err()).collect();
    let reason = Undelivered::Poisoned;
    let text = PANIC_TEXT.to_owned();
    assert_eq!(
        errors,
        [
            Some(ReplyError::Fault(planned_fault())),
            Some(ReplyError::ChangedAtFault(planned_fault())),
            None,
            None,
            Some(ReplyError::Panicked { engine, text }),
            Some(ReplyError::Undelivered { engine, reason }),
        ]
    );
    let changed =
        |engine, sender, sequence| trouble(engine, Wrong::ChangedAtFault { sender, sequence });
    let told = |trouble: &Trouble| out.troubles.contains(trouble);
    assert!(told(&changed(ids[0], Sender::Client(tester()), 1)));
    assert!(told(&changed(ids[1], Sender::Engine(ids[0]), 0)));
    // The handlers ran as they do elsewhere: each once, in order.
    assert_eq!(node.status(ids[0]).handled, 5);
    let seen = node.memory(ids[1]).log;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].from, Origin::Engine(ids[0]));
}

#[test]
fn comparing_states_changes_nothing_else() {
    let ids = roots(3);
    let plan = |tag, engine| {
        let inner = Message {
            tag: tag + 100,
            ops: vec![Op::Draw],
        };
        let ops = vec![
            Op::Draw,
            Op::send(ids[2], inner.clone()),
            Op::AfterBlocks(1, inner),
        ];
        (engine, Message { tag, ops })
    };
    let states = |on: bool| {
        let mut node = Node::with_roots(1, &ids);
        node.call(move |executor| executor.check_faults(on));
        for round in 0..3 {
            let messages: Vec<_> = (0..12)
                .map(|n| plan(round * 12 + n, ids[n as usize % 2]))
                .collect();
            node.run(&messages);
        }
        node.states()
    };
    assert_eq!(states(true), states(false));
}
