//! [`CarriedTrust`]: what a snapshot says of whom its node trusted, and of how far that has come in the order of releases. A chain
//! that is restored goes on from there: no release comes in that the chain had left behind.

use super::kept::{Kept, put_keyset, put_newest, put_revoked};
use crate::hex::{hex, unhex};
use refit_admin::api::NewestRelease;
use refit_release::keyset::FirstKeyset;
use refit_release::{Epoch, Newest, Position, Sequence};
use refit_store::RecordChange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whom a node trusts, as it stands in a snapshot. What builders have attested is not in it: it may be imported again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedTrust {
    /// The keyset that the node went by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyset: Option<CarriedKeyset>,
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

impl CarriedTrust {
    pub(super) fn of(kept: &Kept) -> Self {
        let keyset = kept.keyset.as_ref().map(|keyset| CarriedKeyset {
            version: keyset.record().version.0,
            signed: hex(&keyset.write()),
        });
        let newest = kept.newest.map(|newest| NewestRelease {
            id: newest.release.to_string(),
            epoch: newest.position.epoch.0,
            sequence: newest.position.sequence.0,
        });
        let revoked = kept.revoked.iter();
        Self {
            keyset,
            newest,
            revoked: revoked
                .map(|(id, reason)| (id.to_string(), reason.clone()))
                .collect(),
        }
    }

    /// The changes that keep it in a store that has nothing yet; why not, if it is something else.
    pub(crate) fn changes(&self) -> Result<Vec<RecordChange>, String> {
        let mut changes = Vec::new();
        if let Some(keyset) = &self.keyset {
            let bytes = unhex(&keyset.signed).ok_or("its keyset is no hexadecimal text")?;
            let read = FirstKeyset::read(&bytes).and_then(FirstKeyset::trust);
            let keyset = read.map_err(|error| format!("its keyset is none: {error}"))?;
            changes.push(put_keyset(&keyset));
        }
        if let Some(newest) = &self.newest {
            let newest = newest_of(newest).ok_or("the id of its newest release is none")?;
            changes.push(put_newest(&newest).map_err(|fault| fault.to_string())?);
        }
        for (id, reason) in &self.revoked {
            let id = id
                .parse()
                .ok()
                .ok_or("the id of a revoked release is none")?;
            changes.push(put_revoked(id, reason));
        }
        Ok(changes)
    }
}

fn newest_of(carried: &NewestRelease) -> Option<Newest> {
    Some(Newest {
        position: Position {
            epoch: Epoch(carried.epoch),
            sequence: Sequence(carried.sequence),
        },
        release: carried.id.parse().ok()?,
    })
}
