//! Keeps the end of what cargo said in a release's build, whether it succeeded or not.

use crate::error::{BuildError, io};
use crate::place;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of logs, in the root.
pub(crate) const LOGS: &str = "logs";

/// Most logs that are kept; the oldest goes first. Each has at most as many bytes as a builder keeps of one build.
const LOGS_MAX: usize = 64;

/// Writes the log of a build to `ROOT/logs/<build id>.log`.
pub(crate) fn keep(root: &Path, build_id: &str, text: &str) -> Result<PathBuf, BuildError> {
    let folder = place::folder(root.join(LOGS))?;
    let path = folder.join(format!("{build_id}.log"));
    place::write(&path, text.as_bytes())?;
    forget(&folder)?;
    Ok(path)
}

/// Writes down why a build failed, and gives the reason back.
pub(crate) fn failed(root: &Path, build_id: &str, error: BuildError) -> BuildError {
    // That the log cannot be kept is less than the reason.
    let _ = keep(root, build_id, &error.to_string());
    error
}

fn forget(folder: &Path) -> Result<(), BuildError> {
    let entries = fs::read_dir(folder).map_err(io("list", folder))?.flatten();
    let written = |path: &Path| fs::metadata(path).and_then(|about| about.modified());
    let mut logs: Vec<_> = entries
        .map(|entry| entry.path())
        .map(|path| (written(&path).unwrap_or(SystemTime::UNIX_EPOCH), path))
        .collect();
    logs.sort();
    let too_many = logs.len().saturating_sub(LOGS_MAX);
    for (_, log) in logs.into_iter().take(too_many) {
        fs::remove_file(&log).map_err(io("remove", &log))?;
    }
    Ok(())
}
