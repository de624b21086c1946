//! [`BenchClass`]: how the states cross in a measured swap.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// How the states of the measured engines cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BenchClass {
    /// Another kind's code is replaced; these engines go on as they are.
    Carry,
    /// Their code is replaced; the states are handed over by pointer.
    Adopt,
    /// One new field with a default; the rest is moved.
    Migrate,
    /// Every row is copied into another shape by a function.
    Hand,
}

impl BenchClass {
    /// All classes, weakest first.
    pub const ALL: [Self; 4] = [Self::Carry, Self::Adopt, Self::Migrate, Self::Hand];

    /// Its name on the command line and in the files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Adopt => "adopt",
            Self::Migrate => "migrate",
            Self::Hand => "hand",
        }
    }

    /// The folder of the engine that comes in.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Carry => "side-v2",
            Self::Adopt => "table-v2-adopt",
            Self::Migrate => "table-v2-migrate",
            Self::Hand => "table-v2-hand",
        }
    }

    /// Which version of `table` serves after the swap.
    pub(super) const fn version_after(self) -> u32 {
        match self {
            Self::Carry => 1,
            Self::Adopt | Self::Migrate | Self::Hand => 2,
        }
    }

    /// Whether its pause must not grow with the state.
    pub const fn is_flat(self) -> bool {
        !matches!(self, Self::Hand)
    }
}

impl fmt::Display for BenchClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no class is called `{text}`; use carry, adopt, migrate or hand")]
pub struct BenchClassError {
    /// As it was given.
    pub text: String,
}

impl FromStr for BenchClass {
    type Err = BenchClassError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|class| class.name() == text);
        found.ok_or_else(|| BenchClassError {
            text: text.to_owned(),
        })
    }
}
