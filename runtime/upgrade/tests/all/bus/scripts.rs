//! Random scripts for random engines.

use crate::bus::kinds::id;
use crate::bus::ops::{Born, Op, attempt, bear, bear_named, say, send};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use refit_abi::EngineId;
use std::hash::{BuildHasher, RandomState};

/// The kinds of the engines `e0`, `e1`, …, over and over.
pub(crate) const KINDS: [&str; 6] = ["alpha", "beta", "plain", "stray", "same", "fixed"];

/// The engine of a number.
pub(crate) fn peer(number: u64) -> EngineId {
    id(&format!("e{number}"))
}

/// The kind of the engine of a number.
pub(crate) fn kind_of(number: u64) -> &'static str {
    KINDS[number as usize % KINDS.len()]
}

/// A script for the engine `me` of `engines`; `deep` messages may come of it one after the other.
pub(crate) fn script(me: u64, engines: u64, deep: u32) -> BoxedStrategy<Vec<Op>> {
    let most = if deep == 0 { 2 } else { 4 };
    let op = if kind_of(me) == "stray" {
        harmless(engines).boxed()
    } else {
        prop_oneof![4 => harmless(engines), 3 => traffic(me, engines, deep)].boxed()
    };
    prop::collection::vec(op, 0..most).boxed()
}

/// What any kind may try.
fn harmless(engines: u64) -> impl Strategy<Value = Op> {
    let target = move || {
        let root = (0..engines).prop_map(peer);
        let child = (0..engines, 0..2_u64).prop_map(|(of, number)| peer(of).child(number));
        prop_oneof![4 => root, 1 => child]
    };
    prop_oneof![
        3 => (0..100_u64).prop_map(Op::Note),
        1 => (0..100_u64).prop_map(|number| Op::Log(number.to_string())),
        2 => target().prop_map(|engine| attempt(Op::Read(engine))),
        2 => target().prop_map(|engine| attempt(Op::Query(engine))),
    ]
}

/// What changes others.
fn traffic(me: u64, engines: u64, deep: u32) -> BoxedStrategy<Op> {
    let born = || prop::sample::select(vec![Born::Fresh, Born::Leaf, Born::Fixed]);
    let of = move |kinds: &'static [&'static str]| {
        let all: Vec<u64> = (0..engines)
            .filter(|n| kinds.contains(&kind_of(*n)))
            .collect();
        prop::sample::select(all)
    };
    let starts = (born(), 0..100_u64).prop_map(|(kind, number)| attempt(bear(kind, number)));
    let names = (born(), 0..4_u64)
        .prop_map(|(kind, name)| attempt(bear_named(kind, &format!("named-{name}"))));
    let says = (of(&["plain", "same", "fixed"]), 0..100_u64)
        .prop_map(|(to, number)| say(peer(to), number));
    let retires = (0..3_u64).prop_map(move |child| attempt(Op::Retire(peer(me).child(child))));
    if deep == 0 {
        return prop_oneof![4 => starts, 4 => says, 1 => names, 1 => retires].boxed();
    }
    let sends = of(&["alpha", "beta", "stray"]).prop_flat_map(move |to| {
        script(to, engines, deep - 1).prop_map(move |script| send(peer(to), script))
    });
    prop_oneof![4 => starts, 4 => says, 8 => sends, 1 => names, 1 => retires].boxed()
}

/// Runs a property on `cases` values, or as many as `PROPTEST_CASES` says. The seed is printed;
/// `REFIT_SEED` repeats it.
pub(crate) fn seeded<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value)) {
    let fresh = || RandomState::new().hash_one(std::process::id());
    let seed = std::env::var("REFIT_SEED").map_or_else(|_| fresh(), |text| text.parse().unwrap());
    eprintln!("REFIT_SEED={seed}");
    let mut config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let bytes: Vec<u8> = u64::to_le_bytes(seed)
        .into_iter()
        .cycle()
        .take(32)
        .collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let run = TestRunner::new_with_rng(config, rng).run(strategy, |value| {
        property(value);
        Ok(())
    });
    if let Err(failure) = run {
        panic!("REFIT_SEED={seed}: {failure}");
    }
}
