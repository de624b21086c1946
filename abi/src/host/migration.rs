//! [`Migration`]: one step from an older state, in its two halves.
//!
//! `prepare` reads the old state and makes what is new; it may fail. `settle` takes both and gives
//! the new state, and beside it what is left over of the old one; it drops nothing and cannot fail but by a defect.
//! Between them lies the commit. Where no author's function runs, nothing is prepared and `settle_defaults` does it:
//! a default may panic, and then the old state is as it was. All of it is code of the *new* module, over the old type
//! as it is frozen there: the old module is not needed.

use super::bus::Bus;
use super::call::{Buffer, CallError};
use super::deep;
use super::instance::{Instance, StateTag};
use super::kind::Kind;
use super::module::ModuleError;
use super::running::{self, Call, Label, Noted};
use crate::descriptor::{KindDescriptor, MigrationDescriptor};
use crate::raw::{self, Bytes, KindVtable, MigrationVtable, WrongSize};
use crate::schema::{LayoutId, SchemaId};
use crate::{EngineId, Height};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

/// One step from an older state.
#[derive(Clone, Debug)]
pub struct Migration {
    kind: Kind,
    table: MigrationVtable,
    index: usize,
    from: StateTag,
}

/// A new state that [`Migration::prepare`] made; must be settled or discarded.
#[derive(Debug)]
#[must_use = "a dropped one leaks its memory; settle or discard it"]
pub struct Prepared {
    fresh: *mut c_void,
    step: StepId,
}

/// The result of [`Migration::settle`].
#[derive(Debug)]
pub struct Settled {
    /// The new state.
    pub state: Instance,
    /// The remainder of the old state, if there is one.
    pub rest: Option<Rest>,
}

/// The remainder of an old state: to be dropped where nobody waits, by [`Migration::discard_rest`].
#[derive(Debug)]
#[must_use = "a dropped one leaks its memory; give it to `discard_rest`"]
pub struct Rest {
    rest: NonNull<c_void>,
    step: StepId,
}

/// Why an old state was not settled: it is as it was.
#[derive(Debug)]
pub struct Unsettled {
    /// The old state.
    pub old: Instance,
    /// [`CallError::WrongState`] if it is not of this step or the step is not of defaults only, else how the defaults
    /// fail.
    pub error: CallError,
}

// SAFETY: it points to a `derived::Rest` (Send) or a `State` (Send), owned by this alone.
unsafe impl Send for Rest {}
// SAFETY: nothing is reached through `&Rest`.
unsafe impl Sync for Rest {}

/// Which step it is, in all of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StepId {
    /// The loaded module's serial.
    module: u64,
    /// The kind's place in it.
    kind: usize,
    /// The step's place in the kind's history.
    step: usize,
}

// SAFETY: it points to an `Assemble::Fresh` (Send) or a `State` (Send), owned by this alone.
unsafe impl Send for Prepared {}
// SAFETY: nothing is reached through `&Prepared`.
unsafe impl Sync for Prepared {}

/// All steps of a kind, as its table gives them; each is the one that is described.
pub(super) fn steps(
    kind: &KindDescriptor,
    table: &KindVtable,
) -> Result<Vec<MigrationVtable>, ModuleError> {
    let described = kind.migrations.iter().enumerate();
    let steps = described.map(|(place, described)| {
        let step = step(table, place)?;
        let is_it = |step: &MigrationVtable| {
            step.from_schema == described.from_schema && step.from_layout == described.from_layout
        };
        step.filter(is_it).ok_or_else(|| ModuleError::Step {
            kind: kind.kind.clone(),
            place,
        })
    });
    steps.collect()
}

/// The step at a place, as the module says; `None` if it has none there.
fn step(table: &KindVtable, place: usize) -> Result<Option<MigrationVtable>, WrongSize> {
    let mut room = MaybeUninit::<MigrationVtable>::zeroed();
    let to = room.as_mut_ptr();
    // SAFETY: its first field is its size, and zero everywhere is a value of that.
    unsafe { (&raw mut (*to).size).write(size_of::<MigrationVtable>()) };
    let _noted = running::note(Label::unknown(), Call::Describe, None);
    // SAFETY: the table is the module's own; `room` has the bytes that it says.
    if !unsafe { (table.migration)(place, to) } {
        return Ok(None);
    }
    // SAFETY: the module wrote the table there, with its size, since it said so.
    unsafe { raw::read(to) }.map(Some)
}

impl Migration {
    pub(super) fn new(kind: &Kind, index: usize) -> Option<Self> {
        let step = *kind.step(index)?;
        let described = kind.descriptor().migrations.get(index)?;
        let (schema, layout): (SchemaId, LayoutId) = (step.from_schema, step.from_layout);
        // The hashes do not see into a `#[state(serde)]` field, so such a state is this loaded module's alone.
        let module = if described.from.has_serde_field() {
            kind.serial()
        } else {
            0
        };
        let from = StateTag {
            schema,
            layout,
            module,
        };
        Some(Self {
            kind: kind.clone(),
            table: step,
            index,
            from,
        })
    }

    fn id(&self) -> StepId {
        StepId {
            module: self.kind.serial(),
            kind: self.kind.index(),
            step: self.index,
        }
    }

    /// The type and memory layout of the old states.
    pub fn from(&self) -> StateTag {
        self.from
    }

    /// The module's description of this step.
    pub fn descriptor(&self) -> &MigrationDescriptor {
        &self.kind.descriptor().migrations[self.index]
    }

    /// Whether no author's function runs: then [`Migration::settle_defaults`] alone does it.
    pub fn defaults_only(&self) -> bool {
        self.table.defaults_only
    }

    /// Makes and drops what needs no old state, to know before the pause that it does not panic.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn trial(&self) -> Result<(), CallError> {
        self.discard(self.defaults()?);
        Ok(())
    }

    /// Makes what needs no old state; holds null if there is no such thing.
    fn defaults(&self) -> Result<Prepared, CallError> {
        let (mut fresh, mut said) = (null_mut(), Vec::new());
        let _noted = self.note(Call::Migrate, None);
        let mut buffer = Buffer::new(&mut said);
        let sink = buffer.sink();
        // SAFETY: the table is the module's own; both pointers live for the call.
        let status = unsafe { (self.table.defaults)(&raw mut fresh, sink) };
        buffer.end(status)?;
        Ok(Prepared {
            fresh,
            step: self.id(),
        })
    }

    /// Reads an old state from postcard bytes into this module's frozen type.
    ///
    /// # Errors
    /// [`CallError::Rejected`].
    pub fn decode_old(&self, bytes: &[u8]) -> Result<Instance, CallError> {
        let (mut state, mut said) = (null_mut(), Vec::new());
        let mut buffer = Buffer::new(&mut said);
        let (bytes, sink) = (Bytes::from(bytes), buffer.sink());
        let _noted = self.note(Call::Decode, None);
        // SAFETY: the table is the module's own; all pointers live for the call, and another thread may use what they
        // point to while this one waits. After `TooDeep` nothing was done.
        let status = unsafe { deep::call(|| (self.table.decode_old)(bytes, &raw mut state, sink)) };
        buffer.end(status)?;
        let state = NonNull::new(state).ok_or(CallError::WrongState)?;
        // SAFETY: the module has just made it, of the frozen old type.
        Ok(unsafe { Instance::new(state, self.from) })
    }

    /// The first half: reads `old`, makes what is new.
    ///
    /// # Errors
    /// [`CallError`]: the author's fault or panic, or a state that is not [`Migration::from`].
    pub fn prepare<B: Bus>(
        &self,
        id: EngineId,
        height: Height,
        old: &Instance,
        bus: &mut B,
    ) -> Result<Prepared, CallError> {
        if old.tag() != self.from {
            return Err(CallError::WrongState);
        }
        let mut raw = super::bus::raw((id, height), bus);
        let (mut fresh, mut said) = (null_mut(), Vec::new());
        let mut buffer = Buffer::new(&mut said);
        let sink = buffer.sink();
        let _noted = self.note(Call::Migrate, Some(id));
        // SAFETY: the tag fits; the state is only read; all pointers live for the call.
        let status =
            unsafe { (self.table.prepare)(old.as_ptr(), &raw mut raw, &raw mut fresh, sink) };
        buffer.end(status)?;
        Ok(Prepared {
            fresh,
            step: self.id(),
        })
    }

    /// Makes the whole new state at once, copying what does not change: for a state that is asked or
    /// messaged while the upgrade runs, and for steps by hand. The old state stays.
    ///
    /// # Errors
    /// As [`Migration::prepare`].
    pub fn whole<B: Bus>(
        &self,
        id: EngineId,
        height: Height,
        old: &Instance,
        bus: &mut B,
    ) -> Result<Instance, CallError> {
        if old.tag() != self.from {
            return Err(CallError::WrongState);
        }
        let mut raw = super::bus::raw((id, height), bus);
        let (mut new, mut said) = (null_mut(), Vec::new());
        let mut buffer = Buffer::new(&mut said);
        let sink = buffer.sink();
        let _noted = self.note(Call::Migrate, Some(id));
        // SAFETY: the tag fits; the state is only read; all pointers live for the call.
        let status = unsafe { (self.table.whole)(old.as_ptr(), &raw mut raw, &raw mut new, sink) };
        buffer.end(status)?;
        let new = NonNull::new(new).ok_or(CallError::WrongState)?;
        // SAFETY: the module has just made it, of the kind's type.
        Ok(unsafe { Instance::new(new, self.kind.tag()) })
    }

    /// The second half: the new state, or `None` if it panicked, by a defect (the old state is then lost, and the
    /// engine is poisoned).
    ///
    /// # Errors
    /// Gives both back if they do not belong to this step.
    pub fn settle(
        &self,
        old: Instance,
        prepared: Prepared,
    ) -> Result<Option<Settled>, (Instance, Prepared)> {
        if old.tag() != self.from || prepared.step != self.id() || prepared.fresh.is_null() {
            return Err((old, prepared));
        }
        let _noted = self.note(Call::Migrate, None);
        let mut rest = null_mut();
        // SAFETY: the tag says that `old` is this step's older state, `StepId` that this very step prepared
        // the other; both are consumed. `rest` lives for the call.
        let state = unsafe { (self.table.settle)(old.into_ptr(), prepared.fresh, &raw mut rest) };
        let rest = NonNull::new(rest).map(|rest| Rest {
            rest,
            step: self.id(),
        });
        Ok(NonNull::new(state).map(|state| Settled {
            // SAFETY: the module has just made it, of the kind's type.
            state: unsafe { Instance::new(state, self.kind.tag()) },
            rest,
        }))
    }

    /// [`Migration::settle`] for a step of defaults only, which prepares nothing.
    ///
    /// # Errors
    /// Gives the state back, as it was.
    pub fn settle_defaults(&self, old: Instance) -> Result<Option<Settled>, Unsettled> {
        let wrong = |old| Unsettled {
            old,
            error: CallError::WrongState,
        };
        if old.tag() != self.from || !self.table.defaults_only {
            return Err(wrong(old));
        }
        match self.defaults() {
            Ok(fresh) => self.settle(old, fresh).map_err(|(old, _)| wrong(old)),
            Err(error) => Err(Unsettled { old, error }),
        }
    }

    /// Drops what a settling has left over, or leaks it as [`Kind::discard`] does. Leaks it if it belongs to another
    /// step.
    pub fn discard_rest(&self, rest: Rest) {
        if rest.step != self.id() {
            return;
        }
        let _noted = self.note(Call::Discard, None);
        let left = rest.rest.as_ptr();
        // SAFETY: `StepId` says that this step left it over; it is consumed, after a no not. It is `Send`.
        if !unsafe { deep::done(|| (self.table.discard_rest)(left)) } {
            deep::count_leaked();
        }
    }

    /// Drops what [`Migration::prepare`] made. Leaks it if it belongs to another step.
    pub fn discard(&self, prepared: Prepared) {
        if prepared.step == self.id() && !prepared.fresh.is_null() {
            let _noted = self.note(Call::Discard, None);
            // SAFETY: `StepId` says that this step's `prepare` made it; it is consumed, after a no not. What is
            // prepared is `Send`.
            let done = unsafe { deep::done(|| (self.table.discard)(prepared.fresh)) };
            if !done {
                deep::count_leaked();
            }
        }
    }

    /// Appends an old state as postcard to `out`, as this module's frozen type writes it.
    ///
    /// # Errors
    /// As [`Kind::encode`].
    pub fn encode_old(&self, old: &Instance, out: &mut Vec<u8>) -> Result<(), CallError> {
        if old.tag() != self.from {
            return Err(CallError::WrongState);
        }
        let mut buffer = Buffer::new(out);
        let sink = buffer.sink();
        let _noted = self.note(Call::Encode, None);
        // SAFETY: the tag fits; the state (`Sync`) is only read; the buffer lives for the call, and another thread may
        // use both while this one waits. After `TooDeep` nothing was written.
        let status = unsafe { deep::call(|| (self.table.encode_old)(old.as_ptr(), sink)) };
        buffer.end(status)
    }

    /// Drops an old state, or leaks it as [`Kind::discard`] does. Gives it back if it is not [`Migration::from`].
    ///
    /// # Errors
    /// The instance itself.
    pub fn discard_old(&self, old: Instance) -> Result<(), Instance> {
        if old.tag() != self.from {
            return Err(old);
        }
        let _noted = self.note(Call::Discard, None);
        let old = old.into_ptr();
        // SAFETY: the tag fits and the instance is consumed; it may go to another thread (`Send`), and after a no it
        // is as it was.
        if !unsafe { deep::done(|| (self.table.discard_old)(old)) } {
            deep::count_leaked();
        }
        Ok(())
    }

    fn note(&self, what: Call, engine: Option<EngineId>) -> Noted {
        running::note(self.kind.label(), what, engine)
    }
}
