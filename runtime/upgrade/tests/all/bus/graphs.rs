//! Random bus traffic gives the same on any number of workers, however engines are packed, and twice.

use crate::bus::kinds;
use crate::bus::ops::{Born, Message, Op, attempt, bear, say, send};
use crate::bus::scripts::{kind_of, peer, script, seeded};
use crate::bus::world::{Crossed, Layout, UNBOUNDED, World};
use proptest::prelude::*;
use refit_abi::Sender;
use refit_kernel::limits::PARALLEL_MESSAGES_MIN;
use refit_upgrade::{BusBudget, Directives, RESIDENTS_PER_TASK, Unwatched, Verdict};

/// Graphs, unless `PROPTEST_CASES` says otherwise.
const BUS_CASES: u32 = 24;

/// Engines of a graph: from two chunks to ten.
const ENGINES: u64 = 150;

/// Plans of a graph.
const PLANS: usize = 120;

type Plans = Vec<(u64, u64, Vec<Op>)>;

/// Plans: whose, how often it is done, and what.
fn plans() -> impl Strategy<Value = Plans> {
    let plan = (0..ENGINES, prop_oneof![9 => Just(1), 1 => Just(40_u64)])
        .prop_flat_map(|(whose, times)| (Just(whose), Just(times), script(whose, ENGINES, 3)));
    prop::collection::vec(plan, 0..PLANS)
}

/// Budgets, some of which are soon spent.
fn budget() -> impl Strategy<Value = BusBudget> {
    let small = (1..400_u64, 1..40_u64, 100..20_000_u64, 1..40_u64);
    let small = small.prop_map(|(messages, rounds, bytes, engines)| BusBudget {
        messages,
        rounds,
        bytes,
        engines,
    });
    prop_oneof![3 => Just(BusBudget::default()), 1 => small]
}

/// All that can be seen after the upgrade of a node with these plans, and of its next block.
fn run(plans: &Plans, budget: BusBudget, layout: Layout) -> (Crossed, String) {
    let names: Vec<String> = (0..ENGINES).map(|number| format!("e{number}")).collect();
    let named = |(number, name)| (String::as_str(name), kind_of(number as u64));
    let engines: Vec<_> = names.iter().enumerate().map(named).collect();
    let mut world = World::start(&kinds::first(), &engines, layout);
    let message = |(whose, times, plan): &(u64, u64, Vec<Op>)| {
        let often = |op: &Op| Op::Repeat(*times, Box::new(op.clone()));
        (
            peer(*whose),
            Message::Plan(plan.iter().map(often).collect()),
        )
    };
    let messages: Vec<_> = plans.iter().map(message).collect();
    world.block(&messages, UNBOUNDED);
    // And some that wait.
    let forward = |number: u64| Message::Forward {
        to: peer(5),
        number,
        times: 2,
    };
    world.block(&[(peer(0), forward(1)), (peer(4), forward(2))], 1);
    let directives = Directives {
        budget,
        ..Directives::default()
    };
    let crossed = world.cross_with(&[kinds::second()], &directives, Unwatched);
    let outcome = world.block(&[], UNBOUNDED);
    let states = world.call(|executor| executor.encode_states().unwrap());
    world.call(refit_kernel::Executor::discard_engines);
    (crossed, format!("{outcome:?} {states:?}"))
}

#[test]
fn random_traffic_gives_the_same_bytes_however_its_work_is_spread_and_twice() {
    let committed = std::cell::Cell::new(0);
    seeded(BUS_CASES, &(plans(), budget()), |(plans, budget)| {
        let [plainest, others @ ..] = Layout::SOME;
        let (first, future) = run(&plans, budget, plainest);
        for layout in others.into_iter().chain([plainest]) {
            let (other, its_future) = run(&plans, budget, layout);
            match (&first.verdict, &other.verdict) {
                (Verdict::Committed(_), Verdict::Committed(_)) => {
                    assert_eq!(first.lines, other.lines);
                    committed.set(committed.get() + 1);
                }
                (Verdict::Aborted { failure: one, .. }, Verdict::Aborted { failure: two, .. }) => {
                    assert_eq!(one.to_string(), two.to_string());
                    assert_eq!(other.before, other.after);
                }
                (one, two) => panic!("{one:?} and {two:?}"),
            }
            assert_eq!(first.before, other.before);
            assert_eq!(first.after, other.after);
            assert_eq!(future, its_future);
        }
    });
    eprintln!("committed {}", committed.get());
    assert!(committed.get() > 0, "some traffic goes well");
}

/// Every `alpha` and `beta` sends a script to each engine that hears: rounds of more messages and receivers
/// than one worker takes. These receivers fail.
fn crowd(failing: &[u64]) -> Plans {
    let hears = |number: &u64| ["alpha", "beta", "stray"].contains(&kind_of(*number));
    let receivers: Vec<u64> = (0..ENGINES).filter(hears).collect();
    let senders: Vec<u64> = receivers
        .iter()
        .copied()
        .filter(|n| kind_of(*n) != "stray")
        .collect();
    assert!(
        receivers.len() > RESIDENTS_PER_TASK
            && senders.len() * receivers.len() > PARALLEL_MESSAGES_MIN
    );
    let script = |me: u64, to: u64| {
        let mut script = vec![Op::Note(me), Op::Log(format!("of {me}"))];
        if kind_of(to) != "stray" {
            script.push(attempt(bear(Born::Leaf, me)));
            script.push(say(peer(2), me));
            script.push(send(peer(3 + 6 * (to % 7)), vec![Op::Note(to)]));
        }
        script.extend(failing.contains(&to).then_some(Op::Fail));
        send(peer(to), script)
    };
    let plan = |me: &u64| {
        (
            *me,
            1,
            receivers.iter().map(|to| script(*me, *to)).collect(),
        )
    };
    senders.iter().map(plan).collect()
}

#[test]
fn rounds_that_all_workers_share_give_the_same_and_fail_alike() {
    let budget = BusBudget::default();
    let [plainest, others @ ..] = Layout::SOME;
    let (alone, future) = run(&crowd(&[]), budget, plainest);
    assert!(
        matches!(alone.verdict, Verdict::Committed(_)),
        "{:?}",
        alone.verdict
    );
    // One of the first task, one of the second, and both.
    let failing = [vec![6], vec![145], vec![6, 145]];
    let failed = failing
        .clone()
        .map(|failing| run(&crowd(&failing), budget, plainest).0);
    for layout in others.into_iter().chain([Layout::new(3, 64)]) {
        let (other, its_future) = run(&crowd(&[]), budget, layout);
        assert_eq!((&alone.after, &alone.lines), (&other.after, &other.lines));
        assert_eq!(future, its_future);
        for (failing, alone) in failing.iter().zip(&failed) {
            let (other, _) = run(&crowd(failing), budget, layout);
            assert_eq!(other.before, other.after);
            assert_eq!(
                format!("{:?}", alone.verdict),
                format!("{:?}", other.verdict)
            );
            assert_eq!(alone.lines, other.lines);
        }
    }
}

#[test]
fn of_more_lines_than_are_kept_the_same_are_kept_however_work_is_spread() {
    let plan = |number| {
        let line = Op::Log(format!("of {number}"));
        (number, 60, vec![line])
    };
    let plans: Plans = (0..ENGINES)
        .filter(|n| kind_of(*n) == "alpha")
        .map(plan)
        .collect();
    let budget = BusBudget::default();
    let [plainest, others @ ..] = Layout::SOME;
    let (first, _) = run(&plans, budget, plainest);
    assert!(first.lines.len() < 60 * plans.len());
    for layout in others.into_iter().chain([Layout::new(2, 64); 4]) {
        assert_eq!(run(&plans, budget, layout).0.lines, first.lines);
    }
}

#[test]
fn births_and_messages_of_two_kinds_in_one_stage_come_in_the_order_of_the_places() {
    let crosses = |number: &u64| ["alpha", "plain"].contains(&kind_of(*number));
    let senders: Vec<u64> = (0..ENGINES).filter(crosses).collect();
    let plan = |number: &u64| {
        let ops = vec![bear(Born::Leaf, *number), say(peer(5), *number)];
        (*number, 1, ops)
    };
    let plans: Plans = senders.iter().map(plan).collect();
    let children: Vec<_> = senders
        .iter()
        .map(|number| peer(*number).child(0))
        .collect();
    for layout in Layout::SOME {
        let (crossed, _) = run(&plans, BusBudget::default(), layout);
        let seen = crossed.after.statuses.iter().map(|seen| seen.id);
        let born: Vec<_> = seen.skip(ENGINES as usize).collect();
        assert_eq!(born, children, "{layout:?}");
        let image = crossed.after.image.engines.iter();
        let to = image.clone().find(|engine| engine.id == peer(5)).unwrap();
        let mail = to.mailbox.iter().map(|letter| letter.envelope.sender);
        let mail: Vec<_> = mail.take(senders.len()).collect();
        let expected: Vec<_> = senders.iter().map(|n| Sender::Engine(peer(*n))).collect();
        assert_eq!(mail, expected, "{layout:?}");
    }
}
