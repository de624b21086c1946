//! The code that the node keeps, and why; releases on their way in, and out.

use super::handle::Node;
use crate::answers::refusals::silent;
use crate::code::libraries::Release;
use crate::limits::STATUS_WAIT_MAX;
use crate::pause::RecallReason;
use crate::recovery::releases::{KindCode, LiveRelease, Names, OfFolder, list};
use crate::releases::{KeepError, ReleaseFolder};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::Refusal;
use refit_admin::api::{
    Imported, KeptRelease, OfferedRelease, ReleaseBuild, ReleaseImported, ReleaseName,
    ReleaseRevoked, ReleaseState, ReleasesPruned, UpgradeReport,
};
use refit_kernel::GenerationTable;
use refit_release::{Domain, Frame, next_of};
use refit_store::ArchiveView;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes by which the kind of a record is told.
const HEAD_BYTES: usize = 9;

/// Longest signed record that is no release, in bytes.
const RECORD_BYTES_MAX: u64 = 8 << 10;

impl Node {
    pub(crate) fn kept_releases(&self) -> Result<Vec<KeptRelease>, Refusal> {
        let table = self.live_table()?;
        let releases = self.upgrades.live_releases(&table);
        let kinds = table
            .iter()
            .zip(&releases)
            .map(|((_, entry), release)| KindCode {
                kind: entry.kind.descriptor().kind.clone(),
                artifact: release.artifact.clone(),
            });
        let live = LiveRelease {
            generation: table.number(),
            kinds: kinds.collect(),
            until: self.probation.now().map(|on| on.until),
        };
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        let names = self.names();
        let archive = self.store.archive();
        let archive = archive.map(|archive| archive as &dyn ArchiveView);
        let quarantine = self.upgrades.quarantine().entries();
        let folder = self.of_folder()?;
        let listed = list(live, archive, &quarantine, &names, &folder);
        listed.map_err(|fault| Refusal::of(500, &fault))
    }

    fn live_table(&self) -> Result<Arc<GenerationTable>, Refusal> {
        let table = self.duty.ask(|executor| executor.table(), STATUS_WAIT_MAX);
        table.map_err(|_| silent(&self.latest, &self.standing, &self.watched))
    }

    /// The releases that were imported.
    fn of_folder(&self) -> Result<OfFolder, Refusal> {
        let Some(folder) = &self.upgrades.releases else {
            return Ok(OfFolder::default());
        };
        let found = OfFolder::look(folder).map_err(|error| Refusal::of(500, &error))?;
        let trust = self.upgrades.trust.shown();
        Ok(OfFolder {
            revoked: trust.map(|trust| trust.revoked).unwrap_or_default(),
            staged: self
                .staged_now()
                .and_then(|report| report.release)
                .map(|it| it.id),
            ..found
        })
    }

    /// The upgrade that is under way, and has not come to its end.
    fn staged_now(&self) -> Option<UpgradeReport> {
        let report = self.upgrades.report(self.upgrades.under_way()?)?;
        (!report.state.is_final()).then_some(report)
    }

    /// What the code is called that is mapped, was live, or was tried.
    fn names(&self) -> Names {
        let mut names = Names::of_reports(&self.upgrades.reports());
        // Before the journal: what is unmapped meanwhile is in it by then.
        let mapped = self.upgrades.libraries().releases();
        for kind in self.upgrades.code_before() {
            names.add(Release {
                package: kind.package,
                version: kind.package_version,
                artifact: kind.artifact,
                file: String::new(),
            });
        }
        mapped.into_iter().for_each(|release| names.add(release));
        names
    }

    fn folder(&self) -> Result<&ReleaseFolder, Refusal> {
        let folder = self.upgrades.releases.as_deref();
        folder.ok_or_else(|| {
            let detail = "the node keeps no releases: it has no data folder";
            let next = next_of(codes::RELEASES_UNKEPT);
            Refusal::new(409, codes::RELEASES_UNKEPT, detail, next)
        })
    }

    /// Takes a signed record in. What it is its first bytes say.
    pub(crate) fn import_record(
        &self,
        mut body: Box<dyn Read + Send>,
    ) -> Result<Imported, Refusal> {
        let mut head = Vec::new();
        let begun = (&mut body).take(HEAD_BYTES as u64).read_to_end(&mut head);
        begun.map_err(|error| unread(&error))?;
        match Frame::domain_of(&head) {
            Some(Domain::Revocation) => self.revoke(&whole(head, body)?).map(Imported::Revocation),
            Some(Domain::Attestation) => {
                let attested = self.upgrades.trust.attest(&whole(head, body)?);
                let attested = attested.map_err(|error| Refusal::of(409, &error))?;
                Ok(Imported::Attestation(attested))
            }
            _ => self
                .import_release(head.chain_with(body))
                .map(Imported::Release),
        }
    }

    fn import_release(&self, reader: impl Read) -> Result<ReleaseImported, Refusal> {
        let (folder, trust) = (self.folder()?, &self.upgrades.trust);
        let now = self.released.moment().height;
        let reader = io::BufReader::new(reader);
        let kept = folder.import(reader, |bytes| {
            let release = trust.verify(bytes, now)?;
            trust.admits(release.newest())?;
            Ok(release)
        });
        let kept = kept.map_err(|error| refusal(&error))?;
        let (id, name) = (kept.release.id(), kept.about.release);
        let signers = kept.release.signers().iter().map(ToString::to_string);
        tracing::info!(
            release = name.id,
            epoch = name.epoch,
            sequence = name.sequence,
            "the release {} is imported",
            name.name
        );
        Ok(ReleaseImported {
            signers: signers.collect(),
            is_repeated: kept.is_repeated,
            bytes: folder.bytes(id),
            has_source: kept.about.has_source,
            missing: kept.missing.iter().map(ToString::to_string).collect(),
            release: name,
        })
    }

    /// Hears a revocation. An upgrade to the release that is under way is taken back, if its gate has not closed.
    fn revoke(&self, bytes: &[u8]) -> Result<ReleaseRevoked, Refusal> {
        let revocation = self.upgrades.trust.revoke(bytes);
        let revocation = revocation.map_err(|error| Refusal::of(409, &error))?;
        let release = revocation.release.to_string();
        let is_it = |name: &Option<ReleaseName>| name.as_ref().is_some_and(|it| it.id == release);
        let under_way = self.staged_now().filter(|report| is_it(&report.release));
        let cancelled =
            under_way.and_then(|report| self.calls_back(&report, RecallReason::Revoked));
        let is_live = self.kept_releases()?.iter().any(|kept| {
            let is_live = matches!(
                kept.state,
                ReleaseState::Current | ReleaseState::OnProbation
            );
            is_live && is_it(&kept.release)
        });
        if is_live {
            tracing::warn!(
                release,
                "the release that was revoked is live: roll it back while it is on probation, or bring a later one"
            );
        }
        Ok(ReleaseRevoked {
            reason: revocation.reason,
            release,
            cancelled,
            is_live,
        })
    }

    /// Takes an upgrade back that is under way. One that has come to its gate meanwhile goes on: that was heard too late.
    fn calls_back(&self, report: &UpgradeReport, why: RecallReason) -> Option<u64> {
        self.upgrades.cancel(report.id, why).ok().map(|_| report.id)
    }

    /// Takes an upgrade back whose release the keyset does not sign that the node goes by now.
    pub(crate) fn calls_back_what_is_not_signed(&self) {
        let Some(report) = self.staged_now() else {
            return;
        };
        let id = report.release.as_ref().map(|release| release.id.as_str());
        let Some(id) = id.and_then(|id| id.parse().ok()) else {
            return;
        };
        let now = self.released.moment().height;
        let is_signed = self.folder().is_ok_and(|folder| {
            let release = folder.release(id);
            release.is_ok_and(|bytes| self.upgrades.trust.verify(bytes, now).is_ok())
        });
        if !is_signed && self.calls_back(&report, RecallReason::NotSigned).is_some() {
            tracing::warn!(
                id = report.id,
                "the upgrade is taken back: the keyset that the node goes by now does not sign its release"
            );
        }
    }

    /// What a release would bring into the live generation.
    pub(crate) fn offered_release(&self, id: &str) -> Result<OfferedRelease, Refusal> {
        let table = self.live_table()?;
        let live = self.upgrades.libraries().live(&table);
        // A handle on live code: the retirement of old code counts them.
        drop(table);
        let now = self.released.moment().height;
        self.upgrades.offered_release(id, &live, now)
    }

    /// Begins to build a release, or says how far that is.
    pub(crate) fn begin_build(&self, id: &str) -> Result<ReleaseBuild, Refusal> {
        let now = self.released.moment().height;
        self.upgrades.build_release(id, now)
    }

    /// How far the build of a release is that was begun last.
    pub(crate) fn build_shown(&self, id: &str) -> Result<ReleaseBuild, Refusal> {
        let shown = id
            .parse()
            .ok()
            .and_then(|id| self.upgrades.builds.shown(id));
        shown.ok_or_else(|| {
            let detail = format!("no build of the release {id} was begun since the node's start");
            let next = "begin one: POST there";
            Refusal::new(404, codes::RELEASE_NOT_BUILT, detail, next)
        })
    }

    /// Whether a release can no longer come in: a later one was live, or its keyset or its window is over.
    fn is_over(&self, name: &ReleaseName, folder: &ReleaseFolder) -> bool {
        let trust = &self.upgrades.trust;
        let is_older = trust.newest().is_some_and(|newest| {
            let (epoch, sequence) = (newest.position.epoch.0, newest.position.sequence.0);
            (name.epoch, name.sequence) < (epoch, sequence)
        });
        let now = self.released.moment().height;
        let is_late = || {
            let release = folder.release(name.id.parse().ok()?).ok()?;
            let release = trust.verify(release, now).ok()?;
            Some(now > release.manifest().window.until)
        };
        is_older
            || trust.epoch().is_some_and(|epoch| name.epoch < epoch.0)
            || is_late() == Some(true)
    }

    /// Removes the releases that can no longer come in, and that no generation is of which is kept.
    pub(crate) fn prune_imported(&self) -> Result<ReleasesPruned, Refusal> {
        let folder = self.folder()?;
        let kept = self.kept_releases()?;
        let mut pruned = ReleasesPruned {
            releases: Vec::new(),
            damaged: Vec::new(),
            bytes: 0,
        };
        for listed in kept {
            let is_over = match (listed.state, &listed.release) {
                (ReleaseState::Revoked, _) => true,
                (ReleaseState::Staged, _) | (_, None) => false,
                (_, Some(name)) => self.is_over(name, folder),
            };
            let is_of_generation = listed.generation.is_some();
            let Some(name) = listed.release.filter(|_| is_over && !is_of_generation) else {
                continue;
            };
            let Ok(id) = name.id.parse() else { continue };
            let bytes = folder.bytes(id);
            match folder.remove(id) {
                Ok(()) => pruned.bytes += bytes,
                // Those before it are gone, and the answer says so.
                Err(error) => {
                    tracing::warn!(%id, %error, "a release that can no longer come in is not removed");
                    continue;
                }
            }
            pruned.releases.push(name);
        }
        for (id, removed) in folder.remove_lost().map_err(|error| refusal(&error))? {
            match removed {
                Ok(bytes) => pruned.bytes += bytes,
                Err(error) => {
                    tracing::warn!(%id, %error, "a release of which nothing could be read is not removed");
                    continue;
                }
            }
            pruned.damaged.push(id.to_string());
            tracing::warn!(%id, "a release of which nothing could be read is removed: import it again");
        }
        Ok(pruned)
    }
}

/// The beginning of a body before the rest of it.
trait Begun {
    fn chain_with<R: Read>(self, rest: R) -> impl Read;
}

impl Begun for Vec<u8> {
    fn chain_with<R: Read>(self, rest: R) -> impl Read {
        io::Cursor::new(self).chain(rest)
    }
}

/// A short record as a whole.
fn whole(head: Vec<u8>, body: impl Read) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let read = head.chain_with(body);
    let read = read.take(RECORD_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| unread(&error))?;
    Ok(bytes)
}

fn unread(error: &io::Error) -> Refusal {
    let detail = format!("the body did not arrive whole: {error}");
    Refusal::new(400, codes::BODY_BROKEN, detail, "send the request again")
}

fn refusal(error: &KeepError) -> Refusal {
    let status = match error {
        KeepError::UnderWay { .. } => 503,
        KeepError::Unknown { .. } => 404,
        KeepError::Folder { .. } | KeepError::NoRoom { .. } | KeepError::DiskFull => 503,
        _ => 409,
    };
    let refused: &dyn Explain = error;
    Refusal::of(status, refused)
}
