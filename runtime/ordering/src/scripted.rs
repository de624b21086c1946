//! [`Scripted`]: blocks that were fixed before, for replay and for tests.
//!
//! It is a [`BlockSource`] as any other: it pushes a block once the one before was executed. A [`Script`] adds to it
//! from any thread while its node runs.

use crate::{
    Block, BlockRefused, BlockSource, Decided, Entry, Foretold, Ground, Mempool, NotPushed, Outlet,
};
use parking_lot::Mutex;
use refit_abi::BlockTime;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Most steps of a script that wait to be played.
pub const SCRIPT_STEPS_MAX: usize = 65_536;

/// One block of a script.
#[expect(
    clippy::large_enum_variant,
    reason = "a script is a short list, and a box would be in the way of whoever writes one"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole block, unchanged: if it does not follow the node's ground, the node refuses it.
    Block(Block),
    /// The block of these entries at this time, on whatever the node has by then.
    Batch {
        /// Its time; the parent's if that is later.
        time: BlockTime,
        /// Its entries.
        entries: Vec<Entry>,
    },
}

/// Returns the blocks of its script, whatever the time is; takes nothing from clients.
#[derive(Debug)]
pub struct Scripted {
    script: Script,
    pool: Arc<Mempool>,
}

/// The script of a [`Scripted`]; a clone is the same script.
#[derive(Clone)]
pub struct Script {
    state: Arc<Mutex<State>>,
}

/// There are too many steps that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a script has at most {SCRIPT_STEPS_MAX} steps that wait; add the rest when some were played"
)]
pub struct ScriptTooLong;

#[derive(Default)]
struct State {
    steps: VecDeque<Step>,
    /// The ground of the next block; `None` before the start, and while a block is executed.
    ground: Option<Ground>,
    outlet: Option<Arc<dyn Outlet>>,
    /// The ground of the newest block.
    newest: Ground,
}

impl Scripted {
    /// With an empty script.
    pub fn new() -> Self {
        let state = Arc::default();
        Self {
            script: Script { state },
            pool: Arc::new(Mempool::closed()),
        }
    }

    /// Plays `blocks`.
    ///
    /// # Errors
    /// [`ScriptTooLong`].
    pub fn of(blocks: impl IntoIterator<Item = Block>) -> Result<Self, ScriptTooLong> {
        let scripted = Self::new();
        scripted.script.add(blocks.into_iter().map(Step::Block))?;
        Ok(scripted)
    }

    /// Its script, to add to.
    pub fn script(&self) -> Script {
        self.script.clone()
    }
}

impl Default for Scripted {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    /// Adds steps after those that wait. If nothing is being executed the next block is pushed at once.
    ///
    /// # Errors
    /// [`ScriptTooLong`]; those that fit are in.
    pub fn add(&self, steps: impl IntoIterator<Item = Step>) -> Result<(), ScriptTooLong> {
        let mut state = self.state.lock();
        for step in steps {
            if state.steps.len() >= SCRIPT_STEPS_MAX {
                return Err(ScriptTooLong);
            }
            state.steps.push_back(step);
        }
        state.push();
        Ok(())
    }

    /// How many steps wait to be played.
    pub fn pending(&self) -> usize {
        self.state.lock().steps.len()
    }
}

impl State {
    /// Pushes the next block, if there is one and it may be decided.
    fn push(&mut self) {
        let (Some(outlet), Some(ground), false) =
            (&self.outlet, &self.ground, self.steps.is_empty())
        else {
            return;
        };
        let block = match self.steps.pop_front() {
            Some(Step::Block(block)) => block,
            Some(Step::Batch { time, entries }) => ground.extend(time, entries),
            None => return,
        };
        // The outlet takes the block also when it refuses it.
        let again = block.clone();
        match outlet.push(Decided::from_elsewhere(block)) {
            // Until that block is executed the next one has nothing to follow.
            Ok(()) => self.ground = None,
            Err(NotPushed::TooEarly { .. }) => self.steps.push_front(Step::Block(again)),
            // Nobody executes them any more; whoever counts the pending ones need not wait.
            Err(NotPushed::Ended { .. }) => self.steps.clear(),
        }
    }
}

impl BlockSource for Scripted {
    fn mempool(&self) -> &Arc<Mempool> {
        &self.pool
    }

    fn begin(&mut self, outlet: Arc<dyn Outlet>) {
        self.script.state.lock().outlet = Some(outlet);
    }

    fn validate(&self, proposal: &Block, now: BlockTime) -> Result<(), BlockRefused> {
        self.script
            .state
            .lock()
            .newest
            .check_proposal(proposal, now)
    }

    fn foretold(&self) -> Foretold {
        match self.script.state.lock().steps.front() {
            Some(Step::Block(block)) => Foretold::by(block),
            // A batch becomes a block on the ground of then, and says what that says.
            Some(Step::Batch { .. }) | None => Foretold::Unknown,
        }
    }

    fn executed(&mut self, ground: &Ground) {
        let mut state = self.script.state.lock();
        state.newest = ground.clone();
        state.ground = Some(ground.clone());
        state.push();
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}
