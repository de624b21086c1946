//! [`Explain`]: the code, next step and place of every refusal and error, beside its text, and [`Explained`],
//! the same as plain strings.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// An error that says why in a stable word, and what to do next. Its [`Display`](fmt::Display) is the
/// detail.
pub trait Explain: fmt::Display {
    /// A constant of [`codes`](crate::codes), or a code of an engine's own.
    fn code(&self) -> &str;

    /// The next step for the reader, in a sentence.
    fn next(&self) -> Cow<'_, str>;

    /// The engine that it is about, as people name it.
    fn engine_name(&self) -> Option<String> {
        None
    }

    /// The entry of that engine's state, if its code named one.
    fn key(&self) -> Option<&str> {
        None
    }
}

impl<E: Explain + ?Sized> Explain for Box<E> {
    fn code(&self) -> &str {
        (**self).code()
    }

    fn next(&self) -> Cow<'_, str> {
        (**self).next()
    }

    fn engine_name(&self) -> Option<String> {
        (**self).engine_name()
    }

    fn key(&self) -> Option<&str> {
        (**self).key()
    }
}

/// An error's account of itself, to be sent or kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// Stable name of the reason.
    pub code: String,
    /// The error itself, in a sentence.
    pub detail: String,
    /// The next step for the reader, in a sentence.
    pub next: String,
    /// The engine that it is about, if it is one.
    pub engine: Option<String>,
    /// The entry of that engine's state, if its code named one.
    pub key: Option<String>,
}

impl Explained {
    /// A reason that no error type stands for, about no engine.
    pub fn new(
        code: impl Into<String>,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            next: next.into(),
            engine: None,
            key: None,
        }
    }

    /// Collects what `error` says of itself, so that it can be sent and shown without its type.
    pub fn of(error: &(impl Explain + ?Sized)) -> Self {
        Self {
            code: error.code().to_owned(),
            detail: error.to_string(),
            next: error.next().into_owned(),
            engine: error.engine_name(),
            key: error.key().map(str::to_owned),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Explain for Explained {
    fn code(&self) -> &str {
        &self.code
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.next)
    }

    fn engine_name(&self) -> Option<String> {
        self.engine.clone()
    }

    fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}
