//! The wire between parent and child of a rehearsal: its bounds, one request in postcard, the image as a
//! [`stream`](refit_kernel::image::stream); lines back.
//!
//! The [`Bounds`] go ahead, so that they hold while the rest is read. Lines say meanwhile whose code runs
//! ([`At`](super::At)); the last one is the [`Report`], as JSON.

use super::RehearsalError;
use refit_abi::{Height, codes};
use refit_admin::api::ShadowReport;
use refit_kernel::ArtifactHash;
use refit_loader::InterfaceId;
use refit_upgrade::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The child's limits on memory, and on the bytes that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Address space, in bytes.
    pub(crate) memory_bytes: u64,
    /// Processor time of all its threads, in seconds.
    pub(crate) cpu_s: u64,
    /// Length of the request without the image, in bytes.
    pub(crate) request_bytes: u64,
    /// The longest file that it writes beside modules, in bytes.
    pub(crate) file_bytes: u64,
}

impl Bounds {
    /// Their length on the wire, in bytes.
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let numbers = [
            self.memory_bytes,
            self.cpu_s,
            self.request_bytes,
            self.file_bytes,
        ];
        numbers.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (numbers, _) = bytes.as_chunks();
        let number = |place: usize| numbers.get(place).map_or(0, |n| u64::from_le_bytes(*n));
        Self {
            memory_bytes: number(0),
            cpu_s: number(1),
            request_bytes: number(2),
            file_bytes: number(3),
        }
    }
}

/// The request to the child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The modules that run.
    pub(crate) old: Vec<ModuleAt>,
    /// For each kind of the live generation, in its order, which of them has it.
    pub(crate) kinds: Vec<usize>,
    /// The modules that come in.
    pub(crate) new: Vec<ModuleAt>,
    /// Worker threads of a crew.
    pub(crate) workers: usize,
    /// The plan to rehearse.
    #[serde(with = "as_json")]
    pub(crate) plan: Plan,
    /// Blocks to carry out once more; then no image comes behind the request.
    pub(crate) shadow: Option<Stretch>,
    /// Where the states are written that the upgrade ends with, if they are wanted.
    pub(crate) writes: Option<Writes>,
}

/// Blocks of the log, and the state before the first of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// The file of a checkpoint.
    pub(crate) checkpoint: PathBuf,
    /// Its height.
    pub(crate) after: Height,
    /// The canonical bytes of the blocks behind it, in their order.
    pub(crate) blocks: Vec<Vec<u8>>,
}

/// A file for the states that an upgrade ends with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Writes {
    /// The file: it is there, and the image is written behind what it has.
    pub(crate) path: PathBuf,
    /// BLAKE3 of the library of each kind of the new generation.
    pub(crate) artifacts: BTreeMap<String, ArtifactHash>,
}

impl Found {
    /// What an upgrade came to.
    ///
    /// # Errors
    /// [`RehearsalError::WrongProgram`]: something else was asked than was found.
    pub(crate) fn passed(self) -> Result<Passed, RehearsalError> {
        match self {
            Self::Passed(passed) => Ok(passed),
            Self::Shadow(_) => Err(RehearsalError::WrongProgram),
        }
    }
}

/// A plan leaves out its empty fields: that is for JSON, and postcard could not read it back.
mod as_json {
    use refit_upgrade::Plan;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(plan: &Plan, to: S) -> Result<S::Ok, S::Error> {
        let json = serde_json::to_string(plan).map_err(S::Error::custom)?;
        json.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Plan, D::Error> {
        let json = String::deserialize(from)?;
        serde_json::from_str(&json).map_err(D::Error::custom)
    }
}

/// A module's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ModuleAt {
    pub(crate) path: PathBuf,
}

/// The child's report.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The child's interface.
    pub(crate) interface: InterfaceId,
    /// How it ended.
    pub(crate) outcome: Result<Found, Failed>,
}

/// What a child has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Found {
    /// The upgrade goes well.
    Passed(Passed),
    /// The blocks were carried out by both codes.
    Shadow(Box<ShadowReport>),
}

/// The code of a rehearsal that lacked states: a transition asked engines whose kinds were not copied.
pub(crate) const NEEDS_ALL: &str = codes::REHEARSAL_NEEDS_ALL_STATES;

/// The upgrade committed and every state passed its check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passed {
    pub(crate) pause_us: u64,
    pub(crate) runs: u32,
    pub(crate) engines: u64,
    /// Bytes of the states that were copied.
    pub(crate) state_bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) digest: String,
}

/// The upgrade would not commit, or the child could not find out.
pub(crate) use refit_abi::host::Explained as Failed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_come_back_from_their_bytes() {
        let bounds = Bounds {
            memory_bytes: 1 << 40,
            cpu_s: 7,
            request_bytes: u64::MAX,
            file_bytes: 9,
        };
        let bytes = bounds.to_bytes().try_into().unwrap();
        assert_eq!(Bounds::from_bytes(&bytes), bounds);
    }
}
