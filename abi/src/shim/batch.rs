//! Delivery: one call of the host, many messages of one engine.

use super::{guard, rollback};
use crate::codes;
use crate::export::History;
use crate::message::NotRead;
use crate::raw::{BatchOutcome, CallStatus, Codec, Delivery, DeliveryKind, RawContext};
use crate::schema::SchemaId;
use crate::{Context, Engine, EngineId, Fault, State, Undelivered, codec, derived};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Handles a batch; on a panic, says in which message.
///
/// # Safety
/// `state` was made by this kind's `init` or `decode`, or by a build with the same schema and layout
/// hash, and nothing else uses it during the call; `raw` and the `length` deliveries at `batch`
/// live for the call.
pub(super) unsafe extern "C" fn handle<H: History>(
    state: *mut c_void,
    raw: *mut RawContext,
    batch: *const Delivery<'static>,
    length: usize,
) -> BatchOutcome {
    // SAFETY: `Kind::handle` has compared the tag, so `state` is an `Engine` by schema and layout, and holds the
    // instance exclusively; context and batch are borrowed by it for the call.
    let (engine, raw, batch) = unsafe {
        (
            &mut *state.cast::<H::Engine>(),
            &mut *raw,
            std::slice::from_raw_parts(batch, length),
        )
    };
    let run = AssertUnwindSafe(|| match H::Engine::ROLLBACK {
        true => rollback::handle::<H, H::Engine>(engine, &mut *raw, batch),
        false => {
            deliver_all::<H, H::Engine>(engine, &mut *raw, batch);
            BatchOutcome {
                status: CallStatus::Ok,
                done: length,
            }
        }
    });
    match catch_unwind(run) {
        Ok(outcome) => outcome,
        Err(panic) => {
            let done = raw.current;
            let mut ctx = Context::new(raw);
            ctx.scratch()
                .extend_from_slice(guard::text(panic).as_bytes());
            ctx.reply(CallStatus::Panicked);
            BatchOutcome {
                status: CallStatus::Panicked,
                done,
            }
        }
    }
}

fn deliver_all<H: History<Engine = E>, E: Engine>(
    engine: &mut E,
    raw: &mut RawContext,
    batch: &[Delivery<'_>],
) {
    let types = Types::of::<E>();
    let mut ctx = Context::new(raw);
    for (index, delivery) in batch.iter().enumerate() {
        ctx.begin(index);
        one::<H, E>(engine, &mut ctx, delivery, types);
    }
}

/// The facts of an engine's types that are looked up once for each batch.
#[derive(Clone, Copy)]
pub(super) struct Types {
    accepted: SchemaId,
    deep_message: bool,
    guarded_reply: bool,
}

impl Types {
    pub(super) fn of<E: Engine>() -> Self {
        Self {
            accepted: E::Message::schema_id(),
            deep_message: E::Message::nature().is_deep(),
            guarded_reply: E::Reply::nature().is_guarded(),
        }
    }
}

/// The outcome of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handled {
    /// Its outputs count.
    Kept,
    /// The author's code said a fault: the outputs are dropped.
    Failed,
}

/// Handles one message or notice, and reports its outcome to the node.
// Always: the calls of a batch are its hot path, and another caller of this must not take it out of line there.
#[inline(always)]
pub(super) fn one<H: History<Engine = E>, E: Engine>(
    engine: &mut E,
    ctx: &mut Context<'_>,
    delivery: &Delivery<'_>,
    types: Types,
) -> Handled {
    match delivery.kind {
        DeliveryKind::Message => message::<H, E>(engine, ctx, delivery, types),
        DeliveryKind::Undelivered => {
            notice(engine, ctx, delivery);
            Handled::Kept
        }
    }
}

#[inline(always)]
fn message<H: History<Engine = E>, E: Engine>(
    engine: &mut E,
    ctx: &mut Context<'_>,
    delivery: &Delivery<'_>,
    types: Types,
) -> Handled {
    let payload = delivery.payload.as_slice();
    let message = match read::<H, E>(delivery.codec, delivery.schema, payload, types) {
        Ok(message) => message,
        Err(NotRead::Other(reason)) => {
            ctx.scratch().extend_from_slice(reason.as_bytes());
            ctx.reply(CallStatus::Rejected);
            return Handled::Kept;
        }
        Err(NotRead::Fault(fault)) if delivery.wants_reply => {
            refuse(ctx, &fault);
            return Handled::Kept;
        }
        Err(NotRead::Fault(fault)) => {
            // Nobody reads a reply: the host tells the sender, or keeps the message.
            ctx.scratch()
                .extend_from_slice(fault.to_string().as_bytes());
            ctx.reply(CallStatus::Rejected);
            return Handled::Kept;
        }
    };
    match engine.handle(ctx, delivery.sender.into(), message) {
        Ok(reply) if delivery.wants_reply => answer(ctx, reply, types.guarded_reply),
        Ok(reply) => {
            if types.guarded_reply {
                let_go_out_of_line(reply);
            }
            Handled::Kept
        }
        Err(fault) => {
            refuse(ctx, &fault);
            Handled::Failed
        }
    }
}

/// Tells a client the reply. Not in line: what a message of an engine needs stays small enough for the loop.
#[inline(never)]
fn answer<R: State>(ctx: &mut Context<'_>, reply: R, guarded: bool) -> Handled {
    let written = codec::encode(Codec::Json, &reply, guarded, ctx.scratch());
    if guarded {
        derived::let_go(reply);
    }
    match written {
        Ok(()) => {
            ctx.reply(CallStatus::Ok);
            Handled::Kept
        }
        // The node takes no module whose reply JSON cannot carry, as far as a description shows it.
        Err(refused) => {
            ctx.scratch().clear();
            refuse(
                ctx,
                &Fault::new(codes::REPLY_NOT_WRITTEN, refused.to_string()),
            );
            Handled::Failed
        }
    }
}

#[cold]
#[inline(never)]
fn let_go_out_of_line<R: State>(reply: R) {
    derived::let_go(reply);
}

#[cold]
#[inline(never)]
fn refuse(ctx: &mut Context<'_>, fault: &Fault) {
    codec::to_postcard(fault, ctx.scratch());
    ctx.reply(CallStatus::Fault);
}

/// The message that a payload is to this code.
pub(super) fn decode<H: History<Engine = E>, E: Engine>(
    codec: Codec,
    schema: SchemaId,
    payload: &[u8],
) -> Result<E::Message, NotRead> {
    // By the guarded reader in any case: the other one has a single caller, the loop over a batch, and so its
    // machine code stands there in line.
    let types = Types {
        deep_message: true,
        ..Types::of::<E>()
    };
    read::<H, E>(codec, schema, payload, types)
}

#[inline(always)]
fn read<H: History<Engine = E>, E: Engine>(
    codec: Codec,
    schema: SchemaId,
    payload: &[u8],
    types: Types,
) -> Result<E::Message, NotRead> {
    let accepted = types.accepted;
    let is_stamped = codec == Codec::Postcard || schema != SchemaId::default();
    if is_stamped && schema != accepted {
        return older::<H, E>(codec, schema, payload, accepted);
    }
    match codec::decode(codec, payload, types.deep_message) {
        Ok(message) => Ok(message),
        Err(refused) => from_older_client::<H, E>(codec, payload, refused.to_string()),
    }
}

/// A message of an older version, as its schema says. A client's has the schema that was live when it came
/// into its mailbox.
#[cold]
fn older<H: History<Engine = E>, E: Engine>(
    codec: Codec,
    schema: SchemaId,
    payload: &[u8],
    accepted: SchemaId,
) -> Result<E::Message, NotRead> {
    let version = H::older_messages()
        .into_iter()
        .find(|older| older.schema == schema);
    match version {
        Some(older) => match (older.decode)(codec, payload) {
            // Its client may have spoken a version before that one.
            Err(NotRead::Other(reason)) => from_older_client::<H, E>(codec, payload, reason),
            read => read,
        },
        None => Err(NotRead::Other(foreign(E::KIND, schema, accepted))),
    }
}

/// A client writes JSON and no schema: what is not of the newest version may be of an older one. Not what an
/// older one would read only in part: that is a mistake in the newest words.
#[cold]
fn from_older_client<H: History<Engine = E>, E: Engine>(
    codec: Codec,
    payload: &[u8],
    reason: String,
) -> Result<E::Message, NotRead> {
    if codec == Codec::Json {
        let older = H::older_messages();
        if let Some(older) = older.iter().find(|older| (older.is_exact)(payload)) {
            return (older.decode)(codec, payload);
        }
    }
    Err(NotRead::Other(reason))
}

#[cold]
fn foreign(kind: &str, found: SchemaId, accepted: SchemaId) -> String {
    format!(
        "the message's schema is {found}; engine kind {kind} takes {accepted} and has no conversion from {found}"
    )
}

fn notice<E: Engine>(engine: &mut E, ctx: &mut Context<'_>, delivery: &Delivery<'_>) {
    let payload = delivery.payload.as_slice();
    if let Ok((to, reason)) =
        codec::decode_flat::<(EngineId, Undelivered)>(Codec::Postcard, payload)
    {
        engine.undelivered(ctx, to, reason);
    }
}
