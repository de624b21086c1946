//! The node does what [`Model`] does in any of [`Histories`]: after each step states, ids, counts, what waits
//! in which mailbox and which timer is set are equal.

use crate::bus::histories::{Histories, Reference, Release, Step};
use crate::bus::kinds::{self, tracked};
use crate::bus::model::{Mail, Model};
use crate::bus::ops::Message;
use crate::bus::scripts::{kind_of, seeded};
use crate::bus::world::{WithdrawsAt, World, alone};
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use refit_abi::raw::{Codec, DeliveryKind};
use refit_abi::{EngineId, Sender, Undelivered};
use refit_kernel::{Image, LetterImage, replaced};
use refit_upgrade::{Directives, Unwatched, Verdict};
use std::cell::Cell;

/// Histories, unless `PROPTEST_CASES` says otherwise.
const BUS_CASES: u32 = 200;

/// Steps of the longest history.
const STEPS_MAX: usize = 24;

/// Engines that are looked at, at most.
const SEEN_MAX: usize = 10_000;

thread_local! {
    /// Upgrades that were committed and aborted, over all histories.
    static ENDED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A node, and how many counted values lived before it.
struct Node {
    world: World,
    before: i64,
}

impl StateMachineTest for Node {
    type SystemUnderTest = Self;
    type Reference = Histories;

    fn init_test(reference: &Reference) -> Self {
        let before = tracked();
        let engines = 0..reference.model.engines.len() as u64;
        let engines: Vec<_> = engines
            .map(|number| (format!("e{number}"), kind_of(number)))
            .collect();
        let named = engines.iter().map(|(name, kind)| (name.as_str(), *kind));
        let named: Vec<_> = named.collect();
        let world = World::start(&kinds::first(), &named, reference.layout);
        Self { world, before }
    }

    fn apply(mut node: Self, reference: &Reference, step: Step) -> Self {
        match step {
            Step::Block(messages, budget) => {
                node.world.block(&messages, budget);
            }
            Step::Upgrade(release) => upgrade(&mut node.world, &reference.model, &release),
        }
        node
    }

    fn check_invariants(node: &Self, reference: &Reference) {
        compare(&node.world, &reference.model);
        let counted = tracked() - node.before;
        assert_eq!(counted, reference.model.tracked(), "values that live");
    }

    fn teardown(node: Self, _: Reference) {
        node.world.discard();
        assert_eq!(tracked(), node.before, "every value was dropped once");
    }
}

/// `model` is after it.
fn upgrade(world: &mut World, model: &Model, release: &Release) {
    let modules = release.modules.iter();
    let modules: Vec<_> = modules
        .map(|(kind, version)| kinds::one(kind, *version))
        .collect();
    let directives = Directives {
        restart: release.restart.iter().map(ToString::to_string).collect(),
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
}

/// Everything that can be seen is as in the model.
fn compare(world: &World, model: &Model) {
    let (states, statuses, dead, image) = world.call(|executor| {
        let states = executor.encode_states().unwrap();
        let statuses = executor.statuses(SEEN_MAX);
        let image = executor.image(usize::MAX).unwrap();
        executor.sweep();
        replaced::discard(executor.take_replaced()).unwrap();
        (states, statuses, executor.dead_letter_count(), image)
    });
    assert_eq!(states, model.states());
    assert_eq!(dead, model.dead);
    let there = statuses.iter().map(|seen| seen.id);
    let expected = model.engines.iter().map(|engine| engine.id);
    assert_eq!(there.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(image.ended, model.ended.iter().copied().collect::<Vec<_>>());
    assert_eq!(engines(&image), expected_engines(model));
    assert_eq!(timers(&image), expected_timers(model));
}

/// Ids, parents, messages sent, engines started, and the mail in its order.
type Engines = Vec<(EngineId, Option<EngineId>, u64, u64, Vec<Mail>)>;

fn engines(image: &Image) -> Engines {
    let engines = image.engines.iter().map(|engine| {
        let mail = engine.mailbox.iter().map(letter).collect();
        (engine.id, engine.parent, engine.sent, engine.children, mail)
    });
    engines.collect()
}

fn expected_engines(model: &Model) -> Engines {
    let engines = model.engines.iter().map(|engine| {
        let mail = engine.inbox.clone();
        (engine.id, engine.parent, engine.sent, engine.children, mail)
    });
    engines.collect()
}

fn letter(letter: &LetterImage) -> Mail {
    if letter.envelope.kind == DeliveryKind::Undelivered {
        let notice: (EngineId, Undelivered) = postcard::from_bytes(&letter.payload).unwrap();
        return Mail::Notice(notice.0, notice.1);
    }
    let message: Message = match letter.envelope.codec {
        Codec::Json => serde_json::from_slice(&letter.payload).unwrap(),
        Codec::Postcard => postcard::from_bytes(&letter.payload).unwrap(),
    };
    match (letter.envelope.sender, message) {
        (Sender::Client(_), message) => Mail::Client(message),
        (Sender::Engine(from), Message::Add(number)) => Mail::Engine(from, number),
        (Sender::Timer, Message::Woken) => Mail::Timer,
        (from, message) => panic!("nobody sends this: {message:?} of {from:?}"),
    }
}

/// Who is woken at which height.
fn timers(image: &Image) -> Vec<(u64, EngineId)> {
    let timers = image.timers.by_height.iter();
    timers
        .map(|(height, _, timer)| (height.0, timer.engine))
        .collect()
}

fn expected_timers(model: &Model) -> Vec<(u64, EngineId)> {
    let timers = model.timers.iter();
    timers
        .flat_map(|(height, whose)| whose.iter().map(|engine| (*height, *engine)))
        .collect()
}

#[test]
fn any_history_gives_the_states_ids_and_queues_of_the_model() {
    let _alone = alone();
    let histories = Histories::sequential_strategy(1..STEPS_MAX);
    seeded(BUS_CASES, &histories, |(reference, steps, seen)| {
        Node::test_sequential(Config::default(), reference, steps, seen);
    });
    let (committed, aborted) = ENDED.get();
    eprintln!("{committed} upgrades were committed, {aborted} aborted");
    assert!(
        committed > 0 && aborted > 0,
        "{committed} committed, {aborted} aborted"
    );
}
