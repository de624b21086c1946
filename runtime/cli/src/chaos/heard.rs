//! [`Heard`]: what a node has announced in one life, and whether it is killed now. Without a socket or a clock.
//!
//! A node counts the starts that end while they execute its last block again, and after two of them stays below that
//! block: it cannot know that somebody kills it for fun. So of all kills of a node one may fall into that time.

use crate::args::Kill;
use std::collections::BTreeMap;

/// The steps between which a start has tried the last block and does not know yet that it is behind it.
const TRIES_LAST: &str = "put-replay-begins";
const IS_BEHIND: &str = "remove-replay-done";

/// How often each step was announced.
pub(super) type Counts = BTreeMap<String, u32>;

/// The announcements of one life.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Where it is to be killed.
    kill: Option<(String, u32)>,
    counts: Counts,
    tries_last: bool,
    /// An earlier life was killed while it tried the last block.
    has_tried: bool,
}

/// What whoever listens does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoesOn,
    Dies,
}

impl Heard {
    /// Of a life that is to be killed so. `has_tried`: one before it was killed while it tried the last block.
    pub(super) fn new(kill: Option<&Kill>, has_tried: bool) -> Self {
        let kill = match kill {
            Some(Kill::At { step, occurrence } | Kill::Restoring { step, occurrence }) => {
                Some((step.clone(), *occurrence))
            }
            Some(Kill::After(_)) | None => None,
        };
        Self {
            kill,
            has_tried,
            ..Self::default()
        }
    }

    /// A step was announced.
    pub(super) fn hears(&mut self, step: &str) -> Then {
        let count = self.counts.entry(step.to_owned()).or_default();
        *count += 1;
        let count = *count;
        let is_due = self
            .kill
            .as_ref()
            .is_some_and(|(due, occurrence)| due == step && count >= *occurrence);
        match step {
            TRIES_LAST => self.tries_last = true,
            IS_BEHIND => (self.tries_last, self.has_tried) = (false, false),
            _ => {}
        }
        match is_due && self.may_die() {
            true => Then::Dies,
            false => Then::GoesOn,
        }
    }

    /// Whether the next start goes on if this one is killed now.
    pub(super) fn may_die(&self) -> bool {
        !(self.tries_last && self.has_tried)
    }

    /// Whether a start that comes after a kill now counts it.
    pub(super) fn leaves_a_try(&self) -> bool {
        self.tries_last || self.has_tried
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: &str, occurrence: u32) -> Kill {
        Kill::At {
            step: step.to_owned(),
            occurrence,
        }
    }

    #[test]
    fn a_node_dies_at_its_step_when_that_has_come_often_enough() {
        let mut heard = Heard::new(Some(&at("blocks-done", 2)), false);
        let steps = ["blocks-begins", "blocks-done", "blocks-begins"];
        for step in steps {
            assert_eq!(heard.hears(step), Then::GoesOn);
        }
        assert_eq!(heard.hears("blocks-done"), Then::Dies);
        assert_eq!(heard.counts()["blocks-done"], 2);
        let mut spared = Heard::new(None, false);
        assert_eq!(spared.hears("blocks-done"), Then::GoesOn);
    }

    #[test]
    fn one_life_and_no_more_is_killed_while_it_tries_the_last_block() {
        let mut first = Heard::new(Some(&at("put-replay-done", 1)), false);
        assert_eq!(first.hears("put-replay-begins"), Then::GoesOn);
        assert_eq!(first.hears("put-replay-done"), Then::Dies);
        assert!(first.leaves_a_try());
        let mut second = Heard::new(Some(&at("put-replay-done", 1)), true);
        assert!(second.may_die());
        assert_eq!(second.hears("put-replay-begins"), Then::GoesOn);
        assert_eq!(second.hears("put-replay-done"), Then::GoesOn);
        assert!(!second.may_die());
        // It has come behind it: from then on it may die at any step, and dies at the next that is due.
        assert_eq!(second.hears("remove-replay-done"), Then::GoesOn);
        assert_eq!(second.hears("put-replay-done"), Then::Dies);
        assert!(!second.leaves_a_try());
    }
}
