//! What became of an upgrade: `GET /v1/upgrades/{id}`.

use super::imported::{Authorised, ReleaseName};
use super::probation::RollBackReport;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_abi::{Generation, Height};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The code of the reason why an upgrade that was taken back did not happen.
pub const UPGRADE_CANCELLED: &str = codes::UPGRADE_CANCELLED;

/// The answer to a plan that was taken on: follow it at `/v1/upgrades/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeAccepted {
    /// The upgrade's number on this node.
    pub id: u64,
    /// Whether it was taken on before, under the same key.
    #[serde(default)]
    pub repeated: bool,
}

/// One upgrade, from the plan to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeReport {
    /// The upgrade's number on this node.
    pub id: u64,
    /// How far it is, or how it ended.
    pub state: UpgradeState,
    /// The generation it starts from.
    pub from: Generation,
    /// The generation it makes.
    pub to: Generation,
    /// When the node took it on, by its own clock, in milliseconds since the Unix epoch; 0 from an older node.
    #[serde(default)]
    pub began_at_ms: u64,
    /// When it came to its end, likewise: it was committed, aborted or refused. Absent before.
    #[serde(default)]
    pub ended_at_ms: Option<u64>,
    /// The activation height that the plan asks for, if it does.
    pub at_height: Option<Height>,
    /// The block after which it happened, or was given up.
    pub height: Option<Height>,
    /// The release that it brings; absent where an operator has named libraries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseName>,
    /// Whose word it goes by; absent from an older node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorised: Option<Authorised>,
    /// The level that this node has built its libraries at, of the release's source, such as `L3`: the lowest of them. Absent
    /// where they came with the release, or an operator has named them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// What it does to each engine kind.
    pub engines: Vec<UpgradedKind>,
    /// The strongest of the classes in `engines`.
    pub class: Class,
    /// Why it did not happen.
    pub reason: Option<Reason>,
    /// Time for all that precedes the gate, in microseconds.
    pub stage_us: u64,
    /// Wait for the block boundary, in microseconds.
    pub wait_us: u64,
    /// Time in which no engine ran, in microseconds.
    pub pause_us: u64,
    /// The whole time without a block around the pause; absent until the next block began and a fresh crew took over.
    #[serde(default)]
    pub without_block: Option<WithoutBlock>,
    /// How long no block ran while the states were copied for the rehearsal, in microseconds; absent if there was none.
    #[serde(default)]
    pub copy_us: Option<u64>,
    /// The pause that the rehearsal took, in microseconds; absent if there was none.
    #[serde(default)]
    pub predicted_us: Option<u64>,
    /// BLAKE3 over the states that the rehearsal ended with, in hexadecimal; absent if there was none.
    #[serde(default)]
    pub digest: Option<String>,
    /// Timers of the former lives of engines that started afresh, which were dropped.
    #[serde(default)]
    pub timers_dropped: u64,
    /// The phases that were finished, in order.
    pub phases: Vec<PhaseTime>,
    /// Whether the old code is unmapped.
    pub retired: bool,
    /// Why old libraries are still mapped.
    pub pinned: Vec<String>,
    /// What became of taking it back, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<RollBackReport>,
    /// How it was done while no node served, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Offline>,
}

/// How an upgrade was done while no node served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "on")]
#[non_exhaustive]
pub enum Offline {
    /// On a snapshot, from which this node's folder was restored.
    Snapshot,
    /// By this node, which stopped at the height and carried it out when it started again.
    Node {
        /// From when it stopped until it served again, in microseconds; absent if nobody knows when it stopped.
        #[serde(default)]
        downtime_us: Option<u64>,
    },
}

/// The times around an upgrade in which no block ran, beside its pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithoutBlock {
    /// Before the pause: settling what the upgrade before had left over, in microseconds.
    pub sweep_us: u64,
    /// From the end of the pause until the next block began, in microseconds.
    pub next_us: u64,
    /// A fresh crew took over at a later time, in microseconds; 0 if the next block waited for it.
    pub handover_us: u64,
    /// These, the pause, and the copy for the rehearsal, in microseconds.
    pub total_us: u64,
}

/// How far an upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum UpgradeState {
    /// Its code is being read, checked, probed and loaded.
    Staging,
    /// All is ready; it waits for its height.
    Armed,
    /// The new generation is live.
    Committed,
    /// A transition failed; the old generation goes on.
    Aborted,
    /// It was refused before the gate closed; nothing happened.
    Refused,
    /// It was committed, and taken back: the old generation goes on under another branch.
    #[serde(rename = "rolled-back")]
    RolledBack,
}

impl UpgradeState {
    /// Whether the upgrade has come to its end.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Committed | Self::Aborted | Self::Refused | Self::RolledBack
        )
    }
}

/// How a kind's state crosses, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Class {
    /// The kind's code is not in the plan: nothing changes.
    Carry,
    /// The kind is new: it has no engines yet.
    New,
    /// New code, same state: the pointer is handed over.
    Adopt,
    /// Changed fields are made, the others move.
    Migrate,
    /// One function written by hand makes the new state.
    MigrateByHand,
    /// The state crosses as bytes.
    Translate,
    /// The live code takes the state back to an older version.
    MigrateBack,
    /// A function of the release over the whole snapshot makes the new state.
    Snapshot,
    /// The engine starts afresh; its state is dropped.
    RestartEngine,
}

/// What an upgrade does to one engine kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradedKind {
    /// The kind.
    pub kind: String,
    /// How its state crosses.
    pub class: Class,
    /// Version of the state before; absent for a new kind.
    pub from_version: Option<u32>,
    /// Version of the state after.
    pub to_version: u32,
    /// Version of the package before; absent for a new kind, and from an older node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_package_version: Option<String>,
    /// The package that the code comes from; empty from an older node, as all that follows.
    #[serde(default)]
    pub package: String,
    /// Version of the package after.
    #[serde(default)]
    pub to_package_version: String,
    /// BLAKE3 hash of its library file, in hexadecimal.
    #[serde(default)]
    pub artifact: String,
    /// Where that file was, on the node's machine.
    #[serde(default)]
    pub file: String,
    /// Number of engines of this kind.
    pub engines: u64,
}

/// Why an upgrade did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable name of the reason.
    pub code: String,
    /// What went wrong.
    pub detail: String,
    /// The next step for the operator.
    pub next: String,
    /// The phase in which it went wrong.
    pub phase: Phase,
    /// The engine in which it went wrong, if it was one.
    pub engine: Option<String>,
    /// The entry of that engine's state, if its code named one.
    pub key: Option<String>,
}

impl Reason {
    /// What `error` says of itself, and the phase in which it came.
    pub fn of(phase: Phase, error: &(impl Explain + ?Sized)) -> Self {
        Self::new(phase, Explained::of(error))
    }

    /// That reason, and the phase in which it came.
    pub fn new(phase: Phase, why: Explained) -> Self {
        let Explained {
            code,
            detail,
            next,
            engine,
            key,
        } = why;
        Self {
            code,
            detail,
            next,
            phase,
            engine,
            key,
        }
    }
}

/// A finished phase and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// Its time, in microseconds.
    pub us: u64,
}

/// The phases of an upgrade, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// Bytes read and checked.
    Staged,
    /// Loaded once in a child process.
    Probed,
    /// Run in a child process, on a copy of the state.
    Rehearsed,
    /// Loaded here, new crew started and parked.
    Armed,
    /// The gate is closed, the crew is parked.
    Quiesced,
    /// Transition functions have run.
    Transitioned,
    /// The new generation is published.
    Committed,
    /// The new crew runs.
    Resumed,
    /// The old code is unmapped.
    Retired,
}

macro_rules! shown_as {
    ($($name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $text),+ })
            }
        }
    )+};
}

shown_as! {
    UpgradeState {
        Staging = "staging", Armed = "armed", Committed = "committed", Aborted = "aborted",
        Refused = "refused", RolledBack = "rolled-back",
    }
    Class {
        Carry = "carry", New = "new", Adopt = "adopt", Migrate = "migrate", MigrateByHand = "migrate-by-hand",
        Translate = "translate", MigrateBack = "migrate-back", Snapshot = "snapshot",
        RestartEngine = "restart-engine",
    }
    Phase {
        Staged = "staged", Probed = "probed", Rehearsed = "rehearsed", Armed = "armed", Quiesced = "quiesced",
        Transitioned = "transitioned", Committed = "committed", Resumed = "resumed",
        Retired = "retired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_is_written_in_json() {
        let json = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for class in [Class::Carry, Class::MigrateByHand, Class::MigrateBack] {
            assert_eq!(
                json(serde_json::to_value(class).unwrap()),
                class.to_string()
            );
        }
        for phase in [Phase::Staged, Phase::Transitioned, Phase::Retired] {
            assert_eq!(
                json(serde_json::to_value(phase).unwrap()),
                phase.to_string()
            );
        }
        for state in [UpgradeState::Refused, UpgradeState::RolledBack] {
            assert_eq!(
                json(serde_json::to_value(state).unwrap()),
                state.to_string()
            );
        }
    }

    #[test]
    fn the_strongest_class_is_the_largest() {
        let classes = [Class::Adopt, Class::Translate, Class::Carry];
        assert_eq!(classes.into_iter().max(), Some(Class::Translate));
    }
}
