//! The state of version 2. How version 1's becomes it is in [`crate::split`].

use crate::{split, v1};
use refit_abi::{EngineId, Migrate, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The accounts.
#[derive(Debug, Clone, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Accounts, drop(accounts, store))]
pub struct Accounts {
    /// Every account by its name.
    #[migrate(with = split::without_holds)]
    pub(crate) accounts: BTreeMap<String, Account>,
    /// All that was ever minted.
    pub(crate) minted: u64,
    /// The number of mints so far.
    pub(crate) mints: u64,
    /// Most that is ever minted.
    pub(crate) supply_max: u64,
    /// The number of holds so far, ended ones included.
    pub(crate) placed: u64,
    /// The engine that has the holds.
    #[migrate(with = split::start_holds)]
    pub(crate) holds: EngineId,
}

/// One account.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Account {
    /// The amount that it may spend.
    pub balance: u64,
    /// The amount that is held; the engine of the holds knows which holds these are.
    pub held: u64,
}
