//! [`Load`]: the open-loop load: one message a block, each due at a time fixed beforehand.
//!
//! A block that is late does not move the ones after it, so a pause is seen by every message that
//! was due in it. The bench is the only source of blocks, so it also numbers them.

use crate::BenchError;
use refit_abi::host::BlockFrame;
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId, Height};
use refit_kernel::{BlockInput, BlockOutcome, Duty, Ingress};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages of one load.
const LOAD_MESSAGES_MAX: u32 = 1 << 22;

/// A load that runs.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Log>,
}

/// The results of a load.
#[derive(Debug, Default)]
pub(super) struct Log {
    completions: Vec<Completion>,
    /// Messages sent to each target.
    pub(super) sent: Vec<u64>,
    /// Messages that were answered with an error, or not at all.
    pub(super) refused: u64,
    /// Batches that the kernel saw handled by another generation than their block's.
    pub(super) mixed: u64,
}

/// One message.
#[derive(Clone, Copy, Debug)]
struct Completion {
    intended: Instant,
    done: Instant,
}

/// A stretch of a load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// The sender of a part of the load.
struct Source {
    duty: Arc<Duty>,
    targets: Vec<EngineId>,
    client: ClientId,
    interval: Duration,
}

impl Load {
    /// Starts a load of `rate_hz` messages a second on the targets in turn.
    pub(super) fn start(
        duty: Arc<Duty>,
        targets: Vec<EngineId>,
        rate_hz: u32,
    ) -> Result<Self, BenchError> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let interval = Duration::from_secs(1) / rate_hz;
        let client = ClientId::of("bench");
        let source = Source {
            duty,
            targets,
            client,
            interval,
        };
        let thread = std::thread::Builder::new()
            .name("bench-load".to_owned())
            .spawn(move || source.run(&stopped))
            .map_err(|source| BenchError::Thread { source })?;
        Ok(Self { stop, thread })
    }

    /// Ends it and gives what it saw.
    pub(super) fn stop(self) -> Result<Log, BenchError> {
        self.stop.store(true, Ordering::Relaxed);
        let reason = "the load's thread panicked".to_owned();
        self.thread
            .join()
            .map_err(|_| BenchError::Engine { reason })
    }
}

impl Source {
    fn run(self, stop: &AtomicBool) -> Log {
        let mut log = Log {
            sent: vec![0; self.targets.len()],
            ..Log::default()
        };
        let start = Instant::now();
        for tick in 0..LOAD_MESSAGES_MAX {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            // From the beginning and not from the last one: a pause must not slow the load down that is to show it.
            let intended = start + self.interval * tick;
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            let target = tick as usize % self.targets.len();
            log.sent[target] += 1;
            let Some(outcome) = self.send(u64::from(tick) + 1, target, log.sent[target]) else {
                log.refused += 1;
                break;
            };
            log.completions.push(Completion {
                intended,
                done: Instant::now(),
            });
            log.mixed += outcome.stats.mixed;
            let answered = matches!(outcome.replies.as_slice(), [reply] if reply.outcome.is_ok());
            log.refused += u64::from(!answered);
        }
        log
    }

    /// Has a block of one message executed; `None` if the crew is gone.
    fn send(&self, height: u64, target: usize, number: u64) -> Option<BlockOutcome> {
        let message = Ingress {
            engine: self.targets[target],
            client: self.client,
            share: refit_kernel::Share::default(),
            sequence: None,
            codec: Codec::Json,
            payload: format!("{{\"note\":{{\"number\":{number}}}}}").into_bytes(),
        };
        let frame = BlockFrame {
            height: Height(height),
            time: BlockTime(height),
            ..BlockFrame::default()
        };
        let block = BlockInput {
            frame,
            messages: vec![message],
            ..BlockInput::default()
        };
        let outcome = self.duty.execute(block).ok()?;
        outcome.recv_timeout(super::node::STEP_MAX).ok()
    }
}

impl Log {
    /// The largest gap between two completions that touches the window.
    pub(super) fn stall(&self, window: Window) -> Duration {
        let touching = self
            .completions
            .windows(2)
            // Each gap that touches the window, so that one which begins or ends outside is not halved.
            .filter(|pair| pair[1].done >= window.from && pair[0].done <= window.to);
        touching
            .map(|pair| pair[1].done - pair[0].done)
            .max()
            .unwrap_or_default()
    }

    /// The largest latency, counted from when a message was due, of those due in the window.
    pub(super) fn latency(&self, window: Window) -> Duration {
        let due = self
            .completions
            .iter()
            .filter(|completion| (window.from..=window.to).contains(&completion.intended));
        due.map(|completion| {
            completion
                .done
                .saturating_duration_since(completion.intended)
        })
        .max()
        .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_gap_for_its_window_only_and_a_latency_for_all_that_was_due_in_it() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let done = [(0, 0), (1, 1), (2, 9), (3, 9), (10, 10), (11, 11), (12, 12)];
        let completions = done
            .map(|(intended, done)| Completion {
                intended: at(intended),
                done: at(done),
            })
            .to_vec();
        let log = Log {
            completions,
            ..Log::default()
        };
        let swap = Window {
            from: at(1),
            to: at(10),
        };
        assert_eq!(log.stall(swap), Duration::from_millis(8));
        assert_eq!(log.latency(swap), Duration::from_millis(7));
        let control = Window {
            from: at(10),
            to: at(12),
        };
        assert_eq!(log.stall(control), Duration::from_millis(1));
        assert_eq!(log.latency(control), Duration::ZERO);
    }
}
