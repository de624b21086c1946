//! [`Capability`]: one thing that an engine kind does to engines of other kinds, as its author declares it.

use crate::descriptor::{Ability, CapabilityDescriptor};

/// Lists what an engine kind does to engines of another kind, named by kind. To its own kind an engine may
/// do all of it undeclared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Sends them messages; over the upgrade bus, upgrade messages.
    Message(&'static str),
    /// It starts engines of that kind.
    Spawn(&'static str),
    /// Asks them, old state or new, over the upgrade bus.
    Read(&'static str),
}

impl Capability {
    pub(crate) fn describe(self) -> CapabilityDescriptor {
        let (ability, kind) = match self {
            Capability::Message(kind) => (Ability::Message, kind),
            Capability::Spawn(kind) => (Ability::Spawn, kind),
            Capability::Read(kind) => (Ability::Read, kind),
        };
        CapabilityDescriptor {
            ability,
            kind: kind.to_owned(),
        }
    }
}
