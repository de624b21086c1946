//! What releases' builds leave, as parts that go: compiled dependencies, libraries, logs, and the rooms of builds that were killed.

use crate::cache::{Clean, Cleaned, Part, entries, remove, too_much};
use crate::error::BuildError;
use crate::release::dependencies::{self, DEPENDENCIES};
use crate::release::work::{ROOMS, is_left};
use crate::release::{ReleaseBuilder, log::LOGS};
use crate::store::USED;
use std::path::Path;

impl ReleaseBuilder {
    /// Removes what `clean` says of the builds under `root`, or with `dry_run` only tells it. What a build uses stays. Nothing there
    /// is one package's alone.
    ///
    /// # Errors
    /// [`BuildError::Io`].
    pub fn clean(root: &Path, clean: &Clean, dry_run: bool) -> Result<Vec<Cleaned>, BuildError> {
        let chosen = match clean {
            Clean::All => parts(root),
            Clean::Down { bytes_max } => too_much(parts(root), *bytes_max),
            Clean::Package(_) => Vec::new(),
        };
        remove(chosen, dry_run)
    }
}

/// All that is no build's under way.
fn parts(root: &Path) -> Vec<Part> {
    let sets = entries(&root.join(DEPENDENCIES)).into_iter().map(|set| {
        let name = set.file_name().unwrap_or_default().to_string_lossy();
        let lock = (root.to_owned(), dependencies::lock_name(&name));
        Part::of(set.clone(), &set.join(USED), Some(lock))
    });
    let rooms = entries(&root.join(ROOMS)).into_iter();
    let left = rooms.filter(|room| is_left(room));
    let files = ["artifacts", LOGS]
        .into_iter()
        .flat_map(|folder| entries(&root.join(folder)));
    let others = left
        .chain(files)
        .map(|path| Part::of(path.clone(), &path, None));
    sets.chain(others).collect()
}
