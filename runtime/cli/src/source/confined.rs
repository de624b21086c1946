//! [`Confined`]: a release's source, built in a room of its own. The room is made by this program under a hidden command.

use super::SourceError;
use crate::args::CacheArgs;
use crate::artifact::THIS_PROGRAM;
use crate::failure::Failure;
use crate::files::behind_links;
use crate::release::ReleaseFileError;
use refit_build::{BuiltRelease, Progress, ReleaseBuilder, SourceTree};
use refit_release::tree::Listing;
use refit_sandbox::{Launcher, Level, Policy};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The hidden command that makes rooms.
const LAUNCHER: &str = "launcher";

/// Names the cache folder, as for all commands that build.
const CACHE_DIR: &str = "REFIT_CACHE_DIR";

/// The folder of releases' builds in the cache folder.
const RELEASES: &str = "releases";

/// The folder of releases' builds in the data folder of a node whose user has no cache folder.
pub(crate) const BUILDS: &str = "builds";

/// Folders of this mode are seen by whom builds run as.
const SEEN: u32 = 0o755;

/// Builds releases' sources.
#[derive(Clone, Debug)]
pub(crate) struct Confined {
    builder: ReleaseBuilder,
}

/// Where releases are built if nothing else is said; `None` if this user has no cache folder.
pub(crate) fn folder_of_releases() -> Option<PathBuf> {
    let named = std::env::var_os(CACHE_DIR).filter(|folder| !folder.is_empty());
    let cache = CacheArgs {
        cache_dir: named.map(PathBuf::from),
        ..CacheArgs::default()
    };
    Some(cache.folder()?.join(RELEASES))
}

/// Where a node builds releases, which has this data folder: in the cache; without one, in the data folder. `None` if its engines
/// would reach what the next release is built from: they are kept to the data folder and the folders of its `sockets`.
pub(crate) fn builds_of_node<'a>(
    cache: &CacheArgs,
    data_dir: &Path,
    sockets: impl IntoIterator<Item = &'a Path>,
    is_confined: bool,
) -> Option<PathBuf> {
    let shared = cache.folder().map(|cache| cache.join(RELEASES));
    let folder = shared.unwrap_or_else(|| data_dir.join(BUILDS));
    let builds = behind_links(&folder);
    let of_sockets = sockets.into_iter().filter_map(|socket| {
        let socket = std::path::absolute(socket).ok()?;
        socket.parent().map(Path::to_owned)
    });
    let mut reached = of_sockets.chain([data_dir.to_owned()]);
    let is_in_reach = reached.any(|folder| builds.starts_with(behind_links(&folder)));
    match is_confined {
        false => Some(folder),
        // Behind the links as they are now: an engine may lay one of them anew.
        true => (!is_in_reach).then_some(builds),
    }
}

/// All folders in which releases may have been built: that of the cache, and where there is none, that of a node's data folder.
pub(super) fn folders_of_releases(cache: &CacheArgs, data_dir: &Path) -> Vec<PathBuf> {
    let shared = cache.folder().map(|cache| cache.join(RELEASES));
    shared.into_iter().chain([data_dir.join(BUILDS)]).collect()
}

impl Confined {
    /// Builds in `root`; nothing is built below the level `at_least`.
    pub(crate) fn new(root: &Path, at_least: Level) -> Self {
        let launcher = Launcher::new(THIS_PROGRAM, [LAUNCHER]);
        let policy = Policy {
            at_least,
            ..Policy::default()
        };
        Self {
            builder: ReleaseBuilder::new(root, launcher).with_policy(policy),
        }
    }

    /// Tells `listener` how far a build is.
    pub(crate) fn heard_by(self, listener: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        let builder = self.builder.with_listener(listener);
        Self { builder }
    }

    /// Gives up its builds, and those of its clones.
    pub(crate) fn give_up(&self) {
        self.builder.cancel();
    }

    /// What confines a build here, in one line.
    pub(crate) fn says(&self) -> Result<String, Failure> {
        Ok(self.builder.confinement().map_err(SourceError)?)
    }

    /// A folder for what is unpacked; it is removed with all in it when it is dropped, or by a later build if this process is
    /// killed.
    pub(crate) fn place(&self) -> Result<tempfile::TempDir, Failure> {
        let root = &self.builder.rooms();
        let made = fs::create_dir_all(root).and_then(|()| {
            let place = tempfile::Builder::new()
                .prefix(&format!("{}unpacked-", ReleaseBuilder::prefix_of_rooms()))
                .tempdir_in(root)?;
            fs::set_permissions(place.path(), Permissions::from_mode(SEEN))?;
            Ok(place)
        });
        Ok(made.map_err(|source| ReleaseFileError::Unpack {
            path: root.to_owned(),
            source,
        })?)
    }

    /// The listed tree, laid into `folder` from the files in `contents` that have their hashes for names.
    pub(crate) fn tree(
        &self,
        listing: &Listing,
        contents: &Path,
        folder: &Path,
    ) -> Result<SourceTree, Failure> {
        Ok(SourceTree::lay(listing, contents, folder).map_err(SourceError)?)
    }

    /// Builds the package in `folder` of the tree.
    pub(crate) fn build(&self, tree: &SourceTree, folder: &str) -> Result<BuiltRelease, Failure> {
        Ok(self.builder.build(tree, folder).map_err(SourceError)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confined_node_builds_nowhere_in_its_data_folder_by_whatever_way_the_cache_leads_there() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, place.path().join("link")).unwrap();
        let builds = |cache: &str, is_confined| {
            let cache = CacheArgs {
                cache_dir: Some(place.path().join(cache)),
                ..CacheArgs::default()
            };
            builds_of_node(&cache, &data, [Path::new("/run/refit.sock")], is_confined)
        };
        for cache in [
            "data",
            "data/.cache/refit",
            "link/cache",
            "cache/../data/cache",
        ] {
            assert_eq!(builds(cache, true), None, "{cache}");
            let unconfined = builds(cache, false).unwrap();
            assert_eq!(unconfined, place.path().join(cache).join(RELEASES));
        }
        for cache in ["cache", "data-of-another"] {
            assert!(builds(cache, true).is_some(), "{cache}");
        }
        // What it leads to is not there yet: an engine would make it, or lay the link anew.
        let later = place.path().join("later");
        std::os::unix::fs::symlink(data.join("later"), &later).unwrap();
        assert_eq!(builds("later", true), None);
        std::fs::remove_file(&later).unwrap();
        let real = place.path().canonicalize().unwrap().join("cache");
        std::os::unix::fs::symlink(&real, &later).unwrap();
        assert_eq!(builds("later", true), Some(real.join(RELEASES)));
        // Engines remove and make files beside a socket, and below.
        let cache = CacheArgs {
            cache_dir: Some(place.path().join("home/.cache/refit")),
            ..CacheArgs::default()
        };
        let socket = place.path().join("home/refit.sock");
        let builds = builds_of_node(&cache, &data, [socket.as_path()], true);
        assert_eq!(builds, None);
    }
}
