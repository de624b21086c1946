//! [`ReplacedStates`]: states, and parts of states, that an upgrade has left over, until they are dropped.
//!
//! To drop them takes as long as they are large, so neither the pause nor a block does it. And only code that is
//! about to be unmapped, or that made them, can; a thread that entered code must have ended before that code is
//! unmapped. So the crew on duty keeps them here, and the retirement of the code has them dropped on a thread of
//! their own, which ends ([`discard`]).

use crate::limits::ENGINE_STACK_BYTES;
use parking_lot::Mutex;
use refit_abi::host::{Instance, Kind, Migration, Rest};
use std::io;
use std::sync::Arc;
use std::thread::Builder;

/// The states left over of one kind, and the code that can drop them.
#[derive(Debug)]
pub struct ReplacedStates {
    code: Code,
    states: Mutex<Vec<Instance>>,
    rests: Mutex<Vec<Rest>>,
}

/// The code that can drop them.
#[derive(Debug)]
enum Code {
    /// The code that made the states.
    Kind(Kind),
    /// A step, which starts from them.
    Step(Box<Migration>),
}

impl ReplacedStates {
    /// Of states of this kind's making.
    pub fn of(code: Kind) -> Arc<Self> {
        Arc::new(Self::new(Code::Kind(code)))
    }

    /// Of states that this step has settled.
    pub fn of_step(step: Migration) -> Arc<Self> {
        Arc::new(Self::new(Code::Step(Box::new(step))))
    }

    fn new(code: Code) -> Self {
        Self {
            code,
            states: Mutex::default(),
            rests: Mutex::default(),
        }
    }

    pub(crate) fn keep(&self, state: Instance) {
        self.states.lock().push(state);
    }

    pub(crate) fn keep_rest(&self, rest: Option<Rest>) {
        if let Some(rest) = rest {
            self.rests.lock().push(rest);
        }
    }

    /// Whether it holds states of this kind's making.
    pub(crate) fn is_of(&self, kind: &Kind) -> bool {
        matches!(&self.code, Code::Kind(code) if code.tag() == kind.tag())
    }

    /// Drops it all, in this thread.
    pub(crate) fn discard_here(&self) {
        for state in std::mem::take(&mut *self.states.lock()) {
            leak_if_unfit(match &self.code {
                Code::Kind(kind) => kind.discard(state),
                Code::Step(step) => step.discard_old(state),
            });
        }
        // Only steps leave rests over.
        if let Code::Step(step) = &self.code {
            for rest in std::mem::take(&mut *self.rests.lock()) {
                step.discard_rest(rest);
            }
        }
    }
}

/// Drops what is left over on a thread that has ended when this returns: its code may be unmapped then.
///
/// # Errors
/// The system starts no more threads. It is leaked then, which keeps no code mapped.
pub fn discard(replaced: Vec<Arc<ReplacedStates>>) -> io::Result<()> {
    if replaced.is_empty() {
        return Ok(());
    }
    let discard = move || replaced.iter().for_each(|replaced| replaced.discard_here());
    let thread = Builder::new().name("refit-replaced".to_owned());
    let thread = thread.stack_size(ENGINE_STACK_BYTES);
    // A panic in a state's drop is caught by its own shim; there is no other.
    let _ = thread.spawn(discard)?.join();
    Ok(())
}

/// A state that fits no code at hand cannot be dropped safely; its memory is leaked.
pub(crate) fn leak_if_unfit(outcome: Result<(), Instance>) {
    if let Err(instance) = outcome {
        drop(instance);
    }
}
