//! Whether a build keeps what its package has published: asked of every build from source.

use super::compare::{Finding, compare};
use super::error::AuthorError;
use super::lock::{LOCK_FILE, SchemaLock};
use super::render::WRITTEN;
use crate::failure::Failure;
use crate::{artifact, show};
use std::path::{Path, PathBuf};

/// Longest frozen module that is looked into, in bytes.
pub(crate) const MODULE_BYTES_MAX: u64 = 16 << 20;

/// A build that does not keep what was published, or cannot be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    #[error(
        "{} has frozen types ({}) and no {LOCK_FILE}: what was published is not known",
        folder.display(), modules.join(", ")
    )]
    LockMissing {
        folder: PathBuf,
        modules: Vec<String>,
    },
    #[error("{}", headlines(findings))]
    Findings {
        folder: PathBuf,
        findings: Vec<Finding>,
    },
}

impl KeptError {
    pub(crate) fn code(&self) -> String {
        let word = match self {
            Self::LockMissing { .. } => "lock_missing",
            Self::Findings { findings, .. } => findings.first().map_or("findings", Finding::code),
        };
        format!("author::{word}")
    }

    pub(crate) fn next(&self) -> String {
        match self {
            Self::LockMissing { folder, .. } => format!(
                "take {LOCK_FILE} back from version control; if there never was one, build each published source with `refit engine freeze`, or begin with `refit engine freeze {}`",
                folder.display()
            ),
            Self::Findings { folder, findings } => {
                let folder = folder.display().to_string();
                let next = findings.first().map(|finding| finding.next(&folder));
                next.unwrap_or_default()
            }
        }
    }
}

fn headlines(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings.iter().map(Finding::headline).collect();
    lines.join("\n")
}

/// Compares the `library` that was built from `folder` with its lock. Stubs to paste are told as
/// they are, before the failure.
pub(crate) fn check(folder: &Path, library: &Path) -> Result<(), Failure> {
    let Some(lock) = SchemaLock::of_package(folder).map_err(AuthorError::from)? else {
        let modules = frozen_modules(folder);
        if modules.is_empty() {
            return Ok(());
        }
        let folder = folder.to_owned();
        return Err(AuthorError::from(KeptError::LockMissing { folder, modules }).into());
    };
    if lock.kinds.is_empty() {
        return Ok(());
    }
    let findings = compare(&artifact::examine(library)?.descriptor, &lock);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        show::talk(finding.text());
    }
    let folder = folder.to_owned();
    Err(AuthorError::from(KeptError::Findings { folder, findings }).into())
}

/// Says how to publish, if nothing is yet.
pub(crate) fn hint(folder: &Path) {
    if !folder.join(LOCK_FILE).exists() {
        show::talk(format_args!(
            "no {LOCK_FILE}: nothing is published yet. Before others run it: refit engine freeze {}",
            folder.display()
        ));
    }
}

/// The files `src/v1.rs`, `src/kind_v2.rs`, …: what `refit engine freeze` writes.
fn frozen_modules(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("src")) else {
        return Vec::new();
    };
    let frozen = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let stem = name.strip_suffix(".rs")?;
        let told = is_version(stem) || is_of_a_kind(stem) && was_written(&entry.path());
        told.then_some(name)
    });
    let mut found: Vec<_> = frozen.collect();
    found.sort();
    found
}

/// `v1`, `v2`, …
fn is_version(stem: &str) -> bool {
    let number = stem.strip_prefix('v').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// `kind_v1`, …, which may be a module of another meaning.
fn is_of_a_kind(stem: &str) -> bool {
    stem.rsplit_once('_')
        .is_some_and(|(_, end)| is_version(end))
}

/// Whether the file says that it was frozen.
fn was_written(path: &Path) -> bool {
    crate::files::read_text(path, MODULE_BYTES_MAX).is_ok_and(|text| text.contains(WRITTEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_files_are_told_by_their_names() {
        for stem in ["v1", "v12"] {
            assert!(is_version(stem), "{stem}");
        }
        for stem in ["lib", "v", "v1a", "value", "ipv6", "kv_v2"] {
            assert!(!is_version(stem), "{stem}");
        }
        assert!(is_of_a_kind("kv_v2") && !is_of_a_kind("v2"));
    }
}
