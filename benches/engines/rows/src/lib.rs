//! The common part of all versions of the bench engines: their messages, the rows of `table`, and [`Senders`], by
//! which an engine itself finds out whether a message was lost, repeated or overtaken.
//!
//! All bench engines depend on the same packages, so their dependencies are compiled once.

mod senders;
pub mod side;

pub use senders::Senders;

use refit_abi::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The configuration of a table.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Config {
    /// Rows it starts with, so that a large state needs no messages.
    pub entries: u64,
}

/// One row, in the shape of version 1.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Row {
    /// Counts its changes.
    pub nonce: u64,
    /// Its balance.
    pub balance: u64,
}

/// The messages of a table.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Notes the sender's number; changes no row.
    Note {
        /// The sender's own count to this engine, from 1 on, without gaps.
        number: u64,
    },
    /// Changes rows, each so far behind the one before, beginning again behind the last one: memory is written where the
    /// sender wants it.
    Touch {
        /// The first row, counted from the first.
        first: u64,
        /// How many rows behind it the next one is.
        step: u64,
        /// How many rows.
        count: u64,
    },
}

/// The rows that [`Message::Touch`] changes in a table of so many.
pub fn touched(first: u64, step: u64, count: u64, entries: u64) -> impl Iterator<Item = u64> {
    let entries = entries.max(1);
    (0..count).map(move |number| first.wrapping_add(number.wrapping_mul(step)) % entries)
}

/// The reply to a message.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Reply {
    /// Which version of the code answered.
    pub version: u32,
}

/// The queries of a table.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// Everything that the bench checks afterwards.
    Summary,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Summary {
    /// Which version of the code answers.
    pub version: u32,
    /// Rows.
    pub entries: u64,
    /// [`checksum`] of the rows.
    pub checksum: u64,
    /// The largest number that each sender wrote, added up.
    pub newest: u64,
    /// Numbers that were left out.
    pub lost: u64,
    /// Numbers that came twice in a row.
    pub duplicated: u64,
    /// Numbers that came after a larger one.
    pub reordered: u64,
}

/// The rows that a table of `entries` starts with.
pub fn rows(entries: u64) -> BTreeMap<u64, Row> {
    (0..entries)
        .map(|key| {
            (
                key,
                Row {
                    nonce: key,
                    balance: key.wrapping_mul(3),
                },
            )
        })
        .collect()
}

/// One number over keys, nonces and balances.
pub fn checksum(rows: impl Iterator<Item = (u64, u64, u64)>) -> u64 {
    rows.fold(0, |sum, (key, nonce, balance)| {
        sum.rotate_left(5)
            .wrapping_add(key ^ nonce.wrapping_mul(31) ^ balance.rotate_left(17))
    })
}
