//! Blocks go before what clients look at, and looks go on beside blocks.

use crate::harness::{executor, frame};
use crossbeam_channel::bounded;
use refit_kernel::BlockInput;
use refit_kernel::crew::{Command, CommandQueue, Commands, Crew, commands};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long each look takes: much longer than an empty block.
const LOOK: Duration = Duration::from_millis(2);

/// Looks that wait at once.
const LOOKS: usize = 200;

/// Longest wait for anything here.
const SOON: Duration = Duration::from_secs(60);

fn crew() -> (Commands, CommandQueue, Crew) {
    let (commands, queue) = commands();
    let crew = Crew::spawn("first", 1, queue.clone()).unwrap();
    crew.baton().start(executor(1));
    (commands, queue, crew)
}

#[test]
fn a_block_waits_for_a_bounded_number_of_the_looks_that_came_before_it() {
    let (commands, _queue, crew) = crew();
    let looked = Arc::new(AtomicUsize::new(0));
    for _ in 0..LOOKS {
        let looked = looked.clone();
        let look = move |_: &mut refit_kernel::Executor| {
            std::thread::sleep(LOOK);
            looked.fetch_add(1, Ordering::SeqCst);
        };
        commands.send(Command::Call(Box::new(look))).unwrap();
    }
    let mut most = 0;
    for height in 1..=20 {
        let (done, outcome) = bounded(1);
        let block = BlockInput {
            frame: frame(height),
            messages: Vec::new(),
        };
        let before = looked.load(Ordering::SeqCst);
        commands.send(Command::Block(block, done)).unwrap();
        outcome.recv_timeout(SOON).unwrap();
        most = most.max(looked.load(Ordering::SeqCst) - before);
    }
    // The one that is under way, the share of one, and one that came into the moment in which this thread slept.
    assert!(most <= 3, "a block waited for {most} looks");
    // None of them was lost.
    commands.send(Command::Stop).unwrap();
    crew.join();
    assert_eq!(looked.load(Ordering::SeqCst), LOOKS);
}
