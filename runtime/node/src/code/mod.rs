//! The code of engines: which modules are mapped ([`libraries`]), which do not come in again ([`quarantine`]), which
//! may have come in when the node ended ([`armed`]), and which were handed over for a plan ([`offered`]).

pub(crate) mod armed;
pub(crate) mod libraries;
pub(crate) mod offered;
pub(crate) mod quarantine;

use parking_lot::Mutex;

/// Held by whoever keeps code for an upgrade until its record is written, and by whoever removes code that nothing
/// needs: else the one would remove what the other has just kept.
pub(crate) type CodeLock = Mutex<()>;
