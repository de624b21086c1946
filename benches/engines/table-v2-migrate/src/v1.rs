//! Version 1's state, frozen: the same fields in the same order.

use bench_rows::{Row, Senders};
use refit_abi::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of rows.
#[derive(Debug, State, Serialize, Deserialize)]
pub struct Table {
    pub(crate) rows: BTreeMap<u64, Row>,
    pub(crate) senders: Senders,
}
