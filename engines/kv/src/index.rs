//! `index`: finds the keys of a store by their value. A store starts it, fills it and tells it of every
//! change; it takes nothing from anyone else.

use refit_abi::{Context, Engine, EngineId, Fault, OnUpgrade, Sender, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Most keys that one query answers with, whatever limit was asked.
const KEYS_MAX: usize = 1_000;

/// The configuration of an index.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[state(name = "IndexConfig")]
pub struct Config {
    /// The store whose keys it finds.
    pub store: EngineId,
}

/// One key's new value.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The value it had.
    pub before: Option<String>,
    /// The value it has.
    pub after: Option<String>,
}

/// Entries of the store, sent while an upgrade runs.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Fill {
    /// Keys with their values.
    pub entries: Vec<(String, String)>,
}

/// A question about an index.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[state(name = "IndexQuery")]
pub enum Query {
    /// The keys that have a value.
    KeysWith {
        /// The value.
        value: String,
        /// Most keys that are wanted.
        limit: u32,
    },
    /// The number of keys, and of values.
    Length,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[state(name = "IndexAnswer")]
pub enum Answer {
    /// The keys that have the value, in order, and whether there are more.
    Keys {
        /// The keys.
        keys: Vec<String>,
        /// Whether the limit cut the list.
        more: bool,
    },
    /// The size of the index.
    Length {
        /// Keys.
        keys: u64,
        /// Different values.
        values: u64,
    },
}

/// The index.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Index {
    store: EngineId,
    keys: BTreeMap<String, BTreeSet<String>>,
    /// Keys over all values.
    length: u64,
}

impl Engine for Index {
    const KIND: &'static str = "index";
    type Config = Config;
    type Message = Change;
    type Reply = ();
    type Query = Query;
    type Answer = Answer;

    fn init(config: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self {
            store: config.store,
            keys: BTreeMap::new(),
            length: 0,
        })
    }

    fn handle(&mut self, _: &mut Context<'_>, sender: Sender, change: Change) -> Result<(), Fault> {
        if sender != Sender::Engine(self.store) {
            return Err(not_the_store());
        }
        let Change { key, before, after } = change;
        let alone = before.and_then(|before| self.remove(&key, before));
        if let Some(after) = after {
            self.add(key, after, alone);
        }
        Ok(())
    }

    fn query(&self, query: Query) -> Result<Answer, Fault> {
        Ok(match query {
            Query::KeysWith { value, limit } => self.keys_with(&value, limit),
            Query::Length => Answer::Length {
                keys: self.length,
                values: self.keys.len() as u64,
            },
        })
    }

    fn check(&self) -> Result<(), Fault> {
        let found: usize = self.keys.values().map(BTreeSet::len).sum();
        if found as u64 != self.length || self.keys.values().any(BTreeSet::is_empty) {
            let detail = format!("{found} keys under values, {} were counted", self.length);
            return Err(Fault::new("index-miscounted", detail));
        }
        Ok(())
    }
}

impl OnUpgrade for Index {
    type Upgrade = Fill;

    fn on_upgrade(
        &mut self,
        _: &mut UpgradeBus<'_>,
        sender: EngineId,
        fill: Fill,
    ) -> Result<(), Fault> {
        if sender != self.store {
            return Err(not_the_store());
        }
        for (key, value) in fill.entries {
            self.add(key, value, None);
        }
        Ok(())
    }
}

impl Index {
    /// `alone` is a set of this key and no other, if there is one: it serves a value that is new.
    fn add(&mut self, key: String, value: String, alone: Option<BTreeSet<String>>) {
        match self.keys.entry(value) {
            Entry::Occupied(mut keys) => self.length += u64::from(keys.get_mut().insert(key)),
            Entry::Vacant(place) => {
                place.insert(alone.unwrap_or_else(|| BTreeSet::from([key])));
                self.length += 1;
            }
        }
    }

    /// Gives the value's keys if there was this one alone.
    fn remove(&mut self, key: &str, value: String) -> Option<BTreeSet<String>> {
        let Entry::Occupied(mut keys) = self.keys.entry(value) else {
            return None;
        };
        if keys.get().len() > 1 {
            self.length -= u64::from(keys.get_mut().remove(key));
            return None;
        }
        if !keys.get().contains(key) {
            return None;
        }
        self.length -= 1;
        Some(keys.remove())
    }

    fn keys_with(&self, value: &str, limit: u32) -> Answer {
        let limit = (limit as usize).min(KEYS_MAX);
        let mut found = self.keys.get(value).into_iter().flatten();
        let keys = found.by_ref().take(limit).cloned().collect();
        Answer::Keys {
            keys,
            more: found.next().is_some(),
        }
    }
}

fn not_the_store() -> Fault {
    Fault::new("not-yours", "an index takes changes from its store only")
}
