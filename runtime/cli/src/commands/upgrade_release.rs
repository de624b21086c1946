//! An upgrade that brings a release: the node says what that would be.

use super::release_import;
use crate::client::Client;
use crate::failure::{Failure, Reported};
use crate::release::{Named, ReleaseFileError};
use crate::show::{self, building::Building};
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::api::{BuildState, KeptRelease, OfferedRelease, ReleaseBuild};
use refit_build::{Progress, Stage};
use refit_upgrade::{Directives, OfferedModule, PlannedRelease, Strategy};
use std::borrow::Cow;
use std::time::Duration;

/// Between two looks at how far a build is.
const LOOK: Duration = Duration::from_millis(500);

/// What the release that is named would bring; one in a file is handed over first.
pub(crate) async fn offered(client: &Client, named: &Named) -> Result<OfferedRelease, Failure> {
    let id = match named {
        Named::File(path) => release_import::release(client, path).await?.id,
        Named::Id(prefix) => meant(client, prefix).await?,
    };
    let path = format!("/v1/releases/{id}");
    match client.get(&path).await {
        Err(failure) if failure.code() == codes::RELEASE_NOT_BUILT => {
            build(client, &id).await?;
            client.get(&path).await
        }
        offered => offered,
    }
}

/// Has the node build the release, and says how far that is.
async fn build(client: &Client, id: &str) -> Result<(), Failure> {
    let path = format!("/v1/releases/{id}/build");
    show::talk("the release comes as source: the node builds it, confined");
    let shown = Building::default();
    let answer = client.post(&path, &[], String::new()).await?;
    let mut build: ReleaseBuild = client.decode(&answer)?;
    while build.state == BuildState::Building {
        shown.show(&progress(&build));
        tokio::time::sleep(LOOK).await;
        build = client.get(&path).await?;
    }
    shown.end();
    match build.reason {
        None => {
            let level = build.level.unwrap_or_default();
            let seconds = build.elapsed_ms / 1_000;
            show::talk(format_args!(
                "the node has built it at {level} ({seconds} s)"
            ));
            Ok(())
        }
        Some(why) => Err(Box::new(NotBuilt(why)).into()),
    }
}

fn progress(build: &ReleaseBuild) -> Progress {
    Progress {
        package: build.package.clone(),
        stage: match build.dependencies {
            true => Stage::Dependencies,
            false => Stage::Engine,
        },
        compiled: usize::try_from(build.compiled).unwrap_or(usize::MAX),
        last: None,
        elapsed: Duration::from_millis(build.elapsed_ms),
    }
}

/// The node has not built a release: its reason, shown as one of our own.
#[derive(Debug, thiserror::Error)]
#[error("the node has not built the release: {0}")]
struct NotBuilt(Explained);

impl Explain for NotBuilt {
    fn code(&self) -> &str {
        self.0.code()
    }

    fn next(&self) -> Cow<'_, str> {
        self.0.next()
    }
}

impl Reported for NotBuilt {}

/// The id that begins so.
async fn meant(client: &Client, prefix: &str) -> Result<String, Failure> {
    let listed: Vec<KeptRelease> = client.get("/v1/releases").await?;
    let ids = listed.into_iter().filter_map(|kept| kept.release);
    let mut ids: Vec<_> = ids
        .map(|release| release.id)
        .filter(|id| id.starts_with(prefix))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let prefix = prefix.to_owned();
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(ReleaseFileError::UnknownRelease { prefix }.into()),
        _ => Err(ReleaseFileError::SeveralReleases { prefix, ids }.into()),
    }
}

/// What the release orders, beside what is typed.
pub(crate) fn order(offered: &OfferedRelease, directives: &mut Directives) {
    directives.restart.extend(offered.restart.iter().cloned());
    directives.expected.extend(offered.expected.iter().cloned());
    if offered.is_offline {
        directives.strategy = Strategy::Offline;
    }
}

/// The release as a plan names it.
pub(crate) fn planned(offered: &OfferedRelease) -> PlannedRelease {
    let release = offered.release.clone();
    PlannedRelease {
        id: release.id,
        name: release.name,
        epoch: release.epoch,
        sequence: release.sequence,
    }
}

/// Its libraries, as a plan is made of them.
pub(crate) fn candidates(offered: OfferedRelease) -> Vec<OfferedModule> {
    let libraries = offered.libraries.into_iter();
    let candidates = libraries.map(|library| OfferedModule {
        path: library.path,
        artifact: library.artifact,
        meant: None,
        descriptor: library.descriptor,
        outside: library.outside,
    });
    candidates.collect()
}
