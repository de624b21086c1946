//! [`Load`]: requests to a node, from one thread over many connections.
//!
//! *Open loop*: each request has a time at which it is due, fixed beforehand, and its latency counts from then,
//! also if it had to wait for a free connection, or for the generator itself. An answer that is late moves no
//! request behind it. *Closed loop*: each connection sends as soon as it has its answer; that finds what goes
//! through at most, and what one client alone sees.

use super::lane::{Ended, Lane};
use super::traffic::Traffic;
use crate::BenchError;
use hdrhistogram::Histogram;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long answers are waited for after the window, before they count as not given.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Longest sleep without a look at the clock.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Events that are taken from the system at once.
const EVENTS_MAX: usize = 256;

/// Largest latency that is counted apart, in nanoseconds: 120 s.
const LATENCY_NS_MAX: u64 = 120_000_000_000;

/// Connections that are opened anew in one load; a node that closes more does not serve.
const REOPENED_MAX: u64 = 100_000;

/// How late the system may wake the generator, in nanoseconds.
const TIMER_SLACK_NS: u64 = 1_000;

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// So many a second, due at even distances.
    Open(f64),
    /// On each connection as soon as the answer is there.
    Closed,
}

/// The requests of a load: kind, address and time.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) socket: PathBuf,
    pub(super) connections: usize,
    pub(super) traffic: Traffic,
    pub(super) pace: Pace,
    pub(super) times: Times,
}

/// A load's start and the stretch of it that is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) start: Instant,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// The results of a load in its window.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Of the requests that were due in it, in nanoseconds; those without an answer as long as they were waited for.
    pub(super) latency_ns: Histogram<u64>,
    /// Requests that were answered in it.
    pub(super) answered: u64,
    /// Requests of the whole load that were answered with something else than they should.
    pub(super) refused: u64,
    /// Requests of the whole load whose connection broke.
    pub(super) broken: u64,
    /// Requests of the whole load that got no answer.
    pub(super) unanswered: u64,
    /// The answer to the first request that was refused.
    pub(super) first_refusal: Option<String>,
}

/// A load that runs.
struct Generator<'a> {
    load: &'a Load,
    epoll: OwnedFd,
    lanes: Vec<Lane>,
    idle: VecDeque<usize>,
    /// The next request of the schedule.
    next: u64,
    seen: Seen,
    reopened: u64,
}

impl Load {
    /// Runs it on this thread, from opening the connections to the last answer.
    pub(super) fn run(&self) -> Result<Seen, BenchError> {
        // Without it requests are sent later than they are due; the latency then says so.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK_NS));
        let failed = |source| BenchError::Socket {
            path: self.socket.clone(),
            source,
        };
        let mut generator = Generator::new(self).map_err(failed)?;
        generator.run().map_err(failed)?;
        Ok(generator.end())
    }

    /// When request `number` is due; `None` if it is not part of the load.
    fn due(&self, number: u64) -> Option<Instant> {
        let due = match self.pace {
            Pace::Open(rate_hz) => {
                self.times.start + Duration::from_secs_f64(number as f64 / rate_hz)
            }
            Pace::Closed => Instant::now().max(self.times.start),
        };
        (due < self.times.to).then_some(due)
    }
}

impl Seen {
    fn nothing() -> io::Result<Self> {
        let latency_ns = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3);
        Ok(Self {
            latency_ns: latency_ns.map_err(io::Error::other)?,
            answered: 0,
            refused: 0,
            broken: 0,
            unanswered: 0,
            first_refusal: None,
        })
    }

    /// Puts what another load saw beside it.
    pub(super) fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.latency_ns.add(&other.latency_ns);
        self.answered += other.answered;
        self.refused += other.refused;
        self.broken += other.broken;
        self.unanswered += other.unanswered;
        if self.first_refusal.is_none() {
            self.first_refusal.clone_from(&other.first_refusal);
        }
    }

    /// Requests that did not get what they should.
    pub(super) fn failed(&self) -> u64 {
        self.refused + self.broken + self.unanswered
    }
}

impl<'a> Generator<'a> {
    fn new(load: &'a Load) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut lanes = Vec::with_capacity(load.connections);
        for number in 0..load.connections {
            let lane = Lane::open(&load.socket, number)?;
            epoll::add(
                &epoll,
                &lane,
                EventData::new_u64(number as u64),
                EventFlags::IN,
            )?;
            lanes.push(lane);
        }
        Ok(Self {
            load,
            epoll,
            lanes,
            idle: (0..load.connections).collect(),
            next: 0,
            seen: Seen::nothing()?,
            reopened: 0,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut scratch = Lane::scratch();
        let mut events = Vec::with_capacity(EVENTS_MAX);
        // What was due in time still gets its answer, and its latency.
        let end = self.load.times.to + DRAIN_MAX;
        loop {
            let due = self.send_due()?;
            let is_done = due.is_none() && self.idle.len() == self.lanes.len();
            if is_done || Instant::now() >= end {
                return Ok(());
            }
            self.wait(&mut events, due)?;
            for event in events.drain(..) {
                let event: epoll::Event = event;
                let number = event.data.u64() as usize;
                if let Err(error) = self.turn(number, &mut scratch) {
                    self.reopen(number, &error)?;
                }
            }
        }
    }

    /// Sends what is due on the connections that are free; gives when the next is due, if there is one.
    fn send_due(&mut self) -> io::Result<Option<Instant>> {
        loop {
            let Some(due) = self.load.due(self.next) else {
                return Ok(None);
            };
            // None is free: the request is late, and its latency says so when it is sent.
            let Some(number) = self.idle.front().copied() else {
                return Ok(Some(due));
            };
            if due > Instant::now() {
                return Ok(Some(due));
            }
            self.idle.pop_front();
            self.next += 1;
            if let Err(error) = self.lanes[number].send(&self.load.traffic, due) {
                self.reopen(number, &error)?;
            } else if self.lanes[number].has_more() {
                self.listen(number, EventFlags::IN | EventFlags::OUT)?;
            }
        }
    }

    /// Waits for an event, or until a free connection has something to send.
    fn wait(&self, events: &mut Vec<epoll::Event>, due: Option<Instant>) -> io::Result<()> {
        let take = |events: &mut Vec<epoll::Event>, longest: Duration| {
            let room = rustix::buffer::spare_capacity(events);
            retried(epoll::wait(&self.epoll, room, Some(&timespec(longest))))
        };
        // In a closed loop nothing is due before an answer is there: one call does.
        if matches!(self.load.pace, Pace::Closed) && self.idle.is_empty() {
            return take(events, SLEEP_MAX).map(drop);
        }
        if take(events, Duration::ZERO)? > 0 {
            return Ok(());
        }
        let sleep = match due.filter(|_| !self.idle.is_empty()) {
            Some(due) => due.saturating_duration_since(Instant::now()).min(SLEEP_MAX),
            None => SLEEP_MAX,
        };
        // Unlike `epoll_wait` it keeps time below a millisecond.
        let mut ready = [PollFd::new(&self.epoll, PollFlags::IN)];
        if retried(poll(&mut ready, Some(&timespec(sleep))))? > 0 {
            take(events, Duration::ZERO)?;
        }
        Ok(())
    }

    /// Sends and reads as much as a connection can take now.
    fn turn(&mut self, number: usize, scratch: &mut [u8]) -> io::Result<()> {
        let lane = &mut self.lanes[number];
        if lane.has_more() {
            lane.flush()?;
            if !lane.has_more() {
                self.listen(number, EventFlags::IN)?;
            }
        }
        let lane = &mut self.lanes[number];
        let Some(ended) = lane.receive(scratch)? else {
            return Ok(());
        };
        let closes = ended.answer.closes;
        self.ended(&ended);
        // Opened again as a broken one is, though nothing was lost.
        if closes {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.idle.push_back(number);
        Ok(())
    }

    fn ended(&mut self, ended: &Ended) {
        let (now, Times { from, to, .. }) = (Instant::now(), self.load.times);
        // From when it was due: a request that waited for a free connection has waited for the node.
        self.record(ended.intended, now);
        if self.load.traffic.sort.is_done(&ended.answer) {
            // By its end, for the rate: latencies are counted by when they were due.
            self.seen.answered += u64::from((from..to).contains(&now));
            return;
        }
        self.seen.refused += 1;
        let text = || {
            let body = String::from_utf8_lossy(&ended.answer.body);
            format!("{} {}", ended.answer.status, body.trim_end())
        };
        self.seen.first_refusal.get_or_insert_with(text);
    }

    fn record(&mut self, intended: Instant, ended: Instant) {
        let Times { from, to, .. } = self.load.times;
        if (from..to).contains(&intended) {
            let latency = ended.saturating_duration_since(intended).as_nanos();
            let latency = u64::try_from(latency).unwrap_or(LATENCY_NS_MAX);
            self.seen.latency_ns.saturating_record(latency);
        }
    }

    /// After a connection broke, or was closed behind an answer.
    fn reopen(&mut self, number: usize, error: &io::Error) -> io::Result<()> {
        self.reopened += 1;
        // A node that closes each connection would else be measured by how fast it refuses.
        if self.reopened > REOPENED_MAX {
            return Err(io::Error::new(
                error.kind(),
                format!("the node closes connections: {error}"),
            ));
        }
        let lane = &mut self.lanes[number];
        epoll::delete(&self.epoll, &*lane)?;
        let lost = lane.under_way();
        lane.reopen(&self.load.socket)?;
        let data = EventData::new_u64(number as u64);
        epoll::add(&self.epoll, &*lane, data, EventFlags::IN)?;
        if let Some(intended) = lost {
            self.seen.broken += 1;
            self.record(intended, Instant::now());
        }
        self.idle.push_back(number);
        Ok(())
    }

    fn listen(&self, number: usize, flags: EventFlags) -> io::Result<()> {
        let data = EventData::new_u64(number as u64);
        Ok(epoll::modify(
            &self.epoll,
            &self.lanes[number],
            data,
            flags,
        )?)
    }

    /// Counts what has no answer, sent or not.
    fn end(mut self) -> Seen {
        let now = Instant::now();
        let sent: Vec<Instant> = self.lanes.iter().filter_map(Lane::under_way).collect();
        let first = self.next;
        // In an open loop these were due: left out, a node that stalls to the end would look fast.
        let unsent = (first..)
            .map_while(|number| match self.load.pace {
                Pace::Open(_) => self.load.due(number),
                Pace::Closed => None,
            })
            .collect::<Vec<_>>();
        for intended in sent.into_iter().chain(unsent) {
            self.seen.unanswered += 1;
            self.record(intended, now);
        }
        self.seen
    }
}

/// As the system takes it; of a second or more, only the part below one.
fn timespec(below_a_second: Duration) -> Timespec {
    Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(below_a_second.subsec_nanos()),
    }
}

/// A call that a signal cut short is one that gave nothing.
fn retried(result: rustix::io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(rustix::io::Errno::INTR) => Ok(0),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests;
