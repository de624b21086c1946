//! [`Trust`]: whose signatures make a release for this node, how far it has come in the order of releases, and which are
//! revoked.
//!
//! Life: read from the store at the start, and held against the keyset that the configuration names; changed by operators'
//! commands and by each upgrade that brings a release. What changes is in the store before it holds; a node that keeps
//! nothing on the disk has it for as long as it lives.
//!
//! Invariants: a keyset follows another only as its rules say ([`Keyset::rotate`]). The newest release never goes back, also
//! not when its generation is taken back. A release that is revoked is not begun; one that is live is not taken away by it.
//! A node whose configuration names an older keyset than it has come to starts only if that one leads to its own.

mod admitted;
mod carried;
mod configured;
mod error;
mod kept;
mod rotations;
mod vouched;

pub use carried::{CarriedKeyset, CarriedTrust};
pub(crate) use configured::check;
pub use configured::check_keyset;
pub use error::TrustError;
pub(crate) use kept::{cleared, of_plan, taken_back};
pub use rotations::{NotLed, Unrelated};
pub(crate) use vouched::TakenOver;
pub use vouched::{KeysetFacts, NotVouched, TrustFacts, Vouched};

use admitted::Revoked;
use configured::Named;
use kept::{Kept, put_attested, put_before, put_keyset, put_newest, put_revoked, remove_unsigned};
use parking_lot::Mutex;
use refit_abi::{Generation, Height};
use refit_admin::api::{FileAttested, KeysetInForce};
use refit_release::attestation::Attestation;
use refit_release::keyset::FirstKeyset;
use refit_release::position::OrderError;
use refit_release::revocation::Revocation;
use refit_release::{
    Domain, Epoch, Frame, Network, Newest, Quorum, ReleaseBytes, ReleaseId, SourceRoot,
    VerifiedRelease,
};
use refit_store::{ArchiveView, RecordChange, Store};
use std::sync::Arc;

/// Whom the node trusts.
pub(crate) struct Trust {
    store: Arc<dyn Store>,
    /// Whose word it takes for what comes of a source; absent: libraries of a release need nobody's.
    builders: Option<Quorum>,
    kept: Mutex<Kept>,
    /// The release of the newest upgrade that was let go to its update point, and the generation that it was made for: in a
    /// later one that release is live.
    coming: Mutex<Option<(Generation, Newest)>>,
}

impl Trust {
    /// What the store keeps, brought to the keyset that is `configured`, if one is.
    ///
    /// # Errors
    /// [`TrustError`]: nothing has changed then.
    pub(crate) fn open(
        store: Arc<dyn Store>,
        configured: Option<&[u8]>,
        builders: Option<Quorum>,
    ) -> Result<Self, TrustError> {
        let kept = Kept::of(store.archive().map(|archive| archive as &dyn ArchiveView))?;
        let trust = Self {
            store,
            builders,
            kept: Mutex::new(kept),
            coming: Mutex::default(),
        };
        if let Some(bytes) = configured {
            trust.configured(bytes)?;
        }
        Ok(trust)
    }

    fn configured(&self, bytes: &[u8]) -> Result<(), TrustError> {
        let mut kept = self.kept.lock();
        let named = kept.configured(bytes)?;
        if let Named::Older { version, known } = named {
            tracing::info!(
                version,
                known,
                "the configuration names an older keyset than the node has come to, which it goes by"
            );
        }
        self.go_by(named, &mut kept)
    }

    /// Goes by another keyset: the first one, or the one that follows. The one that is there may come again.
    ///
    /// # Errors
    /// [`TrustError`]: nothing has changed then.
    pub(crate) fn install(&self, bytes: &[u8]) -> Result<(), TrustError> {
        let mut kept = self.kept.lock();
        let named = kept.follows(bytes)?;
        self.go_by(named, &mut kept)
    }

    /// Keeps a keyset that takes the place of the one that is there, and goes by it.
    fn go_by(&self, named: Named, kept: &mut Kept) -> Result<(), TrustError> {
        let keyset = match named {
            Named::InForce(again) => return self.sign_also(kept, *again),
            Named::Older { .. } => return Ok(()),
            Named::Next(keyset) => keyset,
        };
        let before = kept.keyset.as_ref().map(put_before);
        let changes = before.into_iter().chain([put_keyset(&keyset)]);
        self.keep(changes.collect())?;
        let (id, version) = (keyset.id(), keyset.record().version.0);
        tracing::info!(%id, version, network = %keyset.record().network, "the node goes by this keyset");
        let before = kept.keyset.replace(*keyset);
        kept.before.extend(before);
        Ok(())
    }

    /// The keyset that is there comes again: what it is signed by more is kept. Keysets of before may lead to it only so.
    fn sign_also(&self, kept: &mut Kept, again: FirstKeyset) -> Result<(), TrustError> {
        let again = again.trust().ok();
        let Some(keyset) = again.and_then(|again| kept.signed_also(&again)) else {
            return Ok(());
        };
        self.keep(vec![put_keyset(&keyset)])?;
        kept.keyset = Some(keyset);
        Ok(())
    }

    /// A release whose signatures count at this block. Nothing of it is read before they do.
    ///
    /// # Errors
    /// [`TrustError`].
    pub(crate) fn verify(
        &self,
        release: ReleaseBytes,
        now: Height,
    ) -> Result<VerifiedRelease, TrustError> {
        let kept = self.kept.lock();
        let keyset = kept.keyset.as_ref().ok_or(TrustError::NoKeyset)?;
        Ok(release.verify(keyset, now)?)
    }

    /// Whether a release may become live after what was.
    ///
    /// # Errors
    /// [`TrustError::Revoked`] or [`TrustError::Order`]; two releases at one place are told in the log.
    pub(crate) fn admits(&self, offered: Newest) -> Result<(), TrustError> {
        self.kept.lock().admits(offered).inspect_err(|error| {
            if let TrustError::Order(OrderError::Equivocation { .. }) = error {
                tracing::error!("two releases were signed where one may be: {error}");
            }
        })
    }

    /// Whether a release is not revoked.
    ///
    /// # Errors
    /// [`TrustError::Revoked`].
    pub(crate) fn not_revoked(&self, release: ReleaseId) -> Result<(), TrustError> {
        self.kept.lock().not_revoked(release)
    }

    /// A release was committed to. It is durable when this returns.
    ///
    /// # Errors
    /// [`TrustError::Store`]: it holds in this process all the same.
    pub(crate) fn note(&self, committed: Newest) -> Result<(), TrustError> {
        let mut kept = self.kept.lock();
        if kept
            .newest
            .is_some_and(|known| known.position >= committed.position)
        {
            return Ok(());
        }
        kept.newest = Some(committed);
        self.keep(vec![put_newest(&committed)?])
    }

    /// The version of the keyset that the node goes by: releases are of no earlier one.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        let kept = self.kept.lock();
        kept.keyset.as_ref().map(|keyset| keyset.record().version)
    }

    /// The newest release that was committed to.
    pub(crate) fn newest(&self) -> Option<Newest> {
        self.kept.lock().newest
    }

    /// An upgrade is on its way to its update point, and has been made for the generation `base`: what it brings, if that is a
    /// release. It is noted once its block is made, and live before.
    pub(crate) fn comes(&self, base: Generation, release: Option<Newest>) {
        *self.coming.lock() = release.map(|release| (base, release));
    }

    /// What a snapshot of this generation says of it.
    pub(crate) fn carried(&self, generation: Generation) -> CarriedTrust {
        let kept = self.kept.lock();
        let coming = *self.coming.lock();
        // An upgrade that was aborted has left the generation that it was made for.
        let live = coming.filter(|(base, _)| generation > *base);
        let live = live.map(|(_, release)| release);
        let newest = kept.newest.into_iter().chain(live);
        CarriedTrust::of(&kept, newest.max_by_key(|newest| newest.position))
    }

    /// Hears a revocation.
    ///
    /// # Errors
    /// [`TrustError`]: the release is no more revoked than before.
    pub(crate) fn revoke(&self, bytes: &[u8]) -> Result<Revocation, TrustError> {
        let mut kept = self.kept.lock();
        let keyset = kept.keyset.as_ref().ok_or(TrustError::NoKeyset)?;
        let revocation = Revocation::verify(bytes, keyset)?;
        let release = revocation.release;
        if kept.revoked.get(&release).is_some_and(|it| it.is_signed) {
            return Ok(revocation);
        }
        let gives_way = kept.gives_way(release)?;
        let revoked = Revoked {
            reason: revocation.reason.clone(),
            is_signed: true,
        };
        let removed = gives_way.map(remove_unsigned);
        self.keep(
            removed
                .into_iter()
                .chain([put_revoked(release, &revoked)])
                .collect(),
        )?;
        tracing::warn!(%release, "the release is revoked: {}", revocation.reason);
        if let Some(other) = gives_way.filter(|other| *other != release) {
            tracing::warn!(
                %other,
                "there is no room for the revocation of another release, which has come with a snapshot and is not signed: it is \
                 forgotten, and can be imported as its authority has signed it"
            );
            kept.revoked.remove(&other);
        }
        kept.revoked.insert(release, revoked);
        Ok(revocation)
    }

    /// Takes in what builders say of a file: enough of them in all, with those who have said the same before.
    ///
    /// # Errors
    /// [`TrustError`]: nothing is kept then.
    pub(crate) fn attest(&self, bytes: &[u8]) -> Result<FileAttested, TrustError> {
        let (builders, network) = self.builders()?;
        let mut frame = Frame::read(Domain::Attestation, bytes)?;
        let record = SourceRoot::of(frame.record());
        if let Some(known) = self.attestation(&record.to_string())? {
            frame.take_in(&known)?;
        }
        let bytes = frame.write();
        let (attestation, signers) = Attestation::verify(&bytes, &network, builders)?;
        let file = attestation.file;
        self.keep(vec![put_attested(&record.to_string(), bytes)])?;
        tracing::info!(%file, source = %attestation.source, "builders attest the file");
        Ok(FileAttested {
            file: file.to_string(),
            builders: signers.iter().map(ToString::to_string).collect(),
            threshold: builders.threshold(),
        })
    }

    /// Whether enough builders say this of a file, if the node asks for that.
    ///
    /// # Errors
    /// [`TrustError::NotAttested`].
    pub(crate) fn is_attested(&self, wanted: &Attestation) -> Result<(), TrustError> {
        if self.builders.is_none() {
            return Ok(());
        }
        let (builders, network) = self.builders()?;
        let not = || TrustError::NotAttested {
            package: wanted.package.clone(),
            file: wanted.file,
            threshold: builders.threshold(),
        };
        let record = wanted.unsigned()?;
        let record = SourceRoot::of(record.record()).to_string();
        let known = self.attestation(&record)?.ok_or_else(not)?;
        let verified = Attestation::verify(&known.write(), &network, builders);
        match verified {
            Ok((found, _)) if found == *wanted => Ok(()),
            _ => Err(not()),
        }
    }

    fn builders(&self) -> Result<(&Quorum, Network), TrustError> {
        let builders = self.builders.as_ref().ok_or(TrustError::NoBuilders)?;
        let kept = self.kept.lock();
        let keyset = kept.keyset.as_ref().ok_or(TrustError::NoKeyset)?;
        Ok((builders, keyset.record().network.clone()))
    }

    /// What is kept of a record of builders.
    fn attestation(&self, record: &str) -> Result<Option<Frame>, TrustError> {
        match self.store.archive() {
            Some(archive) => kept::attested(archive, record),
            None => Ok(None),
        }
    }

    /// The keyset that the node goes by, as it is shown.
    ///
    /// # Errors
    /// [`TrustError::NoKeyset`].
    pub(crate) fn shown(&self) -> Result<KeysetInForce, TrustError> {
        let kept = self.kept.lock();
        let keyset = kept.keyset.as_ref().ok_or(TrustError::NoKeyset)?;
        let record = keyset.record();
        let keys = |of: &Quorum| of.keys().iter().map(ToString::to_string).collect();
        Ok(KeysetInForce {
            id: keyset.id().to_string(),
            network: record.network.to_string(),
            version: record.version.0,
            expires: record.expires,
            root_threshold: record.root.threshold(),
            root: keys(&record.root),
            release_threshold: record.release.threshold(),
            release: keys(&record.release),
            newest: kept.newest.as_ref().map(carried::shown),
            revoked: kept.revoked.keys().map(ToString::to_string).collect(),
        })
    }

    fn keep(&self, changes: Vec<RecordChange>) -> Result<(), TrustError> {
        match self.store.archive() {
            Some(archive) => Ok(archive.set_records(changes)?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
