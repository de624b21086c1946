//! [`Fault`]: how an engine's own code says that something went wrong.

use crate::{BusError, EngineIdError, ServiceError};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// What happened, with the values that matter.
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
        let code = match error {
            ServiceError::Budget => "budget-spent",
            ServiceError::Unknown => "unknown-engine",
            ServiceError::Forbidden => "capability-missing",
            ServiceError::Past => "time-passed",
        };
        Self::new(code, error.to_string())
    }
}

impl From<EngineIdError> for Fault {
    fn from(error: EngineIdError) -> Self {
        Self::new("engine-name", error.to_string())
    }
}

impl From<BusError> for Fault {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Fault { fault, .. } => fault,
            error => Self::new(error.code(), error.to_string()),
        }
    }
}
