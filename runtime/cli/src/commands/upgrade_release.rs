//! An upgrade that brings a release: the node says what that would be.

use super::release_import;
use crate::client::Client;
use crate::failure::Failure;
use crate::release::{Named, ReleaseFileError};
use refit_admin::api::{KeptRelease, OfferedRelease};
use refit_upgrade::{Directives, OfferedModule, PlannedRelease, Strategy};

/// What the release that is named would bring; one in a file is handed over first.
pub(super) async fn offered(client: &Client, named: &Named) -> Result<OfferedRelease, Failure> {
    let id = match named {
        Named::File(path) => release_import::release(client, path).await?.id,
        Named::Id(prefix) => meant(client, prefix).await?,
    };
    client.get(&format!("/v1/releases/{id}")).await
}

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
pub(super) fn order(offered: &OfferedRelease, directives: &mut Directives) {
    directives.restart.extend(offered.restart.iter().cloned());
    directives.expected.extend(offered.expected.iter().cloned());
    if offered.is_offline {
        directives.strategy = Strategy::Offline;
    }
}

/// The release as a plan names it.
pub(super) fn planned(offered: &OfferedRelease) -> PlannedRelease {
    let release = offered.release.clone();
    PlannedRelease {
        id: release.id,
        name: release.name,
        epoch: release.epoch,
        sequence: release.sequence,
    }
}

/// Its libraries, as a plan is made of them.
pub(super) fn candidates(offered: OfferedRelease) -> Vec<OfferedModule> {
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
