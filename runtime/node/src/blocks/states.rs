//! The hashes of checkpoints' states: [`KeptState`] is what is kept of one, [`StatesDue`] are those that a header is
//! still to name.
//!
//! The hash of a checkpoint is taken while the chain goes on, and stands in the first block, 16 or more behind the
//! checkpoint, whose maker knew it. Nobody waits for it; a node that is idle makes an empty block now and then until it
//! is said. Those that are due live as long as the process: a start finds again what its checkpoint still lacks, and
//! nothing of a branch that was left.

use crate::limits::{STATE_LEAVES_KEPT_MAX, STATES_DUE_MAX};
use refit_abi::{Generation, Height};
use refit_kernel::{STATE_FORM, StateLeaf, StateTree};
use refit_ordering::{Branch, STATE_DELAY_BLOCKS, StateHash, StateOf};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The hash of a state, and those of its parts where they are few.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptState {
    form: u32,
    root: StateHash,
    leaves: Option<Vec<StateLeaf>>,
}

/// The hash of a checkpoint's state has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashed {
    pub(crate) branch: Branch,
    pub(crate) state: StateOf,
}

/// A checkpoint that could not be read, and whose state the blocks must come to again.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) height: Height,
    pub(crate) generation: Generation,
    pub(crate) state: KeptState,
}

/// What a start knows of checkpoints' states.
#[derive(Debug, Default)]
pub(crate) struct States {
    /// That of the checkpoint that it begins from, if no block names it yet.
    pub(crate) due: Option<StateOf>,
    /// Oldest first.
    pub(crate) passed: Vec<Passed>,
}

/// The hashes that a header is still to name, oldest first.
#[derive(Debug, Default)]
pub(crate) struct StatesDue(VecDeque<StateOf>);

impl KeptState {
    pub(crate) fn of(tree: StateTree) -> Self {
        let StateTree { root, leaves } = tree;
        Self {
            form: STATE_FORM,
            root: StateHash(root),
            leaves: Some(leaves).filter(|leaves| leaves.len() <= STATE_LEAVES_KEPT_MAX),
        }
    }

    /// As a header names it.
    pub(crate) fn at(&self, checkpoint: Height) -> StateOf {
        StateOf {
            form: self.form,
            checkpoint,
            hash: self.root,
        }
    }

    /// The part that is another one than in `tree`; `None` if it is the same state, or nothing can be said.
    pub(crate) fn difference(&self, tree: &StateTree) -> Option<String> {
        if self.form != STATE_FORM || self.root.0 == tree.root {
            return None;
        }
        let ours = self.leaves.clone().map(|leaves| StateTree {
            root: self.root.0,
            leaves,
        });
        let part = ours.as_ref().and_then(|ours| ours.difference(tree));
        Some(part.map_or_else(|| "a part of it".to_owned(), ToString::to_string))
    }
}

impl StatesDue {
    pub(crate) fn add(&mut self, state: StateOf) {
        if self.0.len() >= STATES_DUE_MAX {
            self.0.pop_front();
        }
        self.0.push_back(state);
    }

    /// A header names this one: it is said, and older ones are of no use any more.
    pub(crate) fn said(&mut self, state: &StateOf) {
        self.0.retain(|due| due.checkpoint > state.checkpoint);
    }

    /// The one that the block at `height` is to name.
    pub(crate) fn at(&self, height: Height) -> Option<StateOf> {
        let first = self.0.front().copied();
        first.filter(|due| due.checkpoint.0.saturating_add(STATE_DELAY_BLOCKS) <= height.0)
    }

    /// Whether heights are awaited for one.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(checkpoint: u64) -> StateOf {
        StateOf {
            form: STATE_FORM,
            checkpoint: Height(checkpoint),
            hash: StateHash([checkpoint as u8; 32]),
        }
    }

    #[test]
    fn each_state_is_named_once_in_order_16_blocks_behind_its_checkpoint_or_later() {
        let mut due = StatesDue::default();
        assert!(!due.is_awaited());
        due.add(state(10));
        due.add(state(12));
        assert_eq!(due.at(Height(25)), None);
        assert_eq!(due.at(Height(26)), Some(state(10)));
        assert_eq!(due.at(Height(90)), Some(state(10)));
        due.said(&state(10));
        assert_eq!(due.at(Height(27)), None);
        assert_eq!(due.at(Height(28)), Some(state(12)));
        // A log that names the newer one never names the older.
        due.add(state(20));
        due.said(&state(20));
        assert!(!due.is_awaited());
        for checkpoint in 0..2 * STATES_DUE_MAX as u64 {
            due.add(state(checkpoint));
        }
        assert_eq!(due.at(Height(90)), Some(state(STATES_DUE_MAX as u64)));
    }

    #[test]
    fn a_state_of_another_form_contradicts_nothing() {
        let tree = StateTree {
            root: [1; 32],
            leaves: Vec::new(),
        };
        let other = StateTree {
            root: [2; 32],
            ..tree.clone()
        };
        let kept = KeptState::of(tree.clone());
        assert_eq!(kept.difference(&tree), None);
        assert!(kept.difference(&other).is_some());
        let form = STATE_FORM + 1;
        assert_eq!(KeptState { form, ..kept }.difference(&other), None);
    }
}
