//! What one round makes, and what leaves with one block, is bounded in all, however many causes and engines it comes
//! from: the engine that would make more is refused, replies wait for the next block, and none is lost silently.

use crate::rig::alone::{executor, next, reply, run};
use crate::rig::script::{Config, Message, Op, Target};
use crate::rig::{bounded, index, ingress, keyed, memory, root};
use refit_abi::ClientId;
use refit_kernel::{BlockOutcome, KeyRefusal, Parameters, Replied, ReplyError};

/// Each message is a cause of its own.
fn from_all(engines: usize, each: usize, message: &Message) -> Vec<(refit_abi::EngineId, Message)> {
    let one = |number: usize| (root(number % engines), message.clone());
    (0..engines * each).map(one).collect()
}

fn bytes(replied: &Replied) -> usize {
    replied.outcome.as_ref().map_or(0, Vec::len)
}

#[test]
fn one_round_sends_so_many_messages_however_many_causes_it_has() {
    let mut executor = executor(8);
    bounded(&mut executor, |it| {
        it.round.deeds = 1_000;
        it.block.rounds = 1;
    });
    let flood = Message::of([Op::flood(Target::Me, 100)]);
    let outcome = run(&mut executor, &from_all(8, 10, &flood));
    // Some of the mail is left for the next round, the rest of what waits was sent.
    let sent = outcome.backlog - (80 - outcome.replies.len());
    // What an engine's part leaves of a division is nobody's.
    assert!(
        (990..=1_000).contains(&sent),
        "{sent} of 8,000 that were wanted"
    );
    // A sender hears of it as it hears of its own budget.
    let handled = outcome.replies.iter().map(index);
    let refused = handled.filter(|at| reply(&outcome, *at).unwrap().refused == ["Budget"]);
    assert!(refused.count() >= outcome.replies.len() - 10);
    assert!(reply(&outcome, 0).unwrap().refused.is_empty());
}

#[test]
fn an_engine_has_its_part_of_a_round_whatever_those_before_it_take() {
    let mut executor = executor(10);
    bounded(&mut executor, |it| {
        it.round.deeds = 1_000;
        it.block.rounds = 1;
    });
    let mut messages = from_all(9, 1, &Message::of([Op::flood(Target::Me, 10_000)]));
    messages.push((root(9), Message::of([Op::flood(Target::Me, 50)])));
    let outcome = run(&mut executor, &messages);
    // Half of the room in ten parts.
    assert!(reply(&outcome, 9).unwrap().refused.is_empty());
    assert!(outcome.backlog <= 1_000);
}

#[test]
fn bytes_timers_starts_and_events_of_one_round_are_bounded_in_all() {
    type Bound = fn(&mut Parameters);
    let ops: [(Op, Bound); 4] = [
        (Op::Bytes(Target::Me, 1_000), |it| it.round.bytes = 20_000),
        (Op::AfterBlocks(9, Message::default()), |it| {
            it.round.deeds = 20;
        }),
        (Op::Spawn(Config::default()), |it| it.round.deeds = 20),
        (Op::Emit(7), |it| it.round.deeds = 20),
    ];
    for (op, bound) in ops {
        let mut executor = executor(4);
        bounded(&mut executor, |it| {
            bound(it);
            it.block.rounds = 1;
        });
        let outcome = run(&mut executor, &from_all(4, 10, &Message::of([op.clone()])));
        let done = |at: &u64| reply(&outcome, *at).unwrap().refused.is_empty();
        let done = (0..40).filter(done).count();
        assert!((10..=20).contains(&done), "{done} of {op:?}");
    }
}

#[test]
fn what_the_inits_of_one_round_emit_is_bounded_in_all() {
    let mut executor = executor(2);
    bounded(&mut executor, |it| {
        it.round.deeds = 100;
        it.block.rounds = 1;
    });
    let config = Config {
        ops: vec![Op::Emit(7); 20],
    };
    let outcome = run(
        &mut executor,
        &from_all(2, 10, &Message::of([Op::Spawn(config)])),
    );
    assert_eq!(outcome.stats.spawned, 20);
    assert_eq!(outcome.events.len(), 100, "of 400 that were wanted");
}

#[test]
fn an_engine_that_has_made_its_part_leaves_the_rest_of_its_mail_for_the_next_round() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| it.round.deeds = 1_000);
    let flood = Message::of([Op::flood(root(7), 10)]);
    let outcome = run(&mut executor, &from_all(1, 200, &flood));
    assert_eq!(outcome.replies.len(), 200);
    let refused = |at: &u64| !reply(&outcome, *at).unwrap().refused.is_empty();
    assert_eq!((0..200).filter(refused).count(), 0, "of 2,000 sends");
    assert!(outcome.stats.rounds > 2);
}

/// Long replies come in many blocks, each of about as many bytes as it may have, and none of them is lost.
#[test]
fn a_block_ends_when_what_leaves_with_it_is_enough_and_the_rest_is_answered_in_the_next() {
    const REPLY: usize = 1_000;
    let mut executor = executor(1);
    bounded(&mut executor, |it| {
        it.block.effect_bytes = 100 * REPLY as u64
    });
    let long = Message::of([Op::Say(REPLY as u32)]);
    let mut outcomes = vec![run(&mut executor, &from_all(1, 2_000, &long))];
    while executor.backlog() > 0 {
        outcomes.push(run(&mut executor, &[]));
    }
    for outcome in &outcomes {
        let bytes: usize = outcome.replies.iter().map(bytes).sum();
        assert!(bytes <= 170 * REPLY, "{bytes}");
    }
    let replies = outcomes.iter().flat_map(|outcome| &outcome.replies);
    let places: Vec<u64> = replies
        .inspect(|replied| assert!(replied.outcome.is_ok()))
        .map(index)
        .collect();
    assert_eq!(places, (0..2_000).collect::<Vec<_>>());
    assert!(outcomes.len() > 10);
}

#[test]
fn beside_one_who_asks_for_much_others_are_answered_soon_by_the_same_engine_and_at_once_by_another()
{
    const REPLY: u32 = 1_000;
    let mut executor = executor(2);
    bounded(&mut executor, |it| {
        it.block.effect_bytes = 100 * u64::from(REPLY)
    });
    let long = Message::of([Op::Say(REPLY)]);
    let much = (0..2_000).map(|n| keyed(("much", n), root(0), &long.clone()));
    next(&mut executor, much.collect());
    let asks = [
        keyed(("little", 1), root(0), &Message::default()),
        keyed(("little", 2), root(1), &Message::default()),
    ];
    let outcomes = [
        next(&mut executor, asks.to_vec()),
        next(&mut executor, vec![]),
    ];
    assert!(executor.backlog() > 1_000);
    let of = |outcome: &BlockOutcome| {
        let replies = outcome.replies.iter().filter_map(|it| match it.asker {
            refit_kernel::Asker::Keyed { key, .. } if key.client == ClientId::of("little") => {
                Some(key.sequence)
            }
            _ => None,
        });
        replies.collect::<Vec<_>>()
    };
    assert!(of(&outcomes[0]).contains(&2));
    assert!(of(&outcomes[0]).contains(&1) || of(&outcomes[1]).contains(&1));
    // Each client's messages were handled in their order.
    while executor.backlog() > 0 {
        next(&mut executor, vec![]);
    }
    assert_eq!(memory(&executor, root(0)).log.len(), 2_001);
}

#[test]
fn a_reply_for_which_a_round_has_no_room_is_told_as_what_it_is_and_its_key_is_not_done_again() {
    const REPLY: u32 = 10_000;
    let mut executor = executor(200);
    bounded(&mut executor, |it| {
        it.round.effect_bytes = 100 * REPLY as usize
    });
    let long = |n: usize| keyed(("a", n as u64), root(n), &Message::of([Op::Say(REPLY)]));
    let outcome = next(&mut executor, (0..200).map(long).collect());
    let lost = |replied: &&Replied| matches!(replied.outcome, Err(ReplyError::NoRoom { .. }));
    let whole: usize = outcome.replies.iter().map(bytes).sum();
    assert!(whole <= 100 * REPLY as usize, "{whole}");
    assert!(outcome.replies.iter().filter(lost).count() >= 100);
    let again = next(&mut executor, (0..200).map(long).collect());
    assert!(again.replies.iter().all(|replied| replied.repeated));
    assert_eq!(again.stats.messages, 0);
}

#[test]
fn a_block_gives_again_so_many_bytes_of_what_it_keeps_and_the_rest_later() {
    const REPLY: u32 = 10_000;
    let mut executor = executor(1);
    let long = keyed(("a", 1), root(0), &Message::of([Op::Say(REPLY)]));
    next(&mut executor, vec![long.clone()]);
    bounded(&mut executor, |it| {
        it.block.effect_bytes = 10 * u64::from(REPLY);
    });
    let mut messages = vec![long.clone(); 50];
    messages.push(ingress(root(0), &Message::default()));
    let outcome = next(&mut executor, messages);
    let later = Err(ReplyError::Key(KeyRefusal::Later));
    let refused = outcome.replies.iter().filter(|it| it.outcome == later);
    assert_eq!(refused.count(), 40);
    assert_eq!(outcome.stats.messages, 1, "others are handled meanwhile");
    assert!(next(&mut executor, vec![long]).replies[0].repeated);
}
