//! The functions of a module's table, generated for each engine kind.
//!
//! Every entry catches panics inside the module that raised them: a panic that crossed into another
//! library, which has its own copy of the standard library, would end the process. After a caught
//! panic the state is not trusted: the node poisons the engine or aborts the upgrade.

mod batch;
mod guard;
mod instance;
pub(crate) mod migration;

use crate::Engine;
use crate::export::History;
use crate::raw::KindVtable;

/// The table of kind `E`, whose older states `H` knows.
pub(crate) const fn kind<E: Engine, H: History>() -> KindVtable {
    KindVtable {
        schema: instance::schema::<E>,
        layout: instance::layout::<E>,
        describe: instance::describe::<E, H>,
        init: instance::init::<E>,
        handle: batch::handle::<E>,
        query: instance::query::<E>,
        check: instance::check::<E>,
        encode: instance::encode::<E>,
        decode: instance::decode::<E>,
        discard: instance::discard::<E>,
        migration: migration::lookup::<H>,
    }
}

pub(crate) use instance::descriptor;

/// Writes what `make` gives to the host; a panic becomes the status.
pub(crate) fn write_guarded(
    sink: crate::raw::Sink,
    make: impl FnOnce() -> Vec<u8>,
) -> crate::raw::CallStatus {
    guard::guarded(sink, || {
        guard::write(sink, &make());
        Ok(())
    })
}
