//! Publishes a version: changes the lock, or says why it must not.

use super::attributes::{Declarations, SerdeAttributes, noted_in};
use super::compare::{Fault, Finding, compare};
use super::impact::{self, Baseline};
use super::lock::{Interface, LockedKind, Published, SchemaLock};
use refit_abi::codes;
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::path::PathBuf;

/// Why nothing was frozen.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// A file of the frozen module's name is there, with another text.
    #[error("{} is there already and is not what would be frozen", path.display())]
    InTheWay {
        /// The file that is there.
        path: PathBuf,
    },
    /// Restoring would write over what an earlier restore set aside.
    #[error("{} is there already: an earlier restore set it aside", path.display())]
    SetAside {
        /// The file that is there.
        path: PathBuf,
    },
    /// The lock has no such kind.
    #[error("`{kind}` was never published from {}", folder.display())]
    UnknownKind {
        /// The kind that was named.
        kind: String,
        /// The package's folder.
        folder: PathBuf,
    },
    /// The lock has no such frozen module.
    #[error("`{module}` is no frozen module of {}", folder.display())]
    UnknownModule {
        /// The module that was named.
        module: String,
        /// The package's folder.
        folder: PathBuf,
    },
    /// A library of another package.
    #[error("{} was built from {found}, and the folder is that of {package}", library.display())]
    OtherPackage {
        /// The library that was named.
        library: PathBuf,
        /// The package that it was built from.
        found: String,
        /// The package whose folder was named.
        package: String,
    },
    /// There is no lock.
    #[error("{} has no schema.lock to restore from", folder.display())]
    NothingPublished {
        /// The package's folder.
        folder: PathBuf,
    },
}

impl Explain for FreezeError {
    fn code(&self) -> &str {
        match self {
            Self::InTheWay { .. } => codes::AUTHOR_FILE_IN_THE_WAY,
            Self::SetAside { .. } => codes::AUTHOR_SET_ASIDE_BEFORE,
            Self::UnknownKind { .. } => codes::AUTHOR_UNKNOWN_KIND,
            Self::UnknownModule { .. } => codes::AUTHOR_UNKNOWN_MODULE,
            Self::OtherPackage { .. } => codes::AUTHOR_OTHER_PACKAGE,
            Self::NothingPublished { .. } => codes::AUTHOR_NOTHING_PUBLISHED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::InTheWay { .. } => {
                "move it away; or, if it holds this very version's types, delete it and freeze again"
            }
            Self::SetAside { .. } => {
                "move it away, or delete it if nothing of it is needed, and restore again; nothing was written"
            }
            Self::UnknownKind { .. } => "name a kind that schema.lock has",
            Self::UnknownModule { .. } => "name a module that schema.lock has, such as v1",
            Self::OtherPackage { .. } => {
                "name a library that was built from this folder; `refit status` shows the file of each live kind"
            }
            Self::NothingPublished { .. } => {
                "take it back from version control, or publish with `refit engine freeze` first"
            }
        })
    }
}

/// The result of freezing one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The engine kind.
    pub kind: String,
    /// The version of its state.
    pub version: u32,
    /// The module that holds this version's frozen types.
    pub module: String,
    /// The change of the lock.
    pub change: Change,
}

/// A change that freezing made in the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// This version is published now.
    Published,
    /// The state is as published; messages or queries are others than were noted.
    Interface,
    /// The lock says the same already: nothing is written.
    None,
}

/// Publishes the heads of `built` in `lock`, unless they break what was published before.
///
/// # Errors
/// Everything in which they do; the lock is then as it was.
pub fn publish(
    built: &Descriptor,
    declared: &Declarations,
    lock: &mut SchemaLock,
) -> Result<Vec<Frozen>, Vec<Finding>> {
    let findings = compare(built, lock);
    // Only what concerns a version that is published now: a layout says nothing of the head.
    let stops = |finding: &Finding| !matches!(finding.fault, Fault::FrozenLayout { .. });
    if findings.iter().any(stops) {
        return Err(findings);
    }
    if let Some(undeclared) = undeclared(built, declared, lock) {
        return Err(vec![undeclared]);
    }
    let kinds = built.kinds.iter();
    Ok(kinds
        .map(|kind| publish_kind(built, kind, declared, lock))
        .collect())
}

fn publish_kind(
    built: &Descriptor,
    kind: &KindDescriptor,
    declared: &Declarations,
    lock: &mut SchemaLock,
) -> Frozen {
    let known = lock
        .kind(&kind.kind)
        .and_then(|locked| locked.version(kind.version));
    let module = known.map_or_else(
        || module_name(built, kind, lock),
        |known| known.module.clone(),
    );
    let (message, names) = (
        &kind.interface.message,
        declared.attributes(&kind.interface.message),
    );
    let is_other = |known: &Published| {
        known.interface != Interface::of(kind) || noted_in(known.message_serde(), message) != names
    };
    let change = match known {
        None => Change::Published,
        Some(known) if is_other(known) => Change::Interface,
        Some(_) => Change::None,
    };
    let published = match (change, known) {
        (Change::None, _) => None,
        (Change::Interface, Some(known)) => Some(known.with_interface(built, kind, names)),
        _ => {
            let names = named_in(kind, declared);
            Some(Published::of(built, kind, module.clone(), names))
        }
    };
    if let Some(published) = published {
        lock.publish(&kind.kind, published);
    }
    Frozen {
        kind: kind.kind.clone(),
        version: kind.version,
        module,
        change,
    }
}

/// A change whose bump is not declared: noted in the lock, nothing would ask for it any more.
fn undeclared(built: &Descriptor, declared: &Declarations, lock: &SchemaLock) -> Option<Finding> {
    let impact = impact::compare(&Baseline::published(lock)?, built, declared);
    if impact.declared {
        return None;
    }
    let mut changes = impact.changes.into_iter();
    let change = changes.find(|change| change.needs == impact.needs)?;
    Some(Finding {
        kind: change.kind,
        fault: Fault::Undeclared {
            package: impact.package,
            from: impact.from_version,
            to: impact.to_version,
            needs: impact.needs,
        },
    })
}

/// The attributes of the types that are frozen for `kind`.
fn named_in(kind: &KindDescriptor, declared: &Declarations) -> SerdeAttributes {
    let mut found = declared.attributes(&kind.state);
    found.extend(declared.attributes(&kind.interface.message));
    found
}

/// A kind's name as the start of a module's: no `-`, and no digit first.
fn stem(kind: &str) -> String {
    let stem = kind.replace('-', "_");
    match stem.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("kind_{stem}"),
        false => stem,
    }
}

/// `v1` where the package has one kind, `kind_v1` where it has several. A kind whose modules are called
/// `v1`, … goes on so when others come.
fn module_name(built: &Descriptor, kind: &KindDescriptor, lock: &SchemaLock) -> String {
    let newest = lock.kind(&kind.kind).and_then(LockedKind::newest);
    let is_short = newest.is_some_and(|newest| newest.module == format!("v{}", newest.version));
    let short = format!("v{}", kind.version);
    let is_free = !lock.modules().contains(&short.as_str());
    if is_free && (is_short || built.kinds.len() == 1) {
        return short;
    }
    let stem = stem(&kind.kind);
    let same = |other: &&KindDescriptor| self::stem(&other.kind) == stem;
    let mut same = built.kinds.iter().filter(same);
    // `a-b` and `a_b` are two kinds and one name of Rust: the later ones are numbered.
    match same.position(|other| other.kind == kind.kind) {
        None | Some(0) => format!("{stem}_v{}", kind.version),
        Some(earlier) => format!("{stem}_{}_v{}", earlier + 1, kind.version),
    }
}
