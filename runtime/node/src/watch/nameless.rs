//! Clients that send without an idempotency key, and so have no name.

use refit_abi::ClientId;
use refit_admin::Entrance;
use std::sync::LazyLock;

/// The client that sends without an idempotency key, before its entrance is added.
static NAMELESS: LazyLock<[u8; NAMELESS_BYTES]> = LazyLock::new(|| {
    let [nameless @ .., _, _, _, _] = ClientId::of("").to_bytes();
    nameless
});

/// Bytes of a client's id that all have who send without a key.
const NAMELESS_BYTES: usize = 12;

/// The client that sends without a key at this entrance: each connection is a client of its own, which takes turns
/// with others and whose messages keep their order.
pub(crate) fn nameless(at: Entrance) -> ClientId {
    let mut id = [0; 16];
    let (nameless, place) = id.split_at_mut(NAMELESS_BYTES);
    nameless.copy_from_slice(&*NAMELESS);
    let (share, connection) = place.split_at_mut(2);
    share.copy_from_slice(&at.share.0.to_le_bytes());
    connection.copy_from_slice(&at.connection.to_le_bytes());
    ClientId::from_bytes(id)
}

/// Whether that is somebody who sends without a key.
pub(crate) fn is_nameless(client: ClientId) -> bool {
    client.to_bytes().starts_with(&*NAMELESS)
}
