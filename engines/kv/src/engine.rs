//! The behaviour of the store.

use crate::index::{self, Change, Index};
use crate::{Answer, Config, Entry, Kv, Message, Query, Reply, Versioned};
use refit_abi::{
    Capability, Context, Engine, EngineId, Fault, Height, Level, Sender, TimerAt, Undelivered,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most entries that one range answers with, whatever limit was asked.
pub(crate) const RANGE_ENTRIES_MAX: usize = 1_000;

/// Most bytes of keys and values that one range answers with, unless its first entry alone is longer.
pub(crate) const RANGE_BYTES_MAX: usize = 1 << 20;

/// Longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

/// Most keys that expire in one block; the rest does in the next.
const EXPIRY_KEYS_MAX: usize = 4_096;

/// Most bytes of keys and values that are sent to the index in one block, unless one value is longer.
const EXPIRY_BYTES_MAX: usize = 4 << 20;

impl Engine for Kv {
    const KIND: &'static str = "kv";
    const NEEDS: &'static [Capability] =
        &[Capability::Spawn("index"), Capability::Message("index")];
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Answer;

    fn init(config: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
        let index = ctx.spawn::<Index>(&index::Config { store: ctx.id() })?;
        Ok(Self {
            entries: BTreeMap::new(),
            expiries: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            keys_max: config.keys_max,
            revision: 0,
            index,
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
            Message::Delete { key } => Ok(Reply::Deleted {
                previous: self.remove(ctx, &key)?,
            }),
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
            },
        })
    }

    /// Logs that one of its messages did not arrive.
    fn undelivered(&mut self, ctx: &mut Context<'_>, to: EngineId, reason: Undelivered) {
        ctx.log(
            Level::Error,
            &format!("the index has missed a change and finds too little or too much (`{to}`: {reason:?})"),
        );
    }

    fn check(&self) -> Result<(), Fault> {
        let mut entries = self.entries.values();
        if let Some(entry) = entries.find(|entry| entry.revision > self.revision) {
            let detail = format!(
                "a value has revision {} of {}",
                entry.revision, self.revision
            );
            return Err(Fault::new("revision-ahead", detail));
        }
        let expires = |(key, height): &(&String, &Height)| {
            let keys = self.expiries.get(height);
            keys.is_some_and(|keys| keys.contains(*key)) && self.entries.contains_key(*key)
        };
        match self.deadlines.iter().find(|deadline| !expires(deadline)) {
            Some((key, height)) => {
                let detail = format!("it expires after {height}, where nothing is noted of it");
                Err(Fault::new("expiry-lost", detail).at(key))
            }
            None => Ok(()),
        }
    }
}

impl Kv {
    fn put(&mut self, ctx: &mut Context<'_>, key: String, value: String) -> Result<Reply, Fault> {
        fits(&key)?;
        let revision = self.revision + 1;
        let Some(entry) = self.entries.get_mut(&key) else {
            self.has_room_for(&key)?;
            let change = Change {
                key,
                before: None,
                after: Some(value),
            };
            tell(ctx, self.index, &change)?;
            let value = change.after.unwrap_or_default();
            self.entries
                .insert(change.key, Versioned { value, revision });
            self.revision = revision;
            return Ok(Reply::Stored { previous: None });
        };
        // The index gets the values themselves: there are many of these, and copies cost.
        let change = Change {
            key,
            before: Some(std::mem::take(&mut entry.value)),
            after: Some(value),
        };
        let told = tell(ctx, self.index, &change);
        let (before, after) = (change.before, change.after);
        if let Err(fault) = told {
            entry.value = before.unwrap_or_default();
            return Err(fault);
        }
        let value = after.unwrap_or_default();
        *entry = Versioned { value, revision };
        self.revision = revision;
        Ok(Reply::Stored { previous: before })
    }

    fn compare_and_set(
        &mut self,
        ctx: &mut Context<'_>,
        key: String,
        expected: Option<String>,
        value: String,
    ) -> Result<Reply, Fault> {
        let actual = self.entries.get(&key).map(|entry| entry.value.clone());
        if actual != expected {
            return Ok(Reply::Mismatch { actual });
        }
        self.put(ctx, key, value)
    }

    fn remove(&mut self, ctx: &mut Context<'_>, key: &str) -> Result<Option<String>, Fault> {
        self.tell_gone(ctx, key)?;
        self.keep(key);
        Ok(self.entries.remove(key).map(|entry| entry.value))
    }

    /// Takes back that a key expires. Its height stays: the timer comes anyway.
    fn keep(&mut self, key: &str) {
        let height = self.deadlines.remove(key);
        if let Some(keys) = height.and_then(|height| self.expiries.get_mut(&height)) {
            keys.remove(key);
        }
    }

    /// Whether there may be one more key.
    fn has_room_for(&self, key: &str) -> Result<(), Fault> {
        let is_full = self.keys_max > 0 && self.entries.len() as u64 >= self.keys_max;
        if !is_full {
            return Ok(());
        }
        let detail = format!("it holds {} keys, which is the most it may", self.keys_max);
        Err(Fault::new("keys-full", detail).at(key))
    }

    /// Tells the index that a key is about to go.
    fn tell_gone(&self, ctx: &mut Context<'_>, key: &str) -> Result<(), Fault> {
        let before = self.entries.get(key);
        let change = Change {
            key: key.to_owned(),
            before: before.map(|entry| entry.value.clone()),
            after: None,
        };
        tell(ctx, self.index, &change)
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
        self.keep(&key);
        self.expiries.entry(height).or_default().insert(key.clone());
        self.deadlines.insert(key, height);
        Ok(Reply::Expires)
    }

    /// Whether a key expires after this height, and has no other deadline by now.
    fn is_due(&self, key: &str, height: Height) -> bool {
        self.deadlines.get(key) == Some(&height)
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
        let due = self.expiries.get(&height).into_iter().flatten();
        let due = due.map(|key| (key, self.entries.get(key).map_or(0, |it| it.value.len())));
        let keys = portion(due);
        let count = self.expiries.get(&height).map_or(0, BTreeSet::len);
        for key in keys.iter().filter(|key| self.is_due(key, height)) {
            self.tell_gone(ctx, key)?;
        }
        if keys.len() < count {
            ctx.set_timer(
                TimerAt::Height(ctx.height().next()),
                &Message::Expire { height },
            )
            .map_err(|error| Fault::new("expiry", error.to_string()))?;
        }
        for key in &keys {
            if self.is_due(key, height) {
                self.deadlines.remove(key);
                self.entries.remove(key);
            }
        }
        match self.expiries.get_mut(&height) {
            Some(left) if keys.len() < count => left.retain(|key| !keys.contains(key)),
            _ => drop(self.expiries.remove(&height)),
        }
        Ok(Reply::Expires)
    }

    fn range(&self, from: String, to: Option<String>, limit: u32) -> Answer {
        let limit = (limit as usize).min(RANGE_ENTRIES_MAX);
        let inside = |key: &String| to.as_ref().is_none_or(|to| key < to);
        let found = self.entries.range(from..);
        let mut found = found.take_while(|(key, _)| inside(key)).peekable();
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() < limit {
            let fits = |(key, versioned): &(&String, &Versioned)| {
                let all = bytes + key.len() + versioned.value.len();
                bytes == 0 || all <= RANGE_BYTES_MAX
            };
            let Some((key, versioned)) = found.next_if(fits) else {
                break;
            };
            bytes += key.len() + versioned.value.len();
            entries.push(entry(key, versioned));
        }
        let more = found.peek().is_some();
        Answer::Entries { entries, more }
    }
}

/// Tells the index what a key is about to become.
fn tell(ctx: &mut Context<'_>, index: EngineId, change: &Change) -> Result<(), Fault> {
    if change.before == change.after {
        return Ok(());
    }
    Ok(ctx.send(index, change)?)
}

/// As many of the keys as one message may tell the index of; each comes with the length of its value.
fn portion<'a>(keys: impl Iterator<Item = (&'a String, usize)>) -> BTreeSet<String> {
    let mut bytes = 0;
    let fits = |(_, value): &(&String, usize)| {
        let is_first = bytes == 0;
        bytes += value + KEY_BYTES_MAX;
        is_first || bytes <= EXPIRY_BYTES_MAX
    };
    let keys = keys.take(EXPIRY_KEYS_MAX).take_while(fits);
    keys.map(|(key, _)| key.clone()).collect()
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
