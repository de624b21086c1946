//! Whether a build keeps what its package has published: asked of every build from source.

use crate::failure::{Failure, Reported};
use crate::{artifact, show};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_author::compare::{Finding, compare};
use refit_author::lock::{LOCK_FILE, SchemaLock};
use refit_author::render::WRITTEN;
use std::borrow::Cow;
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
    #[error(
        "{} has frozen types ({}) that {LOCK_FILE} does not know: it is not the newest one",
        folder.display(), modules.join(", ")
    )]
    LockStale {
        folder: PathBuf,
        modules: Vec<String>,
    },
    #[error("{}", headlines(findings))]
    Findings {
        folder: PathBuf,
        findings: Vec<Finding>,
    },
}

impl Explain for KeptError {
    fn code(&self) -> &str {
        match self {
            Self::LockMissing { .. } => codes::AUTHOR_LOCK_MISSING,
            Self::LockStale { .. } => codes::AUTHOR_LOCK_STALE,
            Self::Findings { findings, .. } => findings
                .first()
                .map_or(codes::AUTHOR_STATE_CHANGED, Finding::code),
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Owned(match self {
            Self::LockMissing { folder, .. } => format!(
                "take {LOCK_FILE} back from version control, it alone knows what was published; if there never was one and no node holds such a state, delete these files and begin with `refit engine freeze {}`",
                folder.display()
            ),
            Self::LockStale { .. } => format!(
                "take the {LOCK_FILE} that belongs to them back from version control; if their kind was forgotten, or no node holds such a state, delete them"
            ),
            Self::Findings { folder, findings } => {
                let folder = folder.display().to_string();
                let next = findings.first().map(|finding| finding.next(&folder));
                next.unwrap_or_default()
            }
        })
    }
}

impl Reported for KeptError {}

fn headlines(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings.iter().map(Finding::headline).collect();
    lines.join("\n")
}

/// Compares the `library` that was built from `folder` with its lock. Prints the stubs to paste before it fails.
pub(crate) fn check(folder: &Path, library: &Path) -> Result<(), Failure> {
    let Some(lock) = super::lock(folder)? else {
        let told = |module: &FrozenFile| is_version(&module.stem) || module.was_written;
        let modules = file_names(frozen_files(folder).into_iter().filter(told));
        if modules.is_empty() {
            return Ok(());
        }
        let folder = folder.to_owned();
        return Err(KeptError::LockMissing { folder, modules }.into());
    };
    not_stale(folder, &lock)?;
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
    Err(KeptError::Findings { folder, findings }.into())
}

/// Says how to publish, if nothing is yet.
pub(crate) fn hint(folder: &Path) {
    if is_unpublished(folder) {
        show::talk(format_args!(
            "nothing is published yet. Before others run it: refit engine freeze {}",
            folder.display()
        ));
    }
}

/// Whether the package has no lock, or one without a kind, as a new engine has.
pub(crate) fn is_unpublished(folder: &Path) -> bool {
    match super::lock(folder) {
        Ok(lock) => lock.is_none_or(|lock| lock.kinds.is_empty()),
        Err(_) => false,
    }
}

/// Looks whether `lock`, begun anew where there was none, knows all that was frozen in `folder`.
pub(crate) fn not_lost(folder: &Path, lock: &SchemaLock) -> Result<(), KeptError> {
    not_stale(folder, lock).map_err(|error| match error {
        KeptError::LockStale { folder, modules } => KeptError::LockMissing { folder, modules },
        other => other,
    })
}

/// Looks whether `lock` knows all that was frozen in `folder`.
pub(crate) fn not_stale(folder: &Path, lock: &SchemaLock) -> Result<(), KeptError> {
    let versions = || lock.kinds.iter().flat_map(|kind| &kind.versions);
    let is_known = |module: &FrozenFile| versions().any(|known| known.module == module.stem);
    let unknown = frozen_files(folder).into_iter();
    let unknown = unknown.filter(|module| module.was_written && !is_known(module));
    let modules = file_names(unknown);
    if modules.is_empty() {
        return Ok(());
    }
    let folder = folder.to_owned();
    Err(KeptError::LockStale { folder, modules })
}

/// A file that has the name of a frozen module.
struct FrozenFile {
    stem: String,
    /// Whether it says that it was frozen.
    was_written: bool,
}

fn file_names(modules: impl Iterator<Item = FrozenFile>) -> Vec<String> {
    modules
        .map(|module| format!("{}.rs", module.stem))
        .collect()
}

/// The files `src/v1.rs`, `src/kind_v2.rs`, …: what `refit engine freeze` writes.
fn frozen_files(folder: &Path) -> Vec<FrozenFile> {
    let Ok(entries) = std::fs::read_dir(folder.join("src")) else {
        return Vec::new();
    };
    let frozen = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let stem = name.strip_suffix(".rs")?.to_owned();
        let named = is_version(&stem) || is_of_a_kind(&stem);
        named.then(|| FrozenFile {
            stem,
            was_written: was_written(&entry.path()),
        })
    });
    let mut found: Vec<_> = frozen.collect();
    found.sort_by(|a, b| a.stem.cmp(&b.stem));
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

/// Whether the file says that it was frozen. Of one that cannot be read it is not known, and it may have been.
fn was_written(path: &Path) -> bool {
    crate::files::read_text(path, MODULE_BYTES_MAX).map_or(true, |text| text.contains(WRITTEN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::schema::{LayoutId, Shape, Type};
    use refit_author::lock::{Interface, Part, Published};

    /// A published version whose state is a plain number.
    fn version(version: u32) -> Published {
        let state = Type::Scalar {
            name: "u8".to_owned(),
            shape: Shape::default(),
        };
        let part = || Part {
            schema: state.schema_id(),
            described: None,
        };
        Published {
            version,
            package_version: format!("{version}.0.0"),
            module: format!("v{version}"),
            schema: state.schema_id(),
            layout: LayoutId::default(),
            compiler: "a-toolchain/1 a-target".to_owned(),
            interface: Interface {
                config: part(),
                message: part(),
                reply: part(),
                query: part(),
                answer: part(),
            },
            frozen_message: None,
            serde: Default::default(),
            message_serde: None,
            state,
        }
    }

    #[test]
    fn a_lock_that_does_not_know_what_was_frozen_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("src");
        std::fs::create_dir(&source).unwrap();
        let frozen = format!("//! {WRITTEN}\n");
        for name in ["v1.rs", "v2.rs", "kv_v3.rs"] {
            std::fs::write(source.join(name), &frozen).unwrap();
        }
        std::fs::write(source.join("ip_v6.rs"), "//! An address.\n").unwrap();
        std::fs::write(source.join("v9.rs"), "//! By hand.\n").unwrap();
        let stale = |lock: &SchemaLock| match not_stale(folder.path(), lock) {
            Err(KeptError::LockStale { modules, .. }) => modules,
            _ => Vec::new(),
        };
        let mut lock = SchemaLock::default();
        assert_eq!(stale(&lock), ["kv_v3.rs", "v1.rs", "v2.rs"]);
        lock.publish("kv", version(1));
        assert_eq!(stale(&lock), ["kv_v3.rs", "v2.rs"]);
        lock.publish("kv", version(2));
        std::fs::remove_file(source.join("kv_v3.rs")).unwrap();
        assert!(stale(&lock).is_empty());
    }

    #[test]
    fn a_package_is_unpublished_until_its_lock_has_a_kind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_unpublished(folder.path()));
        let path = folder.path().join(LOCK_FILE);
        let mut lock = SchemaLock::default();
        std::fs::write(&path, lock.text().unwrap()).unwrap();
        assert!(is_unpublished(folder.path()));
        lock.publish("kv", version(1));
        std::fs::write(&path, lock.text().unwrap()).unwrap();
        assert!(!is_unpublished(folder.path()));
    }

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
