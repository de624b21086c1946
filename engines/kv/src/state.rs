//! The state of version 3, and how version 2's becomes it: the store starts its index over the upgrade
//! bus and fills it before anybody sees either.

use crate::index::{self, Index};
use crate::v2;
use refit_abi::{EngineId, Fault, Height, Migrate, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use crate::v2::Versioned;

/// Most entries in one upgrade message to the index.
const FILL_ENTRIES_MAX: usize = 1_000;

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
#[state(version = 3)]
#[migrate(from = v2::Kv)]
pub struct Kv {
    /// Every key with its value and the revision that wrote it.
    pub(crate) entries: BTreeMap<String, Versioned>,
    /// The keys that expire after each height.
    pub(crate) expiries: BTreeMap<Height, BTreeSet<String>>,
    /// How many writes there were since version 2; the entries from before have revision 0.
    pub(crate) revision: u64,
    /// The engine that knows which keys have a value.
    #[migrate(with = start_index)]
    pub(crate) index: EngineId,
    /// Changes that did not reach it; it is complete as long as this is 0.
    #[migrate(default)]
    pub(crate) index_missed: u64,
}

/// Starts the index of this store and tells it every entry.
fn start_index(old: &v2::Kv, bus: &mut UpgradeBus<'_>) -> Result<EngineId, Fault> {
    let store = bus.id();
    let config = index::Config { store };
    let index = match index_name(store) {
        Some(name) => bus.spawn_named::<Index>(&name, &config)?,
        None => bus.spawn::<Index>(&config)?,
    };
    let entry = |(key, versioned): (&String, &Versioned)| (key.clone(), versioned.value.clone());
    let mut entries = old.entries.iter().map(entry);
    loop {
        let entries: Vec<_> = entries.by_ref().take(FILL_ENTRIES_MAX).collect();
        if entries.is_empty() {
            break;
        }
        bus.send(index, &index::Upgrade::Fill { entries })?;
    }
    let keys = old.entries.len() as u64;
    bus.send(index, &index::Upgrade::Filled { keys })?;
    Ok(index)
}

/// The name by which clients reach the index of a store: `index` for the store called `kv`, else
/// `NAME-index`. `None` where that is no name: the index then has a child's id.
fn index_name(store: EngineId) -> Option<String> {
    let name = match store.name()? {
        "kv" => "index".to_owned(),
        name => format!("{name}-index"),
    };
    EngineId::root(&name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_named_after_its_store_where_that_is_a_name() {
        let named = |name: &str| index_name(EngineId::root(name).unwrap());
        assert_eq!(named("kv").as_deref(), Some("index"));
        assert_eq!(named("shop").as_deref(), Some("shop-index"));
        assert_eq!(named("abcdefghijklmno"), None, "too long");
        assert_eq!(index_name(EngineId::root("kv").unwrap().child(0)), None);
    }
}
