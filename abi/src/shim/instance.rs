//! The life of one instance: described, made, asked, checked, written, read, dropped.

use super::guard::{guarded, let_go, rejected, write};
use crate::codec::Refused;
use crate::codes;
use crate::derived::described;
use crate::descriptor::{
    InterfaceDescriptor, InterfaceWords, KindDescriptor, OlderMessageDescriptor, WayBackDescriptor,
};
use crate::export::History;
use crate::raw::{Bytes, CallStatus, Codec, RawContext, Sink};
use crate::schema::Type;
use crate::{Context, Engine, Fault, State, codec, derived, pieces, walk};
use std::ffi::c_void;

/// # Safety
/// `sink` lives for the call.
pub(super) unsafe extern "C" fn describe<H: History>(sink: Sink) -> CallStatus {
    guarded(sink, || {
        let mut bytes = Vec::new();
        codec::to_postcard(&descriptor::<H>(), &mut bytes);
        write(sink, &bytes);
        Ok(())
    })
}

pub(crate) fn descriptor<H: History>() -> KindDescriptor {
    let (state, _) = described::<H::Engine>();
    let version = match &state {
        crate::schema::Type::Struct { version, .. } | crate::schema::Type::Enum { version, .. } => {
            *version
        }
        _ => 0,
    };
    kind_descriptor::<H, H::Engine>(state, version)
}

fn kind_descriptor<H: History<Engine = E>, E: Engine>(state: Type, version: u32) -> KindDescriptor {
    let (config, message) = (described::<E::Config>(), described::<E::Message>());
    let (query, reply, answer) = (
        described::<E::Query>(),
        described::<E::Reply>(),
        described::<E::Answer>(),
    );
    KindDescriptor {
        kind: E::KIND.to_owned(),
        version,
        schema: E::schema_id(),
        layout: E::layout_id(),
        crosses_as_bytes: state.has_serde_field(),
        state,
        config: E::Config::schema_id(),
        message: E::Message::schema_id(),
        reply: E::Reply::schema_id(),
        query: E::Query::schema_id(),
        answer: E::Answer::schema_id(),
        interface: InterfaceDescriptor {
            config: config.0,
            message: message.0,
            reply: reply.0,
            query: query.0,
            answer: answer.0,
        },
        words: InterfaceWords {
            config: config.1,
            message: message.1,
            reply: reply.1,
            query: query.1,
            answer: answer.1,
        },
        older_messages: H::older_messages()
            .iter()
            .map(|older| OlderMessageDescriptor {
                schema: older.schema,
                words: (older.words)(),
            })
            .collect(),
        upgrade_message: H::upgrade_handler().map(|handler| handler.schema),
        after: E::AFTER.iter().map(|kind| (*kind).to_owned()).collect(),
        rollback: E::ROLLBACK,
        needs: E::NEEDS.iter().map(|need| need.describe()).collect(),
        migrations: H::steps().into_iter().map(|step| step.descriptor).collect(),
        ways_back: H::ways_back()
            .iter()
            .map(|way| WayBackDescriptor {
                to: way.schema,
                steps: way.steps,
            })
            .collect(),
    }
}

/// # Safety
/// `raw`, `config`, `out` and `sink` live for the call and are used by nobody else during it.
pub(super) unsafe extern "C" fn init<E: Engine>(
    codec: Codec,
    config: Bytes<'_>,
    raw: *mut RawContext,
    out: *mut *mut c_void,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        // A misspelt field would leave the engine with a default that nobody chose.
        let config = codec::decode_exactly(codec, config.as_slice()).map_err(rejected)?;
        // SAFETY: `Kind::init` made the context on its stack and uses it no more until this returns.
        let mut ctx = Context::new(unsafe { &mut *raw });
        let engine = E::init(config, &mut ctx)?;
        // SAFETY: `out` is `Kind::make`'s own variable.
        unsafe { hand_over(engine, out) };
        Ok(())
    })
}

/// # Safety
/// `state` is this kind's and not changed during the call; the rest lives for the call.
pub(super) unsafe extern "C" fn query<E: Engine>(
    state: *const c_void,
    codec: Codec,
    query: Bytes<'_>,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        let deep = E::Query::nature().is_deep();
        let query = codec::decode(codec, query.as_slice(), deep).map_err(rejected)?;
        // SAFETY: `Kind::read` has compared the tag, so `state` is an `E` by schema and layout; it holds the
        // instance borrowed, so nobody changes it meanwhile.
        let answer = unsafe { &*state.cast::<E>() }.query(query)?;
        let mut bytes = Vec::new();
        let written = codec::encode(codec, &answer, E::Answer::nature().is_guarded(), &mut bytes);
        derived::let_go(answer);
        written.map_err(|refused| Fault::new(codes::ANSWER_NOT_WRITTEN, refused.to_string()))?;
        write(sink, &bytes);
        Ok(())
    })
}

/// # Safety
/// As `query`.
pub(super) unsafe extern "C" fn check<E: Engine>(state: *const c_void, sink: Sink) -> CallStatus {
    // SAFETY: as in `query`: `Kind::read` has compared the tag and holds the instance borrowed.
    guarded(sink, || Ok(unsafe { &*state.cast::<E>() }.check()?))
}

/// # Safety
/// As `query`.
pub(super) unsafe extern "C" fn encode<E: State>(state: *const c_void, sink: Sink) -> CallStatus {
    guarded(sink, || {
        let mut bytes = Vec::new();
        // SAFETY: as in `query`: `Kind::read` has compared the tag and holds the instance borrowed.
        let state = unsafe { &*state.cast::<E>() };
        codec::encode_state(state, &mut bytes)?;
        write(sink, &bytes);
        Ok(())
    })
}

/// # Safety
/// As `query`; `cursor` and both sinks live for the call.
pub(super) unsafe extern "C" fn encode_piece<E: State>(
    state: *const c_void,
    cursor: Bytes<'_>,
    bytes_max: usize,
    out: Sink,
    after: Sink,
) -> CallStatus {
    guarded(out, || {
        let mut bytes = Vec::new();
        // SAFETY: as in `query`: `Pieces::piece` has compared the tag and holds the instance borrowed.
        let state = unsafe { &*state.cast::<E>() };
        let next = pieces::next(state, cursor.as_slice(), bytes_max, &mut bytes)?;
        write(out, &bytes);
        if let Some(cursor) = next {
            write(after, &cursor);
        }
        Ok(())
    })
}

/// # Safety
/// As `query`.
pub(super) unsafe extern "C" fn witness<E: State>(state: *const c_void, sink: Sink) -> CallStatus {
    guarded(sink, || {
        // SAFETY: as in `query`: `Kind::read` has compared the tag and holds the instance borrowed.
        let state = unsafe { &*state.cast::<E>() };
        let witness = walk::witness(state).map_err(Refused::from)?;
        write(sink, &witness);
        Ok(())
    })
}

/// # Safety
/// `bytes`, `out` and `sink` live for the call.
pub(super) unsafe extern "C" fn decode<E: State>(
    bytes: Bytes<'_>,
    out: *mut *mut c_void,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        let state: E = codec::decode_state(bytes.as_slice())?;
        // SAFETY: `out` is a variable of `Kind::make` or of `Migration::decode_old`.
        unsafe { hand_over(state, out) };
        Ok(())
    })
}

/// Drops a state, unless it is too deep for this thread's stack: then it is as it was, and the answer is no.
///
/// A panic in a destructor is swallowed: what is left of the state leaks. Two that panic in one state end the
/// process: the second comes while the first unwinds, where Rust aborts. (Dropping field by field would only
/// move that into the next vector.)
///
/// # Safety
/// `state` is this kind's and, if the answer is yes, never used again.
pub(super) unsafe extern "C" fn discard<E: State>(state: *mut c_void) -> bool {
    let may_drop = || {
        // SAFETY: as below; it is only read.
        !E::nature().is_deep() || derived::may_drop(unsafe { &*state.cast::<E>() })
    };
    // SAFETY: `Kind::discard`, `Migration::discard` and `discard_old` consume the instance whose tag (or step)
    // they have compared, so it is an `E`, and this the last use of it. A `Box` of one build of `E` is one of
    // any other with its layout: both free through the System allocator, which `export_engines!` fixes.
    let drop_state = || drop(unsafe { Box::from_raw(state.cast::<E>()) });
    discard_if(may_drop, drop_state)
}

/// Runs `discard` if `may`; a panic of either is swallowed, and what is left leaks.
pub(super) fn discard_if(may: impl FnOnce() -> bool, discard: impl FnOnce()) -> bool {
    let run = || {
        let may = may();
        if may {
            discard();
        }
        may
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(done) => done,
        Err(panic) => {
            let_go(panic);
            true
        }
    }
}

/// Gives a state to the host as a pointer.
///
/// # Safety
/// `out` may be written.
pub(super) unsafe fn hand_over<T>(value: T, out: *mut *mut c_void) {
    // SAFETY: `out` is a variable of the host that waits for the state, as each entry here is told.
    unsafe { *out = Box::into_raw(Box::new(value)).cast() }
}
