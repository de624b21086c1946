//! [`Bus`]: the node's side of an [`crate::UpgradeBus`], and the table that carries it.

use crate::raw::{BusCalls, BusStatus, Bytes, RawBus, Sink};
use crate::schema::SchemaId;
use crate::{EngineId, Height, UpgradeBus};
use std::ffi::c_void;

/// A question over the bus.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whether the new state is asked, not the old one.
    pub new: bool,
    /// The engine that is asked.
    pub engine: EngineId,
    /// Schema of the query, as the asker knows it.
    pub query: SchemaId,
    /// Schema of the answer, as the asker knows it.
    pub answer: SchemaId,
    /// The query as postcard.
    pub payload: &'a [u8],
}

/// An engine to start over the bus.
#[derive(Clone, Copy, Debug)]
pub struct Spawn<'a> {
    /// Its root name; empty for one whose id follows from its parent's.
    pub name: &'a str,
    /// The name of its kind.
    pub kind: &'a str,
    /// Schema of the configuration.
    pub schema: SchemaId,
    /// The configuration as postcard.
    pub config: &'a [u8],
}

/// The node's side of an [`crate::UpgradeBus`]; by default one without other engines. Implementations
/// must not panic: a panic here would unwind into the module and ends the process.
pub trait Bus {
    /// Whether the upgrade was cancelled.
    fn cancelled(&self) -> bool;
    /// Keeps a log line until the upgrade has ended.
    fn log(&mut self, level: u8, line: &str);
    /// Answers a question: the postcard answer, a postcard fault or a text goes to `out`.
    fn ask(&mut self, _ask: Ask<'_>, _out: &mut Vec<u8>) -> BusStatus {
        BusStatus::Unknown
    }
    /// Starts an engine; what went wrong goes to `out`.
    ///
    /// # Errors
    /// The status the transition gets.
    fn spawn(&mut self, _spawn: Spawn<'_>, _out: &mut Vec<u8>) -> Result<EngineId, BusStatus> {
        Err(BusStatus::Unknown)
    }
    /// Stops an engine with the commit.
    fn retire(&mut self, _engine: EngineId) -> BusStatus {
        BusStatus::Unknown
    }
    /// Queues an upgrade message.
    fn send(&mut self, _to: EngineId, _schema: SchemaId, _payload: &[u8]) -> BusStatus {
        BusStatus::Unknown
    }
}

/// The table over a `B`: one per type, so it is a constant.
pub(super) struct BusTable<B>(std::marker::PhantomData<B>);

impl<B: Bus> BusTable<B> {
    pub(super) const CALLS: &'static BusCalls = &BusCalls {
        size: size_of::<BusCalls>(),
        cancelled: cancelled::<B>,
        log: log::<B>,
        ask: ask::<B>,
        spawn: spawn::<B>,
        retire: retire::<B>,
        send: send::<B>,
    };
}

/// The bus as plain data, for one call, which `bus` must outlive.
pub(super) fn raw<B: Bus>((id, height): (EngineId, Height), bus: &mut B) -> RawBus {
    RawBus {
        size: size_of::<RawBus>(),
        host: (&raw mut *bus).cast::<c_void>(),
        calls: BusTable::<B>::CALLS,
        id,
        height: height.0,
    }
}

/// Calls `call` with an upgrade bus for the engine `id` at an update point, whose other side is `bus`:
/// for a transition that is run alone, in a test.
pub fn with_bus<B: Bus, R>(
    (id, height): (EngineId, Height),
    bus: &mut B,
    call: impl FnOnce(&mut UpgradeBus<'_>) -> R,
) -> R {
    // Both outlive the handle, which `call` cannot keep.
    let mut raw = raw((id, height), bus);
    call(&mut UpgradeBus::new(&mut raw))
}

/// The bus behind the pointer that a call carries.
///
/// # Safety
/// `host` is the `&mut B` that [`raw`] put in for the running call, used by nothing else until it ends.
unsafe fn bus<'a, B: Bus>(host: *mut c_void) -> &'a mut B {
    // SAFETY: `raw` put a `&mut B` there together with `BusTable<B>`, which is how this `B` is known; its caller
    // uses it no more until the call returns; the module's `UpgradeBus` is the one user, one call at a time.
    unsafe { &mut *host.cast::<B>() }
}

fn utf8(bytes: Bytes<'_>) -> &str {
    std::str::from_utf8(bytes.as_slice()).unwrap_or("(text that is not utf-8)")
}

fn write(sink: Sink, bytes: &[u8]) {
    // SAFETY: the module made the sink for the running call.
    unsafe { (sink.write)(sink.host, Bytes::from(bytes)) }
}

unsafe extern "C" fn cancelled<B: Bus>(host: *mut c_void) -> bool {
    // SAFETY: the module passes back the pointer of its call.
    unsafe { bus::<B>(host) }.cancelled()
}

unsafe extern "C" fn log<B: Bus>(host: *mut c_void, level: u8, line: Bytes<'_>) {
    // SAFETY: the module passes back the pointer of its call.
    unsafe { bus::<B>(host) }.log(level, utf8(line));
}

unsafe extern "C" fn ask<B: Bus>(
    host: *mut c_void,
    new: bool,
    engine: EngineId,
    query: SchemaId,
    answer: SchemaId,
    payload: Bytes<'_>,
    sink: Sink,
) -> BusStatus {
    let mut out = Vec::new();
    let ask = Ask {
        new,
        engine,
        query,
        answer,
        payload: payload.as_slice(),
    };
    // SAFETY: the module passes back the pointer of its call.
    let status = unsafe { bus::<B>(host) }.ask(ask, &mut out);
    write(sink, &out);
    status
}

unsafe extern "C" fn spawn<B: Bus>(
    host: *mut c_void,
    name: Bytes<'_>,
    kind: Bytes<'_>,
    schema: SchemaId,
    config: Bytes<'_>,
    id: *mut EngineId,
    sink: Sink,
) -> BusStatus {
    let mut out = Vec::new();
    let spawn = Spawn {
        name: utf8(name),
        kind: utf8(kind),
        schema,
        config: config.as_slice(),
    };
    // SAFETY: the module passes back the pointer of its call.
    match unsafe { bus::<B>(host) }.spawn(spawn, &mut out) {
        Ok(engine) => {
            // SAFETY: the module's own variable.
            unsafe { *id = engine };
            BusStatus::Ok
        }
        Err(status) => {
            write(sink, &out);
            status
        }
    }
}

unsafe extern "C" fn retire<B: Bus>(host: *mut c_void, engine: EngineId) -> BusStatus {
    // SAFETY: the module passes back the pointer of its call.
    unsafe { bus::<B>(host) }.retire(engine)
}

unsafe extern "C" fn send<B: Bus>(
    host: *mut c_void,
    to: EngineId,
    schema: SchemaId,
    payload: Bytes<'_>,
) -> BusStatus {
    // SAFETY: the module passes back the pointer of its call.
    unsafe { bus::<B>(host) }.send(to, schema, payload.as_slice())
}
