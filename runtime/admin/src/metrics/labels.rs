//! Labels of metrics: each has a small, fixed set of values, or the kinds of engines that are live.

use prometheus_client::encoding::EncodeLabelSet;
use refit_abi::build;

/// How an upgrade ended, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The new generation is live.
    Committed,
    /// A transition failed, the old generation goes on.
    Aborted,
    /// It was refused before the gate closed.
    Refused,
}

impl Outcome {
    pub(super) const ALL: [Self; 3] = [Self::Committed, Self::Aborted, Self::Refused];

    pub(super) const fn label(self) -> OutcomeLabel {
        let outcome = match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
        };
        OutcomeLabel { outcome }
    }
}

/// How a rehearsal ended, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RehearsalOutcome {
    /// The transitions ran on a copy of the states, each time alike.
    Passed,
    /// They failed, differed, did not return, or the process that ran them ended.
    Failed,
}

impl RehearsalOutcome {
    pub(super) const ALL: [Self; 2] = [Self::Passed, Self::Failed];

    pub(super) const fn label(self) -> OutcomeLabel {
        let outcome = match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
        };
        OutcomeLabel { outcome }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabel {
    kind: String,
}

impl KindLabel {
    pub(super) fn of(kind: &str) -> Self {
        let kind = kind.to_owned();
        Self { kind }
    }
}

/// The labels of `refit_build_info`: version, ABI, compiler and target of this program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BuildInfo {
    /// The version of the package `refit`.
    pub version: &'static str,
    /// The epoch of the ABI that engines must have been built for.
    pub abi: u32,
    /// The compiler that built the program, and that engines must have been built with to share memory with it.
    pub rustc: &'static str,
    /// The target triple.
    pub target: &'static str,
}

impl BuildInfo {
    /// This program.
    pub const THIS: Self = Self {
        version: env!("CARGO_PKG_VERSION"),
        abi: build::ABI_EPOCH,
        rustc: build::COMPILER_RELEASE,
        target: build::TARGET,
    };
}
