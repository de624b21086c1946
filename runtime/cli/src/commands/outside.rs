//! [`Outside`]: what a start reads outside of the data folder, beside code.
//!
//! ```text
//! the first start ──read──► Outside ──handed over──► the start in the same place ──► the next one …
//! ```
//!
//! It is read once, before the node enters its sandbox, which reaches none of these files. A node that starts again in
//! its own place goes on as it was started, whatever became of the files meanwhile: nobody is there who could mend them.

use crate::args::{CommonArgs, ListeningArgs};
use crate::config::{self, ConfigError, File, Text, group};
use crate::failure::Failure;
use crate::files::FileError;
use crate::release::read_record;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the files say.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outside {
    /// The configuration file, if there is one.
    configuration: Option<Text>,
    named: Named,
    /// The keyset that the configuration names, as it is signed.
    keyset: Option<Vec<u8>>,
}

/// What the listeners need of the files that flags and configuration name.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// The text that clients present over TCP.
    pub(super) token: Option<String>,
    /// The number of the group that the unix socket is given to.
    pub(super) group: Option<u32>,
}

impl Outside {
    /// Reads the files that a start with these arguments needs.
    pub(super) fn read(common: &CommonArgs, args: &ListeningArgs) -> Result<Self, Failure> {
        let configuration = config::read(common)?;
        let mut outside = Self {
            configuration,
            ..Self::default()
        };
        let file = outside.file()?;
        outside.named = Named::read(common, args, &file)?;
        outside.keyset = keyset(&file)?;
        Ok(outside)
    }

    /// The configuration.
    pub(super) fn file(&self) -> Result<File, ConfigError> {
        let text = self.configuration.clone();
        text.map_or_else(|| Ok(File::default()), Text::parse)
    }

    /// What the listeners need.
    pub(super) fn named(&self) -> &Named {
        &self.named
    }

    /// The keyset, as it is signed.
    pub(super) fn keyset(&self) -> Option<&[u8]> {
        self.keyset.as_deref()
    }
}

/// The keyset that the configuration names, as it is signed.
pub(super) fn keyset(file: &File) -> Result<Option<Vec<u8>>, FileError> {
    file.node.keyset.as_deref().map(read_record).transpose()
}

impl Named {
    /// Reads what listeners with these arguments need.
    fn read(common: &CommonArgs, args: &ListeningArgs, file: &File) -> Result<Self, ConfigError> {
        let group = args.socket_group.as_ref();
        let group = group.or(file.admin.socket_group.as_ref());
        let is_tcp = args.tcp.or(file.admin.tcp).is_some();
        Ok(Self {
            token: match is_tcp {
                true => config::token(common, file)?,
                false => None,
            },
            group: group.map(|name| group::number(name)).transpose()?,
        })
    }
}

// A secret and texts of any length are not for a log.
impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}
