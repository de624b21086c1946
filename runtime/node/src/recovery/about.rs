//! [`About`]: what a checkpoint says beside the states: the ground that the next block stands on, and the code that the
//! states are of.

use crate::blocks::states::KeptState;
use crate::code::libraries::Libraries;
use crate::probation::OnProbation;
use refit_abi::Generation;
use refit_kernel::GenerationTable;
use refit_ordering::{Ground, Header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The form of what stands beside a checkpoint; it begins with it.
pub(crate) const ABOUT_FORMAT: u32 = 3;

/// The form before: it said nothing of the state's hash.
const ABOUT_FORMAT_2: u32 = 2;

/// The form before that: it said nothing of a probation.
const ABOUT_FORMAT_1: u32 = 1;

/// A checkpoint, its states apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The header of an empty block that would follow at once: it names all of the ground.
    next: Header,
    pub(crate) generation: Generation,
    /// The kinds, in the order of the generation's table.
    pub(crate) kinds: Vec<KeptKind>,
    /// Whether that generation could be taken back.
    pub(crate) on_probation: Option<OnProbation>,
    /// The hash of the states; the first checkpoint of a chain has none.
    pub(crate) state: Option<KeptState>,
}

/// Form 2.
#[derive(Deserialize)]
struct About2 {
    next: Header,
    generation: Generation,
    kinds: Vec<KeptKind>,
    on_probation: Option<OnProbation>,
}

/// Form 1.
#[derive(Deserialize)]
struct About1 {
    next: Header,
    generation: Generation,
    kinds: Vec<KeptKind>,
}

/// The code of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptKind {
    pub(crate) kind: String,
    /// BLAKE3 of its library, in hexadecimal.
    pub(crate) artifact: String,
    /// Where the library was when it came in.
    pub(crate) file: String,
}

impl About {
    pub(crate) fn new(ground: &Ground, table: &GenerationTable, libraries: &Libraries) -> Self {
        let kind = |kind: &refit_abi::host::Kind| {
            let release = libraries.release(&libraries.artifact(kind));
            KeptKind {
                kind: kind.descriptor().kind.clone(),
                artifact: release.artifact,
                file: release.file,
            }
        };
        Self {
            next: ground.extend(ground.tip.time, Vec::new()).header,
            generation: table.number(),
            kinds: table.iter().map(|(_, entry)| kind(&entry.kind)).collect(),
            on_probation: None,
            state: None,
        }
    }

    /// Of code that is in no table here: in its order.
    pub(crate) fn of_kinds(ground: &Ground, generation: Generation, kinds: Vec<KeptKind>) -> Self {
        Self {
            next: ground.extend(ground.tip.time, Vec::new()).header,
            generation,
            kinds,
            on_probation: None,
            state: None,
        }
    }

    /// The same of a generation on probation.
    pub(crate) fn on_probation(self, on_probation: Option<OnProbation>) -> Self {
        Self {
            on_probation,
            ..self
        }
    }

    /// The same with the hash of the states.
    pub(crate) fn of_state(self, state: KeptState) -> Self {
        let state = Some(state);
        Self { state, ..self }
    }

    /// Whether it says of each kind which library has its code: states whose code nobody knows are lost.
    pub(crate) fn has_all_code(&self) -> bool {
        self.kinds.iter().all(|kind| !kind.artifact.is_empty())
    }

    /// What the next block stands on.
    pub(crate) fn ground(&self) -> Ground {
        Ground::of(&self.next)
    }

    /// The same, of a chain that goes on from here beside the one that it was taken of: its blocks are others.
    pub(crate) fn on_next_branch(mut self) -> Self {
        self.next.branch.0 = self.next.branch.0.saturating_add(1);
        self
    }

    /// The libraries that it needs.
    pub(crate) fn artifacts(&self) -> BTreeSet<String> {
        self.kinds
            .iter()
            .map(|kind| kind.artifact.clone())
            .collect()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(ABOUT_FORMAT, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("it has only sized fields: {error}"),
        }
    }

    /// Reads back what [`About::to_bytes`] gave; why not, if it is something else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let read: Result<(u32, &[u8]), _> = postcard::take_from_bytes(bytes);
        let (format, rest) = read.map_err(|error| error.to_string())?;
        let read = match format {
            ABOUT_FORMAT => postcard::from_bytes(rest),
            ABOUT_FORMAT_2 => postcard::from_bytes::<About2>(rest).map(Self::from),
            ABOUT_FORMAT_1 => postcard::from_bytes::<About1>(rest).map(Self::from),
            _ => {
                return Err(format!(
                    "it is of form {format}, and this program reads forms up to {ABOUT_FORMAT}"
                ));
            }
        };
        read.map_err(|error| error.to_string())
    }
}

impl From<About2> for About {
    fn from(before: About2) -> Self {
        Self {
            next: before.next,
            generation: before.generation,
            kinds: before.kinds,
            on_probation: before.on_probation,
            state: None,
        }
    }
}

impl From<About1> for About {
    fn from(before: About1) -> Self {
        Self {
            next: before.next,
            generation: before.generation,
            kinds: before.kinds,
            on_probation: None,
            state: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{BlockHash, BlockTime, Height};
    use refit_kernel::StateTree;
    use refit_ordering::{PlanDigest, ReceiptHash, Tip, UpgradeEnd, UpgradeOutcome};

    #[test]
    fn the_ground_of_a_checkpoint_reads_back_whole() {
        let ground = Ground {
            tip: Tip {
                height: Height(41),
                time: BlockTime(1_000),
                hash: BlockHash([7; 32]),
            },
            receipt: ReceiptHash([9; 32]),
            outcome: Some(UpgradeOutcome {
                plan: PlanDigest([3; 32]),
                end: UpgradeEnd::Committed,
            }),
            ..Ground::default()
        };
        let table = GenerationTable::first(Vec::new());
        let about = About::new(&ground, &table, &Libraries::default());
        let read = About::from_bytes(&about.to_bytes()).unwrap();
        assert_eq!(read, about);
        assert_eq!(read.ground(), ground);
        // The forms before end sooner.
        let mut before = postcard::to_allocvec(&(ABOUT_FORMAT_2, &about)).unwrap();
        assert_eq!(before.pop(), Some(0), "that there is no hash");
        assert_eq!(About::from_bytes(&before).unwrap(), about);
        before[0] = ABOUT_FORMAT_1 as u8;
        assert_eq!(before.pop(), Some(0), "that there is no probation");
        assert_eq!(About::from_bytes(&before).unwrap(), about);
        let of_state = about.of_state(KeptState::of(StateTree {
            root: [5; 32],
            leaves: Vec::new(),
        }));
        assert_eq!(About::from_bytes(&of_state.to_bytes()).unwrap(), of_state);
        let mut other = of_state.to_bytes();
        other[0] = 9;
        assert!(About::from_bytes(&other).unwrap_err().contains("form 9"));
        assert!(About::from_bytes(&[]).is_err());
    }
}
