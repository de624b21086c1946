//! The requests that clients send to the accounts, and the replies.

use crate::v1;
use refit_abi::{Fault, Height, MigrateMessage, State};
use serde::{Deserialize, Serialize};

/// The configuration of the accounts.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Config {
    /// Most that is ever minted; 0 for the usual.
    #[serde(default)]
    pub supply_max: u64,
}

/// A change of the accounts.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Makes money. Mints are numbered: only the next one is done, and never more than the supply.
    Mint {
        /// The number of the mint, from 1.
        number: u64,
        /// The account that gets it.
        to: String,
        /// The amount to mint.
        amount: u64,
    },
    /// Moves money.
    Transfer {
        /// The account that gives it.
        from: String,
        /// The account that gets it.
        to: String,
        /// The amount to move.
        amount: u64,
    },
    /// Sets money of an account apart for somebody.
    Place {
        /// The account.
        account: String,
        /// The account that may get it.
        to: String,
        /// The amount to hold.
        amount: u64,
        /// The last block in which it may be captured.
        until: Height,
    },
    /// Gives the money of a hold back.
    Release {
        /// The hold.
        id: u64,
    },
    /// Gives the money of a hold to the account that it was set apart for.
    Capture {
        /// The hold.
        id: u64,
    },
    /// From the holds only: one of them is no more.
    Settle {
        /// The hold.
        id: u64,
        /// The account that gave the money.
        account: String,
        /// The account that has the money now.
        to: String,
        /// The amount of the hold.
        amount: u64,
    },
}

/// A reply to a message.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The money was made.
    Minted {
        /// All that was ever minted.
        minted: u64,
    },
    /// The money was moved.
    Moved {
        /// The amount that the account that gave it has left.
        left: u64,
    },
    /// The money is set apart.
    Held {
        /// The number of the hold.
        id: u64,
    },
    /// The holds were asked; it is done in this block if there is such a hold.
    Asked {
        /// The number of the hold.
        id: u64,
    },
    /// The hold is no more.
    Settled {
        /// The number of the hold.
        id: u64,
    },
}

/// A question about the accounts.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// One account.
    Balance {
        /// The account.
        account: String,
    },
    /// All of them together.
    Supply,
    /// The engine that has the holds.
    Holds,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One account.
    Balance {
        /// The amount that it may spend.
        available: u64,
        /// The amount that is held.
        held: u64,
    },
    /// All of them: `available + held` is always `minted`.
    Supply {
        /// The amount of all accounts that may be spent.
        available: u64,
        /// The amount of all accounts that is held.
        held: u64,
        /// The amount that was ever minted.
        minted: u64,
        /// The number of accounts.
        accounts: u64,
    },
    /// The engine that has the holds.
    Holds {
        /// Its id, as clients write it.
        engine: String,
    },
}

impl MigrateMessage for Message {
    type From = v1::Message;

    fn migrate(old: v1::Message) -> Result<Self, Fault> {
        Ok(match old {
            v1::Message::Mint { number, to, amount } => Message::Mint { number, to, amount },
            v1::Message::Transfer { from, to, amount } => Message::Transfer { from, to, amount },
            v1::Message::Place {
                account,
                to,
                amount,
                until,
            } => Message::Place {
                account,
                to,
                amount,
                until,
            },
            v1::Message::Release { id, .. } => Message::Release { id },
            v1::Message::Capture { id, .. } => Message::Capture { id },
        })
    }
}
