//! [`Fault`]: the error of an engine's own code.

use crate::codes;
use crate::{BusError, EngineIdError, ServiceError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest code of a fault that a node takes from a module, in bytes; of a longer one the rest is cut.
pub const FAULT_CODE_BYTES_MAX: usize = 64;

/// Longest key, in bytes.
pub const FAULT_KEY_BYTES_MAX: usize = 256;

/// Longest detail, in bytes; as long is a panic's text at most.
pub const FAULT_DETAIL_BYTES_MAX: usize = 4_096;

/// An author's error: a code that programs can match and a sentence that people can read.
///
/// ```
/// use refit_abi::Fault;
/// let fault = Fault::new("insufficient-funds", "account 7 holds 3, asked for 5");
/// assert_eq!(fault.to_string(), "account 7 holds 3, asked for 5 (insufficient-funds)");
///
/// // A transition that walks over a map says at which entry it stopped.
/// let fault = Fault::new("no-date", "`soon` is no date").at("order-17");
/// assert_eq!(fault.to_string(), "at key `order-17`: `soon` is no date (no-date)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A short, stable word such as `insufficient-funds`.
    pub code: String,
    /// A sentence on the cause, with the values that matter.
    pub detail: String,
    /// The entry of the state that it is about, if it is about one: see [`Fault::at`].
    pub key: Option<String>,
}

impl Fault {
    /// A fault with this code and sentence.
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            key: None,
        }
    }

    /// Says which entry of the engine's state this is about; a rehearsal and an aborted upgrade name it
    /// beside the engine. Of nested maps the outer key is added last: `"outer/inner"`.
    #[must_use]
    pub fn at(mut self, key: impl fmt::Display) -> Self {
        self.key = Some(match self.key {
            Some(inner) => format!("{key}/{inner}"),
            None => key.to_string(),
        });
        self
    }
}

#[cfg(feature = "host")]
impl Fault {
    /// Cuts what is longer than a node keeps, and writes control characters as their escapes: a fault goes
    /// into reports, records and replies, logs and terminals, and part of it is often what a client sent.
    pub(crate) fn bounded(mut self) -> Self {
        escape(&mut self.code);
        escape(&mut self.detail);
        self.key.iter_mut().for_each(escape);
        cut(&mut self.code, FAULT_CODE_BYTES_MAX);
        cut(&mut self.detail, FAULT_DETAIL_BYTES_MAX);
        if let Some(key) = &mut self.key {
            cut(key, FAULT_KEY_BYTES_MAX);
        }
        self
    }
}

/// Text of an engine as people and programs may see it: what a terminal or a reader of lines would obey is
/// written as its escape, and what is longer than `bytes_max` is cut and says so. Whatever an engine gives the
/// node as text goes through here before it is kept or shown.
#[cfg(feature = "host")]
pub fn shown(text: &str, bytes_max: usize) -> String {
    // Of a text of many megabytes no more is copied than may be kept.
    let read = text.floor_char_boundary(bytes_max);
    let mut shown = text[..read].to_owned();
    escape(&mut shown);
    if read == text.len() {
        cut(&mut shown, bytes_max);
        return shown;
    }
    let gone = format!("… ({} bytes more)", text.len() - read);
    shown.truncate(shown.floor_char_boundary(bytes_max.saturating_sub(gone.len())));
    shown.push_str(&gone);
    shown
}

/// As [`shown`], but of a text that is too long the end is kept: the last words of a process.
#[cfg(feature = "host")]
pub fn shown_end(text: &str, bytes_max: usize) -> String {
    let mut shown =
        text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..].to_owned();
    escape(&mut shown);
    let start = shown.ceil_char_boundary(shown.len().saturating_sub(bytes_max));
    shown.split_off(start)
}

/// Whether a character is never shown as it is: control characters, separators of lines and paragraphs, and
/// those that turn the direction of text.
#[cfg(feature = "host")]
fn is_obeyed(c: char) -> bool {
    let steers = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || steers || matches!(c, '\u{200e}' | '\u{200f}' | '\u{feff}')
}

/// Writes what a reader would obey as its escape.
#[cfg(feature = "host")]
pub(crate) fn escape(text: &mut String) {
    if text.contains(is_obeyed) {
        let shown = |c: char| match is_obeyed(c) {
            true => c.escape_default().to_string(),
            false => c.to_string(),
        };
        *text = text.chars().map(shown).collect();
    }
}

/// Cuts a text to at most `bytes_max` bytes and says how much is gone.
#[cfg(feature = "host")]
pub(crate) fn cut(text: &mut String, bytes_max: usize) {
    if text.len() <= bytes_max {
        return;
    }
    let gone = |kept: usize| format!("… ({} bytes more)", text.len() - kept);
    let room = bytes_max.saturating_sub(gone(0).len());
    let kept = text.floor_char_boundary(room);
    let gone = gone(kept);
    text.truncate(kept);
    text.push_str(&gone);
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "at key `{key}`: ")?;
        }
        write!(f, "{} ({})", self.detail, self.code)
    }
}

impl std::error::Error for Fault {}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<EngineIdError> for Fault {
    fn from(error: EngineIdError) -> Self {
        Self::new(codes::ENGINE_NAME, error.to_string())
    }
}

impl From<BusError> for Fault {
    fn from(error: BusError) -> Self {
        match error {
            // The code is the other engine's; the key is none of this one's.
            BusError::Fault { ref fault, .. } => Self::new(fault.code.clone(), error.to_string()),
            error => Self::new(error.code(), error.to_string()),
        }
    }
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_at_a_character_and_says_so() {
        let fault = Fault::new("c".repeat(65), "é".repeat(5_000)).at("k".repeat(300));
        let fault = fault.bounded();
        let fits = |text: &str, max: usize| text.len() <= max && text.len() > max - 8;
        assert!(fits(&fault.code, FAULT_CODE_BYTES_MAX));
        assert!(fits(&fault.detail, FAULT_DETAIL_BYTES_MAX));
        assert!(fits(fault.key.as_deref().unwrap(), FAULT_KEY_BYTES_MAX));
        assert!(fault.detail.starts_with("éé") && fault.detail.ends_with(" bytes more)"));
        let short = Fault::new("code", "detail").at("key");
        assert_eq!(short.clone().bounded(), short);
    }

    #[cfg(feature = "host")]
    #[test]
    fn what_would_steer_a_terminal_or_forge_a_line_is_shown_instead() {
        let fault = Fault::new("bad\ncode", "\u{1b}[31mred, größer\0").at("key\r\n");
        let shown = fault.bounded().to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(shown.contains("\\u{1b}[31mred, größer"), "{shown}");
        assert_eq!(
            super::shown("a\u{202e}b\u{2028}c", 99),
            "a\\u{202e}b\\u{2028}c"
        );
    }

    #[test]
    fn a_text_of_any_length_is_kept_within_its_bound() {
        let long = "\n".repeat(1 << 20);
        let kept = shown(&long, 100);
        assert!(
            kept.len() <= 100 && kept.ends_with(" bytes more)"),
            "{kept}"
        );
        assert_eq!(shown("short", 100), "short");
        let end = shown_end(&format!("{long}the end"), 20);
        assert!(end.len() <= 20 && end.ends_with("the end"), "{end}");
    }
}
