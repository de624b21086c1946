//! A failing message takes its own outputs with it, and nothing else.

use crate::alone::actor;
use crate::alone::harness::{executor, ingress, poison, reply, root, run, seen};
use crate::alone::script::{From, Message, Op, Seen, Target};
use refit_abi::raw::Codec;
use refit_abi::{Sender, Undelivered};
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
    let block = crate::alone::harness::block(1, vec![bad, ingress(root(0), 1, Message::default())]);
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
