//! A settling that does not return in the sweep before an upgrade: it is no pause, and whoever watches the calls of
//! the crew sees which engine it is.

use crate::settling::engines::{default_loops, flaky_1, flaky_2, linked};
use crate::settling::node::{Node, root};
use crate::settling::unseen::ONE;
use refit_abi::Generation;
use refit_abi::host::running::{self, Call};
use refit_upgrade::{Armed, Directives, Plan, Verdict};
use std::time::{Duration, Instant};

/// Longest wait for a call to be seen.
const WAIT: Duration = Duration::from_secs(60);

/// Ends the loop also when the test fails, or the crew would never be joined.
struct Loops;

impl Drop for Loops {
    fn drop(&mut self) {
        default_loops(false);
    }
}

#[test]
fn an_engine_that_loops_in_the_sweep_before_an_upgrade_is_seen_by_name_and_the_gate_is_open() {
    let _one = ONE.lock();
    let mut node = Node::start(&[linked(flaky_1::module())], &["flaky"]);
    node.block(&[("flaky", 1)]);
    let second = linked(flaky_2::module());
    let armed = node.arm(&second, &Directives::default());
    let afresh = Directives {
        restart: ["flaky".to_owned()].into_iter().collect(),
        ..Directives::default()
    };
    let plan = Plan::at_hand(armed.table(), std::slice::from_ref(&second), &afresh).unwrap();
    let next = Armed::new(&plan, armed.table(), std::slice::from_ref(&second)).unwrap();
    let held = node.hold();
    let (first_passed, first) = node.begin(armed);
    let (passed, sweeps) = node.begin(next);
    let loops = Loops;
    default_loops(true);
    drop(held);
    let committed = |generation| Verdict::Committed(Generation(generation));
    assert_eq!(first_passed.recv().unwrap().verdict, committed(2));
    first.join();

    let records = sweeps.records();
    let settles = || {
        let mut seen = running::all().into_iter();
        seen.find(|it| records.lock().contains(&it.record) && it.engine == Some(root("flaky")))
    };
    let start = Instant::now();
    let call = std::iter::repeat_with(settles)
        .take_while(|_| start.elapsed() < WAIT)
        .find_map(|seen| seen);
    assert_eq!(call.unwrap().call, Call::Migrate);
    assert!(passed.try_recv().is_err(), "the pause has not begun");

    drop(loops);
    assert_eq!(passed.recv().unwrap().verdict, committed(3));
    sweeps.join();
}
