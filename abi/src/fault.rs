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
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A short, stable word such as `insufficient-funds`.
    pub code: String,
    /// What happened, with the values that matter.
    pub detail: String,
}

impl Fault {
    /// A fault with this code and sentence.
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
