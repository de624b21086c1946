//! Steps from older states, in their halves, with calls of other engines inside.

use crate::engines::v1;
use crate::host::{Neighbour, asked, give, id, kind, started};
use refit_abi::host::{CallError, Instance, Kind, Migration, Settled};
use refit_abi::{Height, State};

/// `v1::Store` with one entry of three bytes.
const OLD_STORE: &[u8] = b"\x01\x00\x01k\x03\x01\x02\x03\x01\x04gone\x05";

fn step(kind: &Kind) -> Migration {
    let from = kind.descriptor().migrations[0].from_schema;
    kind.migration_from_schema(from).unwrap()
}

/// The new state; what is left over of the old one is dropped.
fn without_rest(step: &Migration, Settled { state, rest }: Settled) -> Instance {
    rest.into_iter().for_each(|rest| step.discard_rest(rest));
    state
}

fn neighbour(kind: &Kind) -> Instance {
    let mut state = started(kind, "null");
    give(kind, &mut state, &[r#""Everything""#, r#""Everything""#]);
    state
}

#[test]
fn both_halves_of_a_step_make_the_new_state_with_calls_inside_of_calls() {
    let store = kind("store");
    let other = neighbour(&store);
    let step = step(&store);
    assert_eq!(step.from().schema, v1::Store::schema_id());
    step.trial().unwrap();
    let old = step.decode_old(OLD_STORE).unwrap();
    let mut bus = Neighbour::new(&store, &other);
    let prepared = step.prepare(id(), Height(3), &old, &mut bus).unwrap();
    assert_eq!(
        bus.said,
        [
            "log summing",
            "send e [5, 104, 101, 108, 108, 111]",
            "spawn store",
            "retire e"
        ]
    );
    let Ok(Some(settled)) = step.settle(old, prepared) else {
        panic!("it settles");
    };
    let mut new = without_rest(&step, settled);
    assert_eq!(asked(&store, &new, r#""Total""#), r#""5""#);
    assert_eq!(asked(&store, &new, r#""Note""#), r#""fresh""#);
    let (_, node) = give(&store, &mut new, &[r#"{"Put":[{"Name":"z"},[1]]}"#]);
    assert_eq!(node.replies(), ["reply 0 Ok 6"]);
    for state in [new, other] {
        store.discard(state).unwrap();
    }
}

#[test]
fn a_whole_new_state_leaves_the_old_one_and_what_was_prepared_can_be_dropped() {
    let store = kind("store");
    let other = neighbour(&store);
    let step = step(&store);
    let old = step.decode_old(OLD_STORE).unwrap();
    let mut bus = Neighbour::new(&store, &other);
    let whole = step.whole(id(), Height(3), &old, &mut bus).unwrap();
    let prepared = step.prepare(id(), Height(3), &old, &mut bus).unwrap();
    step.discard(prepared);
    assert_eq!(asked(&store, &whole, r#""Total""#), r#""5""#);
    step.discard_old(old).unwrap();
    for state in [whole, other] {
        store.discard(state).unwrap();
    }
}

#[test]
fn a_step_that_panics_leaves_the_old_state() {
    let store = kind("store");
    let other = started(&store, "null");
    let step = step(&store);
    let mut bytes = OLD_STORE[..OLD_STORE.len() - 1].to_vec();
    bytes.extend(postcard::to_stdvec(&u64::MAX).unwrap());
    let old = step.decode_old(&bytes).unwrap();
    let mut bus = Neighbour::new(&store, &other);
    for _ in 0..2 {
        let error = step.prepare(id(), Height(3), &old, &mut bus).unwrap_err();
        assert!(matches!(error, CallError::Panicked { text } if text == "too many"));
    }
    step.discard_old(old).unwrap();
    store.discard(other).unwrap();
}

/// Two kinds start from one older state, so only what was prepared tells their steps apart.
#[test]
fn what_one_step_has_prepared_no_other_step_settles() {
    let module = crate::engines::module();
    let [words, count] = ["words", "count"].map(|name| module.kind(name).unwrap());
    let (to_words, to_count) = (step(&words), step(&count));
    assert_eq!(to_words.from(), to_count.from());
    let old = to_words.decode_old(&[7]).unwrap();
    let other = started(&words, "null");
    let mut bus = Neighbour::new(&words, &other);
    let prepared = to_count.prepare(id(), Height(3), &old, &mut bus).unwrap();
    let Err((old, prepared)) = to_words.settle(old, prepared) else {
        panic!("it is another step's");
    };
    let Ok(Some(settled)) = to_count.settle(old, prepared) else {
        panic!("it is this step's");
    };
    let new = without_rest(&to_count, settled);
    assert_eq!(asked(&count, &new, "null"), "[9,71748523475264,9]");
    count.discard(new).unwrap();
    words.discard(other).unwrap();
}

/// Nor does a step of another copy of the module.
#[test]
fn what_one_module_has_prepared_no_other_module_settles() {
    let here = kind("words");
    let there = crate::engines::another_module().kind("words").unwrap();
    let (mine, theirs) = (step(&here), step(&there));
    let old = mine.decode_old(&[7]).unwrap();
    let other = started(&here, "null");
    let mut bus = Neighbour::new(&here, &other);
    let prepared = theirs.prepare(id(), Height(3), &old, &mut bus).unwrap();
    let Err((old, prepared)) = mine.settle(old, prepared) else {
        panic!("it is another module's");
    };
    theirs.discard(prepared);
    mine.discard_old(old).unwrap();
    here.discard(other).unwrap();
}

#[test]
fn an_old_state_is_written_back_as_it_was_read() {
    let store = kind("store");
    let step = step(&store);
    let old = step.decode_old(OLD_STORE).unwrap();
    let mut out = Vec::new();
    step.encode_old(&old, &mut out).unwrap();
    assert_eq!(out, OLD_STORE);
    step.discard_old(old).unwrap();
}
