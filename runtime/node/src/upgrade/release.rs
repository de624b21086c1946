//! Upgrades that bring a release: what it would bring, and whether a plan is one of it. Its signatures are checked each time
//! anew, against the keyset of that moment, before anything else of it is looked at.

use super::Upgrades;
use super::attempt::Attempt;
use super::refused::{UpgradeRefused, refused, refused_by};
use crate::releases::{KeepError, NotStaged, StagedModule, StagedRelease, TARGET, name};
use crate::trust::TrustError;
use refit_abi::host::Explain;
use refit_abi::{Height, codes};
use refit_admin::Refusal;
use refit_admin::api::{self, OfferedLibrary, OfferedRelease, ReleaseBuild};
use refit_loader::{Candidate, OpenError, ProbedArtifact, ReadError};
use refit_release::attestation::{ATTESTATION_FORMAT, Attestation};
use refit_release::{ReleaseId, SourceRoot, VerifiedRelease, next_of};
use refit_upgrade::{Live, Plan, PlannedRelease, Strategy};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a release gives no upgrade.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoUpgrade {
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Staged(#[from] NotStaged),
    #[error("the node keeps no releases: it has no data folder")]
    NoFolder,
    /// A library is refused.
    #[error("{package} is refused: {source}")]
    Library { package: String, source: OpenError },
    /// A library is not what was signed of it.
    #[error("{package} is not what the release says: {what} differ")]
    CodeDiffers { package: String, what: &'static str },
    /// It may not become live there.
    #[error(
        "the release may become live behind the blocks {from} to {until}, and this is {height}"
    )]
    Window {
        from: Height,
        until: Height,
        height: Height,
    },
    /// A plan says otherwise than its release.
    #[error("the plan is not one of the release {}: {what}", release.short())]
    PlanDiffers {
        release: ReleaseId,
        what: &'static str,
    },
}

impl Explain for NoUpgrade {
    fn code(&self) -> &str {
        match self {
            Self::Keep(error) => error.code(),
            Self::Trust(error) => error.code(),
            Self::Staged(error) => error.code(),
            Self::NoFolder => codes::RELEASES_UNKEPT,
            Self::Library { source, .. } => source.code(),
            Self::CodeDiffers { .. } => codes::RELEASE_CODE_DIFFERS,
            Self::Window { .. } => codes::RELEASE_WINDOW,
            Self::PlanDiffers { .. } => codes::RELEASE_PLAN_DIFFERS,
        }
    }

    fn next(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Keep(error) => error.next(),
            Self::Trust(error) => error.next(),
            Self::Staged(error) => error.next(),
            Self::Library { source, .. } => source.next(),
            _ => next_of(self.code()),
        }
    }
}

impl NoUpgrade {
    pub(super) fn refusal(&self) -> Refusal {
        let status = match self {
            Self::Keep(KeepError::Unknown { .. }) => 404,
            _ => 409,
        };
        Refusal::of(status, self)
    }
}

impl Upgrades {
    /// A release that was imported: verified again, and its libraries for this node found.
    fn staged(&self, id: &str, now: Height) -> Result<StagedRelease, NoUpgrade> {
        let folder = self.releases.as_ref().ok_or(NoUpgrade::NoFolder)?;
        let release = self.to_build(id, now)?;
        let staged = StagedRelease::find(release, folder, TARGET)?;
        self.attested(&staged)?;
        Ok(staged)
    }

    /// Whether enough builders say of each library that it comes of the release's source, if the node asks for that. Of a
    /// release without source nobody can.
    fn attested(&self, staged: &StagedRelease) -> Result<(), TrustError> {
        let manifest = staged.release().manifest();
        let source = manifest.source.as_ref().map(|source| source.root);
        // What this node has built itself needs nobody's word.
        let modules = staged.modules().iter().filter(|it| it.built.is_none());
        modules.into_iter().try_for_each(|module| {
            self.trust.is_attested(&Attestation {
                format: ATTESTATION_FORMAT,
                network: manifest.network.clone(),
                source: source.unwrap_or(SourceRoot::from_bytes([0; 32])),
                package: module.module.package.clone(),
                target: TARGET.triple.to_owned(),
                toolchain: TARGET.toolchain.to_owned(),
                file: module.file,
            })
        })
    }

    /// A release that was imported, verified again, for whoever builds it.
    fn to_build(&self, id: &str, now: Height) -> Result<VerifiedRelease, NoUpgrade> {
        let folder = self.releases.as_ref().ok_or(NoUpgrade::NoFolder)?;
        let unknown = |_| KeepError::Unknown { id: id.to_owned() };
        let bytes = folder.release(id.parse().map_err(unknown)?)?;
        let release = self.trust.verify(bytes, now)?;
        self.trust.admits(release.newest())?;
        Ok(release)
    }

    /// Begins to build a release's source, or says how far that is. Only what its authority has signed is built.
    pub(crate) fn build_release(&self, id: &str, now: Height) -> Result<ReleaseBuild, Refusal> {
        let release = self.to_build(id, now).map_err(|why| why.refusal())?;
        let folder = self.releases.clone().ok_or(NoUpgrade::NoFolder);
        let folder = folder.map_err(|why| why.refusal())?;
        let begun = self.builds.begin(folder, release);
        begun.map_err(|why| Refusal::of(409, &why))
    }

    /// What a release would bring into the live generation. Its libraries are looked into by a child process.
    pub(crate) fn offered_release(
        &self,
        id: &str,
        live: &Live,
        now: Height,
    ) -> Result<OfferedRelease, Refusal> {
        self.offer(id, live, now).map_err(|why| why.refusal())
    }

    fn offer(&self, id: &str, live: &Live, now: Height) -> Result<OfferedRelease, NoUpgrade> {
        let staged = self.staged(id, now)?;
        let manifest = staged.release().manifest();
        let coming = coming(&staged, live);
        if coming.is_empty() {
            return Err(NotStaged::AllLive.into());
        }
        let libraries = coming.into_iter().map(|module| self.library(module));
        Ok(OfferedRelease {
            release: name(staged.release()),
            from: manifest.window.from,
            until: manifest.window.until,
            restart: staged.restart().into_iter().collect(),
            expected: manifest.expected_differences.clone(),
            is_offline: staged.is_offline(),
            libraries: libraries.collect::<Result<_, _>>()?,
        })
    }

    /// Probes one library, and compares what it says of itself with what was signed.
    fn library(&self, staged: &StagedModule) -> Result<OfferedLibrary, NoUpgrade> {
        let package = || staged.module.package.clone();
        let probed = self.probed(staged).map_err(|source| NoUpgrade::Library {
            package: package(),
            source,
        })?;
        let descriptor = probed.verdict().descriptor();
        if let Some(what) = staged.module.differs(descriptor) {
            let package = package();
            return Err(NoUpgrade::CodeDiffers { package, what });
        }
        Ok(OfferedLibrary {
            path: staged.path.display().to_string(),
            artifact: staged.file.to_string(),
            descriptor: descriptor.clone(),
            outside: probed.staged().inspection().outside_words(),
            built: staged.built.clone(),
        })
    }

    fn probed(&self, staged: &StagedModule) -> Result<ProbedArtifact, OpenError> {
        let candidate = Candidate::read(&staged.path)?;
        // Before anything of it is looked at.
        if candidate.id() != staged.file {
            return Err(ReadError::Unreadable {
                path: staged.path.clone(),
                source: std::io::Error::other("its bytes have another hash than was signed"),
            }
            .into());
        }
        let inspected = candidate.inspect()?;
        Ok(self.loader.probe(self.loader.stage(inspected)?)?)
    }

    /// The release of a plan that names one, if the plan is of it and may become live behind its height.
    pub(super) fn of_release(
        &self,
        plan: &Plan,
        live: &Live,
        now: Height,
    ) -> Result<Option<Arc<StagedRelease>>, NoUpgrade> {
        let Some(planned) = &plan.release else {
            return Ok(None);
        };
        let staged = self.staged(&planned.id, now)?;
        let window = staged.release().manifest().window;
        let height = plan.at_height.unwrap_or(now);
        if !window.contains(height) {
            return Err(NoUpgrade::Window {
                from: window.from,
                until: window.until,
                height,
            });
        }
        match differs(plan, planned, &staged, live) {
            None => Ok(Some(Arc::new(staged))),
            Some(what) => Err(NoUpgrade::PlanDiffers {
                release: staged.release().id(),
                what,
            }),
        }
    }
}

impl Attempt {
    /// Whether the code is what was signed of it.
    pub(super) fn is_of_release(&self, probed: &[ProbedArtifact]) -> Result<(), UpgradeRefused> {
        let Some(staged) = &self.rules.release else {
            return Ok(());
        };
        for probed in probed {
            let (id, descriptor) = (probed.staged().id(), probed.verdict().descriptor());
            let mut modules = staged.modules().iter();
            let module = modules.find(|it| it.file == id);
            let what = match module {
                Some(module) => module.module.differs(descriptor),
                None => Some("its files"),
            };
            if let Some(what) = what {
                let package = descriptor.package.clone();
                let differs = NoUpgrade::CodeDiffers { package, what };
                return Err(refused_by(api::Phase::Probed, &differs));
            }
        }
        Ok(())
    }

    /// Whether the release may still come in: a revocation is heard until the commit, and blocks were made meanwhile.
    pub(super) fn release_goes_on(&self) -> Result<(), UpgradeRefused> {
        let phase = api::Phase::Armed;
        let Some(came) = crate::trust::of_plan(&self.plan) else {
            return Ok(());
        };
        let trust = &self.upgrades.trust;
        trust
            .not_revoked(came.release)
            .map_err(|error| refused_by(phase, &error))?;
        let Some(staged) = &self.rules.release else {
            return Ok(());
        };
        let (window, last) = (
            staged.release().manifest().window,
            self.upgrades.store.last(),
        );
        match last > window.until {
            false => Ok(()),
            true => {
                let detail = format!(
                    "block {last} is made, and the window ends with {}",
                    window.until
                );
                let next = "have a release signed with a later window";
                Err(refused(phase, codes::RELEASE_WINDOW, &detail, next))
            }
        }
    }

    /// The release is live: none that comes before it is taken any more. Behind the block that says so, and before the armed
    /// record can go.
    pub(super) fn note_release(&self) {
        let Some(came) = crate::trust::of_plan(&self.plan) else {
            return;
        };
        if let Err(error) = self.upgrades.trust.note(came) {
            tracing::error!(id = self.id, %error, "that the release was live is not written down");
        }
    }
}

/// Its libraries that are not live.
fn coming<'a>(staged: &'a StagedRelease, live: &Live) -> Vec<&'a StagedModule> {
    let is_live = |module: &StagedModule| {
        let file = module.file.to_string();
        live.kinds.iter().any(|kind| kind.artifact == file)
    };
    let modules = staged.modules().iter();
    modules.filter(|module| !is_live(module)).collect()
}

/// In what a plan is not one of its release.
fn differs(
    plan: &Plan,
    planned: &PlannedRelease,
    staged: &StagedRelease,
    live: &Live,
) -> Option<&'static str> {
    let called = name(staged.release());
    let called = PlannedRelease {
        id: called.id,
        name: called.name,
        epoch: called.epoch,
        sequence: called.sequence,
    };
    let coming = coming(staged, live).into_iter();
    let coming: BTreeSet<String> = coming.map(|it| it.file.to_string()).collect();
    let brought: BTreeSet<String> = plan.artifacts().into_iter().collect();
    let orders = &plan.directives;
    if *planned != called {
        Some("it calls it otherwise")
    } else if brought != coming {
        Some("it brings other libraries")
    } else if !staged.restart().is_subset(&orders.restart) {
        Some("engines that the release starts afresh go on")
    } else if staged.is_offline() && orders.strategy != Strategy::Offline {
        Some("the release is for a node that stops")
    } else {
        None
    }
}
