//! What a configured keyset comes to where a node has one already, or has none: a start, `refit doctor` and
//! `refit config check` ask here.

use super::TrustError;
use super::kept::Kept;
use refit_release::Keyset;
use refit_release::keyset::FirstKeyset;
use refit_store::ArchiveView;

/// What a keyset is to the one that a node goes by.
#[derive(Debug)]
pub(super) enum Named {
    /// It is the one, perhaps with other signatures.
    InForce(Box<FirstKeyset>),
    /// The node has come from it to the one of this version.
    Older {
        /// Its own version.
        version: u64,
        /// That of the one that the node goes by.
        known: u64,
    },
    /// It takes that one's place, or is the first.
    Next(Box<Keyset>),
}

/// Whether a start takes what the store keeps of whom the node trusts, with the keyset that is `configured`, if one is. Without
/// a store it is a node that begins.
///
/// # Errors
/// [`TrustError`], as the start would end with it.
pub(crate) fn check(
    archive: Option<&dyn ArchiveView>,
    configured: Option<&[u8]>,
) -> Result<(), TrustError> {
    let kept = Kept::of(archive)?;
    match configured {
        Some(bytes) => kept.configured(bytes).map(drop),
        None => Ok(()),
    }
}

/// Whether a node that has no keyset yet begins with this one.
///
/// # Errors
/// [`TrustError`], as the start would end with it.
pub fn check_keyset(keyset: &[u8]) -> Result<(), TrustError> {
    check(None, Some(keyset))
}

impl Kept {
    /// The configuration names where a node begins. One that has come further since goes on from there.
    pub(super) fn configured(&self, bytes: &[u8]) -> Result<Named, TrustError> {
        let first = FirstKeyset::read(bytes)?;
        let version = first.record().version;
        match &self.keyset {
            Some(known) if version < known.record().version => {
                // Whoever has put the later one there, an operator trusts the older one alone.
                self.is_led_from(&first.trust()?, known)?;
                Ok(Named::Older {
                    version: version.0,
                    known: known.record().version.0,
                })
            }
            _ => self.follows(bytes),
        }
    }

    /// A keyset that is to be gone by: the first one, or the one that follows. The one that is there may come again.
    pub(super) fn follows(&self, bytes: &[u8]) -> Result<Named, TrustError> {
        let offered = FirstKeyset::read(bytes)?;
        let Some(known) = &self.keyset else {
            return Ok(Named::Next(Box::new(offered.trust()?)));
        };
        let (version, found) = (offered.record().version, offered.id());
        if found == known.id() {
            return Ok(Named::InForce(Box::new(offered)));
        }
        if version == known.record().version {
            return Err(TrustError::Conflict {
                version: version.0,
                known: known.id(),
                found,
            });
        }
        Ok(Named::Next(Box::new(known.rotate(bytes)?)))
    }
}
