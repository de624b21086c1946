//! [`Row`]: what one repetition gave, and how it is written.

use super::Cell;
use std::time::Duration;

/// The columns of `swap.csv`. Times are microseconds with three decimals, memory KiB.
pub const CSV_HEADER: &str = "engines,entries,class,repetition,workers,stage_us,wait_us,quiesce_us,\
transition_us,commit_us,resume_us,pause_us,handover_us,handshake_us,stall_us,control_stall_us,lost,duplicated,\
reordered,rss_rest_kib,rss_peak_kib,load1";

/// The way through an update point. The pause is all between the wait and the hand-over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// From the command to the block's end.
    pub wait: Duration,
    /// Until no handler runs and none can start.
    pub quiesce: Duration,
    /// The transitions.
    pub transition: Duration,
    /// The publication.
    pub commit: Duration,
    /// Until the gate is open.
    pub resume: Duration,
    /// Until the fresh crew has the engines. What waits is not kept waiting by it: the crew that ran the pause leads
    /// on as long as something does.
    pub handover: Duration,
}

impl Phases {
    /// From closing the gate to opening it.
    pub fn pause(&self) -> Duration {
        self.quiesce + self.transition + self.commit + self.resume
    }

    /// The pause without what comes after the commit: what the upgrade itself does in it.
    pub fn work(&self) -> Duration {
        self.quiesce + self.transition + self.commit
    }

    /// The longest that no block can run: the pause, and a hand-over right after it.
    pub fn without_block(&self) -> Duration {
        self.pause() + self.handover
    }
}

/// The results of one repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The cell that was measured.
    pub cell: Cell,
    /// Which time, from 1 on.
    pub repetition: u32,
    /// Worker threads of a crew.
    pub workers: usize,
    /// From the library's file to an armed upgrade and a parked crew.
    pub stage: Duration,
    /// The way through the update point.
    pub phases: Phases,
    /// The time without a block of an empty handshake of the same node.
    pub handshake: Duration,
    /// The largest gap between two answers around the swap.
    pub stall: Duration,
    /// The same in a window of the same length without a swap.
    pub control_stall: Duration,
    /// The largest latency around the swap, from when a message was due.
    pub latency: Duration,
    /// The same without a swap.
    pub control_latency: Duration,
    /// Messages that the engines found missing.
    pub lost: u64,
    /// Messages that the engines saw twice.
    pub duplicated: u64,
    /// Messages that the engines saw too late.
    pub reordered: u64,
    /// Messages that were not answered as they should.
    pub refused: u64,
    /// Batches handled by another generation than their block's.
    pub mixed: u64,
    /// Libraries that could not be unmapped.
    pub pinned: u32,
    /// Memory in use before the upgrade was staged.
    pub rss_rest_kib: u64,
    /// The most that was in use until the old code was gone.
    pub rss_peak_kib: u64,
    /// The machine's load when the repetition began.
    pub load1: f64,
}

impl Row {
    /// The line of `swap.csv`, without its end.
    pub fn csv(&self) -> String {
        let Cell {
            engines,
            entries,
            class,
        } = self.cell;
        let Phases {
            wait,
            quiesce,
            transition,
            commit,
            resume,
            handover,
        } = self.phases;
        let head = format!(
            "{engines},{entries},{class},{},{}",
            self.repetition, self.workers
        );
        let pause = self.phases.pause();
        let times = [
            self.stage,
            wait,
            quiesce,
            transition,
            commit,
            resume,
            pause,
            handover,
            self.handshake,
        ]
        .map(micros)
        .join(",");
        let stalls = [self.stall, self.control_stall].map(micros).join(",");
        let counts = [self.lost, self.duplicated, self.reordered]
            .map(|n| n.to_string())
            .join(",");
        let memory = format!("{},{}", self.rss_rest_kib, self.rss_peak_kib);
        format!(
            "{head},{times},{stalls},{counts},{memory},{:.2}",
            self.load1
        )
    }
}

/// Microseconds with three decimals: nothing is rounded, so sums hold exactly.
fn micros(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    format!("{}.{:03}", nanos / 1_000, nanos % 1_000)
}

/// Microseconds, to calculate with.
pub(super) fn as_micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1_000.0
}
