//! The functions of a module's table, generated for each engine kind.
//!
//! Every entry catches panics inside the module that raised them: a panic that crossed into another
//! library, which has its own copy of the standard library, would end the process. After a caught
//! panic the state is not trusted: the node poisons the engine or aborts the upgrade.

mod batch;
mod guard;
mod instance;
pub(crate) mod migration;
mod recorder;
mod rewrite;
mod rollback;
mod upgrade;
mod way_back;

use crate::export::History;
use crate::raw::KindVtable;

/// The table of a kind, whose past `H` knows.
pub(crate) const fn kind<H: History>() -> KindVtable {
    KindVtable {
        size: size_of::<KindVtable>(),
        describe: instance::describe::<H>,
        init: instance::init::<H::Engine>,
        handle: batch::handle::<H>,
        query: instance::query::<H::Engine>,
        check: instance::check::<H::Engine>,
        encode: instance::encode::<H::Engine>,
        encode_piece: instance::encode_piece::<H::Engine>,
        witness: instance::witness::<H::Engine>,
        decode: instance::decode::<H::Engine>,
        discard: instance::discard::<H::Engine>,
        on_upgrade: upgrade::on_upgrade::<H>,
        migration: migration::lookup::<H>,
        migrate_back: way_back::migrate_back::<H>,
        rewrite: rewrite::rewrite::<H>,
    }
}

pub(crate) use instance::descriptor;

/// Runs a function over a whole snapshot.
pub(crate) fn transform_snapshot(
    transform: fn(&[u8]) -> Result<Vec<u8>, crate::Fault>,
    bytes: crate::raw::Bytes<'_>,
    sink: crate::raw::Sink,
) -> crate::raw::CallStatus {
    guard::guarded(sink, || {
        guard::write(sink, &transform(bytes.as_slice())?);
        Ok(())
    })
}

/// Writes what `make` gives to the host; a panic becomes the status.
///
/// # Safety
/// `sink` is that of the running call.
pub(crate) unsafe fn write_guarded(
    sink: crate::raw::Sink,
    make: impl FnOnce() -> Vec<u8>,
) -> crate::raw::CallStatus {
    guard::guarded(sink, || {
        guard::write(sink, &make());
        Ok(())
    })
}
