//! All that is kept of an upgrade: `GET /v1/upgrades/{id}/record`.

use super::UpgradeReport;
use refit_abi::Generation;
use serde::{Deserialize, Serialize};

/// An upgrade's report, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeRecord {
    /// The report.
    #[serde(flatten)]
    pub report: UpgradeReport,
    /// The plan as it was taken on; absent until the upgrade has ended, and where nothing is kept of it.
    #[serde(default)]
    pub plan: Option<serde_json::Value>,
    /// The code that was live before, likewise.
    #[serde(default)]
    pub before: Option<CodeBefore>,
    /// The program that carried it out, likewise.
    #[serde(default)]
    pub made_by: Option<MadeBy>,
}

/// The code before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeBefore {
    /// The generation.
    pub generation: Generation,
    /// Its kinds.
    pub kinds: Vec<KindBefore>,
}

/// The code of a kind before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindBefore {
    /// The kind.
    pub kind: String,
    /// The package.
    pub package: String,
    /// Its version.
    pub package_version: String,
    /// BLAKE3 of the library, in hexadecimal.
    pub artifact: String,
}

/// A node's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// Its version.
    pub version: String,
    /// The ABI epoch that engines must be built against.
    pub abi_epoch: u32,
    /// Commit of the compiler that they must be built with.
    pub compiler: String,
}
