//! Version 2's state, frozen as it was published, and how version 1's becomes it. Never edit it: nodes
//! hold states of just this shape.

use crate::v1;
use refit_abi::{Fault, Height, Migrate, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The store of version 2.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Kv, drop(entries))]
pub struct Kv {
    /// Every key with its value and the revision that wrote it.
    #[migrate(with = with_revisions)]
    pub entries: BTreeMap<String, Versioned>,
    /// The keys that expire after each height.
    pub expiries: BTreeMap<Height, BTreeSet<String>>,
    /// How many writes there were since version 2; the entries from before have revision 0.
    #[migrate(default)]
    pub revision: u64,
}

/// A value and the revision that wrote it.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Versioned {
    /// The value.
    pub value: String,
    /// The revision that wrote it.
    pub revision: u64,
}

fn with_revisions(
    old: &v1::Kv,
    _: &mut UpgradeBus<'_>,
) -> Result<BTreeMap<String, Versioned>, Fault> {
    let entry = |value: &String| Versioned {
        value: value.clone(),
        revision: 0,
    };
    Ok(old
        .entries
        .iter()
        .map(|(key, value)| (key.clone(), entry(value)))
        .collect())
}
