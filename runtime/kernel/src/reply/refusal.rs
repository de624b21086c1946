//! [`KeyRefusal`]: why a message is not handled because of its key.

use refit_abi::Height;
use serde::{Deserialize, Serialize};

/// Why a message is not handled because of its key. Nothing is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// The key belongs to another request.
    #[error(
        "this key was used for another request, which is not done again, and this one is not done"
    )]
    Used,
    /// The number is among those that are no longer kept, whether it was ever sent or not.
    #[error(
        "this client's requests up to this number are no longer kept: whether this one was done is not known, \
         and it is not done now"
    )]
    Forgotten,
    /// The client is new, and all places are held by those who came by other ways.
    #[error(
        "as many clients as the node keeps have sent under keys lately, and none of them is forgotten before block \
         {until}: a new client is not taken in"
    )]
    NoPlace {
        /// The first block in which a place may be free.
        until: Height,
    },
    /// The client has as many messages under keys waiting as it may have.
    #[error("this client already has as many messages waiting under keys as it may")]
    Waiting,
    /// The outcome of the request is kept, but this block has given again as much as it may.
    #[error(
        "the answer under this key is kept, and this block already gives again as much as it may"
    )]
    Later,
    /// The client is new, and those who came by the same way hold their part of the places.
    #[error(
        "{held} clients that came in by the same way, the same token or the node's socket, have sent under keys lately, \
         and hold their part of the places: a new one is not taken in by it, before block {until} at the soonest"
    )]
    ShareFull {
        /// How many they hold.
        held: usize,
        /// The first block in which a place may be free.
        until: Height,
    },
}
