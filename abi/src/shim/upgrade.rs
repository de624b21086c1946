//! Upgrade messages: one call of the host, many messages of one engine.

use super::guard::{Failure, guarded};
use crate::UpgradeBus;
use crate::export::History;
use crate::raw::{CallStatus, Delivery, RawBus, Sink};
use crate::{EngineId, Sender};
use std::ffi::c_void;

/// Handles a batch of upgrade messages until one fails; `done` says how many were handled to the end.
///
/// # Safety
/// `state` is a state of this kind that nothing else uses during the call; the rest lives for it.
pub(super) unsafe extern "C" fn on_upgrade<H: History>(
    state: *mut c_void,
    bus: *mut RawBus,
    batch: *const Delivery<'static>,
    length: usize,
    done: *mut usize,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        let handler = H::upgrade_handler()
            .ok_or_else(|| Failure::Rejected("the kind takes no upgrade messages".to_owned()))?;
        // SAFETY: `Kind::on_upgrade` has compared the tag and holds the instance exclusively; bus, batch and count
        // are on its stack.
        let (engine, bus, batch, done) = unsafe {
            (
                &mut *state.cast::<H::Engine>(),
                &mut *bus,
                std::slice::from_raw_parts(batch, length),
                &mut *done,
            )
        };
        let mut bus = UpgradeBus::new(bus);
        for delivery in batch {
            if delivery.schema != handler.schema {
                let (found, takes) = (delivery.schema, handler.schema);
                let reason =
                    format!("the upgrade message's schema is {found}; the receiver takes {takes}");
                return Err(Failure::Rejected(reason));
            }
            (handler.handle)(
                engine,
                &mut bus,
                sender(delivery),
                delivery.payload.as_slice(),
            )?;
            *done += 1;
        }
        Ok(())
    })
}

/// Upgrade messages come from engines only.
fn sender(delivery: &Delivery<'_>) -> EngineId {
    match delivery.sender.into() {
        Sender::Engine(id) => id,
        Sender::Client(_) | Sender::Timer => EngineId::from_bytes([0; 16]),
    }
}
