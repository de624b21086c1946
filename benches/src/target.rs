//! [`Target`]: a figure that is promised, and whether this run met it.

use serde::Serialize;
use std::fmt;

/// On which side of its limit a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// At most the limit.
    AtMost,
    /// At least the limit.
    AtLeast,
}

/// A figure that is promised, and whether this run met it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// The name of the figure, in words.
    pub name: String,
    /// The value of this run.
    pub value: f64,
    /// On which side of the limit it must be.
    pub bound: Bound,
    /// The limit.
    pub limit: f64,
    /// Whether it is.
    pub met: bool,
}

impl Target {
    /// Judges `value`.
    pub fn new(name: impl Into<String>, value: f64, bound: Bound, limit: f64) -> Self {
        let met = match bound {
            Bound::AtMost => value <= limit,
            Bound::AtLeast => value >= limit,
        };
        Self {
            name: name.into(),
            value,
            bound,
            limit,
            met,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.met { "met   " } else { "MISSED" };
        let bound = match self.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        write!(
            f,
            "{word}  {}: {:.2} ({bound} {})",
            self.name, self.value, self.limit
        )
    }
}
