//! `NAME=JSON`: which engine is started with what.

use serde::de::IgnoredAny;
use std::str::FromStr;

/// The name of an engine and its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedJson {
    pub(crate) name: String,
    /// The text itself: a parsed value would change numbers of more than 64 bits.
    pub(crate) json: String,
}

impl FromStr for NamedJson {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, json)) if !name.is_empty() => {
                serde_json::from_str::<IgnoredAny>(json)
                    .map_err(|error| format!("what follows the `=` is not JSON: {error}"))?;
                let (name, json) = (name.to_owned(), json.to_owned());
                Ok(Self { name, json })
            }
            _ => Err("write NAME=JSON, such as kv='{\"keys_max\":1000}'".to_owned()),
        }
    }
}
