//! [`Kept`]: the libraries of the last saves. A day of saves would fill the disk with older ones.

use refit_build::Built;
use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

/// Libraries of this session that are kept: the live one is among the newest, and a node has its own
/// copy of what it runs.
const LIBRARIES_MAX: usize = 16;

/// The libraries that this session made, the newest last.
#[derive(Debug, Default)]
pub(super) struct Kept {
    libraries: VecDeque<PathBuf>,
}

impl Kept {
    /// Keeps a library; removes the oldest if there are too many. One that was there before this
    /// session stays.
    pub(super) fn add(&mut self, built: &Built) {
        let made_before = self.libraries.iter().position(|one| *one == built.library);
        if let Some(place) = made_before {
            // It is the newest again.
            self.libraries.remove(place);
        }
        if built.is_new || made_before.is_some() {
            self.libraries.push_back(built.library.clone());
        }
        if self.libraries.len() > LIBRARIES_MAX
            && let Some(oldest) = self.libraries.pop_front()
        {
            // If it cannot be removed, it only takes room.
            let _ = fs::remove_file(oldest);
        }
    }
}
