//! Memory that is taken before a pause is there in the pause, on every worker.

use crate::rig::alone::executor;
use crossbeam_channel::{Sender, bounded};
use refit_kernel::crew::UpdatePoint;
use refit_kernel::limits::RESERVE_BYTES_MAX;
use refit_kernel::{Duty, Quiesced};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Duration;

/// Longest wait for anything here.
const SOON: Duration = Duration::from_secs(60);

const WORKERS: usize = 2;

/// What each worker makes in the pause, in bytes: more than other tests of this process leave to its allocator.
const MADE_BYTES: usize = 24 << 20;

/// Bytes of one object of that: a node of a map.
const OBJECT_BYTES: usize = 464;

/// Page faults that such memory takes if it is fresh from the system.
const FRESH_FAULTS: u64 = (MADE_BYTES / 4096) as u64;

/// A pause in which every worker makes objects, and tells how many page faults that took.
struct Makes {
    faults: Sender<u64>,
    resumed: Sender<()>,
}

impl UpdatePoint for Makes {
    fn closing(&mut self) {}

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        let (faults, all) = (self.faults.clone(), Barrier::new(WORKERS));
        quiesced.each(WORKERS, move |_| {
            // So each worker has one of the tasks.
            all.wait();
            let before = page_faults();
            let object = |_| black_box(vec![1_u8; OBJECT_BYTES]);
            let made: Vec<_> = (0..MADE_BYTES / OBJECT_BYTES).map(object).collect();
            faults.send(page_faults() - before).unwrap();
            all.wait();
            drop(made);
        });
    }

    fn resumed(self: Box<Self>) {
        self.resumed.send(()).unwrap();
    }
}

/// Those of this thread that needed no file.
fn page_faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

/// The most page faults of a worker in a pause before which so much was taken.
fn in_a_pause(bytes: u64) -> u64 {
    let duty = Duty::park("first", WORKERS).unwrap();
    let next = duty.next("second").unwrap();
    duty.begin(executor(1));
    let reserve = duty.reserve(bytes, SOON);
    let ((faults, counted), (resumed, is_resumed)) = (bounded(WORKERS), bounded(1));
    let point = Box::new(Makes { faults, resumed });
    let crew = duty.hand_over(point, next).unwrap();
    is_resumed.recv_timeout(SOON).unwrap();
    drop(reserve);
    crew.unwrap().join();
    duty.stop();
    counted.try_iter().max().unwrap()
}

#[test]
fn what_a_pause_makes_on_any_worker_needs_no_memory_of_the_system() {
    // A third more: the list of the objects grows, and blocks have heads.
    let reserved = in_a_pause((MADE_BYTES * WORKERS * 4 / 3) as u64);
    assert!(reserved < FRESH_FAULTS / 10, "{reserved} page faults");
}

#[test]
fn an_absurd_wish_is_bounded_and_a_crew_that_is_gone_is_not_waited_for() {
    let duty = Duty::start("only", 1, executor(1)).unwrap();
    let reserve = duty.reserve(u64::MAX, SOON);
    assert!(reserve.taken_bytes() <= RESERVE_BYTES_MAX as u64);
    assert!(reserve.taken_bytes() > 0);
    drop(reserve);
    duty.stop();
    let nothing = duty.reserve(1 << 20, Duration::from_millis(10));
    assert_eq!(nothing.taken_bytes(), 0);
}
