//! [`Share`]: the way by which a client comes in, as blocks have it; [`Entrance`]: that, and the connection.
//!
//! The clients of one way have a part of the places of clients' names, and fill no other part. The node's own socket
//! is one way, and each token is one, on whatever address it is presented.

/// The way by which a client comes in. It is public: of a token it has sixteen bits of a hash, too few to find out
/// whether a guess of the token is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Share(u16);

/// Keeps the share of a token apart from every other hash.
const TOKEN_CONTEXT: &str = "refit 2026 share of a token";

impl Share {
    /// The unix socket: its clients are the node's own user.
    pub const UNIX: Self = Self(0);

    /// Those who present the token of this hash. Two tokens have the same share once in 65,535 times, and never that of
    /// [`Share::UNIX`].
    pub(crate) fn of_token(hash: &blake3::Hash) -> Self {
        let derived = blake3::derive_key(TOKEN_CONTEXT, hash.as_bytes());
        let number = u16::from_le_bytes([derived[0], derived[1]]);
        Self(number.max(1))
    }

    /// The number in blocks.
    pub fn number(self) -> u16 {
        self.0
    }
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
