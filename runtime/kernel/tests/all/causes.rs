//! The work of one cause is bounded, by block and in all, and other clients' messages are handled meanwhile.

use crate::rig::alone::{copy, executor, reply, run};
use crate::rig::script::{Config, Message, Op, Origin, Target};
use crate::rig::{LARGE, block, ingress, memory, root};
use refit_kernel::crew::Helpers;
use refit_kernel::{BlockOutcome, Executor, Parameters, Spent};

/// Blocks after which nothing of a test's bounded causes is left.
const BLOCKS: u64 = 200;

/// What may come of a cause in all, and of a message and a block: small, and nothing is forgiven.
fn bounded(executor: &mut Executor, change: impl FnOnce(&mut Parameters)) {
    let mut parameters = Parameters::default();
    parameters.cause.regained = Spent::default();
    change(&mut parameters);
    executor.set_parameters(parameters);
}

fn idle_blocks(executor: &mut Executor, blocks: u64) -> Vec<BlockOutcome> {
    (0..blocks).map(|_| run(executor, &[])).collect()
}

fn handled(outcomes: &[BlockOutcome]) -> u64 {
    outcomes.iter().map(|outcome| outcome.stats.messages).sum()
}

#[test]
fn a_message_that_sends_itself_on_gets_some_rounds_of_a_block_and_comes_to_an_end() {
    let mut executor = executor(2);
    bounded(&mut executor, |parameters| {
        parameters.cause.rounds_per_block = 10;
        parameters.cause.in_all.messages = 35;
    });
    let endless = Message::of([Op::Again(Target::Me, 1)]);
    let first = run(&mut executor, &[(root(0), endless)]);
    assert_eq!((first.stats.rounds, first.backlog), (10, 1));
    // Another client's message is not behind it.
    let beside = run(&mut executor, &[(root(0), Message::default())]);
    assert_eq!((beside.replies.len(), beside.stats.rounds), (1, 10));
    let rest = idle_blocks(&mut executor, 3);
    let counts: Vec<u64> = rest.iter().map(|outcome| outcome.stats.messages).collect();
    assert_eq!((counts, executor.backlog()), (vec![10, 5, 0], 0));
}

#[test]
fn the_sender_hears_when_its_cause_is_spent() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| it.cause.in_all.messages = 5);
    let ops = [
        Op::flood(Target::Me, 4),
        Op::flood(Target::Me, 1),
        Op::Spawn(Config::default()),
    ];
    let outcome = run(&mut executor, &[(root(0), Message::of(ops))]);
    // Its own message was the first of the five.
    assert_eq!(reply(&outcome, 0).unwrap().refused, ["Budget"]);
    assert_eq!(outcome.stats.messages, 5);
    assert_eq!(outcome.stats.spawned, 1);
}

#[test]
fn a_fan_out_ends_where_its_cause_does_and_loses_nothing_that_was_accepted() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| {
        it.cause.messages_per_block = 100;
        it.cause.in_all.messages = 1_000;
    });
    let fan = Message::of([Op::Again(Target::Me, 7)]);
    let mut outcomes = vec![run(&mut executor, &[(root(0), fan)])];
    outcomes.extend(idle_blocks(&mut executor, BLOCKS));
    assert!(outcomes.iter().all(|outcome| outcome.stats.messages <= 100));
    assert_eq!(executor.backlog(), 0);
    let handled = handled(&outcomes);
    assert!((500..=1_000).contains(&handled), "{handled}");
    assert_eq!(memory(&executor, root(0)).log.len() as u64, handled);
}

#[test]
fn a_block_handles_no_more_than_its_budget_and_a_message_of_each_engine() {
    let mut executor = executor(4);
    bounded(&mut executor, |it| it.block.messages = 402);
    let each = |n| Op::Again(root(n).into(), 100);
    let fan = Message::of((0..4).map(each).collect::<Vec<_>>());
    let outcome = run(&mut executor, &[(root(0), fan)]);
    assert!(
        (402..=402 + 4).contains(&outcome.stats.messages),
        "{:?}",
        outcome.stats
    );
    assert!(outcome.backlog > 100_000, "all of it waits");
}

#[test]
fn a_block_handles_no_more_bytes_and_rounds_than_it_may() {
    let mut executor = executor(2);
    bounded(&mut executor, |it| it.block.rounds = 7);
    let endless = Message::of([Op::Again(root(1).into(), 1)]);
    let outcome = run(&mut executor, &[(root(1), endless)]);
    assert_eq!((outcome.stats.rounds, outcome.backlog), (7, 1));
    bounded(&mut executor, |it| it.block.bytes = 1_000);
    let many = Message::of([Op::flood(root(0), 5_000)]);
    let outcome = run(&mut executor, &[(root(0), many)]);
    assert!(outcome.backlog > 1_000, "{}", outcome.backlog);
    assert!(outcome.stats.messages > 1);
}

/// The messages of one engine to another stay in order, also when a part of them waits because of its cause.
#[test]
fn what_waits_because_of_its_cause_is_not_overtaken_by_what_its_sender_sent_later() {
    let mut executor = executor(3);
    bounded(&mut executor, |it| it.cause.messages_per_block = 8);
    let say = |tag| Op::send(root(1), Message::tagged(tag));
    let many = Message::of((0..20).map(say).collect::<Vec<_>>());
    let one = |tag| Message::of([say(tag)]);
    let first = [(root(0), many), (root(0), one(20)), (root(2), one(0))];
    let outcome = run(&mut executor, &first);
    assert_eq!(
        outcome.backlog,
        20 + 1 - 7,
        "the rest of the first sender's"
    );
    idle_blocks(&mut executor, 5);
    let log = memory(&executor, root(1)).log;
    let tags = |from| -> Vec<u32> {
        let its = log.iter().filter(|seen| seen.from == Origin::Engine(from));
        its.map(|seen| seen.tag).collect()
    };
    assert_eq!(tags(root(0)), (0..21).collect::<Vec<_>>());
    assert_eq!(tags(root(2)), [0], "that of the other sender");
}

#[test]
fn a_timer_that_a_timer_sets_keeps_the_cause() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| it.cause.in_all.messages = 10);
    let tick = Message::of([Op::AgainAfter(1)]);
    let mut outcomes = vec![run(&mut executor, &[(root(0), tick)])];
    outcomes.extend(idle_blocks(&mut executor, 30));
    assert_eq!(handled(&outcomes), 10);
    assert_eq!(outcomes[30].next_timer_height, None);
}

#[test]
fn an_engine_that_ticks_for_ever_lives_on_what_each_block_forgives() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| {
        it.cause.in_all.messages = 10;
        it.cause.regained.messages = 2;
    });
    let tick = Message::of([Op::AgainAfter(1), Op::flood(Target::Me, 1)]);
    let mut outcomes = vec![run(&mut executor, &[(root(0), tick)])];
    outcomes.extend(idle_blocks(&mut executor, 100));
    assert_eq!(handled(&outcomes), 2 * 101);
}

#[test]
fn engines_that_start_engines_come_to_an_end_however_they_do_it() {
    let mut executor = executor(1);
    bounded(&mut executor, |it| it.cause.in_all.starts = 300);
    let breed = Message::of([Op::Breed(5)]);
    let outcome = run(&mut executor, &[(root(0), breed)]);
    assert!(
        (100..=300).contains(&outcome.stats.spawned),
        "{:?}",
        outcome.stats
    );
    assert_eq!(executor.engines() as u64, 1 + outcome.stats.spawned);
}

#[test]
fn through_an_image_causes_are_what_they_were() {
    let mut first = executor(3);
    bounded(&mut first, |it| {
        it.cause.messages_per_block = 10;
        it.cause.in_all.messages = 300;
        it.cause.regained.messages = 1;
    });
    let fan = Message::of([
        Op::Again(root(1).into(), 2),
        Op::AgainAfter(2),
        Op::flood(root(2), 1),
    ]);
    run(&mut first, &[(root(0), fan.clone()), (root(2), fan)]);
    assert!(first.backlog() > 0, "mail waits");
    let mut second = copy(&first);
    for height in 2..40 {
        assert_eq!(second.image(LARGE), first.image(LARGE), "before {height}");
        let messages = vec![ingress(root(2), &Message::default())];
        let of_first = first.execute(&Helpers::none(), block(height, messages.clone()));
        let of_second = second.execute(&Helpers::none(), block(height, messages));
        assert_eq!(of_second.stats, of_first.stats, "{height}");
        assert_eq!(of_second.replies, of_first.replies, "{height}");
    }
}
