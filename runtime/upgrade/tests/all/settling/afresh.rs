//! The mail, ids and counters that an engine finds when it starts afresh.

use crate::settling::engines::{linked, reborn};
use crate::settling::node::{Node, root};
use refit_abi::Generation;
use refit_upgrade::{Directives, Verdict};
use std::collections::BTreeSet;

/// Restarts `reborn` after these blocks and what waits; gives how many timers were dropped.
fn restarted(node: &mut Node) -> u64 {
    let directives = Directives {
        restart: BTreeSet::from(["reborn".to_owned()]),
        ..Directives::default()
    };
    let armed = node.arm(&linked(reborn::module()), &directives);
    let (passed, old) = node.begin(armed);
    let passed = passed.recv().unwrap();
    assert!(matches!(passed.verdict, Verdict::Committed(_)));
    old.join();
    passed.timers_dropped
}

/// What the engine says it has drawn and taken, the oldest first.
fn state(node: &Node) -> reborn::Reborn {
    let states = node.call(|executor| executor.encode_states().unwrap());
    let (_, bytes) = states.iter().find(|(id, _)| *id == root("reborn")).unwrap();
    postcard::from_bytes(bytes).unwrap()
}

#[test]
fn what_waits_comes_to_the_fresh_engine_and_the_timers_of_its_former_life_do_not() {
    let mut node = Node::start(&[linked(reborn::module())], &["reborn"]);
    // Two timers, for the block at height 4; a message that waits at the update point.
    node.block(&[("reborn", reborn::TIMER), ("reborn", reborn::TIMER)]);
    node.post(&[("reborn", 5)], 0).recv().unwrap();
    assert_eq!(restarted(&mut node), 2);
    for _ in 0..3 {
        node.block(&[]);
    }
    let fresh = state(&node);
    assert_eq!(fresh.taken, [5, reborn::OF_INIT], "its own timer is kept");
    assert_eq!(node.call(|executor| executor.awaited().timer_height), None);
}

#[test]
fn its_init_draws_other_random_numbers_than_any_message_of_the_block_and_than_another_start_there()
{
    let mut node = Node::start(&[linked(reborn::module())], &["reborn"]);
    node.block(&[("reborn", 1), ("reborn", 2)]);
    let mut drawn = BTreeSet::from_iter(state(&node).drawn);
    assert_eq!(drawn.len(), 3, "its first init, and two messages");
    for generation in 2..=4 {
        restarted(&mut node);
        assert_eq!(
            node.call(|executor| executor.table().number()),
            Generation(generation)
        );
        let fresh = state(&node);
        assert_eq!(fresh.drawn.len(), 1);
        drawn.extend(fresh.drawn);
    }
    node.block(&[("reborn", 3)]);
    drawn.extend(state(&node).drawn);
    assert_eq!(drawn.len(), 7, "no number was drawn twice");
}
