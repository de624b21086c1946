//! What a plan brings: new code for a kind, or a release.

use super::NamedPath;
use std::str::FromStr;

/// Something that a plan brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Brought {
    /// Code for a kind: a library, or source.
    Code(NamedPath),
    /// A release: its file, or its id.
    Release(String),
}

impl FromStr for Brought {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.contains('=') {
            true => text.parse().map(Self::Code),
            false if text.is_empty() => Err("name a release, or write KIND=PATH".to_owned()),
            false => Ok(Self::Release(text.to_owned())),
        }
    }
}
