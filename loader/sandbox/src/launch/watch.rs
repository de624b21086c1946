//! [`Watch`]: looks at the room until its first process has ended: memory, time, files, and whether anybody still waits.

use super::processes;
use crate::limits::{LOOK_MS, Limits, Over};
use crate::wire::Told;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, wait};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Looks between two at a target on a disk: a folder takes longer to look at than a process.
const LOOKS_PER_FILES: u64 = 5;

/// Bytes of a block in which a file's place on a disk is counted.
const BLOCK_BYTES: u64 = 512;

/// A watch over one room.
pub(crate) struct Watch {
    limits: Limits,
    /// The target, if it is on a disk.
    target: Option<PathBuf>,
    first: u32,
    pidfd: Option<OwnedFd>,
    deadline: Instant,
    looks: u64,
    ended: Ended,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    /// The limit that was reached.
    pub(crate) over: Option<Over>,
    pub(crate) peak_memory_bytes: u64,
}

impl Watch {
    pub(crate) fn new(told: &Told, first: u32) -> Self {
        let limits = told.order.limits;
        let is_on_disk = !told.parts.namespaces && !told.trial;
        let pid = i32::try_from(first).ok().and_then(Pid::from_raw);
        Self {
            limits,
            target: is_on_disk.then(|| told.order.target.host.clone()),
            first,
            // Where the system has none, the end is noticed at the next look.
            pidfd: pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
            deadline: Instant::now() + Duration::from_millis(limits.wall_ms),
            looks: 0,
            ended: Ended::default(),
        }
    }

    /// Looks until the first process has ended, and ends it where a limit is reached or nobody waits.
    pub(crate) fn look_on(mut self, caller: BorrowedFd<'_>) -> Ended {
        let mut is_ending = false;
        while !self.has_ended() {
            let is_left = self.pause(caller, is_ending);
            let over = match is_ending || is_left {
                true => None,
                false => self.over(),
            };
            if !is_ending && (is_left || over.is_some()) {
                is_ending = true;
                self.ended.over = over;
                processes::end(self.first);
            }
        }
        self.ended
    }

    /// Whether the first process has ended; takes note of the others that have.
    fn has_ended(&self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, _))) if pid.as_raw_nonzero().get().unsigned_abs() == self.first => {
                    return true;
                }
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(rustix::io::Errno::INTR) => {}
                // Without children there is nothing to wait for.
                Err(_) => return true,
            }
        }
    }

    /// Waits for the next look, for the end, or until the caller leaves: says whether that was so.
    fn pause(&self, caller: BorrowedFd<'_>, is_ending: bool) -> bool {
        let mut watched = Vec::new();
        watched.extend(
            self.pidfd
                .as_ref()
                .map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)),
        );
        if !is_ending {
            watched.push(PollFd::from_borrowed_fd(caller, PollFlags::RDHUP));
        }
        let pause = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(LOOK_MS * 1_000_000).unwrap_or(0),
        };
        // An interrupted wait is one look more.
        let _ = poll(&mut watched, Some(&pause));
        let left = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let caller = watched.last().filter(|_| !is_ending);
        caller.is_some_and(|caller| caller.revents().intersects(left))
    }

    /// The limit that is reached.
    fn over(&mut self) -> Option<Over> {
        if Instant::now() >= self.deadline {
            return Some(Over::Time);
        }
        let memory = processes::memory(&processes::below());
        self.ended.peak_memory_bytes = self.ended.peak_memory_bytes.max(memory);
        if memory > self.limits.memory_bytes {
            return Some(Over::Memory);
        }
        self.looks += 1;
        let target = self.target.as_deref()?;
        match self.looks.is_multiple_of(LOOKS_PER_FILES) {
            true => self.over_on_disk(target),
            false => None,
        }
    }

    fn over_on_disk(&self, target: &Path) -> Option<Over> {
        let mut found = Size::default();
        let mut open = vec![target.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                found.files += 1;
                found.bytes += std::os::unix::fs::MetadataExt::blocks(&about) * BLOCK_BYTES;
                if found.files > self.limits.target_files {
                    return Some(Over::TargetFiles);
                }
                if about.is_dir() {
                    open.push(entry.path());
                }
            }
        }
        (found.bytes > self.limits.target_bytes).then_some(Over::TargetBytes)
    }
}

/// What is in a folder.
#[derive(Default)]
struct Size {
    files: u64,
    bytes: u64,
}
