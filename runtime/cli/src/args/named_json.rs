//! `NAME=JSON`: which engine is started with what.

use serde_json::Value;
use std::str::FromStr;

/// The name of an engine and what it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedJson {
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl FromStr for NamedJson {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, json)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: serde_json::from_str(json)
                    .map_err(|error| format!("what follows the `=` is not JSON: {error}"))?,
            }),
            _ => Err("write NAME=JSON, such as kv='{\"keys_max\":1000}'".to_owned()),
        }
    }
}
