//! [`KeyBounds`]: the bounds of the table of keys.

use crate::limits::{
    ANSWERED_KEYS_PER_CLIENT_MAX, CLIENTS_MAX, NAME_KEPT_BLOCKS, REPLIES_BYTES_MAX,
    REPLIES_BYTES_PER_CLIENT_MAX, REPLY_KEPT_BYTES_MAX, WAITING_KEYS_PER_CLIENT_MAX,
};
use serde::{Deserialize, Serialize};

/// How much the table of keys keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyBounds {
    /// Most clients, by whatever way they come: those of one [`Share`](crate::Share) get half of them at most.
    pub names: usize,
    /// How long a name stays after its last message, in blocks.
    pub name_blocks: u64,
    /// Most messages of one client that wait.
    pub waiting: usize,
    /// Most answered keys of one client.
    pub answered: usize,
    /// Most bytes of answers of one client.
    pub bytes_per_name: usize,
    /// Most bytes of answers in all.
    pub bytes: usize,
    /// Largest answer that is kept, in bytes.
    pub reply_bytes: usize,
}

impl Default for KeyBounds {
    fn default() -> Self {
        Self {
            names: CLIENTS_MAX,
            name_blocks: NAME_KEPT_BLOCKS,
            waiting: WAITING_KEYS_PER_CLIENT_MAX,
            answered: ANSWERED_KEYS_PER_CLIENT_MAX,
            bytes_per_name: REPLIES_BYTES_PER_CLIENT_MAX,
            bytes: REPLIES_BYTES_MAX,
            reply_bytes: REPLY_KEPT_BYTES_MAX,
        }
    }
}
