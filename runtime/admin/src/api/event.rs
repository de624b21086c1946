//! What engines publish: `GET /v1/events`, one [`Event`] in each server-sent event.

use refit_abi::Height;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;

/// One event that an engine has emitted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Where in history: also the id of the server-sent event.
    pub id: EventId,
    /// The engine that emitted it.
    pub engine: String,
    /// The topic under which it did.
    pub topic: String,
    /// The generation of code that ran.
    pub generation: u64,
    /// The time of its block, in milliseconds since 1970.
    pub time: u64,
    /// The event, in the engine's own JSON words.
    pub event: Box<RawValue>,
}

/// Where an event stands in history, as `BRANCH.HEIGHT.INDEX`. Ids are ordered as the events are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// How often history was taken back and made anew before it.
    pub branch: u64,
    /// The block in which it was emitted.
    pub height: Height,
    /// Its number among the events of that block, from 0.
    pub index: u32,
}

impl EventId {
    /// Behind all events of a block.
    pub const fn end_of(branch: u64, height: Height) -> Self {
        Self {
            branch,
            height,
            index: u32::MAX,
        }
    }
}

/// A text that is no [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no id of an event; write BRANCH.HEIGHT.INDEX, such as `0.17.0`")]
pub struct EventIdError {
    /// The text.
    pub text: String,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.branch, self.height.0, self.index)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let fail = || EventIdError {
            text: text.to_owned(),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('.');
        let (Some(branch), Some(height), Some(index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(fail());
        };
        // `parse` alone takes a sign.
        if !(digits(branch) && digits(height) && digits(index)) {
            return Err(fail());
        }
        Ok(Self {
            branch: branch.parse().map_err(|_| fail())?,
            height: Height(height.parse().map_err(|_| fail())?),
            index: index.parse().map_err(|_| fail())?,
        })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_orders_as_history_does() {
        let id: EventId = "1.20.3".parse().unwrap();
        assert_eq!(
            (id.branch, id.height, id.index, id.to_string().as_str()),
            (1, Height(20), 3, "1.20.3")
        );
        let ids = ["0.9.9", "0.20.0", "0.20.10", "1.1.0"].map(|id| id.parse::<EventId>().unwrap());
        assert!(ids.is_sorted());
        assert!(EventId::end_of(0, Height(20)) > ids[2]);
        for no in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "+1.2.3",
            "a.b.c",
            "1..3",
            "0.0.4294967296",
        ] {
            assert!(no.parse::<EventId>().is_err(), "{no}");
        }
    }
}
