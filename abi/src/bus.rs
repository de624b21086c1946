//! [`UpgradeBus`]: the one handle a transition function has to the outside, for as long as the
//! upgrade runs.

use crate::raw::{BusCalls, BusStatus, Bytes, Codec, RawBus, Sink};
use crate::{BusError, Engine, EngineId, Height, State, codec};
use std::ffi::c_void;
use std::fmt;

/// The temporary bus of one upgrade. Nothing done through it is seen before the upgrade commits.
pub struct UpgradeBus<'a> {
    raw: &'a mut RawBus,
    /// The encoded request; kept so that its memory is used again.
    scratch: Vec<u8>,
}

impl<'a> UpgradeBus<'a> {
    pub(crate) fn new(raw: &'a mut RawBus) -> Self {
        Self {
            raw,
            scratch: Vec::new(),
        }
    }

    /// The engine whose state is being migrated, or that handles upgrade messages.
    pub fn id(&self) -> EngineId {
        self.raw.id
    }

    /// The height of the update point: the last block that the old code executed.
    pub fn height(&self) -> Height {
        Height(self.raw.height)
    }

    /// Whether the upgrade was cancelled because a transition before this one failed; those before that
    /// one go on, so that every node reports the same failure. A long transition should look, and
    /// return any fault: its result is dropped.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: `host::bus::raw` made table and object for this call, for each other, and both outlive it.
        unsafe { ((*self.raw.calls).cancelled)(self.raw.host) }
    }

    /// Writes a line to the node's log, once the upgrade has ended.
    pub fn log(&mut self, line: &str) {
        let calls = self.calls();
        // SAFETY: as in `is_cancelled`; the host copies the bytes before it returns.
        unsafe { (calls.log)(self.raw.host, 3, Bytes::from(line.as_bytes())) }
    }

    /// Asks the old, frozen state of any engine, through the code that it still has.
    ///
    /// `Q` and `A` must have the schemas of its query and answer: the types themselves, or types of the
    /// same names and fields.
    ///
    /// # Errors
    /// [`BusError`]: unknown or not serving, another schema, no capability
    /// [`Read`](crate::Capability::Read), or the engine's own fault.
    pub fn read<Q: State, A: State>(&mut self, engine: EngineId, query: &Q) -> Result<A, BusError> {
        self.ask(false, engine, query)
    }

    /// Asks the *new* state of an engine whose kind this one named in `AFTER`: its transition is done.
    /// Only from a transition; a handler of upgrade messages uses messages.
    ///
    /// # Errors
    /// As [`UpgradeBus::read`]; [`BusError::Undeclared`] if the kind is not in `AFTER`.
    pub fn query<Q: State, A: State>(
        &mut self,
        engine: EngineId,
        query: &Q,
    ) -> Result<A, BusError> {
        self.ask(true, engine, query)
    }

    /// Starts an engine of kind `E`, of the new generation; it serves from the commit on, and takes
    /// upgrade messages at once.
    ///
    /// # Errors
    /// [`BusError`]: [`BusError::UnknownKind`], no capability [`Spawn`](crate::Capability::Spawn), a spent budget, or
    /// the fault of its `init`.
    pub fn spawn<E: Engine>(&mut self, config: &E::Config) -> Result<EngineId, BusError> {
        self.start::<E>("", config)
    }

    /// As [`UpgradeBus::spawn`], under a name of its own, by which clients reach it: the id is
    /// [`EngineId::root`] of it. It is still this engine's child.
    ///
    /// # Errors
    /// As [`UpgradeBus::spawn`]; [`BusError::Taken`] if there is such an engine; [`BusError::Failed`] if
    /// the name is none.
    pub fn spawn_named<E: Engine>(
        &mut self,
        name: &str,
        config: &E::Config,
    ) -> Result<EngineId, BusError> {
        let root = EngineId::root(name).map_err(|error| BusError::Failed {
            what: E::KIND.to_owned(),
            reason: error.to_string(),
        })?;
        self.start::<E>(root.name().unwrap_or(name), config)
    }

    fn start<E: Engine>(&mut self, name: &str, config: &E::Config) -> Result<EngineId, BusError> {
        self.encode(config)?;
        let mut id = EngineId::root(name).unwrap_or(EngineId::from_bytes([0; 16]));
        let mut said = Vec::new();
        let (calls, kind) = (self.calls(), Bytes::from(E::KIND.as_bytes()));
        let (schema, config) = (E::Config::schema_id(), Bytes::from(self.scratch.as_slice()));
        let (name, sink) = (Bytes::from(name.as_bytes()), sink(&mut said));
        // SAFETY: as in `is_cancelled`; `id` and the sink are written before the call returns.
        let status =
            unsafe { (calls.spawn)(self.raw.host, name, kind, schema, config, &raw mut id, sink) };
        match BusError::of(status, E::KIND, id, &said) {
            None => Ok(id),
            Some(BusError::Unknown { what: kind }) => Err(BusError::UnknownKind { kind }),
            Some(error) => Err(error),
        }
    }

    /// Stops an engine with the commit: this one, or one it has spawned. Its new state is dropped. An
    /// upgrade message that waits for it, or is sent to it in the same round or later, aborts the upgrade.
    ///
    /// # Errors
    /// [`BusError::Forbidden`] if it is neither; [`BusError::Unknown`].
    pub fn retire(&mut self, engine: EngineId) -> Result<(), BusError> {
        let calls = self.calls();
        // SAFETY: as in `is_cancelled`.
        let status = unsafe { (calls.retire)(self.raw.host, engine) };
        result(status, engine)
    }

    /// Sends an upgrade message. It is handled by the receiver's [`OnUpgrade`](crate::OnUpgrade) in the
    /// next round of this upgrade; if its kind has none, or is not touched by the upgrade, it becomes an
    /// ordinary message, first in its mailbox after the swap.
    ///
    /// A message to an engine that does not exist or is retired, of a schema that the receiver does not
    /// take, or without the capability [`Message`](crate::Capability::Message), aborts the upgrade when
    /// the round ends.
    ///
    /// # Errors
    /// [`BusError::Budget`], [`BusError::Cancelled`].
    pub fn send<M: State>(&mut self, to: EngineId, message: &M) -> Result<(), BusError> {
        self.encode(message)?;
        let (calls, payload) = (self.calls(), Bytes::from(self.scratch.as_slice()));
        // SAFETY: as in `is_cancelled`; the host copies the payload.
        let status = unsafe { (calls.send)(self.raw.host, to, M::schema_id(), payload) };
        result(status, to)
    }

    fn ask<Q: State, A: State>(
        &mut self,
        new: bool,
        engine: EngineId,
        query: &Q,
    ) -> Result<A, BusError> {
        self.encode(query)?;
        let mut said = Vec::new();
        let (calls, payload) = (self.calls(), Bytes::from(self.scratch.as_slice()));
        let (asked, answered) = (Q::schema_id(), A::schema_id());
        let sink = sink(&mut said);
        // SAFETY: as in `is_cancelled`; the sink is written before the call returns.
        let status =
            unsafe { (calls.ask)(self.raw.host, new, engine, asked, answered, payload, sink) };
        if let Some(error) = BusError::of(status, engine, engine, &said) {
            return Err(error);
        }
        let answer = codec::decode(Codec::Postcard, &said, A::nature().is_deep());
        answer.map_err(|refused| BusError::Failed {
            what: engine.to_string(),
            reason: refused.to_string(),
        })
    }

    /// Fails only where a `#[state(serde)]` field does not serialize, or a value is too deep.
    fn encode<T: State>(&mut self, value: &T) -> Result<(), BusError> {
        self.scratch.clear();
        let guarded = T::nature().is_guarded();
        let written = codec::encode(Codec::Postcard, value, guarded, &mut self.scratch);
        written.map_err(|refused| BusError::Failed {
            what: std::any::type_name::<T>().to_owned(),
            reason: refused.to_string(),
        })
    }

    fn calls(&self) -> &BusCalls {
        // SAFETY: the node made the table, of this epoch's first form at least, and it outlives the call.
        unsafe { &*self.raw.calls }
    }
}

fn result(status: BusStatus, engine: EngineId) -> Result<(), BusError> {
    match BusError::of(status, engine, engine, &[]) {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// A sink into a vector, for one call.
fn sink(said: &mut Vec<u8>) -> Sink {
    unsafe extern "C" fn append(host: *mut c_void, bytes: Bytes<'_>) {
        // SAFETY: `host` is the vector of the running call, used by nothing else until it ends.
        unsafe { &mut *host.cast::<Vec<u8>>() }.extend_from_slice(bytes.as_slice());
    }
    Sink {
        host: (&raw mut *said).cast(),
        write: append,
    }
}

impl fmt::Debug for UpgradeBus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeBus")
            .field("id", &self.raw.id)
            .finish_non_exhaustive()
    }
}
