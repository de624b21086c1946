//! [`Used`]: the processor time of a process and its threads, from `/proc`.
//!
//! The system counts in ticks (10 ms), so a figure for each request is worth something over some seconds only.

use crate::BenchError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::ops::{AddAssign, Sub};
use std::path::Path;

/// The process's time beside that of its live threads: threads that ended, and the system's rounding.
const OTHER: &str = "other";

/// The field of `stat` behind the name that has the time in user mode; that in the system follows.
const USER_FIELD: usize = 11;

/// Ticks in user mode and in the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    user: u64,
    system: u64,
}

/// The time that a process used up to now.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    whole: Ticks,
    /// By number of thread.
    threads: BTreeMap<String, Thread>,
}

/// A thread, or a process.
#[derive(Clone, Debug)]
struct Thread {
    name: String,
    ticks: Ticks,
}

/// Processor time, in microseconds for each request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CpuUs {
    /// In the program itself.
    pub user: f64,
    /// In the system, for it.
    pub system: f64,
}

/// The time that all threads of one name used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreadsUs {
    /// Their work; see `benches/README.md`.
    pub threads: String,
    /// Their time.
    #[serde(flatten)]
    pub cpu: CpuUs,
}

impl Used {
    /// Looks at a process: `/proc/ID`, or `/proc/self`.
    pub(super) fn look(process: &Path) -> Result<Self, BenchError> {
        let path = process.join("stat");
        let stat = fs::read_to_string(&path).map_err(BenchError::file("read", &path))?;
        let whole = times(&stat).ok_or(BenchError::Unsaid {
            path,
            wanted: "a process's times",
        })?;
        let whole = whole.ticks;
        let tasks = process.join("task");
        let listed = fs::read_dir(&tasks).map_err(BenchError::file("read", &tasks))?;
        // A thread may end between the list and the look.
        let thread = |entry: fs::DirEntry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((entry.file_name().into_string().ok()?, times(&stat)?))
        };
        let threads = listed.flatten().filter_map(thread).collect();
        Ok(Self { whole, threads })
    }

    /// The whole process's time since, for each of so many requests.
    pub(super) fn each_since(&self, before: &Self, requests: u64) -> CpuUs {
        (self.whole - before.whole).each(requests)
    }

    /// The time since by name of threads, the most first.
    pub(super) fn threads_since(&self, before: &Self, requests: u64) -> Vec<ThreadsUs> {
        let (mut named, mut known) = (BTreeMap::<&str, Ticks>::new(), Ticks::default());
        for (number, Thread { name, ticks }) in &self.threads {
            let earlier = before.threads.get(number).map(|thread| thread.ticks);
            let since = *ticks - earlier.unwrap_or_default();
            *named.entry(role(name)).or_default() += since;
            known += since;
        }
        *named.entry(OTHER).or_default() += (self.whole - before.whole) - known;
        let mut rows: Vec<_> = named
            .into_iter()
            .filter(|(_, ticks)| *ticks != Ticks::default())
            .map(|(name, ticks)| ThreadsUs {
                threads: name.to_owned(),
                cpu: ticks.each(requests),
            })
            .collect();
        rows.sort_by(|a, b| b.cpu.sum().total_cmp(&a.cpu.sum()));
        rows
    }
}

/// The work of threads of this name; their numbers are cut off.
fn role(name: &str) -> &str {
    match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-') {
        "tokio-rt-worker" => "http",
        "refit" => "main",
        "refit-g" => "crew",
        name => name.strip_prefix("refit-").unwrap_or(name),
    }
}

/// Name and times of a line of `stat`. The name is in parentheses and may hold any.
fn times(stat: &str) -> Option<Thread> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split_whitespace().skip(USER_FIELD);
    let mut next = || fields.next()?.parse().ok();
    let ticks = Ticks {
        user: next()?,
        system: next()?,
    };
    let name = name.to_owned();
    Some(Thread { name, ticks })
}

impl Ticks {
    fn each(self, requests: u64) -> CpuUs {
        let tick_us = 1e6 / rustix::param::clock_ticks_per_second() as f64;
        let each = |ticks: u64| ticks as f64 * tick_us / requests.max(1) as f64;
        CpuUs {
            user: each(self.user),
            system: each(self.system),
        }
    }
}

impl CpuUs {
    /// Both together.
    pub fn sum(self) -> f64 {
        self.user + self.system
    }
}

impl AddAssign for Ticks {
    fn add_assign(&mut self, other: Self) {
        self.user += other.user;
        self.system += other.system;
    }
}

/// Never below zero: the system's own sums may step back by a tick.
impl Sub for Ticks {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            user: self.user.saturating_sub(other.user),
            system: self.system.saturating_sub(other.system),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_name_with_anything_in_it_does_not_move_the_fields() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 100 0 0 0 25 50 0 0 20 0 1 0 9 1 1 1";
        let Thread { name, ticks } = times(stat).unwrap();
        assert_eq!(name, "a) (b c");
        let expected = Ticks {
            user: 25,
            system: 50,
        };
        assert_eq!(ticks, expected);
        assert_eq!(role("refit-g12-0"), "crew");
        assert_eq!(role("tokio-rt-worker"), "http");
    }

    /// The thread that ended is counted apart, and nothing is counted twice.
    #[test]
    fn what_a_thread_used_is_found_under_its_name_and_adds_up_to_the_whole() {
        let process = Path::new("/proc/self");
        let before = Used::look(process).unwrap();
        let busy = std::thread::Builder::new().name("refit-busy-7".to_owned());
        let (told, look) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = busy.spawn(move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(300) {
                std::hint::spin_loop();
            }
            told.send(()).unwrap();
            let _ = ended.recv();
        });
        look.recv().unwrap();
        let after = Used::look(process).unwrap();
        drop(end);
        thread.unwrap().join().unwrap();
        let rows = after.threads_since(&before, 1);
        let busy = rows.iter().find(|row| row.threads == "busy").unwrap();
        assert!(busy.cpu.sum() > 30_000.0, "{rows:?}");
        let sum: f64 = rows.iter().map(|row| row.cpu.sum()).sum();
        let whole = after.each_since(&before, 1).sum();
        assert!(sum >= busy.cpu.sum() && whole > 30_000.0, "{sum} {whole}");
    }
}
