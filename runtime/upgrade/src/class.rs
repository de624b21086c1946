//! [`Class`]: how an engine's state crosses, chosen from hashes and never by hand.

use refit_abi::descriptor::KindDescriptor;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the states of one engine kind cross to the new code; weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The kind is not in the plan: same instances, same code.
    Carry,
    /// The kind is new: no instances yet.
    New,
    /// Schema and layout are equal: the state is handed over by pointer.
    Adopt,
    /// Fields move over; only new ones are made.
    Migrate,
    /// One function makes a new state from the old.
    MigrateByHand,
    /// The state crosses as postcard bytes.
    Translate,
    /// An older version comes in: the live code takes each state back to it, as postcard bytes.
    MigrateBack,
    /// The release's own function over the whole snapshot makes the new state.
    Snapshot,
    /// The engine starts afresh; its state is dropped.
    #[serde(rename = "restart-engine")]
    Restart,
}

impl Class {
    /// The class of replacing `old` by `new`; `None` if no step leads from the one to the other.
    pub fn of(old: &KindDescriptor, new: &KindDescriptor) -> Option<Self> {
        if old.schema == new.schema {
            let by_pointer = old.layout == new.layout && !new.crosses_as_bytes;
            return Some(if by_pointer {
                Class::Adopt
            } else {
                Class::Translate
            });
        }
        let mut steps = new.migrations.iter();
        let Some(step) = steps.find(|step| step.from_schema == old.schema) else {
            return goes_back(old, new).then_some(Class::MigrateBack);
        };
        // The step reads memory laid out as its own frozen type: in another layout it would read something else.
        if step.from_layout != old.layout || old.crosses_as_bytes {
            return Some(Class::Translate);
        }
        Some(if step.by_hand {
            Class::MigrateByHand
        } else {
            Class::Migrate
        })
    }

    /// Whether engines of the kind run a transition of the author's, which may ask on the bus.
    pub(crate) fn runs(self) -> bool {
        matches!(
            self,
            Class::Migrate | Class::MigrateByHand | Class::Translate | Class::MigrateBack
        )
    }
}

/// Whether a way back of `old` leads to the states of `new`.
fn goes_back(old: &KindDescriptor, new: &KindDescriptor) -> bool {
    old.ways_back.iter().any(|way| way.to == new.schema)
}

/// Whether `new` is an older version of `old`: by its number, or since `old` knows a step from it.
pub(crate) fn is_older(new: &KindDescriptor, old: &KindDescriptor) -> bool {
    let mut steps = old.migrations.iter();
    new.version < old.version || steps.any(|step| step.from_schema == new.schema)
}

/// Whether the new code may not take a message that the old code took.
pub(crate) fn may_refuse(old: &KindDescriptor, new: &KindDescriptor) -> bool {
    old.taken().any(|(schema, _)| !new.accepts(schema))
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Class::Carry => "carry",
            Class::New => "new",
            Class::Adopt => "adopt",
            Class::Migrate => "migrate",
            Class::MigrateByHand => "migrate-by-hand",
            Class::Translate => "translate",
            Class::MigrateBack => "migrate-back",
            Class::Snapshot => "snapshot",
            Class::Restart => "restart-engine",
        })
    }
}
