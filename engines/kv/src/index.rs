//! `index`: which keys of a store have a value. The store starts it, fills it while the upgrade to
//! version 3 runs, and tells it every change from then on; nobody else may.

use refit_abi::{Context, Engine, EngineId, Fault, OnUpgrade, Sender, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most keys that one query answers with.
const KEYS_ANSWERED_MAX: usize = 10_000;

/// The index.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Index {
    /// The store whose keys these are.
    store: EngineId,
    /// The keys that have each value.
    values: BTreeMap<String, BTreeSet<String>>,
    /// How many keys there are.
    keys: u64,
}

/// What an index is started with.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Config {
    /// The store whose keys it knows.
    pub store: EngineId,
}

/// What changes it.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The store says what one message did to it.
    Changed {
        /// The keys that have other values now.
        changes: Vec<Change>,
    },
}

/// One key and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The value it had; none if it is new.
    pub before: Option<String>,
    /// The value it has; none if it is gone.
    pub after: Option<String>,
}

/// What a message is answered with.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The changes are in.
    Indexed,
}

/// What reads it.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// The keys that have a value.
    KeysWith {
        /// The value.
        value: String,
    },
    /// How many keys and values there are.
    Length,
    /// The store it belongs to.
    Store,
}

/// What a query is answered with.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The keys that have the value.
    Keys {
        /// The keys, in order.
        keys: Vec<String>,
        /// Whether there are more than one answer holds.
        more: bool,
    },
    /// How much there is.
    Length {
        /// Keys.
        keys: u64,
        /// Different values.
        values: u64,
    },
    /// The store.
    Store {
        /// Its id, as clients write it.
        engine: String,
    },
}

/// What the store tells it while the upgrade runs.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub enum Upgrade {
    /// Some of its keys and their values.
    Fill {
        /// The entries.
        entries: Vec<(String, String)>,
    },
    /// That was all.
    Filled {
        /// How many there must be.
        keys: u64,
    },
}

impl Engine for Index {
    const KIND: &'static str = "index";
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Answer;

    fn init(config: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self {
            store: config.store,
            values: BTreeMap::new(),
            keys: 0,
        })
    }

    fn handle(
        &mut self,
        _: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Reply, Fault> {
        if sender != Sender::Engine(self.store) {
            return Err(not_yours(self.store));
        }
        let Message::Changed { changes } = message;
        for change in changes {
            if let Some(before) = &change.before {
                self.take(&change.key, before);
            }
            if let Some(after) = change.after {
                self.add(change.key, after);
            }
        }
        Ok(Reply::Indexed)
    }

    fn query(&self, query: Query) -> Result<Answer, Fault> {
        Ok(match query {
            Query::KeysWith { value } => self.keys_with(&value),
            Query::Length => Answer::Length {
                keys: self.keys,
                values: self.values.len() as u64,
            },
            Query::Store => Answer::Store {
                engine: self.store.to_string(),
            },
        })
    }

    fn check(&self) -> Result<(), Fault> {
        let mut seen = BTreeSet::new();
        for (value, keys) in &self.values {
            if keys.is_empty() {
                let reason = format!("value `{value}` has no key");
                return Err(Fault::new("value-without-key", reason));
            }
            if let Some(key) = keys.iter().find(|key| !seen.insert(*key)) {
                let reason = format!("key `{key}` has two values, one is `{value}`");
                return Err(Fault::new("key-with-two-values", reason));
            }
        }
        match seen.len() as u64 == self.keys {
            true => Ok(()),
            false => Err(Fault::new(
                "keys-miscounted",
                format!("{} keys, and {} were counted", seen.len(), self.keys),
            )),
        }
    }
}

impl OnUpgrade for Index {
    type Upgrade = Upgrade;

    fn on_upgrade(
        &mut self,
        _: &mut UpgradeBus<'_>,
        sender: EngineId,
        message: Upgrade,
    ) -> Result<(), Fault> {
        if sender != self.store {
            return Err(not_yours(self.store));
        }
        match message {
            Upgrade::Fill { entries } => {
                for (key, value) in entries {
                    self.add(key, value);
                }
                Ok(())
            }
            Upgrade::Filled { keys } if keys == self.keys => self.check(),
            Upgrade::Filled { keys } => Err(Fault::new(
                "index-incomplete",
                format!("{} keys came, the store has {keys}", self.keys),
            )),
        }
    }
}

impl Index {
    fn add(&mut self, key: String, value: String) {
        let is_new = self.values.entry(value).or_default().insert(key);
        self.keys += u64::from(is_new);
    }

    fn take(&mut self, key: &str, value: &str) {
        let Some(keys) = self.values.get_mut(value) else {
            return;
        };
        self.keys -= u64::from(keys.remove(key));
        if keys.is_empty() {
            self.values.remove(value);
        }
    }

    fn keys_with(&self, value: &str) -> Answer {
        let keys = self.values.get(value);
        let length = keys.map_or(0, BTreeSet::len);
        let keys = keys.into_iter().flatten().take(KEYS_ANSWERED_MAX).cloned();
        Answer::Keys {
            keys: keys.collect(),
            more: length > KEYS_ANSWERED_MAX,
        }
    }
}

fn not_yours(store: EngineId) -> Fault {
    let reason = format!("only the store `{store}` changes its index");
    Fault::new("not-yours", reason)
}
