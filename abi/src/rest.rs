//! [`Rest`]: the fields of an old state that a step did not take over, until somebody has the time to drop them.
//!
//! The second half of a step runs when an engine is first touched after the commit, where clients wait; what it
//! leaves over may be the whole of a large state. So it drops nothing, and thereby cannot panic either. A rest is
//! made and dropped by the same module.

use crate::walk;
use serde::Serialize;
use std::fmt;

/// The remainder of an old state.
#[derive(Default)]
pub struct Rest(Vec<Box<dyn Remnant>>);

/// One field of it.
trait Remnant: Send {
    /// Whether this thread's stack is large enough to drop it.
    fn may_drop(&self) -> bool;
}

impl<T: Serialize + Send> Remnant for T {
    fn may_drop(&self) -> bool {
        walk::may_drop(self)
    }
}

impl Rest {
    /// Keeps a field that has something to be dropped.
    pub fn keep<T: Serialize + Send + 'static>(&mut self, field: T) {
        if std::mem::needs_drop::<T>() {
            self.0.push(Box::new(field));
        }
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this thread's stack is large enough to drop it all.
    pub fn may_drop(&self) -> bool {
        self.0.iter().all(|field| field.may_drop())
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rest").field(&self.0.len()).finish()
    }
}
