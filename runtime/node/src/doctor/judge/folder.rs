//! What is seen from outside: who uses the folder, its rights, its disk, its lists.

use crate::doctor::facts::{
    Facts, FileFacts, LockFacts, NodeAnswer, QuarantineFacts, RightsFacts, SpaceFacts,
};
use crate::doctor::finding::Finding;
use refit_abi::codes;

/// Rights of others than the user, who has no business here.
const OTHERS: u32 = 0o077;

pub(super) fn none(facts: &Facts) -> Finding {
    let folder = facts.folder.display();
    let detail = match facts.rights {
        None => format!("there is no folder {folder}"),
        Some(rights) if !rights.is_folder => format!("{folder} is no folder"),
        Some(_) => format!("nothing of a node is in {folder}"),
    };
    let is_other = facts.rights.is_some_and(|rights| !rights.is_folder);
    let next = match (is_other, facts.names_engines) {
        (true, _) => "name the data folder with --data-dir".to_owned(),
        (false, true) => begins(&format!("refit run --data-dir {folder}")),
        // A node begins with engines that somebody names.
        (false, false) => begins(&format!("refit run --engine NAME=PATH --data-dir {folder}")),
    };
    Finding::fault(codes::FOLDER_NONE, detail).next(next)
}

fn begins(run: &str) -> String {
    format!("name the data folder with --data-dir; to begin one there: {run}")
}

pub(super) fn lock(lock: &LockFacts) -> Finding {
    match lock {
        LockFacts::Free => Finding::ok(codes::FOLDER_FREE, "no node uses the folder"),
        LockFacts::Held {
            pid,
            is_alive: true,
            ..
        } => {
            let pid = pid.map_or_else(|| "another process".to_owned(), |it| format!("process {it}"));
            let detail = format!("{pid} has the folder: its store is looked at when no node runs");
            let next = "for the rest: stop that node, and ask again";
            Finding::note(codes::DATA_FOLDER_IN_USE, detail).next(next)
        }
        LockFacts::Held { pid: None, .. } => Finding::note(
            codes::DATA_FOLDER_IN_USE,
            "another process has the folder, and does not say which it is",
        )
        .next("for the rest: stop that node, and ask again"),
        LockFacts::Held { pid: Some(pid), .. } => Finding::warning(
            codes::FOLDER_HELD,
            format!("process {pid} had the folder and is gone, but its lock is held"),
        )
        .next("find who holds it, with `fuser node.lock` in the folder: a process that the node started"),
        LockFacts::Foreign { what } => Finding::fault(
            codes::DATA_FOLDER_UNLOCKABLE,
            format!("no node starts on the folder: its node.lock is {what}"),
        )
        .next("remove it: engines can write there, and a node makes a file of its own"),
        LockFacts::Unknown { why } => {
            let detail = format!("nobody knows whether a node uses the folder: {why}");
            let next = "ask as the user whose folder it is, on a file system that knows locks";
            Finding::fault(codes::DATA_FOLDER_UNLOCKABLE, detail).next(next)
        }
    }
}

pub(super) fn node(answer: &NodeAnswer) -> Finding {
    match answer {
        NodeAnswer::Serves {
            halted: Some(why), ..
        } => Finding::explained(why),
        NodeAnswer::Serves {
            height, generation, ..
        } => {
            let detail = format!("its node answers: block {height}, generation {generation}");
            Finding::ok(codes::NODE_SERVES, detail).next("refit status")
        }
        NodeAnswer::Starts { height, last } => {
            let detail = format!("its node starts: it has executed block {height} of {last} again");
            Finding::ok(codes::NODE_SERVES, detail).next("refit status --watch")
        }
        NodeAnswer::Silent { why } => {
            let detail = format!("its node does not answer: {why}");
            let next = "see the node's log; if it hangs, end it, and ask again";
            Finding::warning(codes::NODE_UNREACHABLE, detail).next(next)
        }
    }
}

pub(super) fn rights(rights: &RightsFacts) -> Option<Finding> {
    let mode = rights.mode;
    if !rights.is_usable {
        let detail = format!("this user may not read and write the folder (mode {mode:04o})");
        let next = "run the node, and this command, as the user whose folder it is";
        return Some(Finding::fault(codes::FOLDER_RIGHTS, detail).next(next));
    }
    let is_open = mode & OTHERS != 0;
    is_open.then(|| {
        let detail = format!("others may enter the folder (mode {mode:04o})");
        Finding::warning(codes::FOLDER_OPEN, detail)
            .next("chmod 700 on it: states and messages are in it")
    })
}

pub(super) fn space(space: &SpaceFacts) -> Finding {
    let (free, reserve) = (mebibytes(space.free), mebibytes(space.reserve));
    match space.free >= space.reserve {
        true => Finding::ok(
            codes::DISK_ROOM,
            format!("{free} MiB of its disk are free; {reserve} MiB are the reserve"),
        ),
        false => Finding::warning(
            codes::DISK_FULL,
            format!("{free} MiB of its disk are free, below the reserve of {reserve} MiB: a node takes no new messages"),
        )
        .next("make room on the disk of the data folder"),
    }
}

pub(super) fn quarantine(list: &QuarantineFacts) -> Finding {
    match list {
        QuarantineFacts::Unreadable(why) => Finding::explained(why),
        QuarantineFacts::Read {
            refusing: 0,
            failed: 0,
        } => Finding::ok(codes::QUARANTINE_LIST, "no code is in quarantine"),
        QuarantineFacts::Read { refusing, failed } => {
            let detail = format!(
                "{refusing} entries of the quarantine list refuse their code, {failed} tell of upgrades that failed"
            );
            let next = "refit upgrade quarantine, once the node runs, says why";
            Finding::note(codes::QUARANTINE_LIST, detail).next(next)
        }
    }
}

pub(super) fn stray(file: &FileFacts) -> Finding {
    let (path, bytes) = (file.path.display(), file.bytes);
    let detail = format!("{path} ({bytes} bytes) is needed by nothing");
    Finding::note(codes::FOLDER_STRAY, detail)
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}
