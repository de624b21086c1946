//! [`Plan`]: what an upgrade will do, as immutable data that can be read, kept and sent.
//!
//! A plan is made against one generation and is good for that one only. It names files by their
//! BLAKE3 hash: applying it does exactly what was planned, or refuses.

use crate::class::Class;
use crate::directives::Directives;
use crate::finding::Finding;
use crate::plan_error::PlanError;
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use refit_abi::{Generation, Height};
use serde::{Deserialize, Serialize};

/// The format that this code writes and reads.
pub const PLAN_FORMAT: u32 = 2;

/// Modules that one plan may replace.
pub(crate) const PLAN_MODULES_MAX: usize = 256;

/// What an upgrade will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The generation it was made for.
    pub base: Generation,
    /// [`code_id`] of that generation: two nodes at the same number may run different code.
    pub base_code: String,
    /// The last block of the old code; the next one possible if absent.
    pub at_height: Option<Height>,
    /// The modules that come in.
    pub modules: Vec<PlannedModule>,
    /// Kinds that go on as they are.
    pub carried: Vec<String>,
    /// Restart strategies, dead letters, budgets.
    pub directives: Directives,
    /// What the linter found when it was made.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The release that it brings; absent of a plan whose libraries an operator has named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<PlannedRelease>,
    /// The pause that a rehearsal took on the day of the plan, in microseconds, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_pause_us: Option<u64>,
}

/// The release that a plan brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedRelease {
    /// BLAKE3 of its manifest, in hexadecimal.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The version of the keyset that signed it: counts before the sequence.
    pub epoch: u64,
    /// Its number among the releases of the epoch.
    pub sequence: u64,
}

/// One module that comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedModule {
    /// Where its file is, on the node's machine.
    pub path: String,
    /// BLAKE3 of the file, in hexadecimal.
    pub artifact: String,
    /// What the builder stamped on it.
    pub build_id: String,
    /// The package that it comes from; empty in an older plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub package: String,
    /// Version of that package; empty in an older plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What it does to each of its kinds.
    pub kinds: Vec<PlannedKind>,
}

/// What happens to one engine kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedKind {
    /// Its name.
    pub kind: String,
    /// How its states cross.
    pub class: Class,
    /// The whole state is copied, though fields could move over: it handles upgrade messages, or
    /// another kind of the plan asks its new state.
    pub copied: bool,
    /// `#[state(version)]` before; `None` if the kind is new.
    pub from_version: Option<u32>,
    /// `#[state(version)]` after.
    pub to_version: u32,
    /// The difference of the schemas, line by line.
    pub difference: Vec<String>,
    /// Fields whose data goes, as the author wrote.
    pub dropped: Vec<String>,
}

/// The generation that a plan starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its number.
    pub generation: Generation,
    /// Its kinds, in the order of the table.
    pub kinds: Vec<LiveKind>,
}

/// One kind of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKind {
    /// What its module says of it.
    pub descriptor: KindDescriptor,
    /// BLAKE3 of its module's file.
    pub artifact: String,
}

/// A module that might come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModule {
    /// Where its file is.
    pub path: String,
    /// BLAKE3 of the file.
    pub artifact: String,
    /// The kind that the operator means to replace, if one was named.
    pub meant: Option<String>,
    /// What it says of itself.
    pub descriptor: Descriptor,
    /// By what it reaches outside of the node, beyond what every engine asks the system for: words for people.
    pub outside: Vec<String>,
}

impl Plan {
    /// Whether this plan was made for `live`.
    ///
    /// # Errors
    /// [`PlanError::Base`] or [`PlanError::Format`].
    pub fn check_base(&self, live: &Live) -> Result<(), PlanError> {
        if self.format != PLAN_FORMAT {
            return Err(PlanError::Format {
                reads: PLAN_FORMAT,
                found: self.format,
            });
        }
        if self.base != live.generation || self.base_code != code_id(live) {
            return Err(PlanError::Base {
                planned: self.base,
                live: live.generation,
            });
        }
        Ok(())
    }

    /// BLAKE3 of the files that come in, in hexadecimal, in order.
    pub fn artifacts(&self) -> Vec<String> {
        let artifacts = self.modules.iter().map(|module| module.artifact.clone());
        let mut artifacts: Vec<_> = artifacts.collect();
        artifacts.sort_unstable();
        artifacts
    }

    /// What each of [`Plan::artifacts`] is, in their order: its package and version.
    pub fn packages(&self) -> Vec<String> {
        let mut modules: Vec<_> = self.modules.iter().collect();
        modules.sort_unstable_by(|one, other| one.artifact.cmp(&other.artifact));
        modules.iter().map(|module| module.name()).collect()
    }

    /// How the states of a kind cross; what the plan does not name is carried.
    pub fn class_of(&self, kind: &str) -> Class {
        let mut kinds = self.modules.iter().flat_map(|module| &module.kinds);
        let planned = kinds.find(|planned| planned.kind == kind);
        planned.map_or(Class::Carry, |planned| planned.class)
    }

    /// Whether a function over the whole snapshot makes the new states.
    pub fn is_whole(&self) -> bool {
        let mut kinds = self.modules.iter().flat_map(|module| &module.kinds);
        kinds.any(|kind| kind.class == Class::Snapshot)
    }

    /// The strongest class in the plan.
    pub fn class(&self) -> Class {
        let kinds = self.modules.iter().flat_map(|module| &module.kinds);
        kinds.map(|kind| kind.class).max().unwrap_or(Class::Carry)
    }
}

impl PlannedModule {
    /// Its package and version; empty in an older plan.
    pub fn name(&self) -> String {
        format!("{} {}", self.package, self.version)
            .trim()
            .to_owned()
    }
}

/// Names the code of a generation: a hash over its kinds and their files.
pub fn code_id(live: &Live) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("refit 2026 code of a generation");
    hasher.update(&live.generation.0.to_le_bytes());
    for part in live
        .kinds
        .iter()
        .flat_map(|kind| [&kind.descriptor.kind, &kind.artifact])
    {
        // The length keeps `ab`, `c` apart from `a`, `bc`.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
