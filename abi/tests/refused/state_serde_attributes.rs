//! serde attributes that give bytes which cannot be read back, or which no hash covers.
use refit_abi::{Deserialize, Serialize, State};

#[derive(State, Serialize, Deserialize)]
struct LeftOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    sometimes: Option<u64>,
    #[serde(skip)]
    never: u64,
    #[serde(skip_serializing)]
    not_written: u64,
    #[serde(skip_deserializing)]
    not_read: u64,
}

#[derive(State, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    inner: Inner,
}

#[derive(State, Serialize, Deserialize)]
struct Inner {
    value: u64,
}

#[derive(State, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    A(u64),
}

#[derive(State, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value")]
enum Tagged {
    A(u64),
}

#[derive(State, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum CatchAll {
    A,
    #[serde(other)]
    Other,
}

#[derive(State, Serialize, Deserialize)]
struct Converted {
    #[serde(with = "as_text")]
    both: u64,
    #[serde(serialize_with = "as_text::serialize")]
    written: u64,
    #[serde(deserialize_with = "as_text::deserialize")]
    read: u64,
}

#[derive(State, Clone, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
struct Through(u64);

#[derive(State, Serialize, Deserialize)]
#[serde(try_from = "u64")]
struct Tried(u64);

#[derive(State, Serialize, Deserialize)]
enum Skipped {
    A,
    #[serde(skip)]
    B,
}

impl From<u64> for Through {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

impl From<Through> for u64 {
    fn from(through: Through) -> Self {
        through.0
    }
}

impl From<u64> for Tried {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &u64, s: S) -> Result<S::Ok, S::Error> {
        value.to_string().serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        Ok(String::deserialize(d)?.len() as u64)
    }
}

fn main() {}
