//! Finds how a change of an engine affects those who use it, and the bump of its package's version
//! that says so.

mod older;

pub use older::OlderMessage;

use super::attributes::{Declarations, SerdeAttributes};
use super::lock::{Interface, LockedKind, Part, Published, SchemaLock};
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use refit_abi::schema::{SchemaId, Type, Variant, differences};
use serde::Serialize;
use std::fmt;

/// The part of a package's version that must grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bump {
    /// Only the code changed: no type of its interface or state did.
    Patch,
    /// Something new, and all that was understood still is.
    Minor,
    /// Something that was understood is not any more.
    Major,
}

/// The published engine that a build is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The package's version, as its manifest has it.
    pub package_version: String,
    /// Its engine kinds.
    pub kinds: Vec<BaseKind>,
}

/// One kind of a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseKind {
    /// The kind's name.
    pub kind: String,
    /// The version of its state.
    pub version: u32,
    /// The schema of its state.
    pub schema: SchemaId,
    /// The description of its state.
    pub state: Type,
    /// Its configuration, messages, queries and what it answers to them.
    pub interface: Interface,
    /// The names under which its message is written as JSON, if they are known.
    pub names: Option<SerdeAttributes>,
    /// The messages of versions before it, which nodes and clients may still have.
    pub older_messages: Vec<OlderMessage>,
}

impl Baseline {
    /// A module as the baseline, with what its source declares if that is there.
    pub fn of(descriptor: &Descriptor, declared: Option<&Declarations>) -> Self {
        let kind = |kind: &KindDescriptor| BaseKind {
            kind: kind.kind.clone(),
            version: kind.version,
            schema: kind.schema,
            state: kind.state.clone(),
            interface: Interface::of(kind),
            names: declared.map(|declared| declared.attributes(&kind.interface.message)),
            older_messages: older::converted(kind),
        };
        Self {
            package_version: descriptor.package_version.clone(),
            kinds: descriptor.kinds.iter().map(kind).collect(),
        }
    }

    /// The baseline that was published last; `None` if nothing was.
    pub fn published(lock: &SchemaLock) -> Option<Self> {
        let newest = |locked: &LockedKind| {
            let published = locked.newest()?;
            let kind = BaseKind::published(locked, published);
            Some((published.package_version.clone(), kind))
        };
        let (versions, kinds): (Vec<_>, Vec<_>) = lock.kinds.iter().filter_map(newest).unzip();
        let newest = |version: &String| parts_of(version);
        let package_version = versions.into_iter().max_by_key(newest)?;
        Some(Self {
            package_version,
            kinds,
        })
    }
}

impl BaseKind {
    fn published(locked: &LockedKind, published: &Published) -> Self {
        Self {
            kind: locked.kind.clone(),
            version: published.version,
            schema: published.schema,
            state: published.state.clone(),
            interface: published.interface.clone(),
            names: Some(published.message_serde().clone()),
            older_messages: older::before(locked, published),
        }
    }
}

/// The comparison of a package with its baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// The package's name, as its manifest has it.
    pub package: String,
    /// The baseline's package version.
    pub from_version: String,
    /// The package version that was built.
    pub to_version: String,
    /// The bump that the changes need.
    pub needs: Bump,
    /// Whether the package's version says at least that.
    pub declared: bool,
    /// Every difference, kind by kind.
    pub changes: Vec<Change>,
    /// Steps that are missing: no version can make up for them.
    pub missing: Vec<String>,
    /// Older messages that are not understood: allowed, and seldom meant.
    pub notes: Vec<String>,
}

/// One difference between the baseline and this build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The engine kind.
    pub kind: String,
    /// `state`, `message`, … or `kind`.
    pub part: &'static str,
    /// The bump that this difference needs.
    pub needs: Bump,
    /// The effect of the change, and on whom.
    pub means: String,
    /// Field by field, as [`differences`] writes them.
    pub differences: Vec<String>,
}

/// Compares a built package, whose source `declares` its types, with its baseline.
pub fn compare(base: &Baseline, built: &Descriptor, declares: &Declarations) -> Impact {
    let (mut changes, mut missing, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for before in &base.kinds {
        match built.kinds.iter().find(|kind| kind.kind == before.kind) {
            Some(kind) => {
                changes.extend(state(before, kind, &mut missing));
                changes.extend(interface(before, kind));
                changes.extend(names(before, kind, declares));
                notes.extend(older::lost(&before.older_messages, kind));
            }
            None => changes.push(of_kind(
                &before.kind,
                Bump::Major,
                "gone: its engines have no new code",
            )),
        }
    }
    let new = |kind: &&KindDescriptor| !base.kinds.iter().any(|before| before.kind == kind.kind);
    for kind in built.kinds.iter().filter(new) {
        changes.push(of_kind(&kind.kind, Bump::Minor, "new"));
    }
    let needs = changes.iter().map(|change| change.needs).max();
    let needs = needs.unwrap_or(Bump::Patch);
    Impact {
        package: built.package.clone(),
        from_version: base.package_version.clone(),
        to_version: built.package_version.clone(),
        needs,
        declared: changes.is_empty()
            || declared(&base.package_version, &built.package_version) >= Some(needs),
        changes,
        missing,
        notes,
    }
}

fn of_kind(kind: &str, needs: Bump, means: &str) -> Change {
    Change {
        kind: kind.to_owned(),
        part: "kind",
        needs,
        means: means.to_owned(),
        differences: Vec::new(),
    }
}

fn state(before: &BaseKind, now: &KindDescriptor, missing: &mut Vec<String>) -> Option<Change> {
    if before.schema == now.schema {
        return None;
    }
    let mut steps = now.migrations.iter();
    let means = if steps.any(|step| step.from_schema == before.schema) {
        format!(
            "version {} becomes {} by its Migrate",
            before.version, now.version
        )
    } else if before.version == now.version {
        let next = before.version + 1;
        missing.push(format!(
            "`{}`: the state changed; raise #[state(version = {next})] and write its Migrate",
            now.kind
        ));
        format!("changed, and is still called version {}", now.version)
    } else {
        missing.push(format!(
            "`{}`: write the Migrate from version {} to {}",
            now.kind, before.version, now.version
        ));
        format!(
            "no step leads from version {} to {}",
            before.version, now.version
        )
    };
    Some(Change {
        kind: now.kind.clone(),
        part: "state",
        needs: Bump::Minor,
        means,
        differences: differences("state", &before.state, &now.state),
    })
}

fn interface(before: &BaseKind, now: &KindDescriptor) -> Vec<Change> {
    let after = Interface::of(now);
    let pairs = before.interface.parts().into_iter().zip(after.parts());
    let changed = pairs.filter(|((_, old), (_, new))| old.schema != new.schema);
    changed
        .map(|((part, old), (_, new))| {
            let (needs, means) = match part {
                "message" if now.accepts(old.schema) => CONVERTED,
                _ => meaning(part, old, new),
            };
            let differences = match (&old.described, &new.described) {
                (Some(old), Some(new)) => differences(part, old, new),
                _ => Vec::new(),
            };
            Change {
                kind: now.kind.clone(),
                part,
                needs,
                means: means.to_owned(),
                differences,
            }
        })
        .collect()
}

/// The message's names for JSON, which no schema has. An older message that is converted keeps its own.
fn names(before: &BaseKind, now: &KindDescriptor, declares: &Declarations) -> Option<Change> {
    let (old, noted) = (&before.interface.message, before.names.as_ref()?);
    if old.schema != now.message && now.accepts(old.schema) {
        return None;
    }
    let differences = declares.renamed(old.described.as_ref()?, noted, &now.interface.message);
    (!differences.is_empty()).then(|| Change {
        kind: now.kind.clone(),
        part: "message",
        needs: Bump::Major,
        means: "clients write the message in another form as JSON".to_owned(),
        differences,
    })
}

/// A message that the engine still takes in its older form.
const CONVERTED: (Bump, &str) = (
    Bump::Minor,
    "the older one is still understood: MigrateMessage converts it",
);

/// Whom a changed part concerns, and how much.
fn meaning(part: &str, old: &Part, new: &Part) -> (Bump, &'static str) {
    let extends = match (&old.described, &new.described) {
        (Some(old), Some(new)) => extends(old, new),
        _ => false,
    };
    match part {
        "message" | "query" if extends => (
            Bump::Minor,
            "all that was understood still is, and more; engines that send it are built again to send the new",
        ),
        "message" => (
            Bump::Major,
            "clients and engines that send it must be changed; queued messages and timers need a conversion",
        ),
        "query" => (Bump::Major, "clients and engines that ask must be changed"),
        "config" => (
            Bump::Major,
            "node configurations and engines that start this kind must be changed",
        ),
        "reply" => (
            Bump::Major,
            "clients and engines that read the replies must be changed",
        ),
        _ => (
            Bump::Major,
            "clients and engines that read the answers must be changed",
        ),
    }
}

/// Whether `new` is `old` with variants added at its end: what was written is read as it was.
fn extends(old: &Type, new: &Type) -> bool {
    match (old, new) {
        (
            Type::Enum {
                name: a,
                version: v,
                variants: old,
                ..
            },
            Type::Enum {
                name: b,
                version: w,
                variants: new,
                ..
            },
        ) => {
            let same = |(old, new): (&Variant, &Variant)| alone(old) == alone(new);
            a == b && v == w && old.len() <= new.len() && old.iter().zip(new).all(same)
        }
        _ => false,
    }
}

/// The hash of one variant by itself.
fn alone(variant: &Variant) -> SchemaId {
    Type::Enum {
        name: String::new(),
        version: 0,
        variants: vec![variant.clone()],
        shape: refit_abi::schema::Shape::default(),
    }
    .schema_id()
}

/// The bump from one package version to another; `None` if it did not grow.
fn declared(from: &str, to: &str) -> Option<Bump> {
    let (from, to) = (parts_of(from), parts_of(to));
    if to <= from {
        return None;
    }
    // Before 1.0 the second number is the one that breaks, as cargo reads it.
    let early = from[0] == 0 && to[0] == 0;
    Some(match (from[0] == to[0], from[1] == to[1]) {
        (false, _) => Bump::Major,
        (true, false) if early => Bump::Major,
        (true, false) => Bump::Minor,
        (true, true) if early => Bump::Minor,
        (true, true) => Bump::Patch,
    })
}

/// The three numbers of a version; what follows them does not count.
fn parts_of(version: &str) -> [u64; 3] {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

#[cfg(test)]
mod tests;
