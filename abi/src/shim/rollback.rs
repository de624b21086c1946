//! Delivery to an engine of a kind that rolls back ([`Engine::ROLLBACK`]): a message that fails leaves the state as
//! it was before it.
//!
//! The state is copied once per batch. After a fault or a panic at message *k* the copy comes back, and the
//! messages since the copy run again with their outputs muted: they were given to the node when they ran first,
//! and each service call gets the answer that it got then. So every failure costs one copy more, and the
//! messages of a batch run at most twice, however many of them fail. A batch in which nothing fails costs the
//! copy and a note of each service call.

use super::batch::{Handled, Types, one};
use super::guard;
use super::recorder::Recorder;
use crate::codec::{self, Refused};
use crate::codes;
use crate::export::History;
use crate::raw::{BatchOutcome, CallStatus, Delivery, RawContext};
use crate::{Context, Engine, Fault, derived};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The code for an engine whose state could not be copied: it then handles nothing.
const NOT_COPIED: &str = codes::STATE_NOT_COPIED;

/// The text about an engine whose messages do not run again as they ran.
const OTHER: &str = "the engine did other things when its messages were handled again: it does not follow from its \
                     state and the messages alone";

/// The text about an engine whose copy gave another state than was written into it.
const READ_OTHERWISE: &str = "the state was not brought back: a `#[state(serde)]` field reads back another value \
                              than it writes";

/// A copy of a state.
enum Copy<E> {
    /// By the author's `Clone`.
    Cloned(E),
    /// As postcard, where there is none.
    Encoded(Vec<u8>),
}

impl<E: Engine> Copy<E> {
    fn of<H: History<Engine = E>>(engine: &E) -> Result<Self, String> {
        guarded(|| {
            // A `Clone` recurses as deep as a drop, and the clone is dropped here too.
            if E::nature().is_deep() && !derived::may_drop(engine) {
                return Err(Refused::TooDeep.to_string());
            }
            if let Some(clone) = H::cloner() {
                return Ok(Copy::Cloned(clone(engine)));
            }
            let mut bytes = Vec::new();
            let encoded = codec::encode_state(engine, &mut bytes);
            encoded
                .map(|()| Copy::Encoded(bytes))
                .map_err(|refused| refused.to_string())
        })
    }

    fn into_state(self) -> Result<E, String> {
        match self {
            Copy::Cloned(state) => Ok(state),
            Copy::Encoded(bytes) => guarded(|| read_back(&bytes)),
        }
    }

    /// Drops a copy that is not needed any more.
    fn let_go(self) {
        match self {
            Copy::Cloned(state) => let_go(state),
            Copy::Encoded(_) => {}
        }
    }
}

/// The state of these bytes, if it is the one that was written into them.
fn read_back<E: Engine>(bytes: &[u8]) -> Result<E, String> {
    let state: E = codec::decode_state(bytes).map_err(|refused| refused.to_string())?;
    // A type off the closed list reads by its author's code alone, so its bytes are compared.
    if !E::nature().opaque {
        return Ok(state);
    }
    let mut again = Vec::new();
    match codec::encode_state(&state, &mut again) {
        Ok(()) if again == bytes => Ok(state),
        written => {
            let_go(state);
            Err(written.map_or_else(
                |refused| refused.to_string(),
                |()| READ_OTHERWISE.to_owned(),
            ))
        }
    }
}

/// Runs the author's code; what a panic says is an error.
fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(guard::text(panic)))
}

/// Drops a state that is out of use, whatever its destructor does.
fn let_go<E: Engine>(state: E) {
    // Outside of the catch it is only a wrapper: a walk that panics must not have it dropped unseen.
    let mut state = ManuallyDrop::new(state);
    let drop_it = || {
        if !E::nature().is_deep() || derived::may_drop(&*state) {
            // SAFETY: the wrapper is this function's own and is not used again.
            unsafe { ManuallyDrop::drop(&mut state) };
        }
    };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(drop_it)) {
        guard::let_go(panic);
    }
}

/// A batch that is being handled.
struct Batch<'a, E> {
    engine: &'a mut E,
    deliveries: &'a [Delivery<'a>],
    types: Types,
    recorder: Recorder<'a>,
    /// The first message since the copy was made.
    since: usize,
}

/// Handles a batch. It ends early, as one without roll-back, only if the messages before the one that failed do
/// not run again as they did.
pub(super) fn handle<H: History<Engine = E>, E: Engine>(
    engine: &mut E,
    raw: &mut RawContext,
    deliveries: &[Delivery<'_>],
) -> BatchOutcome {
    let mut batch = Batch {
        engine,
        deliveries,
        types: Types::of::<E>(),
        recorder: Recorder::new(raw),
        since: 0,
    };
    let mut copy = Copy::of::<H>(batch.engine);
    for index in 0..deliveries.len() {
        let before = match copy {
            Ok(before) => before,
            Err(reason) => {
                batch.refuse(index, &reason);
                copy = Err(reason);
                continue;
            }
        };
        copy = match batch.run::<H>(index) {
            Ok(Handled::Kept) if batch.recorder.is_full() => {
                before.let_go();
                batch.copy_from(index + 1, Copy::of::<H>)
            }
            Ok(Handled::Kept) => Ok(before),
            failed => match batch.roll_back::<H>(index, before) {
                Ok(()) => {
                    // Not before: it would be untrue if the state did not come back.
                    if let Err(text) = failed {
                        batch.tell(index, CallStatus::RolledBack, text.as_bytes());
                    }
                    batch.copy_from(index + 1, Copy::of::<H>)
                }
                Err(reason) => return batch.poisoned(index, &reason),
            },
        };
    }
    if let Ok(copy) = copy {
        copy.let_go();
    }
    BatchOutcome {
        status: CallStatus::Ok,
        done: deliveries.len(),
    }
}

impl<E: Engine> Batch<'_, E> {
    /// Handles a message; what a panic says is the error.
    fn run<H: History<Engine = E>>(&mut self, index: usize) -> Result<Handled, String> {
        let (types, delivery) = (self.types, &self.deliveries[index]);
        let mut ctx = Context::new(self.recorder.context(index));
        ctx.begin(index);
        let engine = &mut *self.engine;
        let run = || one::<H, E>(engine, &mut ctx, delivery, types);
        catch_unwind(AssertUnwindSafe(run)).map_err(guard::text)
    }

    /// Puts the state back to how it was before the message at `failed`.
    fn roll_back<H: History<Engine = E>>(
        &mut self,
        failed: usize,
        before: Copy<E>,
    ) -> Result<(), String> {
        let state = before.into_state()?;
        let broken = std::mem::replace(self.engine, state);
        let_go(broken);
        self.recorder.replay(self.since, failed);
        for index in self.since..failed {
            let again = self.run::<H>(index)?;
            if again == Handled::Failed {
                return Err(OTHER.to_owned());
            }
        }
        match self.recorder.record() {
            true => Ok(()),
            false => Err(OTHER.to_owned()),
        }
    }

    /// Makes the next copy, if a message follows that may need it.
    fn copy_from(
        &mut self,
        index: usize,
        copy: impl FnOnce(&E) -> Result<Copy<E>, String>,
    ) -> Result<Copy<E>, String> {
        self.since = index;
        self.recorder.clear();
        if index < self.deliveries.len() {
            return copy(self.engine);
        }
        // No message follows, so this empty copy is never read.
        Ok(Copy::Encoded(Vec::new()))
    }

    /// Without a copy the promise cannot be kept: nothing is handled.
    fn refuse(&mut self, index: usize, reason: &str) {
        let mut bytes = Vec::new();
        codec::to_postcard(&Fault::new(NOT_COPIED, reason), &mut bytes);
        self.tell(index, CallStatus::Fault, &bytes);
    }

    fn poisoned(&mut self, index: usize, reason: &str) -> BatchOutcome {
        self.tell(index, CallStatus::Panicked, reason.as_bytes());
        BatchOutcome {
            status: CallStatus::Panicked,
            done: index,
        }
    }

    /// Tells the node how a message ended.
    fn tell(&mut self, index: usize, status: CallStatus, bytes: &[u8]) {
        // In a replay the reply would not reach the node.
        self.recorder.record();
        let mut ctx = Context::new(self.recorder.context(index));
        ctx.begin(index);
        ctx.scratch().extend_from_slice(bytes);
        ctx.reply(status);
    }
}
