//! Engines that are started and retired on the bus, and what their `init` asks for.

use crate::bus::kinds::{self, id, one, tracked};
use crate::bus::ops::{Birth, Born, Message, Op, UNBORN, attempt, bear, bear_named, say, send};
use crate::bus::world::{UNBOUNDED, World, alone};
use refit_abi::host::Explain;
use refit_abi::{EngineId, Height};
use refit_kernel::Executor;
use refit_upgrade::{Directives, Phase, Unwatched, Verdict};

fn with_effects(to: EngineId, number: u64) -> Op {
    let birth = Birth {
        number,
        effects: Some(to),
        refuses: false,
    };
    Op::Spawn {
        kind: Born::Fresh,
        name: None,
        birth,
    }
}

#[test]
fn a_started_engine_has_the_id_of_the_next_child_and_serves_after_the_swap_only() {
    let mut world = World::of_each_kind(2);
    // Two children before the upgrade, three on the bus, one after it.
    world.ask(id("plain"), Message::Bear).unwrap();
    world.ask(id("plain"), Message::Bear).unwrap();
    world.plan(
        "plain",
        vec![
            bear(Born::Fresh, 7),
            bear(Born::Leaf, 8),
            bear(Born::Fixed, 9),
        ],
    );
    let child = |number| id("plain").child(number);
    assert_eq!(world.look(child(2)), None);
    let crossed = world.crossed();
    assert_eq!(crossed.counters(id("plain")), (0, 5));
    assert_eq!(
        crossed.before.statuses.len() + 3,
        crossed.after.statuses.len()
    );
    for (number, total) in [(2, 7), (3, 8), (4, 9)] {
        assert_eq!(
            world.ask(child(number), Message::Add(100)).unwrap().total,
            total + 100
        );
    }
    world.ask(id("plain"), Message::Bear).unwrap();
    assert_eq!(world.look(child(5)).unwrap().total, 0);
}

#[test]
fn after_an_abort_the_next_child_has_the_id_it_would_have_had() {
    let mut world = World::of_each_kind(2);
    world.plan(
        "plain",
        vec![bear(Born::Fresh, 7), bear(Born::Leaf, 8), Op::Fail],
    );
    assert_eq!(world.aborted().code(), "transition-failed");
    world.ask(id("plain"), Message::Bear).unwrap();
    assert_eq!(world.look(id("plain").child(0)).unwrap().code, 1);
    assert_eq!(world.look(id("plain").child(1)), None);
}

#[test]
fn an_engine_under_a_name_of_its_own_is_reached_by_it_and_is_still_a_child() {
    let mut world = World::of_each_kind(2);
    world.plan("alpha", vec![bear_named(Born::Fresh, "index")]);
    // Only its parent may retire it.
    world.plan("beta", vec![attempt(Op::Retire(id("index")))]);
    world.crossed();
    assert_eq!(world.ask(id("index"), Message::Add(3)).unwrap().total, 3);
    assert_eq!(world.trail(id("beta")), ["capability-missing"]);
}

#[test]
fn starting_an_existing_engine_is_an_error_and_so_is_a_name_that_is_none() {
    let engines = [("alpha", "alpha"), ("fixed", "fixed"), ("gone", "fixed")];
    let mut world = World::start(&crate::bus::kinds::first(), &engines, 2);
    world.ask(id("gone"), Message::Stop).unwrap();
    let names = ["fixed", "alpha", "gone", "twice", "twice", "Not a name", ""];
    let plan = names.map(|name| attempt(bear_named(Born::Leaf, name)));
    world.plan("alpha", plan.into());
    world.crossed();
    let taken = "bus-taken";
    let told = [
        taken,
        taken,
        taken,
        "started twice",
        taken,
        "bus-failed",
        "bus-failed",
    ];
    assert_eq!(world.trail(id("alpha")), told);
}

#[test]
fn one_name_from_two_transitions_aborts() {
    // In two chunks, so that neither transition knows of the other.
    let names: Vec<String> = (0..130).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "alpha")).collect();
    let mut world = World::start(&crate::bus::kinds::first(), &engines, 2);
    for name in ["e3", "e100"] {
        world.plan(name, vec![attempt(bear_named(Born::Leaf, "index"))]);
    }
    let failure = world.aborted();
    assert_eq!(
        (failure.code(), failure.engine()),
        ("bus-taken", Some(id("index")))
    );
}

#[test]
fn an_init_that_refuses_is_an_error_and_the_author_may_go_on() {
    let mut world = World::of_each_kind(2);
    let birth = Birth {
        refuses: true,
        ..Birth::default()
    };
    let refused = Op::Spawn {
        kind: Born::Leaf,
        name: None,
        birth,
    };
    world.plan("alpha", vec![attempt(refused.clone())]);
    world.crossed();
    assert_eq!(world.trail(id("alpha")), ["unborn"]);
    let mut world = World::of_each_kind(2);
    world.plan("alpha", vec![refused]);
    let failure = world.aborted();
    assert_eq!(failure.code(), "transition-failed");
    assert!(failure.to_string().contains("unborn"), "{failure}");
}

#[test]
fn a_kind_without_the_capability_starts_no_engine() {
    let mut world = World::of_each_kind(2);
    world.plan("stray", vec![attempt(bear(Born::Leaf, 1))]);
    let crossed = world.crossed();
    assert_eq!(world.trail(id("stray")), ["capability-missing"]);
    assert_eq!(crossed.before.statuses.len(), crossed.after.statuses.len());
}

#[test]
fn what_an_init_on_the_bus_asks_for_is_done_after_the_commit_and_comes_out_once() {
    let mut world = World::of_each_kind(2);
    let child = id("alpha").child(0);
    world.plan("alpha", vec![with_effects(id("fixed"), 40)]);
    let crossed = world.crossed();
    // Its own child is there; nothing it sent has been handled.
    assert_eq!(world.look(child.child(0)).unwrap().total, 41);
    assert_eq!(crossed.counters(child), (1, 1));
    assert_eq!(world.look(id("fixed")).unwrap().total, 5);
    let outcome = world.block(&[], UNBOUNDED);
    let emitted: Vec<_> = outcome
        .events
        .iter()
        .map(|e| (e.engine, e.topic.as_str()))
        .collect();
    assert_eq!(emitted, [(child, "born")]);
    assert_eq!(
        outcome
            .logs
            .iter()
            .filter(|line| line.line == "born")
            .count(),
        1
    );
    assert_eq!(world.look(id("fixed")).unwrap().total, 45);
    assert_eq!(outcome.next_timer_height, Some(Height(3)));
    assert_eq!(world.look(child).unwrap().total, 40);
    let outcome = world.block(&[], UNBOUNDED);
    assert!(outcome.events.is_empty() && outcome.logs.is_empty());
    assert_eq!(outcome.next_timer_height, None);
    assert_eq!(world.look(child).unwrap().total, 1_040);
}

#[test]
fn what_an_init_on_the_bus_asks_for_counts_against_the_budgets_of_the_upgrade() {
    // A message and a timer each, and a leaf of its own.
    let plan = vec![Op::Repeat(
        8,
        Box::new(attempt(with_effects(id("beta"), 1))),
    )];
    let crossed = |messages| {
        let mut world = World::of_each_kind(2);
        world.plan("plain", plan.clone());
        let mut directives = Directives::default();
        directives.budget.messages = messages;
        let crossed = world.cross_with(&[kinds::second()], &directives, Unwatched);
        crossed.verdict
    };
    assert!(matches!(crossed(16), Verdict::Committed(_)));
    match crossed(15) {
        Verdict::Aborted { failure, .. } => assert_eq!(failure.code(), "bus-budget-spent"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_an_init_on_the_bus_asks_for_is_gone_after_an_abort() {
    let mut world = World::of_each_kind(2);
    world.plan(
        "alpha",
        vec![
            with_effects(id("fixed"), 40),
            Op::Log("here".to_owned()),
            Op::Fail,
        ],
    );
    world.aborted();
    for _ in 0..3 {
        let outcome = world.block(&[], UNBOUNDED);
        assert!(outcome.events.is_empty() && outcome.logs.is_empty());
        assert_eq!(
            (outcome.stats.messages, outcome.next_timer_height),
            (0, None)
        );
    }
    assert_eq!(world.look(id("fixed")).unwrap().total, 5);
}

#[test]
fn an_engine_retires_itself_and_its_children_old_and_new_with_the_commit() {
    let mut world = World::of_each_kind(2);
    world.ask(id("alpha"), Message::Bear).unwrap();
    let child = |number| id("alpha").child(number);
    let retire = [0, 1, 2].map(|number| Op::Retire(child(number)));
    let plan = [
        vec![bear(Born::Fresh, 7), bear(Born::Leaf, 8)],
        retire.into(),
    ]
    .concat();
    world.plan("alpha", plan);
    world.plan(
        "plain",
        vec![Op::Retire(id("plain")), Op::Retire(id("plain"))],
    );
    world.plan("stray", vec![Op::Retire(id("stray"))]);
    let crossed = world.crossed();
    for gone in [child(0), child(1), child(2), id("plain"), id("stray")] {
        assert_eq!(world.look(gone), None, "{gone}");
        assert!(world.ask(gone, Message::Add(1)).is_err());
    }
    // Those that were started and retired in one upgrade were never there; their ids are spent.
    assert_eq!(
        crossed.before.statuses.len() - 3,
        crossed.after.statuses.len()
    );
    assert_eq!(crossed.counters(id("alpha")), (0, 3));
}

#[test]
fn retiring_someone_elses_engine_or_none_is_an_error() {
    let mut world = World::of_each_kind(2);
    world.ask(id("plain"), Message::Bear).unwrap();
    let whom = [id("plain"), id("plain").child(0), id("fixed"), id("nobody")];
    world.plan(
        "alpha",
        whom.map(|engine| attempt(Op::Retire(engine))).into(),
    );
    world.crossed();
    let no = "capability-missing";
    assert_eq!(world.trail(id("alpha")), [no, no, no, "bus-unknown"]);
    assert_eq!(world.look(id("plain").child(0)).unwrap().code, 1);
}

#[test]
fn an_engine_started_in_a_round_takes_messages_in_the_next_and_may_start_and_retire_others() {
    let mut world = World::of_each_kind(2);
    let child = id("alpha").child(0);
    let last = vec![Op::Note(2), Op::Retire(child.child(1))];
    let first = vec![bear(Born::Fresh, 5), bear(Born::Leaf, 6), send(child, last)];
    let plan = vec![bear(Born::Fresh, 4), send(child, first)];
    world.plan("alpha", plan);
    let crossed = world.crossed();
    assert_eq!(crossed.counters(child), (1, 2));
    assert_eq!(world.look(child.child(0)).unwrap().total, 5);
    assert_eq!(world.look(child.child(1)), None);
    assert_eq!(world.trail(child).last().unwrap(), "2");
}

#[test]
fn engines_that_an_init_starts_count_and_fail_as_those_that_are_started_on_the_bus() {
    // One engine and the leaf that its `init` starts: two.
    for (engines, commits) in [(2, true), (1, false)] {
        let mut world = World::of_each_kind(2);
        world.plan("alpha", vec![with_effects(id("fixed"), 40)]);
        let mut directives = Directives::default();
        directives.budget.engines = engines;
        let crossed = world.cross_with(&[kinds::second()], &directives, Unwatched);
        if commits {
            assert!(matches!(crossed.verdict, Verdict::Committed(_)));
        } else {
            let failure = crossed.all_old(Phase::Transitioned);
            assert_eq!(failure.code(), "bus-budget-spent");
            assert_eq!(failure.engine(), Some(id("alpha")));
        }
    }
}

#[test]
fn an_init_whose_own_child_does_not_start_starts_nothing_and_the_author_is_told() {
    let _alone = alone();
    let before = tracked();
    let mut world = World::of_each_kind(2);
    // The leaf's number would be too large for its `init`.
    world.plan(
        "alpha",
        vec![attempt(with_effects(id("fixed"), UNBORN - 1))],
    );
    let crossed = world.crossed();
    assert_eq!(world.trail(id("alpha")), ["unborn"]);
    assert_eq!(crossed.before.statuses.len(), crossed.after.statuses.len());
    world.call(Executor::sweep);
    world.discard();
    assert_eq!(tracked(), before);
}

#[test]
fn an_upgrade_right_after_another_finds_what_that_one_left() {
    let mut world = World::of_each_kind(2);
    let child = id("alpha").child(0);
    world.plan(
        "alpha",
        vec![with_effects(id("fixed"), 40), say(id("same"), 2)],
    );
    world.crossed();
    // No block between: the first one's mail waits, its child is there to be read and retired.
    world.call(|executor| assert!(executor.backlog() > 0));
    let crossed = world.cross_with(&[one("alpha", 3)], &Directives::default(), Unwatched);
    assert!(matches!(crossed.verdict, Verdict::Committed(_)));
    assert!(world.look(child).is_some());
    world.block(&[], UNBOUNDED);
    assert_eq!(world.look(id("fixed")).unwrap().total, 45);
    assert_eq!(world.look(id("same")).unwrap().total, 6);
}
