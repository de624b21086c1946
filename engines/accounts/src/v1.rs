//! Version 1's state and messages, frozen as they were published. Never edit them: nodes hold states and
//! queued messages of just this shape.

use refit_abi::{EngineId, Height, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The accounts of version 1.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Accounts {
    /// Every account by its name.
    pub accounts: BTreeMap<String, Account>,
    /// All that was ever minted.
    pub minted: u64,
    /// How many mints there were.
    pub mints: u64,
    /// Most that is ever minted.
    pub supply_max: u64,
    /// How many holds there ever were.
    pub placed: u64,
    /// The store in which it is noted when holds end.
    pub store: EngineId,
}

/// One account.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Account {
    /// What it may spend.
    pub balance: u64,
    /// What is set apart, by number.
    pub holds: BTreeMap<u64, Hold>,
}

/// Money that is set apart.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Hold {
    /// Who may get it.
    pub to: String,
    /// How much.
    pub amount: u64,
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
        /// The account.
        account: String,
        /// The hold.
        id: u64,
    },
    /// Gives the money of a hold to whom it was set apart for.
    Capture {
        /// The account.
        account: String,
        /// The hold.
        id: u64,
    },
}
