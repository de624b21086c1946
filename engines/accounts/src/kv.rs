//! The interface of the store `kv`, mirrored: an engine links no other engine's code, and types of the
//! same names and fields have the same schemas. The message is the same in versions 1 to 3 of the store;
//! version 3 has one more query and answer, in [`v3`].

use refit_abi::{Height, State};
use serde::{Deserialize, Serialize};

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
    /// Sets a key if it has the expected value.
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
    /// Has a key removed after the block of a height.
    ExpireAt {
        /// The key.
        key: String,
        /// The last block that sees it.
        height: Height,
    },
    /// The store's own timer.
    Expire {
        /// The height after which they expire.
        height: Height,
    },
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
    /// The keys from one to another, in order.
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
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The revision that wrote it.
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
        /// The entries.
        entries: Vec<Entry>,
        /// Whether the limit cut the range.
        more: bool,
    },
    /// The number of keys.
    Length {
        /// The number.
        keys: u64,
    },
}

pub mod v3 {
    //! The questions of version 3 of the store.

    use super::Entry;
    use refit_abi::State;
    use serde::{Deserialize, Serialize};

    /// A question about the store.
    #[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Query {
        /// One key.
        Get {
            /// The key.
            key: String,
        },
        /// The keys from one to another, in order.
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
        /// The engine that knows which keys have a value.
        Index,
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
            /// The entries.
            entries: Vec<Entry>,
            /// Whether the limit cut the range.
            more: bool,
        },
        /// The number of keys.
        Length {
            /// The number.
            keys: u64,
        },
        /// The index of the store.
        Index {
            /// Its id.
            engine: String,
        },
    }
}
