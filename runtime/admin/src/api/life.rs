//! [`Life`]: which run of a node's process it is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One run of a node's process, from start to end. Heights and generations are comparable within a life; another life
/// may count them anew. It is drawn at random, is no secret, and no result depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Life(pub u64);

/// A text that names no life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a life is named by {DIGITS} hexadecimal digits; see it with `refit status`")]
pub struct LifeError;

/// Digits of the name.
const DIGITS: usize = 16;

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Life> for String {
    fn from(life: Life) -> Self {
        life.to_string()
    }
}

impl TryFrom<String> for Life {
    type Error = LifeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(&text, 16).ok();
        let number = number.filter(|_| digits && text.len() == DIGITS);
        number.map(Self).ok_or(LifeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_reads_back_from_what_it_shows_and_nothing_else_does() {
        for life in [Life(0), Life(0xfeed), Life(u64::MAX)] {
            let text = serde_json::to_string(&life).unwrap();
            assert_eq!(text.len(), DIGITS + 2, "{text}");
            assert_eq!(serde_json::from_str::<Life>(&text).unwrap(), life);
        }
        for text in ["", "feed", "+00000000000feed", "000000000000000g"] {
            assert_eq!(Life::try_from(text.to_owned()), Err(LifeError), "{text}");
        }
    }
}
