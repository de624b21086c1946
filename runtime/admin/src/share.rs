//! [`Entrance`]: the way by which a client comes in, and the connection; and which way a token is.
//!
//! The clients of one way have a part of the places of clients' names, and fill no other part. The node's own socket
//! is one way, and each token is one, on whatever address it is presented.

use refit_abi::host::Share;

/// Keeps the share of a token apart from every other hash.
const TOKEN_CONTEXT: &str = "refit 2026 share of a token";

/// The way of those who present the token of this hash. Two tokens have the same one once in 65,535 times, and never
/// [`Share::UNIX`]. It stands in blocks for all to read: sixteen bits of a hash are too few to find out whether a guess
/// of the token is right.
pub(crate) fn of_token(hash: &blake3::Hash) -> Share {
    let derived = blake3::derive_key(TOKEN_CONTEXT, hash.as_bytes());
    let number = u16::from_le_bytes([derived[0], derived[1]]);
    Share(number.max(1))
}

/// The entrance of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entrance {
    /// By which way.
    pub share: Share,
    /// On which connection of that way, by a number that comes around. What comes without a key on one connection keeps
    /// its order.
    pub connection: u16,
}

impl Entrance {
    /// The unix socket, and no connection of its own.
    pub const UNIX: Self = Self {
        share: Share::UNIX,
        connection: 0,
    };
}
