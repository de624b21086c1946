//! What a failing message takes with it, and what it must not.

use crate::actor::{self, PANIC, v1};
use crate::harness::{client, executor, ingress, poison, reply, root, run, seen};
use crate::script::{From, Message, Op, Seen, Target};
use refit_abi::raw::Codec;
use refit_abi::{Height, Sender, State, Undelivered};
use refit_kernel::crew::Helpers;
use refit_kernel::limits::BATCH_LETTERS_MAX;
use refit_kernel::{QueryError, ReplyError};

fn send(to: usize, ops: Vec<Op>) -> Op {
    Op::Send(Target::Id(root(to)), Message::of(ops))
}

fn got(from: usize, stamp: u64) -> Seen {
    Seen::Message(From::Engine(root(from)), stamp, 1)
}

#[test]
fn a_fault_drops_the_outputs_of_its_message_and_only_those() {
    let mut executor = executor(2);
    let every = |value| {
        vec![
            send(1, vec![]),
            Op::Spawn(crate::script::Config::default()),
            Op::AfterBlocks(1, Message::default()),
            Op::Emit(value),
        ]
    };
    let failing = [every(2), vec![Op::Stop(Target::Me), Op::Fail]].concat();
    let scripts = [every(1), failing, every(3)];
    let messages = scripts.map(|ops| (root(0), Message::of(ops))).to_vec();
    let outcome = run(&mut executor, messages);

    assert_eq!(reply(&outcome, 1), Err(ReplyError::Fault(actor::fault())));
    // The counters are as if the second had sent and spawned nothing.
    assert_eq!(reply(&outcome, 0).unwrap().spawned, [root(0).child(0)]);
    assert_eq!(reply(&outcome, 2).unwrap().spawned, [root(0).child(1)]);
    assert_eq!(seen(&executor, root(1)), [got(0, 0), got(0, 1)]);
    let events: Vec<_> = outcome
        .events
        .iter()
        .map(|event| event.payload.clone())
        .collect();
    assert_eq!(events, [b"1", b"3"]);
    assert_eq!(outcome.stats.spawned, 2);
    run(&mut executor, vec![]);
    let me = seen(&executor, root(0));
    let timers = me
        .iter()
        .filter(|seen| **seen == Seen::Message(From::Timer, 0, 2))
        .count();
    assert_eq!(
        (timers, me.len()),
        (2, 4),
        "two handled, two timers, and not stopped: {me:?}"
    );
}

#[test]
fn a_panic_poisons_its_engine_and_the_others_serve() {
    let mut executor = executor(3);
    let panics = Message::of([send(2, vec![]), Op::Panic]);
    let outcome = run(
        &mut executor,
        vec![
            (root(0), Message::of([send(2, vec![])])),
            (root(0), panics),
            (root(0), Message::default()),
            (root(1), Message::default()),
        ],
    );
    let engine = root(0);
    assert!(reply(&outcome, 0).is_ok(), "handled before the panic");
    let text = PANIC.to_owned();
    assert_eq!(
        reply(&outcome, 1),
        Err(ReplyError::Panicked {
            engine,
            text: text.clone()
        })
    );
    let undelivered = ReplyError::Undelivered {
        engine,
        reason: Undelivered::Poisoned,
    };
    assert_eq!(
        reply(&outcome, 2),
        Err(undelivered.clone()),
        "behind it in the same batch"
    );
    assert!(reply(&outcome, 3).is_ok());
    assert_eq!(outcome.stats.poisoned, 1);
    assert_eq!(
        seen(&executor, root(2)),
        [got(0, 0)],
        "only the first message's output"
    );

    let kept = poison(&executor, engine).unwrap();
    assert_eq!(
        (kept.height, kept.sequence, &kept.text),
        (Height(1), 1, &text)
    );
    assert_eq!(kept.sender, Some(Sender::Client(client("tester"))));
    let of = (kept.kind.as_str(), kept.version, kept.schema);
    assert_eq!(of, ("actor", 1, v1::Actor::schema_id()));

    let outcome = run(&mut executor, vec![(engine, Message::default())]);
    assert_eq!(reply(&outcome, 0), Err(undelivered));
    assert_eq!(
        executor.query(engine, Codec::Json, b"null"),
        Err(QueryError::Unavailable {
            engine,
            reason: Undelivered::Poisoned
        })
    );
    assert!(seen(&executor, root(1)).len() == 1);
}

#[test]
fn an_engine_learns_that_the_receiver_of_its_messages_panicked() {
    let mut executor = executor(2);
    let ops = [send(1, vec![Op::Panic]), send(1, vec![]), send(1, vec![])];
    run(&mut executor, vec![(root(0), Message::of(ops))]);
    run(
        &mut executor,
        vec![(root(0), Message::of([send(1, vec![])]))],
    );
    let notices = seen(&executor, root(0));
    let poisoned = Seen::Undelivered(root(1), 3);
    let count = notices.iter().filter(|seen| **seen == poisoned).count();
    assert_eq!(
        count, 4,
        "the one that panicked, two behind it, one later: {notices:?}"
    );
}

#[test]
fn a_panic_on_a_notice_tells_no_engine_that_sent_nothing() {
    let mut executor = executor(2);
    // Actor 0 is told that its message to actor 1 came to nothing, and panics on that.
    let ops = [
        Op::Send(Target::Me, Message::default()),
        Op::Bytes(Target::Id(root(1)), 3),
    ];
    let fragile = Message::of(
        [Op::PanicOnNotice]
            .into_iter()
            .chain(ops)
            .collect::<Vec<_>>(),
    );
    run(&mut executor, vec![(root(0), fragile)]);
    assert_eq!(
        poison(&executor, root(0)).unwrap().sender,
        Some(Sender::Engine(root(1)))
    );
    assert_eq!(seen(&executor, root(1)), []);
}

#[test]
fn what_is_no_message_is_rejected_with_the_reason_and_harms_nobody() {
    let mut executor = executor(2);
    let mut bad = ingress(root(0), 0, Message::default());
    bad.payload = b"{\"stamp\": \"seven\"}".to_vec();
    let block = crate::harness::block(1, vec![bad, ingress(root(0), 1, Message::default())]);
    let outcome = executor.execute(&Helpers::none(), block);
    match reply(&outcome, 0) {
        Err(ReplyError::Rejected { engine, reason }) => {
            assert!(engine == root(0) && reason.contains("seven"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(reply(&outcome, 1).is_ok());

    // Between engines: another schema. The sender is told.
    run(
        &mut executor,
        vec![(root(1), Message::of([Op::Bytes(Target::Id(root(0)), 3)]))],
    );
    assert_eq!(seen(&executor, root(1))[1], Seen::Undelivered(root(0), 5));
    assert_eq!(poison(&executor, root(0)), None);
    let query = executor.query(root(0), Codec::Json, b"7");
    assert!(matches!(query, Err(QueryError::Call { .. })), "{query:?}");
}

#[test]
fn an_unknown_engine_is_named_to_whoever_meant_it() {
    let mut executor = executor(1);
    let nobody = refit_abi::EngineId::root("nobody").unwrap();
    let ops = [Op::Send(Target::Id(nobody), Message::default())];
    let outcome = run(
        &mut executor,
        vec![(root(0), Message::of(ops)), (nobody, Message::default())],
    );
    let reason = Undelivered::Unknown;
    assert_eq!(
        reply(&outcome, 1),
        Err(ReplyError::Undelivered {
            engine: nobody,
            reason
        })
    );
    assert_eq!(seen(&executor, root(0))[1], Seen::Undelivered(nobody, 1));
    let query = executor.query(nobody, Codec::Json, b"null");
    assert_eq!(query, Err(QueryError::Unknown { engine: nobody }));
}

/// More mail than goes over to an engine's code in one call: what a message takes with it does not depend on where one
/// call ends.
#[test]
fn failures_in_mail_of_several_calls_take_what_they_would_in_one() {
    const FAILS: usize = BATCH_LETTERS_MAX;
    const PANICS: usize = BATCH_LETTERS_MAX + 100;
    const ALL: usize = 3 * BATCH_LETTERS_MAX;
    let mut executor = executor(2);
    let script = |number| {
        let mut ops = vec![send(1, vec![])];
        match number {
            FAILS => ops.push(Op::Fail),
            PANICS => ops.push(Op::Panic),
            _ => {}
        }
        (root(0), Message::of(ops))
    };
    let outcome = run(&mut executor, (0..ALL).map(script).collect());
    for number in 0..ALL {
        let engine = root(0);
        let unlike = match (number, reply(&outcome, number as u64)) {
            (FAILS, outcome) => outcome != Err(ReplyError::Fault(actor::fault())),
            (..PANICS, outcome) => outcome.is_err(),
            (PANICS, outcome) => !matches!(outcome, Err(ReplyError::Panicked { .. })),
            (_, outcome) => {
                let reason = Undelivered::Poisoned;
                outcome != Err(ReplyError::Undelivered { engine, reason })
            }
        };
        assert!(!unlike, "{number}: {:?}", reply(&outcome, number as u64));
    }
    let stamps = (0..PANICS as u64 - 1).map(|stamp| got(0, stamp));
    assert_eq!(seen(&executor, root(1)), stamps.collect::<Vec<_>>());
    assert_eq!(outcome.stats.messages, (ALL + PANICS - 1) as u64);
    assert_eq!(outcome.stats.poisoned, 1);
}
