//! [`MigrateError`]: why a snapshot is not migrated.

use crate::rehearsal::RehearsalError;
use crate::snapshot::{RestoreError, SnapshotFileError, Unfinished};
use crate::trust::TrustError;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_loader::OpenError;
use refit_store::Fault;
use refit_upgrade::{Finding, PlanBoundsError, PlanError};
use std::borrow::Cow;
use std::path::PathBuf;

/// Why a snapshot is not migrated. Nothing is written then that could be taken for one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The snapshot is not read.
    #[error(transparent)]
    File(#[from] SnapshotFileError),
    /// The code of its states is not there.
    #[error(transparent)]
    Code(Box<RestoreError>),
    /// A library is refused.
    #[error("{} is refused: {why}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// Why.
        why: OpenError,
    },
    /// No plan can be made of it, or the plan is not for this snapshot.
    #[error(transparent)]
    Plan(Box<PlanError>),
    /// The plan is no plan that may be.
    #[error(transparent)]
    Bounds(#[from] PlanBoundsError),
    /// The linter refuses the plan.
    #[error("{}", _0.reason)]
    Lint(Box<Finding>),
    /// The plan is for another height.
    #[error("the plan is for height {planned}, and the snapshot is of block {height}")]
    OtherHeight {
        /// The plan's.
        planned: Height,
        /// The snapshot's.
        height: Height,
    },
    /// The release that the plan brings does not come in after what the snapshot's node had.
    #[error(transparent)]
    Release(Box<TrustError>),
    /// What the plan says of its release is of none.
    #[error("the plan is of the release `{id}`, which is the id of none")]
    NoRelease {
        /// What it says.
        id: String,
    },
    /// The transitions do not come to their end.
    #[error("the states are not migrated: {0}")]
    Run(Box<RehearsalError>),
    /// The new snapshot is not written.
    #[error("the new snapshot is not written: {0}")]
    Unfinished(#[from] Unfinished),
}

impl From<RestoreError> for MigrateError {
    fn from(error: RestoreError) -> Self {
        Self::Code(Box::new(error))
    }
}

impl From<PlanError> for MigrateError {
    fn from(error: PlanError) -> Self {
        Self::Plan(Box::new(error))
    }
}

impl From<RehearsalError> for MigrateError {
    fn from(error: RehearsalError) -> Self {
        Self::Run(Box::new(error))
    }
}

impl MigrateError {
    /// The finding of the linter that refuses the plan, if that is why.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Lint(finding) => Some(finding),
            _ => None,
        }
    }
}

impl Explain for MigrateError {
    fn code(&self) -> &str {
        match self {
            Self::File(error) => error.code(),
            Self::Code(error) => error.code(),
            Self::Library { why, .. } => why.code(),
            Self::Plan(error) => error.code(),
            Self::Release(error) => error.code(),
            Self::Bounds(_) | Self::NoRelease { .. } => codes::PLAN_UNREADABLE,
            Self::Lint(finding) => &finding.code,
            Self::OtherHeight { .. } => codes::SNAPSHOT_OTHER_HEIGHT,
            Self::Run(error) => error.code(),
            Self::Unfinished(Unfinished::System(source))
                if Fault::of_io(source) == Fault::DiskFull =>
            {
                codes::DISK_FULL
            }
            Self::Unfinished(_) => codes::SNAPSHOT_UNWRITTEN,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::File(error) => error.next(),
            Self::Code(error) => error.next(),
            Self::Library { why, .. } => why.next(),
            Self::Plan(error) if matches!(**error, PlanError::Base { .. }) => Cow::Borrowed(
                "name the new code with --engine KIND=PATH in place of the plan, or the snapshot of the node that the plan was made for",
            ),
            Self::Plan(error) => error.next(),
            Self::Release(error) => error.next(),
            Self::Bounds(_) | Self::NoRelease { .. } => {
                Cow::Borrowed("give the file that `refit upgrade plan … --out FILE` wrote")
            }
            Self::Lint(finding) => Cow::Borrowed(&finding.next),
            Self::OtherHeight { .. } => Cow::Borrowed(
                "take the snapshot after that block, or name the new code with --engine KIND=PATH",
            ),
            Self::Run(error) if matches!(**error, RehearsalError::TimedOut { .. }) => {
                Cow::Borrowed(
                    "mend the migration if it loops; if it only takes long, allow more with --wait-max",
                )
            }
            Self::Run(error) if matches!(**error, RehearsalError::Memory { .. }) => Cow::Borrowed(
                "mend the migration if it allocates without end; if the states are large, allow more with --memory",
            ),
            Self::Run(error) => error.next(),
            Self::Unfinished(_) => {
                Cow::Borrowed("make room where it is written, and migrate again")
            }
        }
    }

    fn engine_name(&self) -> Option<String> {
        match self {
            Self::File(error) => error.engine_name(),
            Self::Run(error) => error.engine_name(),
            _ => None,
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Run(error) => error.key(),
            _ => None,
        }
    }
}
