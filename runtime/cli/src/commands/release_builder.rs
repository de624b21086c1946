//! `refit release-builder --root DIR --at-least LEVEL --library FILE FOLDER`: builds one package of the release in the folder, as
//! stdin says, and writes its library into the file.
//!
//! A node, or its helper, starts it. Whatever lies in the folder may have been put there by an engine: the source is the one whose
//! root is ordered, or nothing is built. It is copied out and checked before it is built; no path comes from the order.

use crate::args::ReleaseBuilderArgs;
use crate::failure::Failure;
use crate::files::{FileError, read_bounded};
use crate::release::ReleaseFileError;
use crate::show;
use crate::source::Confined;
use refit_abi::host::Explained;
use refit_build::{BuiltRelease, Progress, Stage};
use refit_node::{BuildOrder, BuildSaid, open_release_file};
use refit_release::tree::{LISTING_BYTES_MAX, Listing};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Longest order, in bytes.
const ORDER_BYTES_MAX: u64 = 64 << 10;

/// Where a release's folder has the listing of its source, and the contents.
const LISTING: &str = "listing";
const FILES: &str = "files";

pub(crate) fn run(args: &ReleaseBuilderArgs) -> Result<(), Failure> {
    let said = match build(args) {
        Ok(built) => BuildSaid::Built {
            level: built.level.to_string(),
            build_id: built.build_id,
        },
        Err(failure) => BuildSaid::Failed {
            why: Explained::of(&failure),
        },
    };
    show::json_line(&said)
}

fn build(args: &ReleaseBuilderArgs) -> Result<BuiltRelease, Failure> {
    // Whoever started it hears how it goes, and nobody else does: a build that outlives them is in the way of the next one.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::start(error.into()))?;
    let order = order()?;
    let listing = listing(&args.release, &order)?;
    let root = args.builds.root.as_deref();
    let root = root.ok_or(ReleaseFileError::BuildsInReach)?;
    let confined = Confined::new(root, args.builds.at_least);
    let same = confined.clone();
    let confined = confined.heard_by(move |progress| {
        if !is_heard(progress) {
            // Nobody waits for it.
            same.give_up();
        }
    });
    let place = confined.place()?;
    let tree = confined.tree(
        &listing,
        &args.release.join(FILES),
        &place.path().join("tree"),
    )?;
    let built = confined.build(&tree, &order.folder)?;
    hand_out(&built.library, &args.library)?;
    Ok(built)
}

fn order() -> Result<BuildOrder, Failure> {
    let text = read_bounded(io::stdin().lock(), ORDER_BYTES_MAX).map_err(Failure::start)?;
    let order = serde_json::from_str(&text.unwrap_or_default());
    order.map_err(|error| Failure::start(error.into()))
}

/// The listing of the source that is ordered, and of no other.
fn listing(release: &Path, order: &BuildOrder) -> Result<Listing, Failure> {
    let path = release.join(LISTING);
    let unreadable = |source| FileError::Unreadable {
        path: path.clone(),
        source,
    };
    let file = open_release_file(&path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let read = file
        .take(LISTING_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes);
    read.map_err(unreadable)?;
    let listing = Listing::read(&bytes, order.root);
    Ok(listing.map_err(ReleaseFileError::of(&path))?)
}

/// Writes the library into the file that is there for it.
fn hand_out(library: &Path, to: &Path) -> Result<(), Failure> {
    let copy = || {
        let mut from = File::open(library)?;
        let mut to = File::options().write(true).truncate(true).open(to)?;
        io::copy(&mut from, &mut to)?;
        to.flush()
    };
    Ok(copy().map_err(|source| FileError::Unwritable {
        path: to.to_owned(),
        source,
    })?)
}

/// Says how far it is; false once nobody hears it.
fn is_heard(progress: &Progress) -> bool {
    let said = BuildSaid::Progress {
        dependencies: progress.stage == Stage::Dependencies,
        compiled: progress.compiled as u64,
    };
    matches!(show::flow_json(&said), Ok(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn a_pipe_in_the_place_of_a_listing_is_waited_for_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LISTING);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let order = BuildOrder {
            root: "00".repeat(32).parse().unwrap(),
            folder: "engine".to_owned(),
        };
        assert!(listing(folder.path(), &order).is_err());
    }
}
