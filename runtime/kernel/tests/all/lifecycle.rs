//! Engines start, stop, and are not there: each told to whom it concerns.

use crate::rig::actor::{PANIC_TEXT, planned_fault};
use crate::rig::node::Node;
use crate::rig::script::{Config, Message, Op, Target};
use crate::rig::{ACTOR, all_ingress, frame, roots};
use refit_abi::host::CallError;
use refit_abi::{EngineId, Undelivered};
use refit_kernel::{Configuration, EngineState, QueryError, ReplyError, StartError};

fn ids_of(node: &Node) -> Vec<EngineId> {
    let statuses = node.statuses().into_iter();
    statuses.map(|status| status.id).collect()
}

fn spawn(ops: Vec<Op>) -> Op {
    Op::Spawn(Config { ops })
}

#[test]
fn an_engine_that_stops_itself_finishes_its_round_and_then_takes_nothing() {
    let ids = roots(2);
    let (engine, peer) = (ids[0], ids[1]);
    let mut node = Node::with_roots(1, &ids);
    let say = Op::send(engine, Message::default());
    let out = node.run(&[
        (engine, Message::of(vec![Op::stop(engine)])),
        (engine, Message::of(vec![Op::Emit(1)])),
        (peer, Message::of(vec![say])),
    ]);
    assert!(out.replies.iter().all(|reply| reply.outcome.is_ok()));
    assert_eq!(out.events.len(), 1, "the rest of its round");
    assert_eq!(node.memory(peer).notices, [(engine, "Stopped".to_owned())]);
    assert_eq!(ids_of(&node), [peer]);
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
    node.run(&[(ids[0], Message::of(vec![spawn(vec![])]))]);
    assert_eq!(node.status(child).state, EngineState::Live);
    node.run(&[(ids[0], Message::of(vec![Op::stop(Target::Child(0))]))]);
    assert_eq!(ids_of(&node), ids);
}

#[test]
fn a_stranger_may_not_stop_an_engine_and_neither_may_its_grandparent() {
    let ids = roots(2);
    let grandchild = ids[0].child(0).child(0);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(ids[0], Message::of(vec![spawn(vec![spawn(vec![])])]))]);
    assert_eq!(node.status(grandchild).state, EngineState::Live);
    for (by, engine) in [
        (ids[1], ids[0]),
        (ids[0], grandchild),
        (ids[0].child(0), ids[0]),
    ] {
        let stop = Op::send(by, Message::of(vec![Op::stop(engine)]));
        let out = node.run(&[(ids[0], Message::of(vec![stop]))]);
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
    let say = Op::send(Target::Child(0), Message::tagged(7));
    // The child itself spawns and sends while it starts.
    let child = vec![
        spawn(vec![]),
        Op::send(Target::Child(0), Message::default()),
    ];
    let out = node.run(&[(ids[0], Message::of(vec![spawn(child), say]))]);
    assert_eq!((out.stats.spawned, out.stats.rounds), (2, 2));
    assert_eq!(node.memory(ids[0].child(0)).log[0].tag, 7);
    assert_eq!(node.memory(ids[0].child(0).child(0)).log.len(), 1);
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
        let ops = vec![spawn(vec![]), Op::Emit(1), end];
        let say = Op::send(Target::Child(count as u32), Message::default());
        let out = node.run(&[(ids[0], Message::of(vec![spawn(ops), say]))]);
        assert_eq!((out.stats.spawned, out.events.len()), (0, 0));
        let line = StartError::Init { engine: id, error }.to_string();
        assert_eq!((out.logs[0].engine, &out.logs[0].line), (ids[0], &line));
    }
    let told = [
        (child, "Unknown".to_owned()),
        (ids[0].child(1), "Unknown".to_owned()),
    ];
    assert_eq!(node.memory(ids[0]).notices, told);
    assert_eq!(
        node.query(child),
        Err(QueryError::Unknown { engine: child })
    );
    // The counter goes on: an id is never given twice.
    node.run(&[(ids[0], Message::of(vec![spawn(vec![])]))]);
    assert_eq!(node.status(ids[0].child(2)).state, EngineState::Live);
}

#[test]
fn a_message_to_nobody_comes_back() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let nobody = EngineId::root("nobody").unwrap();
    let say = Op::send(nobody, Message::default());
    let out = node.run(&[
        (nobody, Message::default()),
        (ids[0], Message::of(vec![say])),
    ]);
    let reason = Undelivered::Unknown;
    let unknown = ReplyError::Undelivered {
        engine: nobody,
        reason,
    };
    assert_eq!(out.replies[0].outcome, Err(unknown));
    assert_eq!(
        node.memory(ids[0]).notices,
        [(nobody, "Unknown".to_owned())]
    );
}

#[test]
fn a_kind_that_no_module_has_is_refused() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(ids[0], Message::of(vec![Op::SpawnGhost]))]);
    assert_eq!(node.memory(ids[0]).refused, ["Unknown"]);
}

#[test]
fn a_child_with_a_configuration_of_another_type_is_refused_at_once() {
    let ids = roots(1);
    let mut node = Node::with_roots(1, &ids);
    let out = node.run(&[(ids[0], Message::of(vec![Op::SpawnMistaken]))]);
    assert_eq!(node.memory(ids[0]).refused, ["Schema"]);
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
                .start(id, kind, Configuration::json(config.as_bytes()), frame(0))
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
        ops: vec![Op::Draw, Op::Draw],
    };
    let child = spawn(vec![Op::Draw]);
    let to_child = Op::send(Target::Child(0), draw());
    node.run(&[
        (ids[0], Message::of(vec![child, to_child.clone(), to_child])),
        (ids[0], draw()),
        (ids[1], draw()),
    ]);
    node.run(&[(ids[0], draw())]);
    let mut drawn: Vec<u64> = [ids[0], ids[1], ids[0].child(0)]
        .iter()
        .flat_map(|id| node.memory(*id).random)
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
    node.run(&[(ids[0], Message::of(vec![spawn(vec![])]))]);
    node.call(|executor| executor.discard_engines());
    assert!(node.statuses().is_empty());
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

/// As many children as this start and stop again.
const PASSING: u32 = 1_000;

#[test]
fn engines_that_have_stopped_take_no_place() {
    let ids = roots(2);
    let mut node = Node::with_roots(2, &ids);
    for pass in 0..3 {
        node.run(&[(ids[0], Message::of(vec![Op::SpawnMany(PASSING)]))]);
        assert_eq!(node.statuses().len(), 2 + PASSING as usize);
        // First to last, last to first, and from the middle to both ends.
        let nth = |number: u32| match pass {
            0 => number,
            1 => PASSING - 1 - number,
            _ if number.is_multiple_of(2) => PASSING / 2 + number / 2,
            _ => PASSING / 2 - 1 - number / 2,
        };
        let stops =
            (0..PASSING).map(|number| Op::stop(Target::Child(pass * PASSING + nth(number))));
        node.run(&[(ids[0], Message::of(stops.collect::<Vec<_>>()))]);
        assert_eq!(ids_of(&node), ids);
        let image = node.call(|executor| executor.image(1 << 20).unwrap());
        assert_eq!((image.engines.len(), image.ended), (2, vec![]));
        assert_eq!(node.call(|executor| executor.engines()), 2);
    }
}

#[test]
fn the_places_of_those_that_have_stopped_go_lowest_first_to_those_that_lie_last() {
    let ids = roots(6);
    let mut node = Node::with_roots(1, &ids);
    let stop = |nth: usize| (ids[nth], Message::of(vec![Op::stop(ids[nth])]));
    // The last of all gives its own place back and moves nowhere.
    node.run(&[stop(5), stop(3), stop(0)]);
    assert_eq!(ids_of(&node), [ids[4], ids[1], ids[2]]);
    node.run(&[(ids[1], Message::of(vec![spawn(vec![])]))]);
    assert_eq!(ids_of(&node), [ids[4], ids[1], ids[2], ids[1].child(0)]);
}

#[test]
fn mail_goes_with_the_engine_that_gets_another_place() {
    let ids = roots(130);
    let last = ids[129];
    let mut node = Node::with_roots(1, &ids);
    let say = |tag| Op::send(last, Message::tagged(tag));
    // Half a block: the mail waits when the places change, and is handled in the next one.
    let messages = [
        (ids[0], Message::of(vec![say(7), say(8)])),
        (ids[1], Message::of(vec![Op::stop(ids[1])])),
    ];
    let out = node.block(all_ingress(&messages), 1);
    assert_eq!((out.stats.rounds, out.backlog), (1, 2));
    assert_eq!(node.statuses()[1].id, last);
    assert_eq!(node.run(&[]).stats.messages, 2);
    let tags: Vec<_> = node.memory(last).log.iter().map(|seen| seen.tag).collect();
    assert_eq!(tags, [7, 8]);
}

#[test]
fn what_waited_for_an_engine_that_stops_hears_so_and_what_comes_later_hears_that_there_is_none() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    let child = ids[0].child(0);
    node.run(&[(ids[0], Message::of(vec![spawn(vec![])]))]);
    let say = || Op::send(child, Message::default());
    node.run(&[
        (ids[0], Message::of(vec![Op::stop(Target::Child(0))])),
        (ids[1], Message::of(vec![say()])),
    ]);
    node.run(&[(ids[1], Message::of(vec![say()]))]);
    let told = ["Stopped", "Unknown"].map(|told| (child, told.to_owned()));
    assert_eq!(node.memory(ids[1]).notices, told);
    assert_eq!(
        node.query(child),
        Err(QueryError::Unknown { engine: child })
    );
}

#[test]
fn the_name_of_an_engine_that_has_stopped_is_never_free_again() {
    let ids = roots(2);
    let mut node = Node::with_roots(1, &ids);
    node.run(&[(ids[0], Message::of(vec![Op::stop(ids[0])]))]);
    let engine = ids[0];
    let again = move |executor: &mut refit_kernel::Executor| {
        let config = Configuration::json(b"{\"ops\":[]}".as_slice());
        executor.start(engine, ACTOR, config, frame(0)).unwrap_err()
    };
    assert_eq!(node.call(again), StartError::Taken { engine });
    let of_the_copy = node.call(move |executor| {
        let image = executor.image(1 << 20).unwrap();
        let mut copy = refit_kernel::Executor::from_image(executor.table(), &image).unwrap();
        let error = again(&mut copy);
        copy.discard_engines();
        error
    });
    assert_eq!(of_the_copy, StartError::Taken { engine });
}
