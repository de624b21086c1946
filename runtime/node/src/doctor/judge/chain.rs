//! The chain: checkpoints, log, and what a start does with them.

use crate::doctor::facts::{
    ArmedFacts, ChainFacts, CheckpointFacts, ImageState, LogFacts, OpenUpgrade,
};
use crate::doctor::finding::{Finding, Severity};
use crate::recovery::RecoveryError;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::Explained;
use std::path::Path;

const FROM_COPY: &str = "put the data folder back from a copy of yours; to begin anew without its states, start with another --data-dir";

/// Where a start begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// Behind the block of a checkpoint, or at the chain's beginning.
    After(Height),
    /// There is no chain yet.
    Anew,
    /// It does not.
    Nowhere,
}

pub(super) fn all(chain: &ChainFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let begins = checkpoints(chain, &mut findings);
    findings.push(match &chain.log {
        Some(log) => self::log(log, begins),
        None => Finding::ok(codes::LOG_SOUND, "the log has no block"),
    });
    if let (Begins::After(height), Some(log)) = (begins, &chain.log) {
        findings.push(replay(height, log, chain.is_by_log_alone));
    }
    findings.extend(last_block(chain));
    findings.extend(chain.aside.iter().map(|aside| {
        let (height, bytes) = (aside.height, aside.bytes);
        let detail = format!(
            "block {height} ({bytes} bytes) was taken out of the log: its messages have not happened"
        );
        Finding::note(codes::BLOCK_ASIDE, detail)
    }));
    let of = begins_at(begins);
    findings.extend(
        chain
            .armed
            .iter()
            .filter_map(|armed| self::armed(armed, chain, of)),
    );
    findings
}

fn begins_at(begins: Begins) -> Height {
    match begins {
        Begins::After(height) => height,
        Begins::Anew | Begins::Nowhere => Height(0),
    }
}

/// Judges each checkpoint as a start does, the newest first; says where it begins.
fn checkpoints(chain: &ChainFacts, findings: &mut Vec<Finding>) -> Begins {
    if chain.checkpoints.is_empty() {
        return without(chain, findings);
    }
    let mut begins = None;
    for (older, checkpoint) in chain.checkpoints.iter().enumerate().rev() {
        let said = said(checkpoint);
        match (&checkpoint.image, begins) {
            (ImageState::Whole, _) => {
                begins = begins.or(Some(Begins::After(checkpoint.height)));
                let detail = format!("{said} is whole");
                findings.push(Finding::ok(codes::CHECKPOINT_SOUND, detail));
            }
            // A start does not come to it.
            (ImageState::Damaged(why) | ImageState::Refused(why), Some(_)) => {
                let detail = format!("{said}, the older one, cannot be read: {why}");
                findings.push(Finding::note(codes::CHECKPOINT_DAMAGED, detail));
            }
            (ImageState::Damaged(why), None) if older > 0 => {
                let detail = format!("{said} is damaged: {why}; a start takes the one before");
                let next = "see the system's log for the disk; then start the node: refit run";
                findings.push(Finding::warning(codes::CHECKPOINT_DAMAGED, detail).next(next));
            }
            (ImageState::Damaged(why), None) => {
                let detail = format!("{said} is damaged, and there is no other: {why}");
                findings.push(Finding::fault(codes::CHECKPOINT_UNREADABLE, detail).next(FROM_COPY));
                begins = Some(Begins::Nowhere);
            }
            (ImageState::Refused(why), None) => {
                let detail = format!("{said} is refused: {why}");
                let next =
                    "start it with the program that wrote it, which has the rights to the folder";
                findings.push(Finding::fault(codes::CHECKPOINT_UNREADABLE, detail).next(next));
                begins = Some(Begins::Nowhere);
            }
        }
    }
    begins.unwrap_or(Begins::Nowhere)
}

/// Without a checkpoint.
fn without(chain: &ChainFacts, findings: &mut Vec<Finding>) -> Begins {
    match &chain.log {
        _ if chain.is_by_log_alone => Begins::After(Height(0)),
        None if chain.restoring.is_some() => {
            findings.extend(chain.restoring.as_deref().map(restoring));
            Begins::Nowhere
        }
        None => {
            let detail = "the store has no block and no checkpoint: the next start begins a chain";
            findings.push(Finding::note(codes::STORE_NONE, detail));
            Begins::Anew
        }
        Some(log) => {
            let detail = format!("there are blocks up to {}, and no checkpoint", log.last);
            findings.push(Finding::fault(codes::CHECKPOINT_UNREADABLE, detail).next(FROM_COPY));
            Begins::Nowhere
        }
    }
}

/// A restore of this snapshot has not come to its end: a start says the same.
fn restoring(file: &Path) -> Finding {
    let file = file.to_owned();
    let refused = RecoveryError::RestoreUnfinished { file };
    Finding::explained(&Explained::of(&refused))
}

fn said(checkpoint: &CheckpointFacts) -> String {
    let CheckpointFacts {
        number,
        height,
        bytes,
        ..
    } = checkpoint;
    let generation = checkpoint.generation;
    let generation = generation.map_or(String::new(), |it| format!(", generation {it}"));
    format!("checkpoint {number} (block {height}{generation}, {bytes} bytes)")
}

fn log(log: &LogFacts, begins: Begins) -> Finding {
    let LogFacts {
        first,
        last,
        count,
        looked,
        ..
    } = log;
    let all = last.0.saturating_sub(first.0) + 1;
    // One that no start executes again matters to nobody, but that the disk is not sound.
    let from = begins_at(begins);
    let matters = |height: Height| begins == Begins::Nowhere || height > from;
    let needed = log.faults.iter().find(|fault| matters(fault.height));
    if let Some(fault) = needed.or(log.faults.first()) {
        let (height, why) = (fault.height, &fault.why);
        let detail = format!("block {height} of the log is not what it was: {why}");
        return match matters(height) {
            true => Finding::fault(codes::LOG_UNREADABLE, detail).next(FROM_COPY),
            false => Finding::warning(
                codes::LOG_UNREADABLE,
                format!("{detail}; no start needs it"),
            )
            .next("see the system's log for the disk of the data folder"),
        };
    }
    if *count != all {
        let detail = format!("the log has {count} blocks from {first} to {last}, which are {all}");
        return Finding::fault(codes::LOG_UNREADABLE, detail).next(FROM_COPY);
    }
    if let Begins::After(height) = begins
        && height < *last
        && *first > height.next()
    {
        let needs = height.next();
        let detail = format!("the log begins with block {first}, and a start needs block {needs}");
        return Finding::fault(codes::LOG_UNREADABLE, detail).next(FROM_COPY);
    }
    let looked = match *looked == all {
        true => "each follows the one before".to_owned(),
        false => {
            format!("the newest {looked} were looked at, and follow each other; --all looks at all")
        }
    };
    let detail = format!("the log has blocks {first} to {last}: {looked}");
    Finding::ok(codes::LOG_SOUND, detail)
}

fn replay(from: Height, log: &LogFacts, is_by_log_alone: bool) -> Finding {
    let why = match is_by_log_alone {
        true => "; there are no checkpoints, because a state cannot be written",
        false => "",
    };
    let detail = match log.last.0.saturating_sub(from.0) {
        0 => format!("the next start goes on after block {from}, and executes none again"),
        1 => format!("the next start executes block {} again{why}", log.last),
        count => format!(
            "the next start executes {count} blocks again, {} to {}{why}",
            from.next(),
            log.last
        ),
    };
    Finding::ok(codes::REPLAY_DUE, detail)
}

/// Whether starts have ended at the last block.
fn last_block(chain: &ChainFacts) -> Option<Finding> {
    let last = chain.log.as_ref()?.last;
    let (starts, most) = (chain.starts_at_last, chain.starts_max);
    match starts {
        0 => None,
        _ if starts >= most => {
            let detail = format!(
                "{starts} starts have ended while they executed block {last}, the last one: the next one stays below it, and takes no messages"
            );
            let next = format!("refit block quarantine {last}");
            Some(Finding::fault(codes::BLOCK_ENDS_NODE, detail).next(next))
        }
        _ => {
            let detail = format!(
                "{starts} of {most} starts have ended while they executed block {last}, the last one"
            );
            let next = "refit run; its log names the engine";
            Some(Finding::warning(codes::BLOCK_TRIED, detail).next(next))
        }
    }
}

/// What becomes of an armed upgrade at the next start, unless a checkpoint has it behind it.
fn armed(armed: &ArmedFacts, chain: &ChainFacts, begins: Height) -> Option<Finding> {
    let what = format!(
        "an upgrade from generation {} ({})",
        armed.base,
        armed.packages.join(", ")
    );
    let mut ends = chain.log.iter().flat_map(|log| &log.ends);
    match ends.rfind(|ended| ended.plan == armed.plan) {
        Some(ended) if ended.is_committed && ended.height >= begins => {
            let detail = format!(
                "{what} was committed after block {}: the next start makes it again",
                ended.height
            );
            Some(Finding::note(codes::UPGRADE_AGAIN, detail))
        }
        Some(_) => None,
        // Before the live generation it is history, kept for the older checkpoint.
        None if chain
            .live
            .as_ref()
            .is_some_and(|live| armed.base < live.generation) =>
        {
            None
        }
        None => Some(undecided(armed.open, &what)),
    }
}

/// An upgrade that was armed when the node ended, and of which no block tells.
fn undecided(open: OpenUpgrade, what: &str) -> Finding {
    let (severity, becomes, next) = match open {
        OpenUpgrade::Waits => (
            Severity::Note,
            "the next start has it wait on for its height",
            "refit run; to take it back then: refit upgrade cancel ID",
        ),
        OpenUpgrade::TriedAgain => (
            Severity::Note,
            "the next start tries it once more",
            "refit run; then see how it ended: refit upgrade status",
        ),
        OpenUpgrade::GivenUp => (
            Severity::Warning,
            "it has ended the node as often as it is tried: the next start puts its code into quarantine",
            "refit run; see the log for the cause, and bring a mended build",
        ),
        OpenUpgrade::Over => (
            Severity::Note,
            "it did not happen, and the next start forgets it",
            "refit run; then apply its plan again: refit upgrade apply PLAN",
        ),
    };
    let detail =
        format!("{what} was armed when the node ended, and no block tells of it: {becomes}");
    Finding::new(severity, codes::UPGRADE_UNDECIDED, detail).next(next)
}
