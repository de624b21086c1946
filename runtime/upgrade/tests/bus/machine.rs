//! Random histories of blocks, upgrades of random classes with bus traffic, and aborts at random points,
//! against [`Model`]: after each step states, ids, queues and counts are equal.

use crate::kinds::{self, tracked};
use crate::model::{Kind, Model};
use crate::ops::{Message, Op};
use crate::scripts::{kind_of, peer, script, seeded};
use crate::world::{UNBOUNDED, WithdrawsAt, World, alone};
use proptest::prelude::*;
use refit_abi::{EngineId, Height};
use refit_kernel::{EngineState, Executor};
use refit_upgrade::{Directives, Phase, Unwatched, Verdict};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Histories, unless `PROPTEST_CASES` says otherwise.
const BUS_CASES: u32 = 48;

/// Steps of the longest history.
const STEPS_MAX: usize = 24;

/// Engines of a history at its beginning.
const ENGINES: u64 = 12;

/// The kinds that come in, in the order of a release. `new` is `fresh` and `leaf`.
const INCOMING: [Kind; 6] = ["alpha", "beta", "plain", "stray", "same", "new"];

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// A block of messages, ended after so many are handled.
    Block(Vec<(u64, Message)>, u64),
    /// What the next transitions do.
    Plans(Vec<(u64, Vec<Op>)>),
    /// An upgrade.
    Upgrade(Release),
}

/// Kinds that come in, in this version or a later one that they have, some afresh; withdrawn at a phase.
#[derive(Clone, Debug)]
struct Release {
    kinds: Vec<Kind>,
    version: u32,
    afresh: Vec<Kind>,
    withdrawn: Option<Phase>,
}

thread_local! {
    /// Upgrades that were committed and aborted, over all histories.
    static ENDED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let budget = prop_oneof![1 => 0..4_u64, 2 => Just(UNBOUNDED)];
    let messages = prop::collection::vec(message(), 0..6);
    let step = prop_oneof![
        3 => (messages, budget).prop_map(|(messages, budget)| Step::Block(messages, budget)),
        4 => plans(),
        3 => release().prop_map(Step::Upgrade),
    ];
    prop::collection::vec(step, 1..STEPS_MAX)
}

fn message() -> impl Strategy<Value = (u64, Message)> {
    let forward = (0..ENGINES, 0..100_u64, 1..4_u64);
    let forward = forward.prop_map(|(to, number, times)| Message::Forward {
        to: peer(to),
        number,
        times,
    });
    let message = prop_oneof![
        4 => (0..100_u64).prop_map(Message::Add),
        6 => forward,
        2 => (0..30_u64).prop_map(|height| Message::Wake(Height(height))),
        2 => Just(Message::Bear),
        1 => Just(Message::Stop),
    ];
    (0..ENGINES, message)
}

/// Scripts, one in thirty with a failure at its end.
fn plans() -> BoxedStrategy<Step> {
    let plan = (0..ENGINES).prop_flat_map(|whose| {
        let fails = prop::bool::weighted(1.0 / 30.0);
        (Just(whose), script(whose, ENGINES, 3), fails)
    });
    let plan = plan.prop_map(|(whose, mut ops, fails)| {
        ops.extend(fails.then_some(Op::Fail));
        (whose, ops)
    });
    prop::collection::vec(plan, 1..6)
        .prop_map(Step::Plans)
        .boxed()
}

fn release() -> impl Strategy<Value = Release> {
    // Mostly all kinds: a message to one that stays would often abort.
    let kinds = prop_oneof![
        3 => Just(INCOMING.to_vec()),
        1 => prop::sample::subsequence(INCOMING.to_vec(), 1..=INCOMING.len()),
    ];
    let phase = prop::sample::select(vec![Phase::Quiesced, Phase::Transitioned]);
    let withdrawn = prop::option::weighted(0.15, phase);
    let afresh = prop::sample::subsequence(vec!["alpha", "plain", "fresh", "same"], 0..=2);
    let afresh = prop_oneof![4 => Just(Vec::new()), 1 => afresh];
    let release = (kinds, 2..=3_u32, afresh, withdrawn);
    release.prop_map(|(kinds, version, afresh, withdrawn)| Release {
        kinds,
        version,
        afresh,
        withdrawn,
    })
}

impl Release {
    /// Each module's kind and version.
    fn modules(&self, model: &Model) -> Vec<(Kind, u32)> {
        let to = |kind: &Kind| match *kind {
            "same" | "new" => (*kind, 2),
            _ => (*kind, self.version.max(model.code[kind])),
        };
        self.kinds.iter().map(to).collect()
    }

    /// Those of the kinds that start afresh that come in and have engines.
    fn restart(&self, model: &Model) -> BTreeSet<Kind> {
        let comes = both(self.modules(model).into_iter());
        let known = |kind: &&Kind| {
            model.code.contains_key(*kind) && comes.iter().any(|comes| comes.0 == **kind)
        };
        self.afresh.iter().filter(known).copied().collect()
    }
}

/// `new` brings two kinds.
fn both(release: impl Iterator<Item = (Kind, u32)>) -> Vec<(Kind, u32)> {
    let kinds = release.flat_map(|(kind, version)| match kind {
        "new" => vec![("fresh", version), ("leaf", version)],
        _ => vec![(kind, version)],
    });
    kinds.collect()
}

fn planned(plans: &[(u64, Vec<Op>)]) -> Vec<(u64, Message)> {
    let message = |(whose, plan): &(u64, Vec<Op>)| (*whose, Message::Plan(plan.clone()));
    plans.iter().map(message).collect()
}

fn told(messages: &[(u64, Message)]) -> Vec<(EngineId, Message)> {
    let to = |(to, message): &(u64, Message)| (peer(*to), message.clone());
    messages.iter().map(to).collect()
}

fn take(world: &mut World, model: &mut Model, step: &Step) {
    match step {
        Step::Block(messages, budget) => {
            model.block(messages, *budget);
            world.block(&told(messages), *budget);
        }
        Step::Plans(plans) => {
            model.block(&planned(plans), UNBOUNDED);
            world.block(&told(&planned(plans)), UNBOUNDED);
        }
        Step::Upgrade(release) => upgrade(world, model, release),
    }
}

fn upgrade(world: &mut World, model: &mut Model, release: &Release) {
    let (kinds, restart) = (release.modules(model), release.restart(model));
    let modules: Vec<_> = kinds
        .iter()
        .map(|(kind, version)| kinds::one(kind, *version))
        .collect();
    model.upgrade(
        &both(kinds.into_iter()),
        &restart,
        release.withdrawn.is_some(),
    );
    let directives = Directives {
        restart: restart.iter().map(ToString::to_string).collect(),
        ..Directives::default()
    };
    let crossed = match release.withdrawn {
        Some(phase) => world.cross_with(&modules, &directives, WithdrawsAt(phase)),
        None => world.cross_with(&modules, &directives, Unwatched),
    };
    let committed = matches!(crossed.verdict, Verdict::Committed(_));
    assert_eq!(committed, model.committed, "{:?}", crossed.verdict);
    if !committed {
        assert_eq!(crossed.before, crossed.after);
    }
    let (yes, no) = ENDED.get();
    ENDED.set((yes + u64::from(committed), no + u64::from(!committed)));
    let counters = model
        .engines
        .iter()
        .map(|engine| (engine.sent, engine.children));
    assert_eq!(crossed.after.counters, counters.collect::<Vec<_>>());
}

/// Everything that can be seen is as in the model.
fn compare(world: &World, model: &Model, before: i64) {
    let (states, statuses, backlog, dead) = world.call(|executor| {
        let states = executor.encode_states().unwrap();
        let statuses = executor.statuses(10_000);
        (
            states,
            statuses,
            executor.backlog(),
            executor.dead_letter_count(),
        )
    });
    assert_eq!(states, model.states());
    let seen = statuses
        .iter()
        .map(|s| (s.id, s.state == EngineState::Stopped, s.mailbox));
    let expected = model
        .engines
        .iter()
        .map(|e| (e.id, e.stopped, e.inbox.len()));
    assert_eq!(seen.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!((backlog, dead), (model.backlog(), model.dead));
    world.call(Executor::sweep);
    assert_eq!(tracked() - before, model.tracked(), "values that live");
}

fn history(workers: usize, steps: &[Step]) {
    let before = tracked();
    let names: Vec<String> = (0..ENGINES).map(|number| format!("e{number}")).collect();
    let named = |(number, name)| (String::as_str(name), kind_of(number as u64));
    let engines: Vec<_> = names.iter().enumerate().map(named).collect();
    let mut world = World::start(&kinds::first(), &engines, workers);
    let mut model = Model::start(ENGINES);
    for step in steps {
        take(&mut world, &mut model, step);
        compare(&world, &model, before);
    }
    world.discard();
    assert_eq!(tracked(), before, "every value was dropped once");
}

#[test]
fn any_history_gives_the_states_ids_and_queues_of_the_model() {
    let _alone = alone();
    seeded(BUS_CASES, &(1..=2_usize, steps()), |(workers, steps)| {
        history(workers, &steps)
    });
    let (committed, aborted) = ENDED.get();
    eprintln!("{committed} upgrades were committed, {aborted} aborted");
    assert!(
        committed > 0 && aborted > 0,
        "{committed} committed, {aborted} aborted"
    );
}
