//! [`Kind`]: one engine kind of a module, and all that can be done with its instances.

mod rewrite;
mod written;

pub use written::{Digest, Witness};

use super::bus::Bus;
use super::call::{Buffer, CallError};
use super::deep;
use super::frame::{BlockFrame, HandleContext, context};
use super::instance::{Instance, StateTag};
use super::migration::Migration;
use super::module::Module;
use super::running::{self, Call, Label};
use super::services::Services;
use crate::descriptor::KindDescriptor;
use crate::raw::{BatchOutcome, Bytes, CallStatus, Codec, Delivery, KindVtable, MigrationVtable};
use crate::schema::SchemaId;
use crate::{EngineId, Height};
use std::ffi::c_void;
use std::fmt;
use std::ptr::{NonNull, null_mut};

/// One engine kind of a module. Keeps the module's code mapped.
#[derive(Clone)]
pub struct Kind {
    module: Module,
    table: KindVtable,
    index: usize,
    tag: StateTag,
    label: &'static Label,
}

impl Kind {
    pub(super) fn new(module: Module, index: usize) -> Self {
        let table = *module.table(index);
        let descriptor = &module.descriptor().kinds[index];
        let serial = if descriptor.crosses_as_bytes {
            module.serial()
        } else {
            0
        };
        let tag = StateTag {
            schema: descriptor.schema,
            layout: descriptor.layout,
            module: serial,
        };
        let label = module.label(index);
        Self {
            module,
            table,
            index,
            tag,
            label,
        }
    }

    /// The module it is part of.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The module's description of this kind.
    pub fn descriptor(&self) -> &KindDescriptor {
        &self.module.descriptor().kinds[self.index]
    }

    /// The type and memory layout of its states.
    pub fn tag(&self) -> StateTag {
        self.tag
    }

    pub(super) fn label(&self) -> &'static Label {
        self.label
    }

    /// Makes an instance from a configuration.
    ///
    /// # Errors
    /// [`CallError`] if the configuration is not understood or the engine will not start.
    pub fn init<S: Services>(
        &self,
        id: EngineId,
        (codec, config): (Codec, &[u8]),
        frame: BlockFrame,
        services: &mut S,
    ) -> Result<Instance, CallError> {
        self.init_after(0, id, (codec, config), frame, services)
    }

    /// As [`Kind::init`], of an engine that is started afresh and has handled so many messages in this block before: it
    /// draws other random numbers than they did.
    ///
    /// # Errors
    /// As [`Kind::init`].
    pub fn init_after<S: Services>(
        &self,
        ordinal: u64,
        id: EngineId,
        (codec, config): (Codec, &[u8]),
        frame: BlockFrame,
        services: &mut S,
    ) -> Result<Instance, CallError> {
        let mut raw = context(id, frame, ordinal, services);
        let _noted = running::note(self.label, Call::Init, Some(id));
        self.make(|out, sink| {
            // SAFETY: the table is this module's; all pointers live for the call.
            unsafe { (self.table.init)(codec, config.into(), &raw mut raw, out, sink) }
        })
    }

    /// Reads an instance from the postcard bytes that [`Kind::encode`] wrote.
    ///
    /// # Errors
    /// [`CallError::Rejected`] if they are not of this kind's schema; [`CallError::TooDeep`].
    pub fn decode(&self, bytes: &[u8]) -> Result<Instance, CallError> {
        let _noted = running::note(self.label, Call::Decode, None);
        self.make(|out, sink| {
            // SAFETY: as in `init`; bytes and buffers may be used by the other thread while this one waits, and
            // nothing was done after `TooDeep`.
            unsafe { deep::call(|| (self.table.decode)(bytes.into(), out, sink)) }
        })
    }

    /// Handles a batch of messages of one engine. `ordinal` counts the messages it has handled in
    /// this block before. `None` if the state is not of this kind's tag: nothing was done.
    pub fn handle<S: Services>(
        &self,
        instance: &mut Instance,
        batch: &[Delivery<'_>],
        context: &mut HandleContext<'_, S>,
    ) -> Option<BatchOutcome> {
        if instance.tag() != self.tag {
            return None;
        }
        let raw = &mut context.raw;
        raw.host = (&raw mut *context.services).cast::<c_void>();
        let noted = running::Batch {
            label: self.label,
            engine: raw.id,
            context: raw,
            deliveries: batch,
        };
        Some(running::during(noted, |context, batch, length| {
            // SAFETY: the tag says that the state is of this schema and layout; `&mut Instance` says that
            // nothing else uses it; `during` borrows batch and context for the call.
            unsafe { (self.table.handle)(instance.as_ptr(), context, batch, length) }
        }))
    }

    /// Answers a query into `out`, in the codec of the question.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn query(
        &self,
        instance: &Instance,
        codec: Codec,
        query: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        self.read(Call::Query, instance, out, |state, sink| {
            // SAFETY: the tag fits (`read`); the state is only read.
            unsafe { (self.table.query)(state, codec, Bytes::from(query), sink) }
        })
    }

    /// Runs the engine's own check of its state.
    ///
    /// # Errors
    /// [`CallError::Fault`] says what does not hold.
    pub fn check(&self, instance: &Instance) -> Result<(), CallError> {
        self.read(Call::Check, instance, &mut Vec::new(), |state, sink| {
            // SAFETY: as in `query`.
            unsafe { (self.table.check)(state, sink) }
        })
    }

    /// Drops a state; one that is too deep for any stack is leaked and counted. Gives it back if it is not
    /// of this kind's tag.
    ///
    /// # Errors
    /// The instance itself.
    pub fn discard(&self, instance: Instance) -> Result<(), Instance> {
        if instance.tag() != self.tag {
            return Err(instance);
        }
        let _noted = running::note(self.label, Call::Discard, None);
        let state = instance.into_ptr();
        // SAFETY: the tag fits and the instance is consumed; it may go to another thread (`Send`), and after a no it
        // is as it was.
        if !unsafe { deep::done(|| (self.table.discard)(state)) } {
            deep::count_leaked();
        }
        Ok(())
    }

    /// Handles a batch of upgrade messages until one fails.
    ///
    /// # Errors
    /// The engine's fault or panic, and how many messages were handled before; the instance is then
    /// good for nothing but [`Kind::discard`].
    pub fn on_upgrade<B: Bus>(
        &self,
        instance: &mut Instance,
        batch: &[Delivery<'_>],
        frame: (EngineId, Height),
        bus: &mut B,
    ) -> Result<(), (usize, CallError)> {
        if instance.tag() != self.tag {
            return Err((0, CallError::WrongState));
        }
        let mut raw = super::bus::raw(frame, bus);
        let (mut done, mut bytes) = (0, Vec::new());
        let mut buffer = Buffer::new(&mut bytes);
        let _noted = running::note(self.label, Call::OnUpgrade, Some(frame.0));
        // SAFETY: the tag says that the state is of this schema and layout; `&mut Instance` says that
        // nothing else uses it; all pointers live for the call.
        let status = unsafe {
            (self.table.on_upgrade)(
                instance.as_ptr(),
                &raw mut raw,
                batch.as_ptr().cast::<Delivery<'static>>(),
                batch.len(),
                &raw mut done,
                buffer.sink(),
            )
        };
        buffer.end(status).map_err(|error| (done, error))
    }

    /// Appends the postcard of the older state of schema `wanted` that this one goes back to; which there are says
    /// [`KindDescriptor::ways_back`]. The state stays as it is.
    ///
    /// # Errors
    /// [`CallError`]: the author's fault or panic; [`CallError::Rejected`] if no way leads there.
    pub fn migrate_back<B: Bus>(
        &self,
        instance: &Instance,
        wanted: SchemaId,
        frame: (EngineId, Height),
        bus: &mut B,
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        let mut raw = super::bus::raw(frame, bus);
        let _about = running::about(frame.0);
        self.read(Call::Migrate, instance, out, |state, sink| {
            // SAFETY: the tag fits (`read`); the state is only read; the bus lives for the call.
            unsafe { (self.table.migrate_back)(state, wanted, &raw mut raw, sink) }
        })
    }

    /// The step from states tagged `from`, if this kind has one that reads them in memory.
    pub fn migration_from(&self, from: StateTag) -> Option<Migration> {
        self.migrations().find(|step| step.from() == from)
    }

    /// The step from states of this schema, whatever their layout: they cross as bytes.
    pub fn migration_from_schema(&self, from: crate::schema::SchemaId) -> Option<Migration> {
        self.migrations().find(|step| step.from().schema == from)
    }

    fn migrations(&self) -> impl Iterator<Item = Migration> + '_ {
        let steps = &self.descriptor().migrations;
        (0..steps.len()).filter_map(|index| Migration::new(self, index))
    }

    pub(super) fn serial(&self) -> u64 {
        self.module.serial()
    }

    pub(super) fn step(&self, index: usize) -> Option<&MigrationVtable> {
        self.module.step(self.index, index)
    }

    pub(super) fn table(&self) -> &KindVtable {
        &self.table
    }

    /// Its place in the module.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    fn make(
        &self,
        call: impl FnOnce(*mut *mut c_void, crate::raw::Sink) -> CallStatus,
    ) -> Result<Instance, CallError> {
        let mut state = null_mut();
        let mut bytes = Vec::new();
        let mut buffer = Buffer::new(&mut bytes);
        let status = call(&raw mut state, buffer.sink());
        buffer.end(status)?;
        let state = NonNull::new(state).ok_or(CallError::WrongState)?;
        // SAFETY: the module has just made it for us, of this kind's type.
        Ok(unsafe { Instance::new(state, self.tag) })
    }

    fn read(
        &self,
        what: Call,
        instance: &Instance,
        out: &mut Vec<u8>,
        call: impl FnOnce(*const c_void, crate::raw::Sink) -> CallStatus,
    ) -> Result<(), CallError> {
        if instance.tag() != self.tag {
            return Err(CallError::WrongState);
        }
        let mut buffer = Buffer::new(out);
        let _noted = running::note(self.label, what, None);
        let status = call(instance.as_ptr(), buffer.sink());
        buffer.end(status)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind")
            .field("kind", &self.descriptor().kind)
            .field("module", &self.module)
            .finish_non_exhaustive()
    }
}
