//! Which crew works when, around an update point: a pause waits for no other thread.

use crate::rig::alone::executor;
use crate::rig::block;
use crossbeam_channel::{Receiver, Sender, bounded};
use refit_kernel::crew::{Crew, UpdatePoint};
use refit_kernel::limits::LEAD_ON_BLOCKS_MAX;
use refit_kernel::{Duty, Quiesced};
use std::sync::mpsc;
use std::time::Duration;

/// Longest wait for anything here.
const SOON: Duration = Duration::from_secs(60);

/// A pause that lasts until it is let go, and tells on which thread it ended.
struct Held {
    go: Receiver<()>,
    resumed: Sender<String>,
}

impl UpdatePoint for Held {
    fn closing(&mut self) {}

    fn quiesced(&mut self, _: &mut Quiesced<'_>) {
        self.go.recv_timeout(SOON).unwrap();
    }

    fn resumed(self: Box<Self>) {
        self.resumed.send(thread()).unwrap();
    }
}

fn thread() -> String {
    std::thread::current().name().unwrap().to_owned()
}

struct Node {
    duty: Duty,
}

impl Node {
    fn new() -> Self {
        Self {
            duty: Duty::start("first", 1, executor(1)).unwrap(),
        }
    }

    /// Begins a pause; gives what lets it go, and where it will say on which thread it ended.
    fn pause(&self, next: &Crew) -> (Sender<()>, Receiver<String>) {
        let ((go, goes), (tell, resumed)) = (bounded(1), bounded(1));
        let point = Box::new(Held {
            go: goes,
            resumed: tell,
        });
        self.duty.pause(point, next.baton()).unwrap();
        (go, resumed)
    }

    fn next(&self, name: &str) -> Crew {
        self.duty.next(name).unwrap()
    }

    /// Asks which thread leads.
    fn ask(&self, told: &mpsc::Sender<String>) {
        let told = told.clone();
        let call = move |_: &mut refit_kernel::Executor| told.send(thread()).unwrap();
        self.duty.call(call).unwrap();
    }

    fn block(&self, height: u64) {
        let block = block(height, Vec::new());
        // Nobody waits for its outcome.
        drop(self.duty.execute(block).unwrap());
    }

    /// Puts a crew that has taken over in the place of the one before, and waits for that to end.
    fn relieve(&self, next: Crew) {
        self.duty.relieve(next).unwrap().join();
    }

    fn end(self) {
        self.duty.stop();
    }
}

#[test]
fn a_crew_that_ran_a_pause_works_on_what_waits_and_then_hands_over() {
    let node = Node::new();
    let mut next = node.next("second");
    let on_duty = next.on_duty().unwrap();
    assert!(next.on_duty().is_none(), "one waits for it");
    let (go, resumed) = node.pause(&next);
    let (tell, told) = mpsc::channel();
    node.ask(&tell);
    node.ask(&tell);
    go.send(()).unwrap();
    assert_eq!(resumed.recv_timeout(SOON).unwrap(), "first-0");
    for _ in 0..2 {
        assert_eq!(told.recv_timeout(SOON).unwrap(), "first-0");
    }
    assert!(on_duty.wait().is_some());
    node.relieve(next);
    node.ask(&tell);
    assert_eq!(told.recv_timeout(SOON).unwrap(), "second-0");
    node.end();
}

#[test]
fn it_hands_over_after_some_blocks_though_more_wait() {
    /// Blocks that wait when it would have to go on.
    const MORE: u64 = 20;
    let most = LEAD_ON_BLOCKS_MAX as u64;
    let node = Node::new();
    let next = node.next("second");
    let (go, resumed) = node.pause(&next);
    let (tell, told) = mpsc::channel();
    for height in 1..=most + MORE {
        node.block(height);
        let tell = tell.clone();
        // Longer than an empty block takes: one is answered between two of them.
        let look = move |executor: &mut refit_kernel::Executor| {
            std::thread::sleep(Duration::from_millis(1));
            tell.send((executor.height().0, thread())).unwrap();
        };
        node.duty.call(look).unwrap();
    }
    go.send(()).unwrap();
    assert_eq!(resumed.recv_timeout(SOON).unwrap(), "first-0");
    let looks: Vec<_> = (0..most + MORE)
        .map(|_| told.recv_timeout(SOON).unwrap())
        .collect();
    let (first, second): (Vec<_>, Vec<_>) = looks.iter().partition(|look| look.1 == "first-0");
    assert!(first.iter().all(|look| look.0 <= most), "{first:?}");
    // Where it had handed over, there was more to do.
    assert!(second[0].0 < most + MORE, "{second:?}");
    node.relieve(next);
    node.end();
}

#[test]
fn no_crew_runs_two_pauses() {
    let node = Node::new();
    let (second, third) = (node.next("second"), node.next("third"));
    let (go, first_resumed) = node.pause(&second);
    let (go_again, second_resumed) = node.pause(&third);
    go.send(()).unwrap();
    assert_eq!(first_resumed.recv_timeout(SOON).unwrap(), "first-0");
    go_again.send(()).unwrap();
    assert_eq!(second_resumed.recv_timeout(SOON).unwrap(), "second-0");
    node.relieve(second);
    node.relieve(third);
    node.end();
}

#[test]
fn a_crew_whose_successor_never_comes_hears_so() {
    let node = Node::new();
    let mut next = node.next("second");
    let on_duty = next.on_duty().unwrap();
    next.join();
    assert!(on_duty.wait().is_none());
    node.end();
}
