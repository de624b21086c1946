//! [`LastGood`]: the state that an engine had before the message that poisons it, for whoever executes its blocks again to
//! find that out.
//!
//! In the block in question, and for this engine alone, each message is handled by itself and the state is written down
//! before it. A node that serves runs nothing of it.

use parking_lot::Mutex;
use refit_abi::{EngineId, Height};

/// What to look for, and what was found.
#[derive(Debug)]
pub struct LastGood {
    engine: EngineId,
    height: Height,
    state: Mutex<Option<Vec<u8>>>,
}

impl LastGood {
    /// Of an engine that is poisoned by a message of the block at `height`.
    pub fn of(engine: EngineId, height: Height) -> Self {
        Self {
            engine,
            height,
            state: Mutex::new(None),
        }
    }

    /// The state before the last message that it was handed in that block; `None` if there was none, or it cannot be
    /// written.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.state.lock().take()
    }

    pub(crate) fn is_for(&self, engine: EngineId, height: Height) -> bool {
        (self.engine, self.height) == (engine, height)
    }

    pub(crate) fn note(&self, state: Option<Vec<u8>>) {
        *self.state.lock() = state;
    }
}
