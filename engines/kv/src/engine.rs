//! The behaviour of the store.

use crate::{Answer, Config, Entry, Kv, Message, Query, Reply, Versioned};
use refit_abi::{Context, Engine, Fault, Height, Sender, TimerAt};

/// Most entries that one range answers with, whatever limit was asked.
pub(crate) const RANGE_ENTRIES_MAX: usize = 1_000;

/// Longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

impl Engine for Kv {
    const KIND: &'static str = "kv";
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Answer;

    fn init(_: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self::default())
    }

    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Reply, Fault> {
        match message {
            Message::Put { key, value } => self.put(key, value),
            Message::CompareAndSet {
                key,
                expected,
                value,
            } => self.compare_and_set(key, expected, value),
            Message::Delete { key } => Ok(Reply::Deleted {
                previous: self.remove(&key),
            }),
            Message::ExpireAt { key, height } => self.expire_at(ctx, key, height),
            Message::Expire { height } => self.expire(sender, height),
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
        })
    }

    fn check(&self) -> Result<(), Fault> {
        match self
            .entries
            .values()
            .find(|entry| entry.revision > self.revision)
        {
            Some(entry) => Err(Fault::new(
                "revision-ahead",
                format!(
                    "a value has revision {} of {}",
                    entry.revision, self.revision
                ),
            )),
            None => Ok(()),
        }
    }
}

impl Kv {
    fn put(&mut self, key: String, value: String) -> Result<Reply, Fault> {
        fits(&key)?;
        self.revision += 1;
        let versioned = Versioned {
            value,
            revision: self.revision,
        };
        let previous = self
            .entries
            .insert(key, versioned)
            .map(|before| before.value);
        Ok(Reply::Stored { previous })
    }

    fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<String>,
        value: String,
    ) -> Result<Reply, Fault> {
        let actual = self.entries.get(&key).map(|entry| entry.value.clone());
        if actual != expected {
            return Ok(Reply::Mismatch { actual });
        }
        self.put(key, value)
    }

    fn remove(&mut self, key: &str) -> Option<String> {
        self.entries.remove(key).map(|entry| entry.value)
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

    fn expire(&mut self, sender: Sender, height: Height) -> Result<Reply, Fault> {
        if sender != Sender::Timer {
            return Err(Fault::new(
                "not-yours",
                "only the store's own timer expires keys",
            ));
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
