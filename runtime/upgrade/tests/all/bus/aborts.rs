//! Whatever fails, all is as it was, byte for byte, and everything new is dropped once.

use crate::bus::kinds::{self, id, tracked};
use crate::bus::ops::{Born, CANCELS_SEEN, Message, Op, attempt, bear, bear_named, say, send};
use crate::bus::world::{Snapshot, UNBOUNDED, WithdrawsAt, World, alone};
use refit_abi::host::Explain;
use refit_kernel::{BlockOutcome, Executor, replaced};
use refit_upgrade::{BusBudget, Directives, Failure, Phase, Unwatched};
use std::sync::atomic::Ordering;

/// Upgrades in one of which a transition must be under way when another fails.
const TRIES: usize = 20;

/// Makes a budget smaller.
type Limit = fn(&mut BusBudget);

/// Traffic of every sort, that goes well.
fn busy(world: &mut World) {
    let (alpha, beta) = (id("alpha"), id("beta"));
    let child = alpha.child(0);
    let heard = vec![Op::Note(1), bear(Born::Leaf, 3), say(id("fixed"), 4)];
    let plan = vec![
        bear(Born::Fresh, 2),
        bear_named(Born::Fixed, "named"),
        bear(Born::Leaf, 9),
        Op::Retire(alpha.child(2)),
        send(child, heard.clone()),
        send(beta, heard),
        say(id("same"), 5),
        Op::Log("line".to_owned()),
    ];
    world.plan("alpha", plan);
    world.plan(
        "beta",
        vec![Op::Query(alpha), Op::Read(alpha), attempt(Op::Query(child))],
    );
    world.plan(
        "plain",
        vec![
            bear(Born::Leaf, 6),
            say(id("fixed"), 7),
            Op::Retire(id("plain")),
        ],
    );
    // A backlog, a timer, an engine that is stopped and one with a dead letter's worth of trouble.
    world
        .ask(id("fixed"), Message::Wake(refit_abi::Height(40)))
        .unwrap();
    let waits = Message::Forward {
        to: id("fixed"),
        number: 1,
        times: 5,
    };
    assert_eq!(world.block(&[(id("same"), waits)], 1).backlog, 5);
}

/// What can be seen of a node, and of its next blocks: what waited in its queues comes out there.
fn future(world: &mut World) -> Vec<String> {
    let shown = |outcome: BlockOutcome| format!("{outcome:?}");
    let mut seen = vec![shown(world.block(&[], 2))];
    for name in ["alpha", "beta", "plain", "stray", "same", "fixed"] {
        seen.push(format!("{:?}", world.ask(id(name), Message::Bear)));
    }
    world.height = 38;
    seen.extend((0..3).map(|_| shown(world.block(&[], UNBOUNDED))));
    seen.push(format!(
        "{:?}",
        world.call(|executor| executor.encode_states().unwrap())
    ));
    seen.push(format!(
        "{:?}",
        world.call(|executor| executor.statuses(1_000))
    ));
    seen
}

/// The upgrade that also does `extra` is aborted: all is as it was, what waits comes out as in a node
/// that was never to be upgraded, nothing new is left, and without `extra` it commits.
fn aborts(extra: impl Fn(&mut World), directives: &Directives) -> Failure {
    let _alone = alone();
    let run = |upgrade: bool| {
        let mut world = World::of_each_kind(2);
        busy(&mut world);
        extra(&mut world);
        let failure = upgrade.then(|| {
            let before = tracked();
            let crossed = world.cross_with(&[kinds::second()], directives, Unwatched);
            assert_eq!(tracked(), before, "all that was new is dropped, once");
            crossed.all_old(Phase::Transitioned)
        });
        (failure, future(&mut world))
    };
    let ((failure, after), (_, without)) = (run(true), run(false));
    assert_eq!(after, without);
    failure.unwrap()
}

#[test]
fn busy_traffic_commits() {
    let _alone = alone();
    let before = tracked();
    let mut world = World::of_each_kind(2);
    busy(&mut world);
    let crossed = world.crossed();
    let more = crossed.after.statuses.len() - crossed.before.statuses.len();
    // `alpha`'s child and named one, a leaf of that child, of `beta` and of `plain`, which is gone.
    assert_eq!(more, 5 - 1);
    // alpha, beta, stray; fresh; three leaves.
    assert_eq!(tracked() - before, 7);
    assert_eq!(crossed.after.backlog, 5 + 4);
    world.discard();
    assert_eq!(tracked(), before, "all is dropped, once");
}

#[test]
fn a_transition_that_errs_or_panics_aborts() {
    for (op, code) in [
        (Op::Fail, "transition-failed"),
        (Op::Panic, "transition-panicked"),
    ] {
        for kind in ["alpha", "beta", "plain", "stray"] {
            let plan = vec![bear(Born::Fresh, 1), op.clone()];
            // `stray` may not start any; its own error comes first.
            let plan = if kind == "stray" {
                vec![op.clone()]
            } else {
                plan
            };
            let failure = aborts(
                |world| world.plan(kind, plan.clone()),
                &Directives::default(),
            );
            assert_eq!((failure.code(), failure.engine()), (code, Some(id(kind))));
        }
    }
}

#[test]
fn a_handler_of_upgrade_messages_that_errs_or_panics_aborts() {
    let codes = [
        (Op::Fail, "upgrade-message-failed"),
        (Op::Panic, "upgrade-message-panicked"),
    ];
    for (op, code) in codes {
        let heard = vec![bear(Born::Fresh, 1), say(id("fixed"), 1), op];
        let plan = vec![send(id("beta"), vec![Op::Note(1)]), send(id("beta"), heard)];
        let failure = aborts(
            |world| world.plan("alpha", plan.clone()),
            &Directives::default(),
        );
        assert_eq!((failure.code(), failure.engine()), (code, Some(id("beta"))));
    }
}

#[test]
fn a_new_state_that_fails_its_check_aborts() {
    for kind in ["alpha", "beta", "stray"] {
        let plan = vec![Op::Set(crate::bus::ops::CHECK)];
        let failure = aborts(
            |world| world.plan(kind, plan.clone()),
            &Directives::default(),
        );
        assert_eq!(
            (failure.code(), failure.engine()),
            ("check-failed", Some(id(kind)))
        );
    }
}

#[test]
fn a_message_that_cannot_be_delivered_aborts() {
    let plan = vec![bear(Born::Fresh, 1), send(id("nobody"), vec![])];
    let failure = aborts(
        |world| world.plan("alpha", plan.clone()),
        &Directives::default(),
    );
    assert_eq!(failure.code(), "upgrade-message-unknown");
}

#[test]
fn each_budget_that_is_spent_aborts_by_its_name_even_if_the_author_goes_on() {
    let alpha = id("alpha");
    let often = |op| attempt(Op::Repeat(200, Box::new(attempt(op))));
    let rounds = vec![Op::Pass {
        to: id("beta"),
        left: 200,
    }];
    let budgets: [(&str, Vec<Op>, Limit); 6] = [
        ("150 messages", vec![often(send(alpha, vec![]))], |b| {
            b.messages = 150
        }),
        ("150 rounds", rounds, |b| b.rounds = 150),
        (
            "600 bytes",
            vec![often(send(alpha, vec![Op::Log("0123456789".into())]))],
            |b| b.bytes = 600,
        ),
        ("600 bytes", vec![often(Op::Read(alpha))], |b| b.bytes = 600),
        ("600 bytes", vec![often(Op::Retire(alpha))], |b| {
            b.bytes = 600
        }),
        ("150 engines", vec![often(bear(Born::Leaf, 1))], |b| {
            b.engines = 150
        }),
    ];
    for (name, plan, limit) in budgets {
        let mut directives = Directives::default();
        limit(&mut directives.budget);
        let failure = aborts(|world| world.plan("alpha", plan.clone()), &directives);
        assert_eq!(failure.code(), "bus-budget-spent");
        assert!(failure.to_string().contains(name), "{failure}");
        // What is asked for fits exactly into a budget that is large enough.
        let mut world = World::of_each_kind(2);
        world.plan("alpha", plan);
        let exact = BusBudget {
            messages: 200,
            rounds: 200,
            engines: 200,
            ..BusBudget::default()
        };
        let directives = Directives {
            budget: exact,
            ..Directives::default()
        };
        let crossed = world.cross_with(&[kinds::second()], &directives, Unwatched);
        assert!(
            matches!(crossed.verdict, refit_upgrade::Verdict::Committed(_)),
            "{name}"
        );
    }
}

#[test]
fn a_long_transition_sees_that_one_before_it_has_failed() {
    let names: Vec<String> = (0..130).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "alpha")).collect();
    let mut world = World::start(&kinds::first(), &engines, 2);
    // In the first chunk and in the last: two workers run them at once, in either order.
    world.plan(
        "e0",
        vec![
            Op::Repeat(10_000, Box::new(Op::Log("work".to_owned()))),
            Op::Fail,
        ],
    );
    world.plan("e129", vec![Op::AwaitCancel]);
    // The last one may come so late that it does not even begin.
    let seen = (0..TRIES).any(|_| {
        let failure = world.aborted();
        assert_eq!(failure.engine(), Some(id("e0")), "{failure}");
        CANCELS_SEEN.load(Ordering::SeqCst) > 0
    });
    assert!(seen, "no transition saw that it was cancelled");
}

#[test]
fn of_several_failures_the_first_in_order_is_told_however_late_it_comes() {
    let names: Vec<String> = (0..130).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "alpha")).collect();
    let work = |times| Op::Repeat(times, Box::new(Op::Read(id("e1"))));
    for late in [vec![work(20_000), Op::Fail], vec![work(20_000), Op::Panic]] {
        for workers in [1, 2, 2, 2] {
            let mut world = World::start(&kinds::first(), &engines, workers);
            world.plan("e0", late.clone());
            world.plan("e1", vec![Op::Fail]);
            world.plan("e129", vec![send(id("nobody"), Vec::new()), Op::Fail]);
            let failure = world.aborted();
            assert_eq!(failure.engine(), Some(id("e0")), "{workers}: {failure}");
        }
    }
}

#[test]
fn a_spent_budget_is_told_alike_however_fast_the_workers_are() {
    let names: Vec<String> = (0..130).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "alpha")).collect();
    let read = |times| Op::Repeat(times, Box::new(Op::Read(id("e1"))));
    let say = |times| Op::Repeat(times, Box::new(say(id("e2"), 1)));
    // Together e0 and e70 send too much, and so does e129 alone; then a fault that is never come to.
    for (slow, fails) in [(0, vec![]), (20_000, vec![Op::Fail])] {
        for workers in [1, 2, 2, 2] {
            let mut world = World::start(&kinds::first(), &engines, workers);
            world.plan("e0", vec![read(slow), say(60)]);
            world.plan("e70", [vec![say(60)], fails.clone()].concat());
            world.plan("e71", vec![Op::Read(id("e1"))]);
            world.plan("e129", vec![say(200)]);
            let mut directives = Directives::default();
            directives.budget.messages = 100;
            let crossed = world.cross_with(&[kinds::second()], &directives, Unwatched);
            let failure = crossed.all_old(Phase::Transitioned);
            assert_eq!(failure.code(), "bus-budget-spent");
            assert_eq!(failure.engine(), Some(id("e70")), "{workers}: {failure}");
        }
    }
}

#[test]
fn two_engines_that_start_another_of_one_name_abort_whatever_they_do_with_the_error() {
    let names: Vec<String> = (0..130).map(|number| format!("e{number}")).collect();
    let engines: Vec<_> = names.iter().map(|name| (name.as_str(), "alpha")).collect();
    // Neighbours, and engines that do not see each other.
    for other in ["e1", "e129"] {
        for workers in [1, 2] {
            let mut world = World::start(&kinds::first(), &engines, workers);
            for name in ["e0", other] {
                world.plan(name, vec![attempt(bear_named(Born::Fixed, "named"))]);
            }
            assert_eq!(world.aborted().code(), "bus-taken", "{other}");
        }
    }
}

#[test]
fn withdrawn_at_any_phase_everything_is_dropped_once_and_the_next_upgrade_works() {
    for phase in [
        Phase::Quiesced,
        Phase::Transitioned,
        Phase::Committed,
        Phase::Resumed,
    ] {
        let _alone = alone();
        let before = tracked();
        let mut world = World::of_each_kind(2);
        busy(&mut world);
        let directives = Directives::default();
        let crossed = world.cross_with(&[kinds::second()], &directives, WithdrawsAt(phase));
        if phase < Phase::Committed {
            assert_eq!(crossed.all_old(phase).code(), "withdrawn");
            assert_eq!(tracked(), before, "{phase}");
            world.crossed();
        }
        world.call(Executor::sweep);
        assert_eq!(tracked() - before, 7, "{phase}");
        world.discard();
        assert_eq!(tracked(), before, "{phase}");
    }
}

#[test]
fn a_poisoned_engine_fails_no_upgrade_and_stays_as_it_is() {
    let engines = [("alpha", "alpha"), ("sick", "alpha"), ("fixed", "fixed")];
    let mut world = World::start(&kinds::first(), &engines, 2);
    world.plan("sick", vec![Op::Fail]);
    world.ask(id("sick"), Message::Panic).unwrap_err();
    world.plan("alpha", vec![Op::Note(1)]);
    let crossed = world.crossed();
    let sick = |snapshot: &Snapshot| snapshot.statuses[1].clone();
    assert_eq!(sick(&crossed.before), sick(&crossed.after));
}

#[test]
fn replaced_states_wait_for_a_thread_that_ends_before_their_code_goes() {
    let _alone = alone();
    let before = tracked();
    let mut world = World::of_each_kind(2);
    world.crossed();
    assert_eq!(tracked() - before, 3);
    // To the same version once more: states with a field in bytes are read anew.
    world.crossed();
    world.call(Executor::sweep);
    assert_eq!(tracked() - before, 6, "the crew on duty has dropped none");
    let replaced = world.call(Executor::take_replaced);
    replaced::discard(replaced).unwrap();
    assert_eq!(tracked() - before, 3);
    world.discard();
    assert_eq!(tracked(), before);
}
