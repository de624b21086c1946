//! Engines start, stop, and are not there: each told to whom it concerns.

use crate::actor::{Config, Message, Op, PANIC_TEXT, planned_fault};
use crate::node::{ACTOR, Node, frame, roots};
use refit_abi::host::CallError;
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Undelivered};
use refit_kernel::{EngineState, QueryError, ReplyError, StartError};

fn script(ops: Vec<Op>) -> Message {
    Message { tag: 1, ops }
}

fn spawn(ops: Vec<Op>) -> Op {
    Op::Spawn {
        config: Config { ops },
    }
}

#[test]
fn an_engine_that_stops_itself_finishes_its_round_and_then_takes_nothing() {
    let ids = roots(2);
    let (engine, peer) = (ids[0], ids[1]);
    let mut node = Node::with_roots(1, &ids);
    let say = Op::Send {
        to: engine,
        message: Message::default(),
    };
    let out = node.run(&[
        (engine, script(vec![Op::Stop { engine }])),
        (engine, script(vec![Op::Emit { bytes: 1 }])),
        (peer, script(vec![say])),
    ]);
    assert!(out.replies.iter().all(|reply| reply.outcome.is_ok()));
    assert_eq!(out.events.len(), 1, "the rest of its round");
    assert_eq!(node.state(peer).notices, [(engine, "Stopped".to_owned())]);
    assert_eq!(node.status(engine).state, EngineState::Stopped);
    let reason = Undelivered::Stopped;
    assert_eq!(
        node.query(engine),
        Err(QueryError::Unavailable { engine, reason })
    );
    let out = node.run(&[(engine, Message::default())]);
    assert_eq!(
        out.replies[0].outcome,
        Err(ReplyError::Undelivered { engine, reason })
    );
}

#[test]
fn an_engine_stops_its_child() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let child = ids[0].child(0);
    node.run(&[(ids[0], script(vec![spawn(vec![])]))]);
    assert_eq!(node.status(child).state, EngineState::Live);
    node.run(&[(ids[0], script(vec![Op::StopChild { nth: 0 }]))]);
    assert_eq!(node.status(child).state, EngineState::Stopped);
    assert_eq!(node.status(ids[0]).state, EngineState::Live);
}

#[test]
fn a_stranger_may_not_stop_an_engine_and_neither_may_its_grandparent() {
    let ids = roots(2);
    let grandchild = ids[0].child(0).child(0);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(ids[0], script(vec![spawn(vec![spawn(vec![])])]))]);
    assert_eq!(node.status(grandchild).state, EngineState::Live);
    for (by, engine) in [
        (ids[1], ids[0]),
        (ids[0], grandchild),
        (ids[0].child(0), ids[0]),
    ] {
        let stop = Op::Send {
            to: by,
            message: script(vec![Op::Stop { engine }]),
        };
        let out = node.run(&[(ids[0], script(vec![stop]))]);
        assert_eq!(
            node.status(engine).state,
            EngineState::Live,
            "{by} stopped {engine}"
        );
        let lines: Vec<_> = out
            .logs
            .iter()
            .map(|line| (line.engine, &line.line))
            .collect();
        let said = format!("may not stop `{engine}`: neither itself nor its child");
        assert_eq!(lines, [(by, &said)]);
    }
}

#[test]
fn a_spawned_engine_takes_messages_from_the_next_round_on() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let say = Op::SendChild {
        nth: 0,
        message: Message {
            tag: 7,
            ops: vec![],
        },
    };
    // The child itself spawns and sends while it starts.
    let child = vec![
        spawn(vec![]),
        Op::SendChild {
            nth: 0,
            message: Message::default(),
        },
    ];
    let out = node.run(&[(ids[0], script(vec![spawn(child), say]))]);
    assert_eq!((out.stats.spawned, out.stats.rounds), (2, 2));
    assert_eq!(node.state(ids[0].child(0)).log[0].tag, 7);
    assert_eq!(node.state(ids[0].child(0).child(0)).log.len(), 1);
}

#[test]
fn an_engine_that_does_not_start_is_unknown_and_its_parent_is_told() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let child = ids[0].child(0);
    for (count, end, error) in [
        (0, Op::Fail, CallError::Fault(planned_fault())),
        (
            1,
            Op::Panic,
            CallError::Panicked {
                text: PANIC_TEXT.to_owned(),
            },
        ),
    ] {
        let id = ids[0].child(count);
        let ops = vec![spawn(vec![]), Op::Emit { bytes: 1 }, end];
        let say = Op::SendChild {
            nth: count as u32,
            message: Message::default(),
        };
        let out = node.run(&[(ids[0], script(vec![spawn(ops), say]))]);
        assert_eq!((out.stats.spawned, out.events.len()), (0, 0));
        let line = StartError::Init { engine: id, error }.to_string();
        assert_eq!((out.logs[0].engine, &out.logs[0].line), (ids[0], &line));
    }
    let told = [
        (child, "Unknown".to_owned()),
        (ids[0].child(1), "Unknown".to_owned()),
    ];
    assert_eq!(node.state(ids[0]).notices, told);
    assert_eq!(
        node.query(child),
        Err(QueryError::Unknown { engine: child })
    );
    // The counter goes on: an id is never given twice.
    node.run(&[(ids[0], script(vec![spawn(vec![])]))]);
    assert_eq!(node.status(ids[0].child(2)).state, EngineState::Live);
}

#[test]
fn a_message_to_nobody_comes_back() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let nobody = EngineId::root("nobody").unwrap();
    let say = Op::Send {
        to: nobody,
        message: Message::default(),
    };
    let out = node.run(&[(nobody, Message::default()), (ids[0], script(vec![say]))]);
    let reason = Undelivered::Unknown;
    let unknown = ReplyError::Undelivered {
        engine: nobody,
        reason,
    };
    assert_eq!(out.replies[0].outcome, Err(unknown));
    assert_eq!(node.state(ids[0]).notices, [(nobody, "Unknown".to_owned())]);
}

#[test]
fn a_kind_that_no_module_has_is_refused() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(ids[0], script(vec![Op::SpawnGhost]))]);
    assert_eq!(node.state(ids[0]).refused, ["Unknown"]);
}

#[test]
fn a_child_with_a_configuration_of_another_type_is_refused_at_once() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let out = node.run(&[(ids[0], script(vec![Op::SpawnMistaken]))]);
    assert_eq!(node.state(ids[0]).refused, ["Schema"]);
    assert_eq!((out.stats.spawned, out.logs.len()), (0, 0));
}

#[test]
fn a_root_that_cannot_start_says_why_and_leaves_nothing() {
    let ids = roots(1);
    let node = Node::with_roots(1, &ids);
    let fresh = EngineId::root("fresh").unwrap();
    let start = |id, kind: &'static str, config: &'static str| {
        node.call(move |executor| {
            executor
                .start(id, kind, (Codec::Json, config.as_bytes()), frame(0))
                .unwrap_err()
        })
    };
    let kind = "ghost".to_owned();
    assert_eq!(
        start(fresh, "ghost", "{}"),
        StartError::UnknownKind { kind }
    );
    assert_eq!(
        start(ids[0], ACTOR, "{\"ops\":[]}"),
        StartError::Taken { engine: ids[0] }
    );
    let error = CallError::Fault(planned_fault());
    let failed = StartError::Init {
        engine: fresh,
        error,
    };
    assert_eq!(start(fresh, ACTOR, "{\"ops\":[\"Fail\"]}"), failed);
    let refused = start(fresh, ACTOR, "{\"ops\":");
    assert!(matches!(
        refused,
        StartError::Init {
            error: CallError::Rejected { .. },
            ..
        }
    ));
    assert_eq!(node.statuses().len(), 1);
}

#[test]
fn the_randomness_of_each_message_and_of_the_start_is_its_own() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let draw = || Message {
        tag: 0,
        ops: vec![Op::Random, Op::Random],
    };
    let child = spawn(vec![Op::Random]);
    let to_child = Op::SendChild {
        nth: 0,
        message: draw(),
    };
    node.run(&[
        (ids[0], script(vec![child, to_child.clone(), to_child])),
        (ids[0], draw()),
        (ids[1], draw()),
    ]);
    node.run(&[(ids[0], draw())]);
    let mut drawn: Vec<u64> = [ids[0], ids[1], ids[0].child(0)]
        .iter()
        .flat_map(|id| node.state(*id).random)
        .collect();
    let all = drawn.len();
    assert_eq!(all, 2 * 3 + 1 + 2 * 2);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), all, "a number was drawn twice");
}

#[test]
fn ending_all_engines_leaves_none_serving() {
    let ids = roots(70);
    let mut node = Node::with_roots(2, &ids);
    node.run(&[(ids[0], script(vec![spawn(vec![])]))]);
    node.call(|executor| executor.discard_engines());
    assert!(node.states().is_empty());
    let out = node.run(&[(ids[0], Message::default())]);
    let reason = Undelivered::Stopped;
    assert_eq!(
        out.replies[0].outcome,
        Err(ReplyError::Undelivered {
            engine: ids[0],
            reason
        })
    );
}
