//! The hashes of checkpoints' states in headers, and the states that a replay must come to again.

use super::Driver;
use crate::blocks::states::{Hashed, Passed};
use crate::limits::CHECKPOINT_WAIT_MAX;
use refit_ordering::{BlockRefused, Header};

impl Driver {
    /// The hash of a checkpoint has come; one of a branch that was left says nothing here.
    pub(super) fn hear_of_state(&mut self, hashed: Hashed) {
        if hashed.branch == self.ground.branch {
            self.states.add(hashed.state);
        }
    }

    /// A block is executed: what it names is said, and the next one may name another. (A hash that comes while a block is
    /// decided waits for the ground of the one after it: a source is told each ground once.)
    pub(super) fn states_after(&mut self, header: &Header) {
        if let Some(said) = &header.state {
            self.states.said(said);
        }
        self.ground.state = self.states.at(self.ground.tip.height.next());
    }

    /// Compares the state with that of a checkpoint which was here, if the replay has come to one that could not be read.
    pub(super) fn compare_with_passed(&mut self) {
        if self.passed.is_empty() {
            return;
        }
        let (here, generation) = (self.ground.tip.height, self.parts.latest.lock().generation);
        self.passed.retain(|passed| passed.height >= here);
        // At the height of an upgrade it was taken before or behind that.
        let is_here = |passed: &Passed| passed.height == here && passed.generation == generation;
        let Some(at) = self.passed.iter().position(is_here) else {
            return;
        };
        let Passed { height, state, .. } = self.passed.remove(at);
        let duty = &self.parts.duty;
        let tree = duty.ask(|executor| executor.state_tree(), CHECKPOINT_WAIT_MAX);
        match tree {
            Ok(Ok(tree)) => {
                if let Some(part) = state.difference(&tree) {
                    self.halt(BlockRefused::StateDiffers { height, part });
                }
            }
            Ok(Err(why)) => tracing::warn!(%height, "the state is not compared: {why}"),
            Err(silence) => tracing::warn!(%height, "the state is not compared: {silence}"),
        }
    }
}
