//! The errors of `refit chaos`.

use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;

/// Why it failed, apart from what failures of building and starting say themselves.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChaosError {
    /// Invariants did not hold.
    #[error("{violations} violations: a node that was killed did not come back as it must")]
    Violated { violations: usize },
}

impl Explain for ChaosError {
    fn code(&self) -> &str {
        match self {
            Self::Violated { .. } => codes::CHAOS_VIOLATION,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Violated { .. } => {
                "run the command again that stands with each violation, and report it with the folder that was kept"
            }
        })
    }
}

impl Reported for ChaosError {}
