//! The state of version 3, and how version 2's becomes it: the index is started and filled while the
//! upgrade runs.

use crate::index::{self, Fill, Index};
use crate::v2;
use refit_abi::{BusError, EngineId, Fault, Height, Migrate, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use crate::v2::Versioned;

/// Entries that one upgrade message brings to the index.
const ENTRIES_PER_FILL: usize = 1_024;

/// The ending that makes a store's name its index's.
const INDEX_SUFFIX: &str = "-index";

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
#[state(version = 3)]
#[migrate(from = v2::Kv)]
pub struct Kv {
    /// Every key with its value and the revision that wrote it.
    pub(crate) entries: BTreeMap<String, Versioned>,
    /// The keys that expire after each height, as far as [`Kv::deadlines`] still says so. A height stays here until
    /// its timer has come, with a key or without.
    pub(crate) expiries: BTreeMap<Height, BTreeSet<String>>,
    /// The height after which a key expires.
    #[migrate(with = earliest)]
    pub(crate) deadlines: BTreeMap<String, Height>,
    /// Most keys that it holds; 0 for no bound. The versions before did not note theirs.
    #[migrate(default)]
    pub(crate) keys_max: u64,
    /// The number of writes since version 2; the entries from before have revision 0.
    pub(crate) revision: u64,
    /// The engine that finds keys by their value.
    #[migrate(with = start_index)]
    pub(crate) index: EngineId,
}

/// The first height at which each key that is still there expires: then it went.
fn earliest(old: &v2::Kv, _: &mut UpgradeBus<'_>) -> Result<BTreeMap<String, Height>, Fault> {
    let mut deadlines = BTreeMap::new();
    for (height, keys) in &old.expiries {
        for key in keys.iter().filter(|key| old.entries.contains_key(*key)) {
            deadlines.entry(key.clone()).or_insert(*height);
        }
    }
    Ok(deadlines)
}

/// Starts the index over the upgrade bus and sends it every entry. It is called after the store, so
/// that clients find it, if there is room in a name.
fn start_index(old: &v2::Kv, bus: &mut UpgradeBus<'_>) -> Result<EngineId, Fault> {
    let config = index::Config { store: bus.id() };
    let name = bus.id().name().map(|name| format!("{name}{INDEX_SUFFIX}"));
    let name = name.filter(|name| EngineId::root(name).is_ok());
    let index = match name.map(|name| bus.spawn_named::<Index>(&name, &config)) {
        // Clients of one without a name get its id by `Query::Index`.
        None | Some(Err(BusError::Taken { .. })) => bus.spawn::<Index>(&config)?,
        Some(index) => index?,
    };
    let entries: Vec<_> = old.entries.iter().collect();
    for part in entries.chunks(ENTRIES_PER_FILL) {
        let entry = |(key, entry): &(&String, &Versioned)| ((*key).clone(), entry.value.clone());
        let entries = part.iter().map(entry).collect();
        bus.send(index, &Fill { entries })?;
    }
    Ok(index)
}
