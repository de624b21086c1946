//! Records what each thread runs of an engine's code: written around every call into a module, read by a signal
//! handler on that thread ([`here`]) and by other threads ([`all`]).
//!
//! A thread's record is a few words that it writes without a lock, about a nanosecond for a whole batch;
//! which message of the batch is being handled, the module itself writes into the context of the batch.
//! A record is made with the thread's first call and used again by a later thread once it ends, so there
//! are as many as threads that ever called at once. Nothing here changes what is executed.
//!
//! A watcher that sees the same [`Running::turn`] at two looks knows that the one call ran all the time
//! between them.

mod label;
mod record;

pub use label::{LABEL_TEXT_BYTES_MAX, LABELS_MAX, Label};

use crate::raw::{Delivery, RawContext};
use crate::{EngineId, Sender};
use record::{Frame, Record};
use std::cell::Cell;
use std::fmt;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};

/// A task that a module is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Call {
    /// Handle a batch of messages.
    Handle = 1,
    /// Start an engine.
    Init,
    /// Answer a query.
    Query,
    /// Check a state.
    Check,
    /// Write a state down.
    Encode,
    /// Read a state.
    Decode,
    /// Drop a state.
    Discard,
    /// Handle upgrade messages.
    OnUpgrade,
    /// Run a transition, or a part of it.
    Migrate,
    /// Describe the module.
    Describe,
    /// Read a message or configuration in order to write it in postcard.
    Rewrite,
    /// Take a notice of what was not delivered: a part of a batch, which only its own thread tells from
    /// [`Call::Handle`].
    Undelivered,
}

/// A call that runs, as another thread sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which record it stands in: the same as long as the thread lives.
    pub record: usize,
    /// Counts what happened in the record. The same at two looks: it is still the same call.
    pub turn: u64,
    /// Whose state it is about, where that is known.
    pub engine: Option<EngineId>,
    /// Whose code it is.
    pub label: &'static Label,
    /// The task of the call.
    pub call: Call,
    /// Messages in the batch; 0 if it handles none.
    pub batch: usize,
}

/// The call that this very thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    /// Which record it stands in, as [`Running::record`].
    pub record: usize,
    /// Whose state it is about, where that is known.
    pub engine: Option<EngineId>,
    /// Whose code it is.
    pub label: &'static Label,
    /// The task of the call.
    pub call: Call,
    /// The message that is being handled, if one is.
    pub message: Option<Message>,
}

/// One message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender of the message.
    pub sender: Sender,
    /// Its number among its sender's messages.
    pub sequence: u64,
}

/// All records that were ever made.
static RECORDS: Mutex<Vec<&'static Record>> = Mutex::new(Vec::new());

thread_local! {
    /// This thread's record. Without a destructor, so that reading it is one load, in a signal handler too.
    static RECORD: Cell<Option<&'static Record>> = const { Cell::new(None) };
    /// Gives the record back when the thread ends.
    static LEASE: Lease = const { Lease };
    /// Whether this thread ever had a record: it is one of the node's, which runs engines.
    static IS_NODES: Cell<bool> = const { Cell::new(false) };
    /// Whose code has started this thread, if an engine's has.
    static STARTED_BY: Cell<Option<&'static Label>> = const { Cell::new(None) };
    /// Whose state this thread works on.
    static ABOUT: Cell<Option<EngineId>> = const { Cell::new(None) };
}

struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        // A thread that ends in the midst of a call takes the process with it: who ends it is still to be said.
        if let Some(record) = RECORD.get()
            && !record.runs_a_call()
        {
            RECORD.set(None);
            record.free();
        }
    }
}

/// The calls that run now, one for each thread that runs one; those that began or ended during the look
/// may be left out. Waits for no call.
pub fn all() -> Vec<Running> {
    let records = RECORDS.lock().unwrap_or_else(PoisonError::into_inner);
    records.iter().filter_map(|record| record.look()).collect()
}

/// Which record this thread has, from now on until it ends; `None` while it ends.
pub fn record() -> Option<usize> {
    let record = RECORD.get().or_else(take_record);
    record.map(Record::number)
}

/// The call that this thread is in. Async-signal-safe: reads what this thread wrote, allocates nothing and takes no
/// lock.
pub fn here() -> Option<Here> {
    RECORD.get()?.here()
}

/// Whether this thread is one of the node's that has called engines: also while it ends, when it has no record
/// any more.
pub fn is_nodes() -> bool {
    IS_NODES.get()
}

/// Says that code of this name has started this thread.
pub fn is_started_by(label: &'static Label) {
    STARTED_BY.set(Some(label));
}

/// Whose code has started this thread, if an engine's has.
pub fn started_by() -> Option<&'static Label> {
    STARTED_BY.get()
}

/// Says whose state this thread works on until the guard is dropped, for calls that carry no id of their
/// own: queries, checks, reading and writing states.
pub fn about(engine: EngineId) -> About {
    About {
        outer: ABOUT.replace(Some(engine)),
    }
}

/// See [`about`].
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub struct About {
    outer: Option<EngineId>,
}

impl Drop for About {
    fn drop(&mut self) {
        ABOUT.set(self.outer);
    }
}

/// A call that is noted until this is dropped.
pub(super) struct Noted {
    record: Option<&'static Record>,
    /// The call that this one began in: a transition may ask another engine.
    outer: Option<Frame>,
}

/// Notes a call that carries no batch.
#[inline]
pub(super) fn note(label: &'static Label, call: Call, engine: Option<EngineId>) -> Noted {
    enter(Frame {
        engine: engine.or_else(|| ABOUT.get()),
        label,
        call,
        context: null_mut(),
        batch: null(),
        length: 0,
    })
}

/// A batch that is about to be handled.
pub(super) struct Batch<'a, 'b> {
    pub(super) label: &'static Label,
    pub(super) engine: EngineId,
    pub(super) context: &'a mut RawContext,
    pub(super) deliveries: &'a [Delivery<'b>],
}

/// Notes that a batch is handled, as long as `call` runs, which is given the context and the deliveries. They are
/// borrowed until then, so what is noted is there whenever this thread's handler of signals reads it.
#[inline]
pub(super) fn during<R>(
    batch: Batch<'_, '_>,
    call: impl FnOnce(*mut RawContext, *const Delivery<'static>, usize) -> R,
) -> R {
    let context: *mut RawContext = batch.context;
    let deliveries = batch.deliveries.as_ptr().cast::<Delivery<'static>>();
    let length = batch.deliveries.len();
    let _noted = enter(Frame {
        engine: Some(batch.engine),
        label: batch.label,
        call: Call::Handle,
        context,
        batch: deliveries,
        length,
    });
    call(context, deliveries, length)
}

#[inline]
fn enter(frame: Frame) -> Noted {
    let record = RECORD.get().or_else(take_record);
    let outer = record.and_then(|record| record.begin(frame));
    Noted { record, outer }
}

impl Drop for Noted {
    #[inline]
    fn drop(&mut self) {
        if let Some(record) = self.record {
            record.end(self.outer);
        }
    }
}

/// Takes a free record for this thread. `None` while the thread ends: nobody would give it back.
#[cold]
fn take_record() -> Option<&'static Record> {
    LEASE.try_with(|_| ()).ok()?;
    let mut records = RECORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let free = records.iter().copied().find(|record| record.take());
    let record = free.unwrap_or_else(|| {
        let record: &'static Record = Box::leak(Box::new(Record::taken(records.len())));
        records.push(record);
        record
    });
    RECORD.set(Some(record));
    IS_NODES.set(true);
    Some(record)
}

impl Call {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Handle,
            2 => Self::Init,
            3 => Self::Query,
            4 => Self::Check,
            5 => Self::Encode,
            6 => Self::Decode,
            7 => Self::Discard,
            8 => Self::OnUpgrade,
            9 => Self::Migrate,
            10 => Self::Describe,
            11 => Self::Rewrite,
            12 => Self::Undelivered,
            _ => return None,
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handle => "handle",
            Self::Init => "init",
            Self::Query => "query",
            Self::Check => "check",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::Discard => "discard",
            Self::OnUpgrade => "on-upgrade",
            Self::Migrate => "migrate",
            Self::Describe => "describe",
            Self::Rewrite => "rewrite",
            Self::Undelivered => "undelivered",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn label() -> &'static Label {
        Label::of("kv", "kv-engine", "0.3.1")
    }

    fn mine() -> Option<Running> {
        let engine = EngineId::root("mine").unwrap();
        all().into_iter().find(|call| call.engine == Some(engine))
    }

    #[test]
    fn a_call_is_seen_by_its_own_thread_and_by_others_until_it_ends() {
        let (said, hear) = channel();
        let (end, wait) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let engine = EngineId::root("mine").unwrap();
            let noted = note(label(), Call::Init, Some(engine));
            let seen = here().unwrap();
            assert_eq!((seen.engine, seen.call), (Some(engine), Call::Init));
            assert_eq!(record(), Some(seen.record));
            said.send(()).unwrap();
            wait.recv().unwrap();
            drop(noted);
            assert_eq!(here(), None);
            said.send(()).unwrap();
            wait.recv().unwrap();
        });
        hear.recv().unwrap();
        let seen = mine().unwrap();
        assert_eq!((seen.label.kind(), seen.call), ("kv", Call::Init));
        assert_eq!(mine(), Some(seen), "the same call has the same turn");
        end.send(()).unwrap();
        hear.recv().unwrap();
        assert_eq!(mine(), None);
        end.send(()).unwrap();
        thread.join().unwrap();
    }

    #[test]
    fn what_a_call_asks_of_another_engine_is_noted_inside_it() {
        let (outer, inner) = (EngineId::root("o").unwrap(), EngineId::root("i").unwrap());
        let _outer = note(label(), Call::Migrate, Some(outer));
        {
            let _about = about(inner);
            let _inner = note(label(), Call::Query, None);
            let seen = here().unwrap();
            assert_eq!((seen.engine, seen.call), (Some(inner), Call::Query));
        }
        let seen = here().unwrap();
        assert_eq!((seen.engine, seen.call), (Some(outer), Call::Migrate));
    }

    #[test]
    fn a_record_of_a_thread_that_ended_is_used_again() {
        let call = || drop(note(label(), Call::Check, None));
        std::thread::spawn(call).join().unwrap();
        let before = RECORDS.lock().unwrap().len();
        for _ in 0..64 {
            std::thread::spawn(call).join().unwrap();
        }
        // Other tests have threads of their own meanwhile.
        assert!(RECORDS.lock().unwrap().len() < before + 32);
    }
}
