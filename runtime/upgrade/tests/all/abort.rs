//! The state after a failure, for each phase: all old, or all new, and the next upgrade works.

use crate::node::{Node, WithdrawsAt};
use crate::ring::{self, CHECK, FAULT, Message, PANIC, VERSIONS};
use refit_abi::Generation;
use refit_abi::host::Explain;
use refit_upgrade::{ArmError, Armed, Directives, Failure, Phase, Plan, Unwatched, Verdict};

/// More engines than one chunk holds.
const ENGINES: u64 = 130;

/// Everything is as `states` says, under the code before the version at `place`, and the next
/// upgrade works.
fn all_old(node: &mut Node, place: usize, states: &[(refit_abi::EngineId, Vec<u8>)]) {
    assert_eq!(node.states(), states, "byte for byte");
    let before = ((place + VERSIONS - 1) % VERSIONS) as u32 + 1;
    for engine in [0, 70, ENGINES - 1] {
        let (answer, generation) = node.look(engine);
        assert_eq!((answer.code, generation), (before, Generation(1)));
    }
    // Mends the state on which the step failed, if any; the old code replies.
    assert_eq!(node.ask(70, Message::Set(70)).code, before);
    assert_eq!(
        node.upgrade(&ring::version(place)),
        Verdict::Committed(Generation(2))
    );
    assert_eq!(
        node.ask(70, Message::Add(1)),
        ring::Reply {
            code: place as u32 % 6 + 1,
            total: 71
        }
    );
    assert_eq!(node.states().len(), ENGINES as usize);
}

/// The step to `place` fails on the engine with this total, which is one of many.
fn fails_on(place: usize, total: u64) -> Failure {
    let mut node = Node::start(&ring::version(place + VERSIONS - 1), ENGINES, 2);
    node.ask(70, Message::Set(total));
    let states = node.states();
    let verdict = node.upgrade(&ring::version(place));
    let Verdict::Aborted { phase, failure } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(phase, Phase::Transitioned);
    assert_eq!(failure.engine(), Some(ring::peer(70)));
    all_old(&mut node, place, &states);
    failure
}

#[test]
fn a_fault_in_one_transition_leaves_all_engines_old() {
    for place in [2, 3, 6] {
        assert_eq!(
            fails_on(place, FAULT).code(),
            "transition-failed",
            "to {place}"
        );
    }
}

#[test]
fn a_panic_in_one_transition_leaves_all_engines_old() {
    for place in [2, 3, 6] {
        assert_eq!(
            fails_on(place, PANIC).code(),
            "transition-panicked",
            "to {place}"
        );
    }
}

#[test]
fn one_new_state_that_fails_its_check_leaves_all_engines_old() {
    for place in [3, 5, 6] {
        assert_eq!(fails_on(place, CHECK).code(), "check-failed", "to {place}");
    }
}

#[test]
fn withdrawn_before_the_commit_all_engines_are_old() {
    for place in 1..=VERSIONS {
        for phase in [Phase::Quiesced, Phase::Transitioned] {
            let mut node = Node::start(&ring::version(place + VERSIONS - 1), ENGINES, 2);
            let states = node.states();
            let armed = node.arm(&ring::version(place)).unwrap();
            let verdict = node.run(armed, WithdrawsAt(phase));
            let Verdict::Aborted { phase: at, failure } = verdict else {
                panic!("{verdict:?}")
            };
            assert_eq!((at, failure.code()), (phase, "withdrawn"), "to {place}");
            all_old(&mut node, place, &states);
        }
    }
}

#[test]
fn withdrawn_from_the_commit_on_all_engines_are_new() {
    for place in 1..=VERSIONS {
        for phase in [Phase::Committed, Phase::Resumed] {
            let mut node = Node::start(&ring::version(place + VERSIONS - 1), ENGINES, 2);
            let armed = node.arm(&ring::version(place)).unwrap();
            let verdict = node.run(armed, WithdrawsAt(phase));
            assert_eq!(verdict, Verdict::Committed(Generation(2)));
            for engine in 0..ENGINES {
                assert_eq!(node.look(engine).0.code, (place % VERSIONS) as u32 + 1);
            }
            let next = node.upgrade(&ring::version(place + 1));
            assert_eq!(next, Verdict::Committed(Generation(3)));
        }
    }
}

#[test]
fn an_upgrade_armed_for_a_generation_that_is_gone_is_refused() {
    let mut node = Node::start(&ring::version(0), ENGINES, 2);
    let late = node.arm(&ring::version(1)).unwrap();
    assert_eq!(
        node.upgrade(&ring::version(2)),
        Verdict::Committed(Generation(2))
    );
    let states = node.states();
    let failure = Failure::Overtaken {
        armed: Generation(1),
        live: Generation(2),
    };
    let refused = Verdict::Aborted {
        phase: Phase::Quiesced,
        failure,
    };
    assert_eq!(node.run(late, Unwatched), refused);
    assert_eq!(node.states(), states);
    assert_eq!(node.look(5).0.code, 3);
    assert_eq!(
        node.upgrade(&ring::version(3)),
        Verdict::Committed(Generation(3))
    );
}

#[test]
fn a_default_that_panics_and_a_step_that_is_missing_are_known_before_the_pause() {
    let mut node = Node::start(&ring::version(0), ENGINES, 2);
    let bad = refit_abi::host::Module::linked(ring::bad_default::module()).unwrap();
    assert_eq!(node.arm(&bad).unwrap_err().code(), "default-failed");
    let unrelated = refit_abi::host::Module::linked(ring::unrelated::module()).unwrap();
    assert_eq!(
        node.arm(&unrelated).unwrap_err().code(),
        "plan-no-migration"
    );
    let (table, unrelated) = (node.table(), [unrelated]);
    // Also if the plan was made of other code.
    let planned = Plan::at_hand(&table, &[ring::version(1)], &Directives::default()).unwrap();
    let refused = Armed::new(&planned, &table, &unrelated);
    assert_eq!(refused.unwrap_err().code(), "plan-no-migration");
    assert_eq!(node.look(0).1, Generation(1));
    assert_eq!(
        node.upgrade(&ring::version(1)),
        Verdict::Committed(Generation(2))
    );
}

#[test]
fn code_that_does_otherwise_than_the_plan_says_is_not_armed() {
    let node = Node::start(&ring::version(0), ENGINES, 1);
    let table = node.table();
    let plan = |module| Plan::at_hand(&table, &[module], &Directives::default()).unwrap();
    let (same, next) = (plan(ring::version(1)), plan(ring::version(2)));
    assert_ne!(same.class_of("ring"), next.class_of("ring"));
    let refused = Armed::new(&same, &table, &[ring::version(2)]).unwrap_err();
    let (planned, found) = (same.class_of("ring"), next.class_of("ring"));
    let kind = "ring".to_owned();
    assert_eq!(
        refused,
        ArmError::Class {
            kind,
            planned,
            found
        }
    );
    assert_eq!(refused.code(), "plan-class-changed");
    // Nor if it takes more or less memory and time in the pause than its reader was told.
    let mut copies = next.clone();
    for kind in copies.modules.iter_mut().flat_map(|it| &mut it.kinds) {
        kind.copied = !kind.copied;
    }
    let refused = Armed::new(&copies, &table, &[ring::version(2)]).unwrap_err();
    let planned = !next.modules[0].kinds[0].copied;
    let kind = "ring".to_owned();
    assert_eq!(refused, ArmError::Copied { kind, planned });
    assert_eq!(refused.code(), "plan-class-changed");
    // What the plan names and nobody brings would be carried.
    let refused = Armed::new(&next, &table, &[]).unwrap_err();
    assert!(refused.to_string().contains("by `carry`"), "{refused}");
    assert!(Armed::new(&next, &table, &[ring::version(2)]).is_ok());
}
