//! The mail that waits is bounded in bytes too, in each mailbox and in all, and a refusal is reported where it can be
//! answered.

use crate::rig::alone::{executor, reply, run};
use crate::rig::script::{Message, Op, Target};
use crate::rig::{bounded, memory, root};
use refit_kernel::ReplyError;
use refit_kernel::limits::EFFECT_OVERHEAD_BYTES;

/// Emits so often: a message of some bytes.
fn large() -> Message {
    Message::of(vec![Op::Emit(1); 60])
}

#[test]
fn a_mailbox_that_is_full_in_bytes_refuses_and_the_sender_is_told() {
    let mut executor = executor(2);
    bounded(&mut executor, |it| it.mailbox.bytes = 1_000);
    let to = Target::Id(root(1));
    let ops = [Op::Bytes(to, 600), Op::Bytes(to, 600), Op::Bytes(to, 300)];
    run(&mut executor, &[(root(0), Message::of(ops))]);
    // The first and the third were taken, and are no messages that it knows.
    let told = ["Full", "Rejected", "Rejected"].map(|told| (root(1), told.to_owned()));
    assert_eq!(memory(&executor, root(0)).notices, told);
}

#[test]
fn clients_have_room_however_much_engines_keep_waiting() {
    let mut executor = executor(2);
    bounded(&mut executor, |it| {
        it.mailbox.all_messages = 50;
        it.mailbox.kept_messages = 5;
        it.cause.messages_per_block = 10;
    });
    let flood = Message::of([Op::Again(Target::Me, 30)]);
    run(&mut executor, &[(root(0), flood)]);
    assert!(executor.backlog() >= 50, "{}", executor.backlog());
    let outcome = run(&mut executor, &[(root(1), Message::default())]);
    assert!(reply(&outcome, 0).is_ok());
}

#[test]
fn timers_are_refused_beyond_their_bytes_and_cancelled_ones_count_no_more() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| it.timers.bytes_per_engine = 200);
    let after = |blocks| Op::AfterBlocks(blocks, large());
    let set = Message::of([after(2), after(2)]);
    let outcome = run(&mut executor, &[(root(0), set.clone())]);
    assert_eq!(reply(&outcome, 0).unwrap().refused, ["Budget"]);
    run(&mut executor, &[]);
    run(&mut executor, &[]);
    // The one that was set has come: there is room for one again.
    let outcome = run(&mut executor, &[(root(0), set)]);
    assert_eq!(reply(&outcome, 0).unwrap().refused, ["Budget"]);
    assert!(outcome.next_timer_height.is_some());
}

#[test]
fn dead_letters_are_kept_up_to_their_bytes() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| it.dead_letters.bytes = 500);
    let timers = vec![Op::AfterBlocks(1, large()); 10];
    let messages = [
        (root(0), Message::of(timers)),
        (root(0), Message::of([Op::Panic])),
    ];
    run(&mut executor, &messages);
    run(&mut executor, &[]);
    assert_eq!(executor.dead_letter_count(), 10);
    let kept = executor.dead_letters();
    let bytes: usize = kept.iter().map(|letter| letter.payload.len()).sum();
    assert!((1..=500).contains(&bytes), "{bytes} of {}", kept.len());
}

#[test]
fn replies_of_one_round_are_bounded_and_the_client_is_told() {
    let mut executor = executor(1);
    let outcome = run(&mut executor, &[(root(0), Message::default())]);
    let bytes = outcome.replies[0].outcome.as_ref().unwrap().len();
    bounded(&mut executor, |it| {
        // An engine alone has all of it: its part and what is common.
        it.round.effect_bytes = 2 * (bytes + EFFECT_OVERHEAD_BYTES) + 1;
    });
    let outcome = run(&mut executor, &vec![(root(0), Message::default()); 3]);
    assert!(reply(&outcome, 0).is_ok() && reply(&outcome, 1).is_ok());
    let third = reply(&outcome, 2).unwrap_err();
    assert!(matches!(third, ReplyError::NoRoom { .. }), "{third:?}");
}
