//! The way back to an older state, as bytes.

use super::guard::{Failure, guarded, write};
use crate::UpgradeBus;
use crate::export::History;
use crate::raw::{CallStatus, RawBus, Sink};
use crate::schema::SchemaId;
use std::ffi::c_void;

/// Writes the older state of a schema that `state` goes back to.
///
/// # Safety
/// `state` is a state of this kind that nothing changes during the call; the rest lives for it.
pub(super) unsafe extern "C" fn migrate_back<H: History>(
    state: *const c_void,
    wanted: SchemaId,
    bus: *mut RawBus,
    sink: Sink,
) -> CallStatus {
    guarded(sink, || {
        let mut ways = H::ways_back().into_iter();
        let way = ways.find(|way| way.schema == wanted).ok_or_else(|| {
            Failure::Rejected(format!("no way back leads to a state of schema {wanted}"))
        })?;
        // SAFETY: `host::Kind::migrate_back`, the one caller, compared the state's tag with this kind's and holds
        // `&Instance` for the call; it made the bus for this call, on its own stack.
        let (state, bus) = unsafe { (&*state.cast::<H::Engine>(), &mut *bus) };
        let bytes = (way.run)(state, &mut UpgradeBus::new(bus))?;
        write(sink, &bytes);
        Ok(())
    })
}
