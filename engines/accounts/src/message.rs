//! What clients say to the accounts and what they answer.

use crate::v1;
use refit_abi::{Fault, Height, MigrateMessage, State};
use serde::{Deserialize, Serialize};

/// What the accounts are started with.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Config {
    /// Most that is ever minted; 0 for the usual.
    #[serde(default)]
    pub supply_max: u64,
}

/// What changes the accounts.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Makes money. Mints are numbered: only the next one is done, and never more than the supply.
    Mint {
        /// The number of the mint, from 1.
        number: u64,
        /// Whose it is.
        to: String,
        /// How much.
        amount: u64,
    },
    /// Moves money.
    Transfer {
        /// Whose it was.
        from: String,
        /// Whose it is.
        to: String,
        /// How much.
        amount: u64,
    },
    /// Sets money of an account apart for somebody.
    Place {
        /// The account.
        account: String,
        /// Who may get it.
        to: String,
        /// How much.
        amount: u64,
        /// The last block in which it may be captured.
        until: Height,
    },
    /// Gives the money of a hold back.
    Release {
        /// The hold.
        id: u64,
    },
    /// Gives the money of a hold to whom it was set apart for.
    Capture {
        /// The hold.
        id: u64,
    },
    /// From the holds only: one of them is no more.
    Settle {
        /// The hold.
        id: u64,
        /// Whose money it was.
        account: String,
        /// Whose money it is.
        to: String,
        /// How much.
        amount: u64,
    },
}

/// What a message is answered with.
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
        /// What the account that gave it has left.
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

/// What reads the accounts.
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

/// What a query is answered with.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One account.
    Balance {
        /// What it may spend.
        available: u64,
        /// What is set apart.
        held: u64,
    },
    /// All of them: `available + held` is always `minted`.
    Supply {
        /// What may be spent.
        available: u64,
        /// What is set apart.
        held: u64,
        /// What was ever minted.
        minted: u64,
        /// How many accounts there are.
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
