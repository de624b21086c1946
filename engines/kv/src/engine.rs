//! The behaviour of the store.

use crate::index::{self, Change, Index};
use crate::{Answer, Config, Entry, Kv, Message, Query, Reply, Versioned};
use refit_abi::{
    Capability, Context, Engine, EngineId, Fault, Height, Sender, TimerAt, Undelivered,
};
use std::collections::BTreeMap;

/// Most entries that one range answers with, whatever limit was asked.
pub(crate) const RANGE_ENTRIES_MAX: usize = 1_000;

/// Longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

impl Engine for Kv {
    const KIND: &'static str = "kv";
    const NEEDS: &'static [Capability] =
        &[Capability::Spawn("index"), Capability::Message("index")];
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Answer;

    fn init(_: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
        let store = ctx.id();
        let index = ctx
            .spawn::<Index>(&index::Config { store })
            .map_err(|error| Fault::new("index", error.to_string()))?;
        Ok(Self {
            entries: BTreeMap::new(),
            expiries: BTreeMap::new(),
            revision: 0,
            index,
            index_missed: 0,
        })
    }

    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Reply, Fault> {
        match message {
            Message::Put { key, value } => self.put(ctx, key, value),
            Message::CompareAndSet {
                key,
                expected,
                value,
            } => self.compare_and_set(ctx, key, expected, value),
            Message::Delete { key } => self.delete(ctx, key),
            Message::ExpireAt { key, height } => self.expire_at(ctx, key, height),
            Message::Expire { height } => self.expire(ctx, sender, height),
        }
    }

    fn query(&self, query: Query) -> Result<Answer, Fault> {
        Ok(match query {
            Query::Get { key } => {
                let entry = self
                    .entries
                    .get(&key)
                    .map(|versioned| entry(&key, versioned));
                Answer::Value { entry }
            }
            Query::Range { from, to, limit } => self.range(from, to, limit),
            Query::Length => Answer::Length {
                keys: self.entries.len() as u64,
            },
            Query::Index => Answer::Index {
                engine: self.index.to_string(),
                missed: self.index_missed,
            },
        })
    }

    fn check(&self) -> Result<(), Fault> {
        let ahead = |(_, entry): &(&String, &Versioned)| entry.revision > self.revision;
        if let Some((key, entry)) = self.entries.iter().find(ahead) {
            let reason = format!(
                "key `{key}` has revision {} of {}",
                entry.revision, self.revision
            );
            return Err(Fault::new("revision-ahead", reason));
        }
        match self.entries.keys().find(|key| fits(key).is_err()) {
            Some(key) => fits(key),
            None => Ok(()),
        }
    }

    fn undelivered(&mut self, _: &mut Context<'_>, to: EngineId, _: Undelivered) {
        self.index_missed += u64::from(to == self.index);
    }
}

impl Kv {
    fn put(&mut self, ctx: &mut Context<'_>, key: String, value: String) -> Result<Reply, Fault> {
        fits(&key)?;
        let previous = self.value(&key);
        if previous.as_ref() != Some(&value) {
            let change = Change {
                key: key.clone(),
                before: previous.clone(),
                after: Some(value.clone()),
            };
            self.tell_index(ctx, vec![change])?;
        }
        self.revision += 1;
        let revision = self.revision;
        self.entries.insert(key, Versioned { value, revision });
        Ok(Reply::Stored { previous })
    }

    fn compare_and_set(
        &mut self,
        ctx: &mut Context<'_>,
        key: String,
        expected: Option<String>,
        value: String,
    ) -> Result<Reply, Fault> {
        let actual = self.value(&key);
        if actual != expected {
            return Ok(Reply::Mismatch { actual });
        }
        self.put(ctx, key, value)
    }

    fn delete(&mut self, ctx: &mut Context<'_>, key: String) -> Result<Reply, Fault> {
        let previous = self.value(&key);
        if previous.is_some() {
            self.tell_index(ctx, vec![gone(&key, previous.clone())])?;
        }
        self.entries.remove(&key);
        Ok(Reply::Deleted { previous })
    }

    fn value(&self, key: &str) -> Option<String> {
        self.entries.get(key).map(|entry| entry.value.clone())
    }

    /// Says to the index what will change; before the change, so that one that cannot be told is none.
    fn tell_index(&self, ctx: &mut Context<'_>, changes: Vec<Change>) -> Result<(), Fault> {
        ctx.send(self.index, &index::Message::Changed { changes })
            .map_err(|error| Fault::new("index", error.to_string()))
    }

    fn expire_at(
        &mut self,
        ctx: &mut Context<'_>,
        key: String,
        height: Height,
    ) -> Result<Reply, Fault> {
        if !self.entries.contains_key(&key) {
            return Err(Fault::new(
                "no-such-key",
                format!("`{key}` is not in the store"),
            ));
        }
        if !self.expiries.contains_key(&height) {
            ctx.set_timer(TimerAt::Height(height.next()), &Message::Expire { height })
                .map_err(|error| Fault::new("expiry", error.to_string()))?;
        }
        self.expiries.entry(height).or_default().insert(key);
        Ok(Reply::Expires)
    }

    fn expire(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        height: Height,
    ) -> Result<Reply, Fault> {
        if sender != Sender::Timer {
            return Err(Fault::new(
                "not-yours",
                "only the store's own timer expires keys",
            ));
        }
        let keys = self.expiries.get(&height).into_iter().flatten();
        let there = keys.filter(|key| self.entries.contains_key(*key));
        let changes: Vec<_> = there.map(|key| gone(key, self.value(key))).collect();
        // The keys go even if the index cannot be told: what it has missed is counted.
        let missed = changes.len() as u64;
        if missed > 0 && self.tell_index(ctx, changes).is_err() {
            self.index_missed += missed;
        }
        for key in self.expiries.remove(&height).unwrap_or_default() {
            self.entries.remove(&key);
        }
        Ok(Reply::Expires)
    }

    fn range(&self, from: String, to: Option<String>, limit: u32) -> Answer {
        let limit = (limit as usize).min(RANGE_ENTRIES_MAX);
        let inside = |key: &String| to.as_ref().is_none_or(|to| key < to);
        let mut found = self
            .entries
            .range(from..)
            .take_while(|(key, _)| inside(key));
        let entries = found
            .by_ref()
            .take(limit)
            .map(|(key, value)| entry(key, value))
            .collect();
        Answer::Entries {
            entries,
            more: found.next().is_some(),
        }
    }
}

fn gone(key: &str, before: Option<String>) -> Change {
    Change {
        key: key.to_owned(),
        before,
        after: None,
    }
}

fn entry(key: &str, versioned: &Versioned) -> Entry {
    let (value, revision) = (versioned.value.clone(), versioned.revision);
    Entry {
        key: key.to_owned(),
        value,
        revision,
    }
}

fn fits(key: &str) -> Result<(), Fault> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Fault::new(
        "key-too-long",
        format!("{} bytes, at most {KEY_BYTES_MAX}", key.len()),
    ))
}
