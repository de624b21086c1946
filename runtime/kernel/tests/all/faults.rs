//! A fault in one handler stays there.

use crate::rig::actor::{PANIC_TEXT, planned_fault, v1};
use crate::rig::node::Node;
use crate::rig::script::{Config, Message, Op, Origin};
use crate::rig::{ACTOR, PLENTY, index, ingress, roots, tester, unread};
use refit_abi::host::CallError;
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Sender, State, Undelivered};
use refit_kernel::{EngineState, Poison, QueryError, Replied, ReplyError};

/// One of each kind of output.
fn outputs(to: EngineId, tag: u32) -> Vec<Op> {
    vec![
        Op::send(to, Message::tagged(tag)),
        Op::Spawn(Config::default()),
        Op::Emit(tag),
        Op::AfterBlocks(1, Message::tagged(tag)),
    ]
}

fn tags(node: &Node, engine: EngineId, from: Origin) -> Vec<u32> {
    node.memory(engine)
        .log
        .iter()
        .filter(|seen| seen.from == from)
        .map(|seen| seen.tag)
        .collect()
}

#[test]
fn an_error_reply_drops_the_outputs_of_its_message_and_only_those() {
    let ids = roots(2);
    let (engine, peer) = (ids[0], ids[1]);
    let mut node = Node::with_roots(1, &ids);
    let mut failing = outputs(peer, 2);
    // To itself too: a stop that is dropped leaves it serving.
    failing.extend([Op::stop(engine), Op::Fail]);
    let script = |tag, ops| (engine, Message { tag, ops });
    let out = node.run(&[
        script(1, outputs(peer, 1)),
        script(2, failing),
        script(3, outputs(peer, 3)),
    ]);
    let outcomes: Vec<_> = out
        .replies
        .iter()
        .map(|reply| reply.outcome.as_ref().err())
        .collect();
    assert_eq!(
        outcomes,
        [None, Some(&ReplyError::Fault(planned_fault())), None]
    );
    let events: Vec<_> = out.events.iter().map(|event| &*event.payload).collect();
    assert_eq!(events, [br#""7""#.as_slice(), br#""777""#]);
    assert_eq!(out.stats.spawned, 2);
    // The ids of those that were not spawned are given to the next.
    assert_eq!(
        node.memory(engine).children,
        [engine.child(0), engine.child(1)]
    );
    assert_eq!(tags(&node, peer, Origin::Engine(engine)), [1, 3]);
    node.run(&[]);
    assert_eq!(tags(&node, engine, Origin::Timer), [1, 3]);
    assert_eq!(tags(&node, engine, Origin::Client(tester())), [1, 3]);
}

#[test]
fn a_panic_poisons_its_engine_and_no_other() {
    let ids = roots(3);
    let (broken, friend, other) = (ids[0], ids[1], ids[2]);
    let mut node = Node::with_roots(1, &ids);
    let mut ops = outputs(other, 9);
    ops.push(Op::Panic);
    let out = node.run(&[
        (
            broken,
            Message {
                tag: 1,
                ops: outputs(other, 1),
            },
        ),
        (broken, Message { tag: 2, ops }),
        (broken, Message::tagged(3)),
        (
            friend,
            Message {
                tag: 4,
                ops: outputs(broken, 4),
            },
        ),
        (other, Message::tagged(5)),
    ]);
    let engine = broken;
    let text = PANIC_TEXT.to_owned();
    let errors: Vec<_> = out
        .replies
        .into_iter()
        .map(|reply| reply.outcome.err())
        .collect();
    let poisoned = ReplyError::Undelivered {
        engine,
        reason: Undelivered::Poisoned,
    };
    let panicked = ReplyError::Panicked {
        engine,
        text: text.clone(),
    };
    assert_eq!(
        errors,
        [None, Some(panicked), Some(poisoned.clone()), None, None]
    );
    assert_eq!(out.stats.poisoned, 1);
    // Its message of before the panic went out, that of the panic did not.
    assert_eq!(tags(&node, other, Origin::Engine(broken)), [1]);
    assert_eq!(
        node.memory(friend).notices,
        [(broken, "Poisoned".to_owned())]
    );

    let EngineState::Poisoned(poison) = node.status(broken).state else {
        panic!("it serves")
    };
    let sender = Some(Sender::Client(tester()));
    let told = Poison {
        height: out.height,
        sender,
        sequence: 1,
        kind: ACTOR.to_owned(),
        version: 0,
        schema: v1::Actor::schema_id(),
        text,
    };
    assert_eq!(poison, told);

    let later = node.run(&[(broken, Message::default()), (other, Message::default())]);
    assert_eq!(later.replies[0].outcome, Err(poisoned));
    assert!(later.replies[1].outcome.is_ok());
    let reason = Undelivered::Poisoned;
    assert_eq!(
        node.query(broken),
        Err(QueryError::Unavailable { engine, reason })
    );
    assert!(node.query(other).is_ok());
    // The timer that it had set came for nobody.
    let letters = node.dead_letters();
    let [letter] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!((letter.sender, letter.to), (Sender::Timer, broken));
}

#[test]
fn an_engine_whose_message_ends_in_a_panic_learns_of_it_once() {
    let ids = roots(2);
    let (sender, broken) = (ids[0], ids[1]);
    let mut node = Node::with_roots(1, &ids);
    let poisoned = |times| vec![(broken, "Poisoned".to_owned()); times];
    let crash = Op::send(broken, Message::of([Op::Panic]));
    node.run(&[(sender, Message::of([crash]))]);
    assert_eq!(node.memory(sender).notices, poisoned(1));
    let EngineState::Poisoned(poison) = node.status(broken).state else {
        panic!("it serves")
    };
    assert_eq!(poison.sender, Some(Sender::Engine(sender)));
    // And once of each that comes later.
    let say = || Op::send(broken, Message::default());
    node.run(&[(sender, Message::of([say(), say()]))]);
    assert_eq!(node.memory(sender).notices, poisoned(3));
}

#[test]
fn an_engine_learns_of_each_message_that_was_behind_one_that_panicked() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let say = |ops: &[Op]| Op::send(ids[1], Message::of(ops));
    let ops = [say(&[Op::Panic]), say(&[]), say(&[])];
    node.run(&[(ids[0], Message::of(ops))]);
    let told = vec![(ids[1], "Poisoned".to_owned()); 3];
    assert_eq!(node.memory(ids[0]).notices, told);
}

#[test]
fn a_panic_over_a_notice_tells_nobody_of_a_message_that_was_never_sent() {
    let ids = roots(2);
    let (brittle, sound) = (ids[0], ids[1]);
    let mut node = Node::with_roots(1, &ids);
    let mute = node.start_mute();
    let say = |to| Op::send(to, Message::default());
    let ops = vec![Op::PanicOnNotice, say(mute), say(sound)];
    node.run(&[(brittle, Message { tag: 0, ops })]);
    let EngineState::Poisoned(poison) = node.status(brittle).state else {
        panic!("it serves")
    };
    assert_eq!(poison.sender, Some(Sender::Engine(mute)));
    // The mute would have had a notice about a message of its own: a message more to handle.
    assert_eq!(node.status(mute).handled, 1);
    assert_eq!(node.dead_letters(), []);
    assert!(node.memory(sound).notices.is_empty());
}

#[test]
fn what_an_engine_does_not_understand_comes_back_to_whoever_sent_it() {
    let ids = roots(1);
    let engine = ids[0];
    let mut node = Node::with_roots(1, &ids);
    let mute = node.start_mute();
    let say = Message::of([Op::send(mute, Message::default())]);
    let nonsense = [&b"{\"tag\":\"seven\"}"[..], b"{\"no\":1}", b"\xff", b""];
    let mut messages = nonsense.map(|it| unread(engine, it.to_vec())).to_vec();
    messages.push(ingress(engine, &say));
    let out = node.block(messages, PLENTY);
    let [bad @ .., good] = &out.replies[..] else {
        panic!("no replies")
    };
    let indices: Vec<_> = bad.iter().map(index).collect();
    assert_eq!(indices, [0, 1, 2, 3]);
    let reason = |reply: &Replied| match &reply.outcome {
        Err(ReplyError::Rejected { engine: it, reason }) if *it == engine => reason.clone(),
        other => panic!("{other:?}"),
    };
    let reasons: Vec<_> = bad.iter().map(reason).collect();
    assert!(reasons[0].contains("seven"), "{reasons:?}");
    assert!(good.outcome.is_ok());
    assert_eq!(node.memory(engine).notices, [(mute, "Rejected".to_owned())]);
    assert_eq!(node.status(mute).state, EngineState::Live);
}

#[test]
fn a_query_that_cannot_be_answered_is_a_typed_error() {
    let ids = roots(1);
    let node = Node::with_roots(1, &ids);
    assert_eq!(node.query(ids[0]), Ok(b"0".to_vec()));
    let engine = EngineId::root("nobody").unwrap();
    assert_eq!(node.query(engine), Err(QueryError::Unknown { engine }));
    let id = ids[0];
    let garbage = node.call(move |executor| executor.query(id, Codec::Json, b"what").unwrap_err());
    let QueryError::Call { engine, error } = garbage else {
        panic!("{garbage:?}")
    };
    assert_eq!(engine, id);
    assert!(matches!(error, CallError::Rejected { .. }));
}
