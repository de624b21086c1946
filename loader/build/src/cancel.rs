//! Stops a build that is under way: its cargo ends, and all that cargo has started.

use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most processes of one build that are ended.
const PROCESSES_MAX: usize = 10_000;

/// Counts how often builds were given up; shared by the clones of a builder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel(Arc<AtomicU64>);

/// Whether a build that began at a certain time is given up.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    cancel: Cancel,
    begun: u64,
}

impl Cancel {
    /// Gives up what has begun.
    pub(crate) fn cancel(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// For a build that begins now.
    pub(crate) fn begin(&self) -> Wanted {
        Wanted {
            begun: self.0.load(Ordering::Acquire),
            cancel: self.clone(),
        }
    }
}

impl Wanted {
    /// Whether somebody still waits for the build.
    pub(crate) fn is_wanted(&self) -> bool {
        self.cancel.0.load(Ordering::Acquire) == self.begun
    }
}

/// Ends a process and all below it. Each is stopped before its children are listed, so that none comes
/// later. They are in the group of this process, so that a terminal's Ctrl-C reaches them too.
pub(crate) fn kill_tree(id: u32) {
    let (mut open, mut found) = (vec![id], Vec::new());
    while let Some(id) = open.pop() {
        signal(id, Signal::STOP);
        found.push(id);
        if found.len() + open.len() < PROCESSES_MAX {
            open.extend(children(id));
        }
    }
    for id in found {
        signal(id, Signal::KILL);
    }
}

fn signal(id: u32, signal: Signal) {
    if let Some(process) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It fails only if the process has ended, which is what is wanted.
        let _ = kill_process(process, signal);
    }
}

/// The children of all threads of a process.
fn children(id: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{id}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let ids = |list: String| {
        let ids = list.split_whitespace().map(str::parse);
        ids.filter_map(Result::ok).collect::<Vec<u32>>()
    };
    lists.flat_map(ids).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_process_has_started_ends_with_it() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 600 & (sleep 600; true) & echo there; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(shell.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        kill_tree(shell.id());
        assert!(!shell.wait().unwrap().success());
        // Everybody who holds the pipe has ended.
        assert_eq!(said.read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn what_begins_after_a_cancellation_is_wanted() {
        let cancel = Cancel::default();
        let before = cancel.begin();
        cancel.clone().cancel();
        assert!(!before.is_wanted() && cancel.begin().is_wanted());
    }
}
