//! The code of engines: which modules are mapped ([`libraries`]), and which do not come in again ([`quarantine`]).

pub(crate) mod libraries;
pub(crate) mod quarantine;
