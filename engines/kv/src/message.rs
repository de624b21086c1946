//! The requests that clients send to the store, and the replies.

use refit_abi::{Height, State};
use serde::{Deserialize, Serialize};

/// The configuration of a store.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Config {
    /// Most keys it may hold, a further one is refused with `keys-full`; 0 for no bound but memory.
    #[serde(default)]
    pub keys_max: u64,
}

/// A change of the store.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Sets a key.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Sets a key if it has the expected value (`null`: if it is not there).
    CompareAndSet {
        /// The key.
        key: String,
        /// The value it must have.
        expected: Option<String>,
        /// Its new value.
        value: String,
    },
    /// Removes a key.
    Delete {
        /// The key.
        key: String,
    },
    /// Has a key removed after the block of a height, whatever is put until then. Another one for the same key
    /// takes its place; deleting the key takes it back.
    ExpireAt {
        /// The key.
        key: String,
        /// The last block that sees it.
        height: Height,
    },
    /// The store's own timer: removes what expires after this height.
    Expire {
        /// The height after which they expire.
        height: Height,
    },
}

/// A reply to a message.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The key was set; it had this value before.
    Stored {
        /// The value before.
        previous: Option<String>,
    },
    /// The key has another value than was expected; nothing was changed.
    Mismatch {
        /// The value it has.
        actual: Option<String>,
    },
    /// The key was removed; it had this value before.
    Deleted {
        /// The value before.
        previous: Option<String>,
    },
    /// The expiry was set, or done.
    Expires,
}

/// A question about the store.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// One key.
    Get {
        /// The key.
        key: String,
    },
    /// The keys from one (inclusive) to another (exclusive; `null`: to the end), in order: at most 1,000 of them, and
    /// 1 MiB of keys and values, but one entry at the least. If there are more, go on from the last key with `\u0000`
    /// behind it: no key is between the two.
    Range {
        /// The first key.
        from: String,
        /// The key after the last.
        to: Option<String>,
        /// Most entries that are wanted.
        limit: u32,
    },
    /// The number of keys.
    Length,
    /// Which engine finds keys by their value.
    Index,
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The revision that wrote it; 0 if that was before version 2.
    pub revision: u64,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One key, if it is there.
    Value {
        /// The entry.
        entry: Option<Entry>,
    },
    /// Some keys, and whether there are more.
    Entries {
        /// The entries, in the order of their keys.
        entries: Vec<Entry>,
        /// Whether a limit cut the range.
        more: bool,
    },
    /// The number of keys.
    Length {
        /// The number.
        keys: u64,
    },
    /// The engine that finds keys by their value.
    Index {
        /// Its id, as clients write it.
        engine: String,
    },
}
