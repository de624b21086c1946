//! Delivery: one call of the host, many messages of one engine.

use super::guard;
use crate::raw::{BatchOutcome, CallStatus, Codec, Delivery, DeliveryKind, RawContext};
use crate::schema::SchemaId;
use crate::{Context, Engine, EngineId, State, Undelivered, codec};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Handles a batch; on a panic, says in which message.
///
/// # Safety
/// `state` was made by this kind's `init` or `decode`, or by a build with the same schema and layout
/// hash, and nothing else uses it during the call; `raw` and the `length` deliveries at `batch`
/// live for the call.
pub(super) unsafe extern "C" fn handle<E: Engine>(
    state: *mut c_void,
    raw: *mut RawContext,
    batch: *const Delivery<'static>,
    length: usize,
) -> BatchOutcome {
    // SAFETY: the caller's duty, above.
    let (engine, raw, batch) = unsafe {
        (
            &mut *state.cast::<E>(),
            &mut *raw,
            std::slice::from_raw_parts(batch, length),
        )
    };
    let run = AssertUnwindSafe(|| deliver_all(engine, &mut *raw, batch));
    match catch_unwind(run) {
        Ok(()) => BatchOutcome {
            status: CallStatus::Ok,
            done: length,
        },
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

fn deliver_all<E: Engine>(engine: &mut E, raw: &mut RawContext, batch: &[Delivery<'_>]) {
    let accepted = E::Message::schema_id();
    let mut ctx = Context::new(raw);
    for (index, delivery) in batch.iter().enumerate() {
        ctx.begin(index);
        match delivery.kind {
            DeliveryKind::Message => message(engine, &mut ctx, delivery, accepted),
            DeliveryKind::Undelivered => notice(engine, &mut ctx, delivery),
        }
    }
}

#[inline]
fn message<E: Engine>(
    engine: &mut E,
    ctx: &mut Context<'_>,
    delivery: &Delivery<'_>,
    accepted: SchemaId,
) {
    let message = match decode::<E>(delivery, accepted) {
        Ok(message) => message,
        Err(reason) => {
            ctx.scratch().extend_from_slice(reason.as_bytes());
            return ctx.reply(CallStatus::Rejected);
        }
    };
    match engine.handle(ctx, delivery.sender.into(), message) {
        Ok(reply) if delivery.wants_reply => {
            let encoded = codec::encode(delivery.codec, &reply, ctx.scratch());
            debug_assert!(encoded.is_ok(), "a type of the closed list always encodes");
            ctx.reply(CallStatus::Ok);
        }
        Ok(_) => {}
        Err(fault) => {
            codec::to_postcard(&fault, ctx.scratch());
            ctx.reply(CallStatus::Fault);
        }
    }
}

#[inline]
fn decode<E: Engine>(delivery: &Delivery<'_>, accepted: SchemaId) -> Result<E::Message, String> {
    if delivery.codec == Codec::Postcard && delivery.schema != accepted {
        return Err(foreign(E::KIND, delivery.schema, accepted));
    }
    codec::decode(delivery.codec, delivery.payload.as_slice())
}

#[cold]
fn foreign(kind: &str, found: SchemaId, accepted: SchemaId) -> String {
    format!("the message has schema {found}, engine kind {kind} takes {accepted}")
}

fn notice<E: Engine>(engine: &mut E, ctx: &mut Context<'_>, delivery: &Delivery<'_>) {
    let payload = delivery.payload.as_slice();
    if let Ok((to, reason)) = codec::decode::<(EngineId, Undelivered)>(Codec::Postcard, payload) {
        engine.undelivered(ctx, to, reason);
    }
}
