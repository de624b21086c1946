//! [`Services`]: the services that a running handler asks of the node, and the table that carries them.

use crate::raw::{self, Bytes, CallStatus, HostCalls, HostStatus, RawBudget};
use crate::schema::SchemaId;
use crate::{BlockTime, EngineId, Height, TimerAt, TimerId};
use std::ffi::c_void;

/// An engine that a handler wants started.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The name of its kind.
    pub kind: &'a str,
    /// Schema of the configuration, as the handler's code knows it.
    pub schema: SchemaId,
    /// The configuration as postcard.
    pub config: &'a [u8],
}

/// The node's side of a [`crate::Context`].
///
/// `index` is the message of the batch that is being handled: when its `reply` is not
/// [`CallStatus::Ok`], everything it asked for must be dropped. Implementations must not panic: a
/// panic here would unwind into the module and ends the process.
pub trait Services {
    /// Queues a message.
    fn send(&mut self, index: usize, to: EngineId, schema: SchemaId, payload: &[u8]) -> HostStatus;
    /// Starts an engine.
    ///
    /// # Errors
    /// The status the handler gets.
    fn spawn(&mut self, index: usize, wanted: Wanted<'_>) -> Result<EngineId, HostStatus>;
    /// Stops an engine.
    fn stop(&mut self, index: usize, engine: EngineId) -> HostStatus;
    /// Sets a timer.
    ///
    /// # Errors
    /// The status the handler gets.
    fn timer(
        &mut self,
        index: usize,
        at: TimerAt,
        schema: SchemaId,
        payload: &[u8],
    ) -> Result<TimerId, HostStatus>;
    /// Cancels a timer.
    fn cancel_timer(&mut self, index: usize, timer: TimerId) -> HostStatus;
    /// How much the message may still ask for; the size is not looked at.
    fn budget_left(&self, index: usize) -> RawBudget;
    /// Writes to the log; levels as in [`crate::Level`].
    fn log(&mut self, level: u8, line: &str);
    /// Publishes an event.
    fn emit(&mut self, index: usize, topic: &str, payload: &[u8]) -> HostStatus;
    /// Learns how a message ended: a wanted reply, a fault (postcard), a rejection or panic (text).
    fn reply(&mut self, index: usize, status: CallStatus, bytes: &[u8]);
}

/// The table over a `S`: one per type, so it is a constant.
pub(super) struct Table<S>(std::marker::PhantomData<S>);

impl<S: Services> Table<S> {
    pub(super) const CALLS: &'static HostCalls = &HostCalls {
        size: size_of::<HostCalls>(),
        send: send::<S>,
        spawn: spawn::<S>,
        stop: stop::<S>,
        timer: timer::<S>,
        timer_cancel: timer_cancel::<S>,
        budget_left: budget_left::<S>,
        log: log::<S>,
        emit: emit::<S>,
        reply: reply::<S>,
    };
}

/// The services behind the pointer that a call carries.
///
/// # Safety
/// `host` is the `&mut S` that this crate put in the context of the running call, used by nothing
/// else until it ends.
unsafe fn services<'a, S: Services>(host: *mut c_void) -> &'a mut S {
    // SAFETY: `Kind` put a `&mut S` there together with `Table<S>`, which is how this `S` is known, and uses it no
    // more until its call returns; the module's `Context` is the one user, one call at a time.
    unsafe { &mut *host.cast::<S>() }
}

fn utf8(bytes: Bytes<'_>) -> &str {
    std::str::from_utf8(bytes.as_slice()).unwrap_or("(text that is not utf-8)")
}

unsafe extern "C" fn send<S: Services>(
    host: *mut c_void,
    index: usize,
    to: EngineId,
    schema: SchemaId,
    payload: Bytes<'_>,
) -> HostStatus {
    // SAFETY: the module passes back the pointer of its context.
    unsafe { services::<S>(host) }.send(index, to, schema, payload.as_slice())
}

unsafe extern "C" fn spawn<S: Services>(
    host: *mut c_void,
    index: usize,
    kind: Bytes<'_>,
    schema: SchemaId,
    config: Bytes<'_>,
    out: *mut EngineId,
) -> HostStatus {
    let wanted = Wanted {
        kind: utf8(kind),
        schema,
        config: config.as_slice(),
    };
    // SAFETY: the module passes back the pointer of its context.
    match unsafe { services::<S>(host) }.spawn(index, wanted) {
        Ok(id) => {
            // SAFETY: the module's own variable.
            unsafe { *out = id };
            HostStatus::Ok
        }
        Err(status) => status,
    }
}

unsafe extern "C" fn stop<S: Services>(
    host: *mut c_void,
    index: usize,
    engine: EngineId,
) -> HostStatus {
    // SAFETY: the module passes back the pointer of its context.
    unsafe { services::<S>(host) }.stop(index, engine)
}

unsafe extern "C" fn timer<S: Services>(
    host: *mut c_void,
    index: usize,
    by_time: bool,
    when: u64,
    schema: SchemaId,
    payload: Bytes<'_>,
    out: *mut u64,
) -> HostStatus {
    let at = if by_time {
        TimerAt::Time(BlockTime(when))
    } else {
        TimerAt::Height(Height(when))
    };
    // SAFETY: the module passes back the pointer of its context.
    match unsafe { services::<S>(host) }.timer(index, at, schema, payload.as_slice()) {
        Ok(id) => {
            // SAFETY: the module's own variable.
            unsafe { *out = id.0 };
            HostStatus::Ok
        }
        Err(status) => status,
    }
}

unsafe extern "C" fn timer_cancel<S: Services>(
    host: *mut c_void,
    index: usize,
    timer: u64,
) -> HostStatus {
    // SAFETY: the module passes back the pointer of its context.
    unsafe { services::<S>(host) }.cancel_timer(index, TimerId(timer))
}

unsafe extern "C" fn budget_left<S: Services>(
    host: *mut c_void,
    index: usize,
    out: *mut RawBudget,
) {
    // SAFETY: the module passes back the pointer of its context.
    let left = unsafe { services::<S>(host) }.budget_left(index);
    // SAFETY: the module's own variable, of the size that it says; a module of this epoch has room for the first form.
    let _ = unsafe { raw::write(&left, out) };
}

unsafe extern "C" fn log<S: Services>(host: *mut c_void, level: u8, line: Bytes<'_>) {
    // SAFETY: the module passes back the pointer of its context.
    unsafe { services::<S>(host) }.log(level, utf8(line));
}

unsafe extern "C" fn emit<S: Services>(
    host: *mut c_void,
    index: usize,
    topic: Bytes<'_>,
    payload: Bytes<'_>,
) -> HostStatus {
    // SAFETY: the module passes back the pointer of its context.
    unsafe { services::<S>(host) }.emit(index, utf8(topic), payload.as_slice())
}

unsafe extern "C" fn reply<S: Services>(
    host: *mut c_void,
    index: usize,
    status: CallStatus,
    bytes: Bytes<'_>,
) {
    // SAFETY: the module passes back the pointer of its context.
    unsafe { services::<S>(host) }.reply(index, status, bytes.as_slice());
}
