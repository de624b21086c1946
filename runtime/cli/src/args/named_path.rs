//! `NAME=PATH`: which engine or kind gets its code from where.

use std::path::PathBuf;
use std::str::FromStr;

/// A name and the library or source folder that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl FromStr for NamedPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(Self {
                name: name.to_owned(),
                path: path.into(),
            }),
            _ => Err("write NAME=PATH, such as kv=engines/kv".to_owned()),
        }
    }
}
