//! An `init` that starts engines, whose `init` starts engines, ends.

use crate::rig::alone::{executor, reply, run};
use crate::rig::script::{Config, Message, Op};
use crate::rig::{root, start};
use refit_kernel::limits::SPAWN_DEPTH_MAX;

/// Engines below one that is started with this, each started by the one before.
fn chain(length: usize) -> Config {
    (0..length).fold(Config::default(), |inner, _| Config {
        ops: vec![Op::Spawn(inner)],
    })
}

#[test]
fn a_chain_of_inits_is_started_as_deep_as_may_be_and_no_deeper() {
    for (length, started) in [
        (SPAWN_DEPTH_MAX, SPAWN_DEPTH_MAX),
        (SPAWN_DEPTH_MAX + 1, SPAWN_DEPTH_MAX),
        (4 * SPAWN_DEPTH_MAX, SPAWN_DEPTH_MAX),
    ] {
        let mut executor = executor(0);
        start(&mut executor, root(0), &chain(length));
        assert_eq!(executor.engines(), 1 + started, "of {length}");
        let outcome = run(&mut executor, &[(root(0), Message::default())]);
        assert!(reply(&outcome, 0).is_ok());
    }
}
