//! The code of engines: which modules are mapped ([`libraries`]), which do not come in again ([`quarantine`]), and which
//! may have come in when the node ended ([`armed`]).

pub(crate) mod armed;
pub(crate) mod libraries;
pub(crate) mod quarantine;

use parking_lot::Mutex;

/// Held by whoever keeps code for an upgrade until its record is written, and by whoever removes code that nothing
/// needs: else the one would remove what the other has just kept.
pub(crate) type CodeLock = Mutex<()>;
