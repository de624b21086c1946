//! The releases that a data folder keeps, without its node.

use super::chain::{self, How, LookedChain};
use super::facts::CodeState;
use super::folder::QUARANTINE;
use crate::code::libraries::Release;
use crate::code::quarantine::Quarantine;
use crate::recovery::releases::{KindCode, LiveRelease, Names, OfFolder, list};
use crate::releases::ReleaseFolder;
use crate::start::folder::{self, Looked};
use refit_abi::host::Explained;
use refit_admin::api::KeptRelease;
use refit_loader::ProbeCommand;
use refit_store::StoreReader;
use std::path::Path;

/// What the folder of a node that does not run keeps; `None` if a node has it, or no chain has begun there. Whether the
/// live generation can be taken back only its node says.
///
/// # Errors
/// Why its store cannot be read.
pub fn releases(
    folder: &Path,
    probe: &ProbeCommand,
) -> Result<Option<Vec<KeptRelease>>, Explained> {
    let lock = folder::look(folder);
    let place = folder.join("store");
    if matches!(lock, Looked::Held(_)) || !place.join("blocks.redb").exists() {
        return Ok(None);
    }
    let store = StoreReader::open(&place).map_err(|error| Explained::of(&error))?;
    let how = How { all: false, probe };
    let LookedChain { facts, .. } =
        chain::look(&store, &how).map_err(|fault| Explained::of(&fault))?;
    let Some(live) = facts.live else {
        return Ok(None);
    };
    let mut names = Names::default();
    for code in &facts.code {
        if let CodeState::Kept { package, version } = &code.state {
            names.add(Release {
                package: package.clone(),
                version: version.clone(),
                artifact: code.artifact.clone(),
                file: String::new(),
            });
        }
    }
    let kinds = live.kinds.into_iter().map(|kind| KindCode {
        kind: kind.kind,
        artifact: kind.artifact,
    });
    let live = LiveRelease {
        generation: live.generation,
        kinds: kinds.collect(),
        until: None,
    };
    let quarantine = Quarantine::open(folder.join(QUARANTINE));
    let entries = quarantine.map_err(|error| Explained::of(&error))?.entries();
    let of_folder = OfFolder::look(&ReleaseFolder::within(folder));
    let of_folder = of_folder.map_err(|error| Explained::of(&error))?;
    let listed = list(live, Some(&store), &entries, &names, &of_folder);
    listed.map(Some).map_err(|fault| Explained::of(&fault))
}
