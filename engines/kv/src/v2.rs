//! Version 2's state of `kv`, frozen as it was published. Never edit it: nodes hold
//! states of just this shape. `refit engine freeze` wrote it.

#![allow(
    missing_docs,
    dead_code,
    reason = "it is kept as it was published, whether all of it is read or not"
)]

use crate::v1;
use refit_abi::{Fault, Height, Migrate, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `Kv` of version 2.
#[derive(Debug, Clone, PartialEq, State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Kv, drop(entries))]
pub struct Kv {
    #[migrate(with = with_revisions)]
    pub entries: BTreeMap<String, Versioned>,
    pub expiries: BTreeMap<Height, BTreeSet<String>>,
    #[migrate(default)]
    pub revision: u64,
}

/// `Versioned` of version 2.
#[derive(Debug, Default, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Versioned {
    pub value: String,
    pub revision: u64,
}

/// The step from version 1: entries from before have revision 0.
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
