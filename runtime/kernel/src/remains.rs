//! [`Remains`]: states that were replaced as a whole, until the code that made them drops them.
//!
//! Only that code can free them, and it is about to be unmapped. A thread that entered code must have ended
//! before the code is unmapped, so the crew on duty does not drop them itself: it buries them here, and
//! whoever retires the code has them dropped on a thread of their own, which ends ([`discard`]).

use crate::limits::ENGINE_STACK_BYTES;
use crate::slot::leak_if_unfit;
use parking_lot::Mutex;
use refit_abi::host::{Instance, Kind};
use std::io;
use std::sync::Arc;
use std::thread::Builder;

/// Replaced states of one kind, and the code that made them.
#[derive(Debug)]
pub struct Remains {
    code: Kind,
    states: Mutex<Vec<Instance>>,
}

impl Remains {
    /// Of code that is not live any more.
    pub fn of(code: Kind) -> Arc<Self> {
        Arc::new(Self {
            code,
            states: Mutex::default(),
        })
    }

    pub(crate) fn bury(&self, state: Instance) {
        self.states.lock().push(state);
    }

    /// Drops the states, in this thread.
    pub(crate) fn discard_here(&self) {
        for state in std::mem::take(&mut *self.states.lock()) {
            leak_if_unfit(self.code.discard(state));
        }
    }
}

/// Drops replaced states on a thread that has ended when this returns: their code may be unmapped then.
///
/// # Errors
/// The system starts no more threads. The states are leaked then, which keeps no code mapped.
pub fn discard(remains: Vec<Arc<Remains>>) -> io::Result<()> {
    if remains.is_empty() {
        return Ok(());
    }
    let discard = move || remains.iter().for_each(|remains| remains.discard_here());
    let thread = Builder::new().name("refit-remains".to_owned());
    let thread = thread.stack_size(ENGINE_STACK_BYTES);
    // A panic in a state's drop is caught by its own shim; there is no other.
    let _ = thread.spawn(discard)?.join();
    Ok(())
}
