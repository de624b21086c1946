//! The records in which the store keeps whom the node trusts. Each is durable before anything goes by it.
//!
//! ```text
//! trust/keyset       the keyset with its signatures, as it came
//! trust/before/N     the keysets of before that have led to it, by their versions
//! trust/newest       the newest release that was committed to
//! trust/revoked/ID   why the release is not to be used
//! trust/revoked-unsigned/ID  the same, of a snapshot: nobody has signed it
//! trust/attested/…   what builders have signed, by the hash of the record
//! ```
//!
//! The newest release stands in the armed record of its upgrade, too, until it stands here: whatever ends the node in between,
//! the next start comes by that record again ([`crate::code::armed`]).

use super::TrustError;
use super::admitted::Revoked;
use crate::code::armed::Armed;
use refit_release::canonical::{decode, encode};
use refit_release::keyset::FirstKeyset;
use refit_release::{Domain, Epoch, Frame, Keyset, Newest, Position, ReleaseId, Sequence};
use refit_store::{ArchiveView, Fault, RecordChange};
use std::collections::BTreeMap;

const ALL: &str = "trust/";
const KEYSET: &str = "trust/keyset";
const BEFORE: &str = "trust/before/";
const NEWEST: &str = "trust/newest";
const REVOKED: &str = "trust/revoked/";
const REVOKED_UNSIGNED: &str = "trust/revoked-unsigned/";
const ATTESTED: &str = "trust/attested/";

/// All that is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) keyset: Option<Keyset>,
    /// The keysets that it has gone by before, oldest first.
    pub(super) before: Vec<Keyset>,
    pub(super) newest: Option<Newest>,
    pub(super) revoked: BTreeMap<ReleaseId, Revoked>,
}

impl Kept {
    /// What a node has that begins with this archive; nothing, if it keeps nothing.
    pub(super) fn of(archive: Option<&dyn ArchiveView>) -> Result<Self, TrustError> {
        archive.map_or_else(|| Ok(Self::default()), Self::read)
    }

    fn read(archive: &dyn ArchiveView) -> Result<Self, TrustError> {
        Ok(Self {
            keyset: keyset(archive)?,
            before: before(archive)?,
            newest: newest(archive)?,
            revoked: {
                // What is signed takes the place of what is not.
                let unsigned = revoked(archive, REVOKED_UNSIGNED, false)?;
                let signed = revoked(archive, REVOKED, true)?;
                unsigned.into_iter().chain(signed).collect()
            },
        })
    }

    /// The changes that keep all of it where nothing of the kind is.
    pub(super) fn changes(&self) -> Result<Vec<RecordChange>, Fault> {
        let mut changes: Vec<_> = self.before.iter().map(put_before).collect();
        changes.extend(self.keyset.as_ref().map(put_keyset));
        changes.extend(self.newest.as_ref().map(put_newest).transpose()?);
        let revoked = self.revoked.iter();
        changes.extend(revoked.map(|(id, revoked)| put_revoked(*id, revoked)));
        Ok(changes)
    }
}

/// The changes after which nothing of it is kept.
pub(crate) fn cleared(archive: &dyn ArchiveView) -> Result<Vec<RecordChange>, Fault> {
    let records = archive.records(ALL)?.into_iter();
    Ok(records
        .map(|(name, _)| RecordChange::remove(name))
        .collect())
}

fn unreadable(name: &str, why: impl ToString) -> TrustError {
    let (name, why) = (name.to_owned(), why.to_string());
    TrustError::Unreadable { name, why }
}

fn keyset(archive: &dyn ArchiveView) -> Result<Option<Keyset>, TrustError> {
    let bytes = archive.record(KEYSET)?;
    bytes.map(|bytes| read(KEYSET, &bytes)).transpose()
}

/// A keyset that was trusted when it was written down.
fn read(name: &str, bytes: &[u8]) -> Result<Keyset, TrustError> {
    let read = FirstKeyset::read(bytes).and_then(FirstKeyset::trust);
    read.map_err(|error| unreadable(name, error))
}

fn before(archive: &dyn ArchiveView) -> Result<Vec<Keyset>, TrustError> {
    let records = archive.records(BEFORE)?.into_iter();
    let read = records.map(|(name, bytes)| read(&name, &bytes));
    let mut before: Vec<_> = read.collect::<Result<_, _>>()?;
    before.sort_by_key(|keyset| keyset.record().version);
    Ok(before)
}

fn newest(archive: &dyn ArchiveView) -> Result<Option<Newest>, TrustError> {
    let Some(bytes) = archive.record(NEWEST)? else {
        return Ok(None);
    };
    let read = decode(&bytes);
    read.map(Some).map_err(|error| unreadable(NEWEST, error))
}

/// Those that are revoked, of the records with this beginning.
fn revoked(
    archive: &dyn ArchiveView,
    prefix: &str,
    is_signed: bool,
) -> Result<Vec<(ReleaseId, Revoked)>, TrustError> {
    let records = archive.records(prefix)?.into_iter();
    let read = records.map(|(name, reason)| {
        let id = name.strip_prefix(prefix).unwrap_or_default().parse();
        let id = id.map_err(|error| unreadable(&name, error))?;
        let reason = String::from_utf8_lossy(&reason).into_owned();
        Ok((id, Revoked { reason, is_signed }))
    });
    read.collect()
}

/// The change that keeps a keyset.
pub(super) fn put_keyset(keyset: &Keyset) -> RecordChange {
    RecordChange::put(KEYSET, keyset.write())
}

/// The change that keeps a keyset which another one follows.
pub(super) fn put_before(keyset: &Keyset) -> RecordChange {
    let version = keyset.record().version.0;
    RecordChange::put(format!("{BEFORE}{version}"), keyset.write())
}

/// The change that keeps the newest release.
pub(super) fn put_newest(newest: &Newest) -> Result<RecordChange, Fault> {
    let bytes = encode(newest).map_err(|error| Fault::Disk {
        detail: error.to_string(),
    })?;
    Ok(RecordChange::put(NEWEST, bytes))
}

/// What builders have signed, by the hash of the record.
pub(super) fn attested(
    archive: &dyn ArchiveView,
    record: &str,
) -> Result<Option<Frame>, TrustError> {
    let name = format!("{ATTESTED}{record}");
    let Some(bytes) = archive.record(&name)? else {
        return Ok(None);
    };
    let read = Frame::read(Domain::Attestation, &bytes);
    read.map(Some).map_err(|error| unreadable(&name, error))
}

/// The change that keeps what builders have signed.
pub(super) fn put_attested(record: &str, bytes: Vec<u8>) -> RecordChange {
    RecordChange::put(format!("{ATTESTED}{record}"), bytes)
}

/// The change that keeps that a release is revoked.
pub(super) fn put_revoked(release: ReleaseId, revoked: &Revoked) -> RecordChange {
    let prefix = match revoked.is_signed {
        true => REVOKED,
        false => REVOKED_UNSIGNED,
    };
    let reason = revoked.reason.as_bytes().to_vec();
    RecordChange::put(format!("{prefix}{release}"), reason)
}

/// The change after which a revocation that nobody has signed is not kept.
pub(super) fn remove_unsigned(release: ReleaseId) -> RecordChange {
    RecordChange::remove(format!("{REVOKED_UNSIGNED}{release}"))
}

/// What goes with the branch on which an upgrade is taken back: that its release was live stays known, though its armed
/// record goes.
///
/// # Errors
/// [`Fault`] if what is kept cannot be read.
pub(crate) fn taken_back(
    armed: Option<&Armed>,
    archive: &dyn ArchiveView,
) -> Result<Option<RecordChange>, Fault> {
    let Some(came) = armed.and_then(of_armed) else {
        return Ok(None);
    };
    let known = newest(archive).map_err(|error| match error {
        TrustError::Store(fault) => fault,
        error => Fault::Disk {
            detail: error.to_string(),
        },
    })?;
    match known {
        Some(known) if known.position >= came.position => Ok(None),
        _ => Ok(Some(put_newest(&came)?)),
    }
}

/// The release that an upgrade brings, by its place.
fn of_armed(armed: &Armed) -> Option<Newest> {
    of_plan(&armed.plan)
}

/// The release that a plan brings, by its place. An id that is none is of no release: such a plan is not taken on.
pub(crate) fn of_plan(plan: &refit_upgrade::Plan) -> Option<Newest> {
    let planned = plan.release.as_ref()?;
    Some(Newest {
        position: Position {
            epoch: Epoch(planned.epoch),
            sequence: Sequence(planned.sequence),
        },
        release: planned.id.parse().ok()?,
    })
}
