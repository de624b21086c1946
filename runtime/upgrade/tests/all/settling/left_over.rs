//! Neither the pause nor the first block after it takes longer for a large old state: what is left over of it is
//! dropped on a thread of its own.

use crate::settling::engines::{big_1, big_by_hand, big_dropped, boss_1, boss_2, linked};
use crate::settling::node::Node;
use refit_abi::Generation;
use refit_abi::host::Module;
use refit_kernel::{Executor, replaced};
use refit_upgrade::{Directives, Verdict};
use std::time::{Duration, Instant};

/// Entries of the large state.
const ENTRIES: u64 = 300_000;

/// By how much the pause and the first block are shorter than dropping the state, at least.
const TIMES: u32 = 5;

/// How often it is measured at most: a thread that the system lets wait makes one measurement long, and a state that is
/// dropped in the wrong place makes all of them long.
const ATTEMPTS: usize = 5;

struct Times {
    pause: Duration,
    block: Duration,
    /// To drop what is left over.
    drop: Duration,
}

/// Makes the state large, upgrades, and makes a block that comes before the sweep.
fn times(mut node: Node, root: &str, makes: &[u64], (to, restarts): (&Module, bool)) -> Times {
    for message in makes {
        node.block(&[(root, *message)]);
    }
    let restart = restarts.then(|| root.to_owned());
    let directives = Directives {
        restart: restart.into_iter().collect(),
        ..Directives::default()
    };
    let armed = node.arm(to, &directives);
    let (passed, old) = node.begin(armed);
    let passed = passed.recv().unwrap();
    let start = Instant::now();
    node.block(&[(root, 0)]);
    let block = start.elapsed();
    assert_eq!(passed.verdict, Verdict::Committed(Generation(2)));
    old.join();
    node.call(Executor::sweep);
    let left_over = node.call(Executor::take_replaced);
    let start = Instant::now();
    replaced::discard(left_over).unwrap();
    Times {
        pause: passed.pause,
        block,
        drop: start.elapsed(),
    }
}

fn assert_flat(measure: impl Fn() -> Times) {
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let Times { pause, block, drop } = measure();
        if pause * TIMES < drop && block * TIMES < drop {
            return;
        }
        seen.push(format!(
            "pause {pause:?}, first block {block:?}, drop {drop:?}"
        ));
    }
    panic!("none of {ATTEMPTS} is flat: {seen:#?}");
}

fn big(to: &Module, restarts: bool) {
    assert_flat(|| {
        let node = Node::start(&[linked(big_1::module())], &["big"]);
        times(node, "big", &[ENTRIES], (to, restarts))
    });
}

#[test]
fn nobody_waits_for_the_old_state_of_a_migration_by_hand_to_be_dropped() {
    big(&linked(big_by_hand::module()), false);
}

#[test]
fn nor_for_a_field_that_the_new_version_drops() {
    big(&linked(big_dropped::module()), false);
}

#[test]
fn nor_for_the_state_of_an_engine_that_is_started_afresh() {
    big(&linked(big_1::module()), true);
}

#[test]
fn nor_for_the_state_of_an_engine_that_is_retired() {
    let modules = [linked(big_1::module()), linked(boss_1::module())];
    let boss = linked(boss_2::module());
    assert_flat(|| {
        let node = Node::start(&modules, &["boss"]);
        times(node, "boss", &[1, ENTRIES], (&boss, false))
    });
}
