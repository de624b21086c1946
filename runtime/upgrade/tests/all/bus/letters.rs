//! Upgrade messages: rounds, refusals, and those that become ordinary messages.

use crate::bus::kinds::{self, id, tracked};
use crate::bus::ops::{Born, Message, Op, bear, say, send};
use crate::bus::world::{UNBOUNDED, World, alone};
use refit_abi::host::Explain;
use refit_kernel::limits::MAILBOX_MESSAGES_MAX;
use refit_upgrade::{Directives, Unwatched};

#[test]
fn each_message_is_handled_in_the_round_after_the_one_that_sent_it_in_the_order_sent() {
    let mut world = World::of_each_kind(2);
    let note = |number| vec![Op::Note(number)];
    let (alpha, beta, stray) = (id("alpha"), id("beta"), id("stray"));
    // In round 1 `beta` gets two messages of `alpha`, and answers each; it notes before the answers come.
    let answering = |number| vec![Op::Note(number), send(alpha, note(number + 10))];
    world.plan(
        "alpha",
        vec![
            send(beta, answering(1)),
            send(beta, answering(2)),
            send(stray, note(3)),
        ],
    );
    let crossed = world.crossed();
    assert_eq!(
        world.trail(beta),
        ["script of alpha", "1", "script of alpha", "2"]
    );
    assert_eq!(
        world.trail(alpha),
        ["script of beta", "11", "script of beta", "12"]
    );
    assert_eq!(world.trail(stray), ["script of alpha", "3"]);
    assert_eq!(crossed.counters(alpha), (3, 0));
    assert_eq!(crossed.counters(beta), (2, 0));
}

#[test]
fn a_kind_of_an_earlier_stage_messages_one_of_a_later_stage_and_itself() {
    let mut world = World::of_each_kind(2);
    let (alpha, beta) = (id("alpha"), id("beta"));
    // `beta` comes after `alpha`: when `alpha` sends, `beta` has no new state yet.
    world.plan(
        "alpha",
        vec![
            send(beta, vec![Op::Note(1)]),
            send(alpha, vec![Op::Note(2)]),
        ],
    );
    world.crossed();
    assert_eq!(world.trail(beta), ["script of alpha", "1"]);
    assert_eq!(world.trail(alpha), ["script of alpha", "2"]);
}

#[test]
fn a_message_to_a_carried_an_adopted_or_a_deaf_engine_becomes_an_ordinary_one() {
    let mut world = World::of_each_kind(2);
    let leaf = id("alpha").child(0);
    let to = [id("fixed"), id("same"), id("plain"), leaf];
    let says = to.map(|engine| say(engine, 100));
    world.plan("alpha", [vec![bear(Born::Leaf, 1)], says.into()].concat());
    world.crossed();
    assert_eq!(world.look(leaf).unwrap().total, 1);
    let outcome = world.block(&[], UNBOUNDED);
    assert_eq!((outcome.stats.messages, outcome.stats.dead_letters), (4, 0));
    for (engine, total, code) in [
        (to[0], 105, 1),
        (to[1], 104, 2),
        (to[2], 102, 2),
        (leaf, 101, 2),
    ] {
        let told = world.look(engine).unwrap();
        assert_eq!((told.total, told.code), (total, code), "{engine}");
        assert_eq!(told.trail, [format!("{code}: alpha adds 100")]);
    }
}

#[test]
fn upgrade_messages_come_first_in_a_mailbox_with_a_backlog_and_each_senders_stay_in_order() {
    let mut world = World::of_each_kind(2);
    let fixed = id("fixed");
    world.plan("alpha", vec![say(fixed, 31), say(fixed, 32)]);
    world.plan("stray", vec![]);
    // `alpha` sends three messages, which wait: the block's budget is spent by what made it send them.
    let forward = Message::Forward {
        to: fixed,
        number: 11,
        times: 3,
    };
    let outcome = world.block(&[(id("alpha"), forward)], 1);
    assert_eq!(outcome.backlog, 3);
    let crossed = world.crossed();
    // The count goes on where the ordinary messages left it.
    assert_eq!(crossed.counters(id("alpha")), (5, 0));
    assert_eq!(crossed.after.backlog, 5);
    world.block(&[], UNBOUNDED);
    let told = [31, 32, 11, 12, 13].map(|number| format!("1: alpha adds {number}"));
    assert_eq!(world.trail(fixed), told);
    // And so does the next: nothing is lost or said twice.
    assert_eq!(world.block(&[], UNBOUNDED).stats.messages, 0);
}

#[test]
fn handlers_too_send_ordinary_messages_and_all_of_them_come_first_in_the_order_of_their_rounds() {
    let mut world = World::of_each_kind(2);
    let fixed = id("fixed");
    world.plan(
        "alpha",
        vec![
            say(fixed, 1),
            send(id("beta"), vec![say(fixed, 2)]),
            say(fixed, 3),
        ],
    );
    let client = (fixed, Message::Add(9));
    let waits = Message::Forward {
        to: fixed,
        number: 8,
        times: 1,
    };
    world.block(&[(id("same"), waits)], 1);
    world.crossed();
    world.block(&[client], UNBOUNDED);
    let told = ["1: alpha adds 1", "1: alpha adds 3", "1: beta adds 2"];
    assert_eq!(world.trail(fixed)[..3], told);
    assert_eq!(
        world.trail(fixed)[3..],
        ["1: same adds 8", "1: client adds 9"]
    );
}

/// The upgrade in which `alpha` does this aborts with `code`, and the failure names both ends.
fn refused(plan: Vec<Op>, code: &str, to: &str) {
    let mut world = World::of_each_kind(2);
    world.ask(id("fixed"), Message::Stop).unwrap();
    world.plan("alpha", plan);
    let failure = world.aborted();
    assert_eq!(failure.code(), code, "{failure}");
    let text = failure.to_string();
    assert!(text.contains("`alpha`") && text.contains(to), "{text}");
}

#[test]
fn a_message_that_cannot_be_delivered_aborts_and_says_why() {
    let child = id("alpha").child(0);
    let hello = || vec![Op::Note(1)];
    refused(
        vec![send(id("nobody"), hello())],
        "upgrade-message-unknown",
        "`nobody`",
    );
    refused(
        vec![say(id("fixed"), 1)],
        "upgrade-message-retired",
        "`fixed`",
    );
    refused(
        vec![Op::Mutter { to: id("beta") }],
        "upgrade-message-schema",
        "`beta`",
    );
    refused(
        vec![Op::Mutter { to: id("same") }],
        "upgrade-message-schema",
        "`same`",
    );
    refused(
        vec![send(id("same"), hello())],
        "upgrade-message-schema",
        "`same`",
    );
    refused(vec![say(id("beta"), 1)], "upgrade-message-schema", "`beta`");
    let retired = vec![
        bear(Born::Fresh, 1),
        Op::Retire(child),
        send(child, hello()),
    ];
    refused(retired, "upgrade-message-retired", &child.to_string());
    let retired = vec![bear(Born::Leaf, 1), Op::Retire(child), say(child, 1)];
    refused(retired, "upgrade-message-retired", &child.to_string());
    // Sent before it retires, it would be handled after.
    let retired = vec![Op::Retire(id("alpha")), send(id("alpha"), hello())];
    refused(retired, "upgrade-message-retired", "`alpha`");
}

#[test]
fn a_message_to_an_engine_that_a_later_round_or_stage_has_retired_aborts() {
    let mut world = World::of_each_kind(2);
    let beta = id("beta");
    world.plan("beta", vec![Op::Retire(beta)]);
    world.plan("alpha", vec![send(beta, vec![])]);
    assert_eq!(world.aborted().code(), "upgrade-message-retired");
    let mut world = World::of_each_kind(2);
    // Round 1: `beta` retires itself, `stray` is told to send to it. Round 2: it is not there.
    let asked = vec![send(id("alpha"), vec![send(beta, vec![])])];
    world.plan(
        "alpha",
        [vec![send(beta, vec![Op::Retire(beta)])], asked].concat(),
    );
    assert_eq!(world.aborted().code(), "upgrade-message-retired");
}

#[test]
fn a_message_without_the_capability_aborts_and_one_to_its_own_kind_needs_none() {
    for to in ["alpha", "same", "fixed"] {
        let mut world = World::of_each_kind(2);
        let op = match to {
            "alpha" => send(id(to), vec![]),
            _ => say(id(to), 1),
        };
        world.plan("stray", vec![op]);
        let failure = world.aborted();
        assert_eq!(
            (failure.code(), failure.engine()),
            ("capability-missing", Some(id("stray")))
        );
    }
    let engines = [("stray", "stray"), ("other", "stray")];
    let mut world = World::start(&kinds::first(), &engines, 2);
    world.plan("stray", vec![send(id("other"), vec![Op::Note(1)])]);
    world.crossed();
    assert_eq!(world.trail(id("other")), ["script of stray", "1"]);
}

#[test]
fn what_a_grant_takes_away_is_missing_on_the_bus_too() {
    use refit_kernel::{Configuration, Executor, GenerationTable, Grants};
    let mut world = World::of_each_kind(2);
    // `alpha` declares everything; the node grants it nothing.
    let listed = [("alpha".to_owned(), Vec::new())].into();
    let kinds: Vec<_> = kinds::first().kinds().collect();
    let table = GenerationTable::first_with(kinds, Grants { listed });
    world.call(move |executor| *executor = Executor::new(table));
    let config = br#"{"number":0,"effects":null,"refuses":false}"#.to_vec();
    for name in ["alpha", "fixed"] {
        let config = config.clone();
        world
            .call(move |executor| {
                let config = Configuration::json(config.as_slice());
                executor.start(
                    id(name),
                    name,
                    config,
                    refit_abi::host::BlockFrame::default(),
                )
            })
            .unwrap();
    }
    let asks = [Op::Read(id("fixed")), bear(Born::Leaf, 1)].map(crate::bus::ops::attempt);
    world.plan("alpha", asks.into());
    world.crossed();
    assert_eq!(world.trail(id("alpha")), ["capability-missing"; 2]);
}

#[test]
fn states_are_checked_after_the_last_round_and_not_before() {
    let mut world = World::of_each_kind(2);
    // Between its transition and round 1 `beta` would not pass its check.
    world.plan("beta", vec![Op::Set(crate::bus::ops::CHECK)]);
    world.plan("alpha", vec![send(id("beta"), vec![Op::Set(1)])]);
    world.crossed();
    assert_eq!(world.look(id("beta")).unwrap().total, 1);
    let mut world = World::of_each_kind(2);
    world.plan(
        "alpha",
        vec![send(id("beta"), vec![Op::Set(crate::bus::ops::CHECK)])],
    );
    let failure = world.aborted();
    assert_eq!(
        (failure.code(), failure.engine()),
        ("check-failed", Some(id("beta")))
    );
    // One that was started is checked as well.
    let mut world = World::of_each_kind(2);
    world.plan("alpha", vec![bear(Born::Leaf, crate::bus::ops::CHECK)]);
    let failure = world.aborted();
    assert_eq!(
        (failure.code(), failure.engine()),
        ("check-failed", Some(id("alpha").child(0)))
    );
}

#[test]
fn lines_come_out_once_in_order_after_a_commit_and_after_an_abort() {
    for fails in [false, true] {
        let mut world = World::of_each_kind(2);
        let log = |line: &str| Op::Log(line.to_owned());
        let heard = match fails {
            true => vec![log("third"), Op::Fail],
            false => vec![log("third")],
        };
        let beta = id("beta");
        world.plan("beta", vec![log("first"), log("second"), send(beta, heard)]);
        let crossed = world.cross_with(&[kinds::second()], &Directives::default(), Unwatched);
        let lines: Vec<_> = crossed
            .lines
            .iter()
            .map(|l| (l.engine, l.line.as_str()))
            .collect();
        assert_eq!(lines, [(beta, "first"), (beta, "second"), (beta, "third")]);
    }
}

#[test]
fn an_upgrade_with_many_messages_and_engines_leaves_one_state_each() {
    let _alone = alone();
    let before = tracked();
    let names: Vec<String> = (0..200).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "alpha")).collect();
    let mut world = World::start(&kinds::first(), &engines, 2);
    let next = |number: usize| id(&names[(number + 1) % names.len()]);
    for (number, name) in names.iter().enumerate() {
        let told = vec![Op::Note(number as u64), bear(Born::Fresh, 1)];
        world.plan(
            name,
            vec![send(next(number), told.clone()), send(next(number), told)],
        );
    }
    let crossed = world.crossed();
    assert_eq!(crossed.after.statuses.len(), 600);
    for (number, name) in names.iter().enumerate() {
        let engine = next(number);
        let started = [0, 1].map(|child| format!("started {}", engine.child(child)));
        let heard = format!("script of {name}");
        let told = [
            &heard,
            &number.to_string(),
            &started[0],
            &heard,
            &number.to_string(),
            &started[1],
        ];
        assert_eq!(world.trail(engine), told.map(String::as_str));
    }
    assert_eq!(tracked() - before, 600);
}

#[test]
fn an_upgrade_message_to_a_poisoned_engine_aborts_and_an_ordinary_one_comes_back() {
    let engines = [("alpha", "alpha"), ("sick", "alpha"), ("ill", "fixed")];
    let start = || {
        let mut world = World::start(&kinds::first(), &engines, 2);
        for name in ["sick", "ill"] {
            world.ask(id(name), Message::Panic).unwrap_err();
        }
        world
    };
    let mut world = start();
    world.plan("alpha", vec![send(id("sick"), vec![])]);
    let failure = world.aborted();
    assert_eq!(failure.code(), "upgrade-message-poisoned");
    assert!(failure.to_string().contains("`sick`"), "{failure}");
    let mut world = start();
    world.plan("alpha", vec![say(id("ill"), 1)]);
    world.crossed();
    world.block(&[], UNBOUNDED);
    assert_eq!(world.trail(id("alpha")), ["not to ill: Poisoned"]);
}

#[test]
fn a_retired_engine_that_was_sent_a_message_is_told_with_who_sent_it() {
    // `fixed` handles no upgrade messages: what it is sent waits for the commit.
    let mut world = World::of_each_kind(2);
    let child = id("alpha").child(0);
    let later = vec![Op::Retire(child)];
    world.plan(
        "alpha",
        vec![
            bear(Born::Fixed, 1),
            send(id("beta"), vec![say(child, 1), send(id("alpha"), later)]),
        ],
    );
    let failure = world.aborted();
    assert_eq!(failure.code(), "upgrade-message-retired");
    assert_eq!(failure.engine(), Some(id("beta")), "{failure}");
}

#[test]
fn a_handler_that_fails_is_told_with_whose_message_it_was() {
    let mut world = World::of_each_kind(2);
    world.plan("alpha", vec![send(id("beta"), vec![Op::Note(1)])]);
    world.plan("stray", vec![]);
    world.plan("plain", vec![send(id("beta"), vec![Op::Fail])]);
    let failure = world.aborted();
    assert_eq!(failure.engine(), Some(id("beta")));
    assert!(failure.to_string().contains("from `plain`"), "{failure}");
}

#[test]
fn an_ordinary_message_to_a_full_mailbox_aborts_before_anything_is_lost() {
    let mut world = World::of_each_kind(2);
    let fill = Message::Forward {
        to: id("fixed"),
        number: 1,
        times: 4_000,
    };
    let times = MAILBOX_MESSAGES_MAX / 4_000;
    let fills: Vec<_> = (0..times).map(|_| (id("same"), fill.clone())).collect();
    world.plan(
        "alpha",
        vec![Op::Repeat(2_000, Box::new(say(id("fixed"), 1)))],
    );
    world.block(&fills, fills.len() as u64);
    let failure = world.aborted();
    assert_eq!(failure.code(), "upgrade-message-full");
    assert_eq!(failure.engine(), Some(id("alpha")));
}
