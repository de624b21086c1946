//! Whether one keyset leads to another: each that follows is signed by enough root keys of the one before. A keyset that stands in a
//! data folder or in a snapshot says nothing of that by itself: its own root keys alone have signed it.

use super::kept::Kept;
use refit_release::keyset::RotationError;
use refit_release::{Keyset, KeysetId};

/// Why a keyset does not lead to the one that a node goes by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotLed {
    /// Another one of that version is on the way.
    #[error("keyset {version} on the way to it is another one, {found}")]
    Other {
        /// The version of both.
        version: u64,
        /// The one on the way.
        found: KeysetId,
    },
    /// One does not follow the one before.
    #[error(transparent)]
    Rotation(#[from] RotationError),
}

/// A keyset that an operator trusts, and one that it does not lead to.
#[derive(Debug, thiserror::Error)]
#[error(
    "keyset {version} that is configured, {configured}, does not lead to keyset {known_version}, {known}: {why}"
)]
pub struct Unrelated {
    /// The version of the configured one.
    pub version: u64,
    /// Its id.
    pub configured: KeysetId,
    /// The version of the other one.
    pub known_version: u64,
    /// Its id.
    pub known: KeysetId,
    /// Why not.
    pub why: NotLed,
}

impl Kept {
    /// Whether a keyset that an operator trusts leads to the one that is kept, `known`, by those that were kept before it.
    pub(super) fn is_led_from(
        &self,
        trusted: &Keyset,
        known: &Keyset,
    ) -> Result<(), Box<Unrelated>> {
        let led = self.before.iter().chain([known]);
        led_by(trusted, led).map_err(|why| {
            Box::new(Unrelated {
                version: trusted.record().version.0,
                configured: trusted.id(),
                known_version: known.record().version.0,
                known: known.id(),
                why,
            })
        })
    }

    /// The keysets that have led to this one, the last that is kept among them; none if that does not lead to it.
    pub(super) fn led_to(&self, next: &Keyset) -> Vec<Keyset> {
        let leads = |known: &Keyset| known.rotate(&next.write()).is_ok();
        match self.keyset.as_ref().is_some_and(leads) {
            true => self.before.iter().chain(&self.keyset).cloned().collect(),
            false => Vec::new(),
        }
    }

    /// The keyset that is kept, with the signatures of the same one as somebody gives it: those count before the ones that are
    /// kept. `None` if that changes nothing, it is another one, or those of before would lead to it no longer.
    pub(super) fn signed_also(&self, given: &Keyset) -> Option<Keyset> {
        let known = self.keyset.as_ref().filter(|it| it.id() == given.id())?;
        let keyset = given.with_signatures_of(known);
        let is_led = led_by(
            self.before.first().unwrap_or(&keyset),
            self.before.iter().chain([&keyset]),
        );
        (is_led.is_ok() && keyset != *known).then_some(keyset)
    }

    /// Whether each of its keysets follows the one before.
    pub(super) fn is_chain(&self) -> Result<(), NotLed> {
        match (self.before.first(), &self.keyset) {
            (Some(first), Some(last)) => led_by(first, self.before.iter().chain([last])),
            _ => Ok(()),
        }
    }
}

/// Whether a keyset leads to the last one of these, which are in their order. Those of before it do not matter.
fn led_by<'a>(trusted: &Keyset, keysets: impl Iterator<Item = &'a Keyset>) -> Result<(), NotLed> {
    let mut at = trusted.clone();
    let mut last = trusted;
    for keyset in keysets {
        last = keyset;
        let (version, found) = (keyset.record().version, keyset.id());
        if version > at.record().version {
            at = at.rotate(&keyset.write())?;
        } else if version == at.record().version && found != at.id() {
            let version = version.0;
            return Err(NotLed::Other { version, found });
        }
    }
    // One of an older version, behind those that have led on, is not where they have led.
    match last.id() == at.id() {
        true => Ok(()),
        false => Err(NotLed::Other {
            version: last.record().version.0,
            found: last.id(),
        }),
    }
}
