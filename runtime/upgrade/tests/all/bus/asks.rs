//! `read` gives the old state, `query` the new one of what comes before; all else is an error at once.

use crate::bus::kinds::{self, id};
use crate::bus::ops::{Born, Op, attempt, bear};
use crate::bus::world::{WithdrawsAt, World};
use refit_abi::descriptor::Descriptor;
use refit_abi::host::Explain;
use refit_abi::{Generation, Height};
use refit_upgrade::{
    Armed, Directives, Live, LiveKind, OfferedModule, Phase, Plan, Unwatched, Verdict,
};

#[test]
fn a_read_gives_the_old_state_of_any_kind_whatever_has_crossed_already() {
    let mut world = World::of_each_kind(2);
    // `beta` comes after `alpha`, which has a new total by then; its own kind and itself are old too.
    world.plan("alpha", vec![Op::Set(50)]);
    let names = ["alpha", "beta", "plain", "stray", "same", "fixed"];
    world.plan("beta", names.map(|name| Op::Read(id(name))).into());
    world.crossed();
    let old = |(number, name): (usize, &str)| format!("old {name}: 1 {number}");
    let told: Vec<_> = names.into_iter().enumerate().map(old).collect();
    assert_eq!(world.trail(id("beta")), told);
}

#[test]
fn a_read_goes_through_the_code_that_the_engine_still_has_also_after_earlier_upgrades() {
    let mut world = World::of_each_kind(2);
    world.crossed();
    let reads = ["beta", "plain", "same", "fixed"].map(|name| Op::Read(id(name)));
    world.plan("alpha", reads.into());
    let modules = ["alpha", "beta", "plain"].map(|kind| kinds::one(kind, 3));
    let crossed = world.cross_with(&modules, &Directives::default(), Unwatched);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    let told = [
        "old beta: 2 1",
        "old plain: 2 2",
        "old same: 2 4",
        "old fixed: 1 5",
    ];
    assert_eq!(world.trail(id("alpha")), told);
}

#[test]
fn a_read_takes_types_that_mirror_the_engines_own() {
    let mut world = World::of_each_kind(2);
    world.plan("alpha", vec![Op::Mirror(id("fixed"))]);
    world.crossed();
    assert_eq!(world.trail(id("alpha")), ["mirrored 5"]);
}

#[test]
fn a_query_gives_the_new_state_of_what_comes_before_migrated_and_started_on_the_bus() {
    let mut world = World::of_each_kind(2);
    let child = id("alpha").child(0);
    world.plan("alpha", vec![Op::Set(50), bear(Born::Fresh, 60)]);
    world.plan("beta", vec![Op::Query(id("alpha")), Op::Query(child)]);
    world.crossed();
    let told = ["new alpha: 2 50".to_owned(), format!("new {child}: 2 60")];
    assert_eq!(world.trail(id("beta")), told);
}

#[test]
fn a_query_of_adopted_and_carried_kinds_gives_the_state_that_goes_on() {
    use crate::bus::kinds::last;
    let mut world = World::of_each_kind(2);
    world.plan("beta", vec![Op::Query(id("same")), Op::Query(id("fixed"))]);
    let directives = Directives::default();
    let crossed = world.cross_with(&[last()], &directives, Unwatched);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    assert_eq!(world.trail(id("beta")), ["new same: 2 4", "new fixed: 1 5"]);
}

#[test]
fn a_query_that_is_not_declared_is_an_error_at_once_and_no_other_call_is() {
    let mut world = World::of_each_kind(2);
    let plan = ["alpha", "plain", "same", "fixed"].map(|name| attempt(Op::Query(id(name))));
    world.plan("alpha", plan.into());
    world.crossed();
    assert_eq!(world.trail(id("alpha")), ["bus-undeclared-query"; 4]);
}

#[test]
fn a_query_from_a_handler_of_upgrade_messages_is_an_error() {
    let mut world = World::of_each_kind(2);
    let script = vec![attempt(Op::Query(id("alpha"))), Op::Read(id("alpha"))];
    world.plan("alpha", vec![crate::bus::ops::send(id("beta"), script)]);
    world.crossed();
    let told = ["script of alpha", "bus-query-in-round", "old alpha: 1 0"];
    assert_eq!(world.trail(id("beta")), told);
}

#[test]
fn asking_what_is_not_there_does_not_serve_or_has_other_types_is_an_error() {
    let engines = [
        ("beta", "beta"),
        ("gone", "alpha"),
        ("poisoned", "alpha"),
        ("fixed", "fixed"),
        ("stray", "stray"),
    ];
    let mut world = World::start(&kinds::first(), &engines, 2);
    world
        .ask(id("gone"), crate::bus::ops::Message::Stop)
        .unwrap();
    world
        .ask(id("poisoned"), crate::bus::ops::Message::Panic)
        .unwrap_err();
    let asks = ["nobody", "gone", "poisoned"];
    let mut plan: Vec<_> = asks.map(|name| attempt(Op::Read(id(name)))).into();
    plan.extend(asks.map(|name| attempt(Op::Query(id(name)))));
    plan.push(attempt(Op::Misread(id("fixed"))));
    world.plan("beta", plan);
    // `stray` has no capability, but for its own kind.
    let reads = ["fixed", "stray"].map(|name| attempt(Op::Read(id(name))));
    world.plan("stray", reads.into());
    world.crossed();
    let none = ["bus-unknown", "bus-unavailable", "bus-unavailable"];
    let told = [none.as_slice(), &none, &["bus-schema"]].concat();
    assert_eq!(world.trail(id("beta")), told);
    assert_eq!(
        world.trail(id("stray")),
        ["capability-missing", "old stray: 1 4"]
    );
}

#[test]
fn kinds_that_come_after_each_other_in_a_circle_are_refused_by_name_when_planned_and_when_armed() {
    let world = World::of_each_kind(1);
    let kind = |kind: &refit_abi::descriptor::KindDescriptor| LiveKind {
        descriptor: kind.clone(),
        artifact: "old-file".to_owned(),
    };
    let live = Live {
        generation: Generation(1),
        kinds: kinds::first().descriptor().kinds.iter().map(kind).collect(),
    };
    let candidate = |descriptor: &Descriptor| OfferedModule {
        path: "libcircle.so".to_owned(),
        artifact: "new-file".to_owned(),
        meant: None,
        descriptor: descriptor.clone(),
        outside: Vec::new(),
    };
    let circle = kinds::circle();
    let refused = Plan::make(&live, &[candidate(circle.descriptor())], Some(Height(1)));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("alpha → beta → alpha"), "{refused}");
    let table = world.call(|executor| executor.table());
    // As if the plan were of code that names nobody.
    let mut straight = candidate(circle.descriptor());
    let kinds = straight.descriptor.kinds.iter_mut();
    kinds.for_each(|kind| kind.after.clear());
    let plan = Plan::make(&live, &[straight], Some(Height(1))).unwrap();
    let refused = Armed::new(&plan, &table, &[circle]).unwrap_err();
    assert_eq!(refused.code(), "plan-after-cycle");
    assert!(refused.to_string().contains("alpha → beta → alpha"));
}

#[test]
fn an_upgrade_that_is_withdrawn_after_its_transitions_is_as_if_nothing_was_asked() {
    for phase in [Phase::Quiesced, Phase::Transitioned] {
        let mut world = World::of_each_kind(2);
        world.plan("alpha", vec![Op::Set(50), bear(Born::Fresh, 60)]);
        world.plan("beta", vec![Op::Query(id("alpha"))]);
        let directives = Directives::default();
        let crossed = world.cross_with(&[kinds::second()], &directives, WithdrawsAt(phase));
        assert_eq!(crossed.all_old(phase).code(), "withdrawn");
        world.crossed();
        assert_eq!(world.trail(id("beta")), ["new alpha: 2 50"]);
    }
}
