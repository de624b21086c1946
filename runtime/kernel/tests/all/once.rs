//! Exactly once: what is sent again under its key is handled once and answered the same, whatever lies between.

use crate::rig::actor::{PANIC_TEXT, planned_fault};
use crate::rig::node::{Node, version_2};
use crate::rig::script::{Config, Message, Op, Reply};
use crate::rig::{PLENTY, ingress, roots, tester};
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Generation, Height, Undelivered};
use refit_kernel::limits::MAILBOX_MESSAGES_MAX;
use refit_kernel::{
    Asker, BlockOutcome, Ingress, Key, KeyRefusal, Replied, ReplyError, RequestDigest,
};

fn keyed(sequence: u64, engine: EngineId, message: &Message) -> Ingress {
    crate::rig::keyed(("tester", sequence), engine, message)
}

fn asker(of: &Ingress) -> Asker {
    let (client, sequence) = (tester(), of.sequence.unwrap());
    let request = RequestDigest::of(of.engine, Codec::Json, &of.payload);
    Asker::Keyed {
        key: Key { client, sequence },
        request,
    }
}

/// The only answer of a block.
fn answer(outcome: BlockOutcome) -> Replied {
    let [answer] = <[Replied; 1]>::try_from(outcome.replies).unwrap();
    answer
}

fn handled(node: &Node, engine: EngineId) -> u64 {
    node.status(engine).handled
}

#[test]
fn one_key_in_two_blocks_behind_a_backlog_with_an_upgrade_between_is_handled_once_and_answered_the_same()
 {
    let ids = roots(1);
    let mut node = Node::with_roots(2, &ids);
    let message = keyed(7, ids[0], &Message::tagged(70));
    // Two blocks that handle nothing, with other code between them.
    assert_eq!(node.block(vec![message.clone()], 0).replies, []);
    node.swap(&version_2());
    assert_eq!(node.block(vec![message.clone()], 0).replies, []);
    let first = answer(node.block(Vec::new(), PLENTY));
    assert_eq!(first.asker, asker(&message));
    assert_eq!(
        (first.height, first.generation, first.repeated),
        (Height(3), Generation(2), false)
    );
    let reply: Reply = serde_json::from_slice(first.outcome.as_ref().unwrap()).unwrap();
    assert_eq!((reply.code, reply.handled), (2, 1));
    // Twice in one block, and after more code: each time the answer of then.
    for _ in 0..2 {
        let again = Replied {
            repeated: true,
            ..first.clone()
        };
        let out = node.block(vec![message.clone(), message.clone()], PLENTY);
        assert_eq!(out.replies, [again.clone(), again]);
        node.swap(&version_2());
    }
    assert_eq!(handled(&node, ids[0]), 1);
}

#[test]
fn a_fault_and_a_panic_are_answers_that_are_given_again() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    for (sequence, engine, op) in [(1, ids[0], Op::Fail), (2, ids[1], Op::Panic)] {
        let script = Message {
            tag: 1,
            ops: vec![op.clone()],
        };
        let message = keyed(sequence, engine, &script);
        let first = answer(node.block(vec![message.clone()], PLENTY));
        let wanted = match op {
            Op::Fail => ReplyError::Fault(planned_fault()),
            _ => ReplyError::Panicked {
                engine,
                text: PANIC_TEXT.to_owned(),
            },
        };
        assert_eq!(first.outcome, Err(wanted));
        let again = answer(node.block(vec![message], PLENTY));
        assert!(again.repeated);
        let mut told = first.outcome;
        if let Err(ReplyError::Panicked { text, .. }) = &mut told {
            // What a panic said is no function of the blocks.
            text.clear();
        }
        assert_eq!(again.outcome, told);
        assert_eq!(handled(&node, engine), 1);
    }
}

#[test]
fn a_refusal_frees_its_key_and_the_same_message_is_handled_when_it_comes_again() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let refused = |engine, reason| Err(ReplyError::Undelivered { engine, reason });

    // A full mailbox.
    let flood = ingress(ids[0], &Message::tagged(0));
    node.block(vec![flood; MAILBOX_MESSAGES_MAX], 0);
    let message = keyed(1, ids[0], &Message::tagged(1));
    let out = answer(node.block(vec![message.clone()], 0));
    assert_eq!(out.outcome, refused(ids[0], Undelivered::Full));
    node.block(Vec::new(), PLENTY);
    let out = answer(node.block(vec![message], PLENTY));
    assert!(out.outcome.is_ok() && !out.repeated, "{out:?}");

    // An engine that is not there yet.
    let late = EngineId::root("late").unwrap();
    let message = keyed(2, late, &Message::tagged(2));
    let out = answer(node.block(vec![message.clone()], PLENTY));
    assert_eq!(out.outcome, refused(late, Undelivered::Unknown));
    node.start(late, &Config::default());
    let out = answer(node.block(vec![message], PLENTY));
    assert!(out.outcome.is_ok() && !out.repeated, "{out:?}");

    // What is bounced out of a mailbox: the message before it has stopped the engine.
    let stop = Message {
        tag: 3,
        ops: vec![Op::Panic],
    };
    let after = keyed(4, late, &Message::tagged(4));
    let out = node.block(vec![keyed(3, late, &stop), after.clone()], PLENTY);
    assert_eq!(
        out.replies[1].outcome,
        refused(late, Undelivered::Poisoned),
        "{:?}",
        out.replies
    );
    // And a message that it cannot read: it may come in better words under the same key.
    let nonsense = Ingress {
        payload: b"{\"no\":1}".to_vec(),
        ..keyed(5, ids[0], &Message::tagged(5))
    };
    let out = answer(node.block(vec![nonsense], PLENTY));
    assert!(matches!(out.outcome, Err(ReplyError::Rejected { .. })));
    let out = answer(node.block(vec![keyed(5, ids[0], &Message::tagged(5))], PLENTY));
    assert!(out.outcome.is_ok() && !out.repeated, "{out:?}");
}

#[test]
fn another_message_under_a_key_that_is_taken_or_answered_is_refused_and_not_handled() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let message = keyed(1, ids[0], &Message::tagged(1));
    let others = [
        keyed(1, ids[0], &Message::tagged(2)),
        keyed(1, ids[1], &Message::tagged(1)),
    ];
    node.block(vec![message.clone()], 0);
    for _ in 0..2 {
        // Taken at first, then answered.
        for other in &others {
            let out = answer(node.block(vec![other.clone()], 0));
            assert_eq!(out.asker, asker(other));
            assert_eq!(out.outcome, Err(ReplyError::Key(KeyRefusal::Used)));
        }
        node.block(Vec::new(), PLENTY);
    }
    let again = answer(node.block(vec![message], PLENTY));
    assert!(again.outcome.is_ok() && again.repeated);
    assert_eq!((handled(&node, ids[0]), handled(&node, ids[1])), (1, 0));
}

#[test]
fn messages_without_keys_are_each_one_of_its_own() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let same = (ids[0], Message::tagged(1));
    let out = node.run(&[same.clone(), same.clone()]);
    assert_eq!(out.replies.len(), 2);
    assert!(
        out.replies
            .iter()
            .all(|it| it.outcome.is_ok() && !it.repeated)
    );
    node.run(&[same]);
    assert_eq!(handled(&node, ids[0]), 3);
}
