//! Version 1's state, frozen as it was published. Never edit it: nodes hold states of just this shape.

use refit_abi::{Height, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The store of version 1.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Kv {
    /// Every key with its value.
    pub entries: BTreeMap<String, String>,
    /// The keys that expire after each height.
    pub expiries: BTreeMap<Height, BTreeSet<String>>,
}
