//! The messages and replies of both versions of the bench engine `side`.

use refit_abi::State;
use serde::{Deserialize, Serialize};

/// The configuration of a counter.
#[derive(Debug, State, Serialize, Deserialize)]
pub struct Config {}

/// The version of the code, and its count.
#[derive(Debug, State, Serialize, Deserialize)]
pub struct Count {
    /// Which version of the code answers.
    pub version: u32,
    /// Messages it has handled.
    pub count: u64,
}
