//! A built module against what its package has published: a pure function to findings.

use super::frozen;
use super::impact::Bump;
use super::lock::{LockedKind, Published, SchemaLock, compiler};
use super::render::Module;
use super::stub::{self, Step};
use refit_abi::descriptor::{Descriptor, KindDescriptor, MigrationDescriptor};
use refit_abi::schema::{Type, differences};

/// One fault of a build against the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The engine kind that it is about.
    pub kind: String,
    /// The fault that was found.
    pub fault: Fault,
}

/// A fault of a kind against what was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The state is not the published one of its number.
    Changed {
        /// The state's version, which was published with another state.
        version: u32,
        /// From the published state to the built one, as [`differences`] writes them.
        differences: Vec<String>,
        /// The step to the next version, as Rust to paste and complete.
        stub: String,
    },
    /// No steps lead from a published version to the head.
    Unreachable {
        /// The published version from which no step leads on.
        version: u32,
        /// The version that was built.
        head: u32,
        /// From the published state to the built one, as [`differences`] writes them.
        differences: Vec<String>,
        /// The step that is missing, as Rust to paste and complete.
        stub: String,
    },
    /// The head is older than what was published.
    Behind {
        /// The version that was built.
        head: u32,
        /// The newest version that was published.
        newest: u32,
        /// The frozen module of that one.
        module: String,
    },
    /// A step starts from a frozen type that is not the published one.
    FrozenChanged {
        /// The published version whose frozen types were edited.
        version: u32,
        /// The module in which they stand.
        module: String,
        /// From what was published to what stands there, as [`differences`] writes them.
        differences: Vec<String>,
    },
    /// A frozen type means the same and has another memory layout.
    FrozenLayout {
        /// The published version.
        version: u32,
        /// The module of its frozen types.
        module: String,
    },
    /// A published kind is not in the module.
    Gone {
        /// The package that was built.
        package: String,
    },
    /// The interface of a published version changed, and the package's version does not say so.
    Undeclared {
        /// The package that was built.
        package: String,
        /// Its version when it was published.
        from: String,
        /// Its version now.
        to: String,
        /// By how much the version must grow instead.
        needs: Bump,
    },
}

/// Everything in which `built` does not keep what `lock` says was published.
pub fn compare(built: &Descriptor, lock: &SchemaLock) -> Vec<Finding> {
    let faults = |locked: &LockedKind| match built.kinds.iter().find(|k| k.kind == locked.kind) {
        Some(kind) => of_kind(&compiler(built), kind, locked),
        None => vec![Fault::Gone {
            package: built.package.clone(),
        }],
    };
    let finding = |locked: &LockedKind| {
        let kind = locked.kind.clone();
        let faults = faults(locked).into_iter();
        faults
            .map(|fault| Finding {
                kind: kind.clone(),
                fault,
            })
            .collect::<Vec<_>>()
    };
    lock.kinds.iter().flat_map(finding).collect()
}

fn of_kind(compiler: &str, kind: &KindDescriptor, locked: &LockedKind) -> Vec<Fault> {
    let faults = locked.versions.iter();
    faults
        .filter_map(|published| of_version(compiler, kind, locked, published))
        .collect()
}

fn of_version(
    compiler: &str,
    kind: &KindDescriptor,
    locked: &LockedKind,
    published: &Published,
) -> Option<Fault> {
    if published.schema == kind.schema {
        return None;
    }
    let version = published.version;
    if let Some(step) = step_from(kind, published) {
        let moved = published.compiler == compiler && published.layout != step.from_layout;
        return (moved && !kind.crosses_as_bytes).then(|| Fault::FrozenLayout {
            version,
            module: published.module.clone(),
        });
    }
    let changes = differences("state", &published.state, &kind.state);
    if version == kind.version {
        return Some(Fault::Changed {
            version,
            differences: changes,
            stub: step(locked, published, (&kind.state, version + 1)),
        });
    }
    if version > kind.version {
        return Some(Fault::Behind {
            head: kind.version,
            newest: version,
            module: published.module.clone(),
        });
    }
    if let Some(edited) = edited(kind, locked, version) {
        return Some(Fault::FrozenChanged {
            version,
            module: published.module.clone(),
            differences: differences("state", &published.state, edited),
        });
    }
    Some(unreachable(kind, locked, published, changes))
}

/// The step from just what was published.
fn step_from<'a>(
    kind: &'a KindDescriptor,
    published: &Published,
) -> Option<&'a MigrationDescriptor> {
    let mut steps = kind.migrations.iter();
    steps.find(|step| step.from_schema == published.schema)
}

/// The frozen type of this version that a step starts from, if it is none that was published.
fn edited<'a>(kind: &'a KindDescriptor, locked: &LockedKind, version: u32) -> Option<&'a Type> {
    let unknown = |step: &&MigrationDescriptor| {
        let mut published = locked.versions.iter();
        !published.any(|published| published.schema == step.from_schema)
    };
    let mut from = kind
        .migrations
        .iter()
        .filter(unknown)
        .map(|step| &step.from);
    from.find(|from| version_of(from) == version)
}

/// A published version without a way to the head: what misses is the step to the next one.
fn unreachable(
    kind: &KindDescriptor,
    locked: &LockedKind,
    published: &Published,
    differences: Vec<String>,
) -> Fault {
    let mut later = locked.versions.iter();
    let next = later.find(|later| later.version > published.version);
    let (to, number) = match next {
        Some(next) if next.schema != kind.schema => (&next.state, next.version),
        _ => (&kind.state, kind.version),
    };
    Fault::Unreachable {
        version: published.version,
        head: kind.version,
        differences,
        stub: step(locked, published, (to, number)),
    }
}

/// The step from a published version to a state, which will have this version.
fn step(locked: &LockedKind, published: &Published, (new, version): (&Type, u32)) -> String {
    let modules = frozen::of_kind(locked).unwrap_or_default();
    let mut modules = modules.into_iter();
    let from = modules.find(|module| module.name == published.module);
    let from = from.unwrap_or_else(|| Module::named(&published.module));
    stub::step(&Step {
        from: &from,
        old: &published.state,
        new,
        version,
    })
}

/// `#[state(version = n)]` of a described type.
fn version_of(ty: &Type) -> u32 {
    match ty {
        Type::Struct { version, .. } | Type::Enum { version, .. } => *version,
        _ => 0,
    }
}
