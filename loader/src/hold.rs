//! [`Hold`]: while threads end that may have entered any library, none is unmapped.

use crate::loader::Shared;
use std::fmt;
use std::sync::Arc;

/// Keeps all libraries of a loader mapped. One that is dropped and not released does so for the life of the
/// process: a caller that took it for threads could not learn that they have ended.
#[must_use = "it keeps libraries mapped until it is released"]
pub struct Hold(Arc<Shared>);

impl Hold {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The threads have ended, and were joined. Libraries retired meanwhile are unmapped, unless there is another
    /// hold.
    pub fn release(self) {
        self.0.release();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
