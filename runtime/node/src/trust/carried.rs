//! [`CarriedTrust`]: what a snapshot says of whom its node trusted, and of how far that has come in the order of releases. A chain
//! that is restored goes on from there: no release comes in that the chain had left behind.
//!
//! Nobody has signed a snapshot. What only keeps releases out is taken from it as it is; its keyset lets releases in, and is
//! taken over only if the operator vouches for it ([`super::Vouched`]).

use super::admitted::{REVOKED_MAX, Revoked};
use super::kept::{Kept, of_plan};
use crate::hex::{hex, unhex};
use refit_admin::api::NewestRelease;
use refit_release::keyset::FirstKeyset;
use refit_release::revocation::REASON_BYTES_MAX;
use refit_release::{Epoch, Keyset, Newest, Position, ReleaseId, Sequence};
use refit_upgrade::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whom a node trusts, as it stands in a snapshot. What builders have attested is not in it: it may be imported again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedTrust {
    /// The keyset that the node went by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyset: Option<CarriedKeyset>,
    /// The keysets of before that have led to it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<CarriedKeyset>,
    /// The newest release that it had committed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<NewestRelease>,
    /// Why releases are not to be used, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revoked: BTreeMap<String, String>,
}

/// A keyset in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedKeyset {
    /// Its version.
    pub version: u64,
    /// The keyset with its signatures, in hexadecimal.
    pub signed: String,
}

impl CarriedKeyset {
    fn of(keyset: &Keyset) -> Self {
        Self {
            version: keyset.record().version.0,
            signed: hex(&keyset.write()),
        }
    }

    /// The keyset, which its own root keys have signed; why not, if it is something else.
    fn read(&self) -> Result<Keyset, String> {
        let bytes = unhex(&self.signed).ok_or("its keyset is no hexadecimal text")?;
        let read = FirstKeyset::read(&bytes).and_then(FirstKeyset::trust);
        read.map_err(|error| format!("its keyset is none: {error}"))
    }
}

impl CarriedTrust {
    /// What is kept, with this release as the newest.
    pub(super) fn of(kept: &Kept, newest: Option<Newest>) -> Self {
        let revoked = kept.revoked.iter();
        Self {
            keyset: kept.keyset.as_ref().map(CarriedKeyset::of),
            before: kept.before.iter().map(CarriedKeyset::of).collect(),
            newest: newest.as_ref().map(shown),
            revoked: revoked
                .map(|(id, revoked)| (id.to_string(), revoked.reason.clone()))
                .collect(),
        }
    }

    /// What a snapshot says of it once it has been upgraded by this plan; of none that says nothing, and of a plan of no
    /// release, nothing more.
    pub(crate) fn after(carried: Option<&Self>, plan: &Plan) -> Option<Self> {
        let Some(newest) = of_plan(plan) else {
            return carried.cloned();
        };
        Some(Self {
            newest: Some(shown(&newest)),
            ..carried.cloned().unwrap_or_default()
        })
    }

    /// The same as a node keeps it; why not, if it is something else.
    pub(super) fn kept(&self) -> Result<Kept, String> {
        let keyset = self.keyset.as_ref().map(CarriedKeyset::read).transpose()?;
        let before = self.before.iter().map(CarriedKeyset::read);
        let newest = self.newest.as_ref().map(newest_of).transpose()?;
        let number = self.revoked.len();
        if number > REVOKED_MAX {
            return Err(format!(
                "it says of {number} releases that they are revoked; at most {REVOKED_MAX} are taken"
            ));
        }
        let revoked = self.revoked.iter().map(revoked);
        let kept = Kept {
            keyset,
            before: before.collect::<Result<_, _>>()?,
            newest,
            revoked: revoked.collect::<Result<_, _>>()?,
        };
        let is_chain = kept.is_chain();
        is_chain.map_err(|why| format!("its keysets do not follow one another: {why}"))?;
        Ok(kept)
    }
}

/// A release of which a snapshot says that it is revoked.
fn revoked((id, reason): (&String, &String)) -> Result<(ReleaseId, Revoked), String> {
    let read = id.parse();
    let id = read.map_err(|_| "the id of a revoked release is none".to_owned())?;
    let bytes = reason.len();
    if bytes > REASON_BYTES_MAX {
        return Err(format!(
            "the reason for which a release is revoked has {bytes} bytes; at most {REASON_BYTES_MAX} are taken"
        ));
    }
    let (reason, is_signed) = (reason.clone(), false);
    Ok((id, Revoked { reason, is_signed }))
}

fn newest_of(carried: &NewestRelease) -> Result<Newest, String> {
    let id = carried.id.parse();
    Ok(Newest {
        position: Position {
            epoch: Epoch(carried.epoch),
            sequence: Sequence(carried.sequence),
        },
        release: id.map_err(|_| "the id of its newest release is none".to_owned())?,
    })
}

/// The newest release, as it is shown.
pub(super) fn shown(newest: &Newest) -> NewestRelease {
    NewestRelease {
        id: newest.release.to_string(),
        epoch: newest.position.epoch.0,
        sequence: newest.position.sequence.0,
    }
}
