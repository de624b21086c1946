//! How much [`Replies`](super::Replies) keeps.

/// Most clients that are remembered.
pub const CLIENTS_MAX: usize = 65_536;

/// Most replies that are kept for one client: how far it may number ahead of its own oldest repeat.
pub const REPLIES_PER_CLIENT_MAX: usize = 1024;

/// Most bytes of replies over all clients, each charged [`REPLY_OVERHEAD_BYTES`] more.
pub const REPLIES_BYTES_MAX: usize = 64 << 20;

/// Largest single reply that is kept, in bytes.
pub const REPLY_BYTES_MAX: usize = 1 << 20;

/// What a kept reply costs beside its bytes, in bytes: it bounds the number of empty replies too.
pub const REPLY_OVERHEAD_BYTES: usize = 96;

/// The bounds of [`Replies`](super::Replies). All nodes of a network must use the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepliesLimits {
    /// Most clients; 0 counts as 1.
    pub clients: usize,
    /// Most replies of one client; 0 counts as 1.
    pub replies_per_client: usize,
    /// Most bytes over all clients, overhead included.
    pub bytes: usize,
}

impl RepliesLimits {
    pub(super) fn at_least_one(self) -> Self {
        Self {
            clients: self.clients.max(1),
            replies_per_client: self.replies_per_client.max(1),
            bytes: self.bytes,
        }
    }
}

impl Default for RepliesLimits {
    fn default() -> Self {
        Self {
            clients: CLIENTS_MAX,
            replies_per_client: REPLIES_PER_CLIENT_MAX,
            bytes: REPLIES_BYTES_MAX,
        }
    }
}
