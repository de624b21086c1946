//! The processes below this one: which there are, what memory they hold, and their end.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::fs;
use std::time::Duration;

/// Most processes that are looked at.
const PROCESSES_MAX: usize = 10_000;

/// Most rounds of ending what is left; a process that starts others is stopped before those are listed.
const ROUNDS_MAX: usize = 2_000;

/// Pause between two rounds.
const ROUND: Duration = Duration::from_millis(1);

/// All processes below this one.
pub(crate) fn below() -> Vec<u32> {
    let mut open = children(std::process::id());
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        found.push(id);
        if found.len() + open.len() >= PROCESSES_MAX {
            break;
        }
        open.extend(children(id));
    }
    found
}

/// Whether this kernel lists the children of a process.
pub(crate) fn is_seen() -> bool {
    fs::read_to_string("/proc/thread-self/children").is_ok()
}

/// The children of all threads of a process.
fn children(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let ids = |list: String| {
        let ids = list.split_whitespace().map(str::parse);
        ids.filter_map(Result::ok).collect::<Vec<u32>>()
    };
    lists.flat_map(ids).collect()
}

/// The memory that nobody else holds for these processes, in bytes: what they wrote to, and what was written out to disk of
/// it. Programs and libraries are not counted: they are the same pages for all.
pub(crate) fn memory(ids: &[u32]) -> u64 {
    ids.iter().map(|id| memory_of(*id)).sum()
}

fn memory_of(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let counted = ["RssAnon:", "RssShmem:", "VmSwap:"];
    let lines = status.lines();
    let amounts = lines.filter_map(|line| counted.iter().find_map(|name| line.strip_prefix(name)));
    amounts.map(kibibytes).sum()
}

/// As the kernel writes an amount: `123 kB`.
fn kibibytes(text: &str) -> u64 {
    let number = text.split_whitespace().next().map(str::parse::<u64>);
    number.and_then(Result::ok).unwrap_or(0) << 10
}

/// The threads of all processes of a user: what a limit on them counts.
pub(crate) fn count_of(uid: u32) -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let statuses = entries.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    let of_user = statuses.filter(|status| field(status, "Uid:") == Some(u64::from(uid)));
    of_user
        .filter_map(|status| field(&status, "Threads:"))
        .sum()
}

/// The first number of a line.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Ends a process.
pub(crate) fn end(id: u32) {
    signal(id, Signal::KILL);
}

/// Ends all processes below this one, and waits until there are none.
pub(crate) fn end_all() {
    for _ in 0..ROUNDS_MAX {
        let left = below();
        left.iter().for_each(|id| signal(*id, Signal::STOP));
        left.iter().for_each(|id| signal(*id, Signal::KILL));
        match reap() {
            Err(Errno::CHILD) => return,
            _ => std::thread::sleep(ROUND),
        }
    }
}

/// Takes note of all children that have ended. [`Errno::CHILD`] if there are none left at all.
fn reap() -> Result<(), Errno> {
    while wait(WaitOptions::NOHANG)?.is_some() {}
    Ok(())
}

fn signal(id: u32, signal: Signal) {
    if let Some(process) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It fails only if the process has ended, which is what is wanted.
        let _ = kill_process(process, signal);
    }
}
