//! The code that a node keeps, and why: `GET /v1/releases`.

use super::ReleaseName;
use refit_abi::host::Explained;
use refit_abi::{Generation, Height};
use serde::{Deserialize, Serialize};

/// A generation's code, as far as it is kept or known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRelease {
    /// The generation; absent of code that has never been live.
    pub generation: Option<Generation>,
    /// What it is to the node.
    pub state: ReleaseState,
    /// The block with which it is permanent, if it is on probation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Height>,
    /// The release that it came as; absent of code that an operator has named by its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseName>,
    /// Its libraries.
    pub libraries: Vec<KeptLibrary>,
    /// Why it is kept.
    pub why: Vec<WhyKept>,
}

/// What code is to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReleaseState {
    /// It is live, for good.
    Current,
    /// It is live, and can be taken back.
    OnProbation,
    /// It was live.
    Old,
    /// It may become live.
    Armed,
    /// It was imported and verified, and nothing of it has run.
    Unpacked,
    /// An upgrade to it is under way.
    Staged,
    /// Those who may have revoked it.
    Revoked,
    /// An upgrade to it has failed.
    Failed,
    /// It does not come in again.
    Quarantined,
    /// It was imported, and what the data folder has of it cannot be read.
    Damaged,
}

/// One library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLibrary {
    /// The kinds that it is the code of; empty where nobody knows.
    pub kinds: Vec<String>,
    /// Its package; empty where nobody knows.
    pub package: String,
    /// Its version, likewise.
    pub version: String,
    /// BLAKE3 of its file, in hexadecimal.
    pub artifact: String,
    /// Its bytes on the disk; absent if the data folder does not keep it.
    pub bytes: Option<u64>,
}

/// Why code is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
#[non_exhaustive]
pub enum WhyKept {
    /// It is live.
    Live,
    /// The live generation can be taken back to it.
    WayBack,
    /// The states of a checkpoint are of it.
    Checkpoint {
        /// The checkpoint's block.
        height: Height,
    },
    /// A start that takes the older checkpoint passes it.
    Replay {
        /// That checkpoint's block.
        from: Height,
    },
    /// An upgrade to it is armed.
    Armed {
        /// The block that it waits for, if its plan says one.
        at_height: Option<Height>,
    },
    /// It was imported, and may become live.
    Imported,
    /// It was imported once, and cannot become live as it is.
    Damaged {
        /// The release's id.
        id: String,
        /// Why not, and what to do.
        why: Explained,
    },
    /// What became of it is known, so that it does not come in unseen again. Only that is kept.
    Verdict {
        /// The stable word for what happened.
        code: String,
    },
}
