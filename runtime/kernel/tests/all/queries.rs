//! Blocks go before what clients look at, and looks go on beside blocks.

use crate::rig::alone::executor;
use crate::rig::block;
use crossbeam_channel::bounded;
use refit_kernel::{Duty, Executor};
use std::sync::mpsc;
use std::time::Duration;

/// How long each look takes: much longer than an empty block.
const LOOK: Duration = Duration::from_millis(2);

/// Looks that wait at once.
const LOOKS: u64 = 200;

/// Blocks that wait with them.
const BLOCKS: u64 = 20;

/// Longest wait for anything here.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_block_waits_for_a_bounded_number_of_the_looks_that_came_before_it() {
    let duty = Duty::start("first", 1, executor(1)).unwrap();
    // All of it waits when the crew begins.
    let (go, goes) = bounded::<()>(1);
    let held = move |_: &mut Executor| goes.recv_timeout(SOON).unwrap();
    duty.call(held).unwrap();
    let (tell, told) = mpsc::channel();
    for _ in 0..LOOKS {
        let tell = tell.clone();
        let look = move |executor: &mut Executor| {
            std::thread::sleep(LOOK);
            tell.send(executor.height().0).unwrap();
        };
        duty.call(look).unwrap();
    }
    for height in 1..=BLOCKS {
        let block = block(height, Vec::new());
        // Nobody waits for its outcome.
        drop(duty.execute(block).unwrap());
    }
    go.send(()).unwrap();
    duty.stop();
    let heights: Vec<u64> = told.try_iter().collect();
    assert_eq!(heights.len() as u64, LOOKS, "none of them is lost");
    let meanwhile = heights.iter().filter(|height| **height < BLOCKS).count() as u64;
    // One between two blocks, and more only if the machine made a block long.
    assert!(
        (BLOCKS - 1..4 * BLOCKS).contains(&meanwhile),
        "{meanwhile} looks went before {BLOCKS} blocks: {heights:?}"
    );
}
