//! [`Module`]: the code of one library, described and kept mapped.

use super::call::{Buffer, CallError};
use super::json_keys;
use super::kind::Kind;
use super::migration;
use super::panics;
use super::running::{self, Call, Label};
use crate::build::ABI_EPOCH;
use crate::codec;
use crate::descriptor::{DESCRIPTOR_BYTES_MAX, Descriptor};
use crate::export::{EngineModuleRef, LinkedModule, SnapshotEntry};
use crate::raw::{Codec, KindVtable, MigrationVtable, WrongSize};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The code of one library. Clones share it; the library stays mapped until the last is dropped.
#[derive(Clone)]
pub struct Module {
    shared: Arc<Shared>,
}

/// Fields drop in order: the tables first, what keeps the code mapped last.
struct Shared {
    descriptor: Descriptor,
    tables: Vec<KindVtable>,
    /// Of each kind, in the descriptor's order. Read once: a step that is asked for again may be another, since
    /// `Migrate::step` is the author's to write, and what the one prepared the other would take for its own.
    steps: Vec<Vec<MigrationVtable>>,
    snapshot: Option<SnapshotEntry>,
    labels: Vec<&'static Label>,
    serial: u64,
    _mapping: Box<dyn Any + Send + Sync>,
}

/// A root that is not a module this node can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// Built against another contract.
    #[error(
        "the module has abi epoch {found}, this node has {ABI_EPOCH}; rebuild the engine against this node's refit-abi"
    )]
    Epoch {
        /// The module's epoch.
        found: u32,
    },
    /// A table of it has a size that no table of this epoch has.
    #[error("{0}; rebuild the engine against this node's refit-abi")]
    Table(#[from] WrongSize),
    /// A kind's steps from older states are not those that it describes.
    #[error(
        "kind `{kind}` does not have the step from an older state at place {place} that it describes; rebuild it"
    )]
    Step {
        /// The kind that has the step.
        kind: String,
        /// The step's place in the kind's history.
        place: usize,
    },
    /// It could not describe itself.
    #[error("the module could not describe itself: {0}; rebuild it and run `refit engine inspect`")]
    Describe(CallError),
    /// Its descriptor is too long or not readable.
    #[error(
        "the module's descriptor is not readable: {reason}; rebuild it with this node's refit-abi"
    )]
    Descriptor {
        /// The decoder's message.
        reason: String,
    },
    /// A kind's name is none.
    #[error(
        "`{kind}` does not name an engine kind: 1 to {} bytes of a-z, 0-9, `-` and `_`; rename it",
        crate::KIND_BYTES_MAX
    )]
    KindName {
        /// The name, as the module gives it.
        kind: String,
    },
    /// Clients could not get a reply or an answer, because JSON cannot carry it.
    #[error(
        "the {part} of kind `{kind}` has a map whose keys are `{key}`, and JSON, in which clients get it, has only text for keys; give a list of pairs"
    )]
    MapKeys {
        /// The kind that has the type.
        kind: String,
        /// `reply` or `answer`.
        part: &'static str,
        /// The keys' type.
        key: String,
    },
    /// Tables and descriptor disagree.
    #[error("the module describes {described} engine kinds and has {tables}; rebuild it")]
    Kinds {
        /// Kinds in the descriptor.
        described: usize,
        /// Kinds in the table.
        tables: usize,
    },
}

static SERIAL: AtomicU64 = AtomicU64::new(1);

impl Module {
    /// The module behind `root`, whose code stays mapped as long as `mapping` lives. Calls into the
    /// module, so on a thread that will be joined before it is unmapped.
    ///
    /// # Errors
    /// [`ModuleError`] if it is of another epoch or does not describe itself.
    ///
    /// # Safety
    /// `root` is a root that the `export_engines!` of this `ABI_EPOCH` emitted, in a library that
    /// `mapping` keeps mapped.
    pub unsafe fn from_root(
        root: EngineModuleRef,
        mapping: Box<dyn Any + Send + Sync>,
    ) -> Result<Self, ModuleError> {
        if root.abi_epoch() != ABI_EPOCH {
            return Err(ModuleError::Epoch {
                found: root.abi_epoch(),
            });
        }
        // SAFETY: the root is genuine (caller); the functions are this program's, which stays.
        unsafe { root.attach()(panics::EAR) };
        let mut bytes = Vec::new();
        let mut buffer = Buffer::new(&mut bytes);
        let status = {
            let _noted = running::note(Label::unknown(), Call::Describe, None);
            // SAFETY: the caller of this vouches that `export_engines!` made the root; the buffer lives for the call.
            unsafe { root.describe()(buffer.sink()) }
        };
        buffer.end(status).map_err(ModuleError::Describe)?;
        if bytes.len() > DESCRIPTOR_BYTES_MAX {
            let reason = format!("{} bytes, at most {DESCRIPTOR_BYTES_MAX}", bytes.len());
            return Err(ModuleError::Descriptor { reason });
        }
        let descriptor: Descriptor = codec::decode_flat(Codec::Postcard, &bytes)
            .map_err(|reason| ModuleError::Descriptor { reason })?;
        let tables = root.kinds().into_iter().map(|table| table.get());
        let tables: Vec<KindVtable> = tables.collect::<Result<_, _>>()?;
        if descriptor.kinds.len() != tables.len() {
            let described = descriptor.kinds.len();
            return Err(ModuleError::Kinds {
                described,
                tables: tables.len(),
            });
        }
        for kind in &descriptor.kinds {
            if !crate::is_kind_name(&kind.kind) {
                let mut kind = kind.kind.clone();
                crate::fault::escape(&mut kind);
                crate::fault::cut(&mut kind, crate::FAULT_CODE_BYTES_MAX);
                return Err(ModuleError::KindName { kind });
            }
            let told = [
                ("reply", &kind.interface.reply),
                ("answer", &kind.interface.answer),
            ];
            for (part, ty) in told {
                if let Some(key) = json_keys::unwritable(ty) {
                    let kind = kind.kind.clone();
                    return Err(ModuleError::MapKeys { kind, part, key });
                }
            }
        }
        let steps = descriptor.kinds.iter().zip(&tables);
        let steps = steps.map(|(kind, table)| migration::steps(kind, table));
        let steps = steps.collect::<Result<_, _>>()?;
        let (package, version) = (&descriptor.package, &descriptor.package_version);
        let kinds = descriptor.kinds.iter();
        let labels = kinds.map(|kind| Label::of(&kind.kind, package, version));
        let labels = labels.collect();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let shared = Shared {
            descriptor,
            tables,
            steps,
            snapshot: root.snapshot(),
            labels,
            serial,
            _mapping: mapping,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A module that is linked into this program: `Module::linked(my_engine::module())`.
    ///
    /// # Errors
    /// As [`Module::from_root`].
    pub fn linked(module: LinkedModule) -> Result<Self, ModuleError> {
        // SAFETY: only the `module()` of `export_engines!` makes a `LinkedModule`, of the root that the same
        // macro emitted, and its code is part of this program, which is never unmapped.
        unsafe { Self::from_root(module.root(), Box::new(())) }
    }

    /// The module's description of itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.shared.descriptor
    }

    /// The label of its code, under the name of its first kind.
    pub fn code_label(&self) -> &'static Label {
        let first = self.shared.labels.first().copied();
        first.unwrap_or(Label::unknown())
    }

    /// The build id it was stamped with.
    pub fn build_id(&self) -> &str {
        &self.shared.descriptor.build_id
    }

    /// The kind called `name`.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        let index = self
            .shared
            .descriptor
            .kinds
            .iter()
            .position(|kind| kind.kind == name)?;
        Some(Kind::new(self.clone(), index))
    }

    /// All kinds, in the descriptor's order.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        (0..self.shared.tables.len()).map(|index| Kind::new(self.clone(), index))
    }

    /// Makes a whole snapshot anew, with the module's own function over it
    /// ([`Descriptor::transforms_snapshot`]).
    ///
    /// # Errors
    /// [`CallError`]: the author's fault or panic; [`CallError::Rejected`] if the module has no such function.
    pub fn transform_snapshot(&self, snapshot: &[u8]) -> Result<Vec<u8>, CallError> {
        let Some(transform) = self.shared.snapshot else {
            let reason = "the module has no function over a snapshot".to_owned();
            return Err(CallError::Rejected { reason });
        };
        let mut bytes = Vec::new();
        let mut buffer = Buffer::new(&mut bytes);
        // The code is of all kinds of the module: the first stands for them.
        let label = self.shared.labels.first().copied();
        let _noted = running::note(label.unwrap_or(Label::unknown()), Call::Migrate, None);
        // SAFETY: the entry is this module's, which is mapped while `self` lives; the bytes are borrowed and the
        // buffer behind the sink is ours, both for longer than the call.
        let status = unsafe { transform(snapshot.into(), buffer.sink()) };
        buffer.end(status)?;
        Ok(bytes)
    }

    /// The number of handles that share the code.
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    /// Whether two handles share the same code.
    pub fn is_same(&self, other: &Module) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// An address inside the module's code, to prove where it is mapped.
    pub fn code_address(&self) -> usize {
        self.shared
            .tables
            .first()
            .map_or(0, |table| table.encode as usize)
    }

    pub(super) fn table(&self, index: usize) -> &KindVtable {
        &self.shared.tables[index]
    }

    pub(super) fn step(&self, kind: usize, step: usize) -> Option<&MigrationVtable> {
        self.shared.steps[kind].get(step)
    }

    pub(super) fn label(&self, index: usize) -> &'static Label {
        self.shared.labels[index]
    }

    pub(super) fn serial(&self) -> u64 {
        self.shared.serial
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("package", &self.shared.descriptor.package)
            .field("build_id", &self.shared.descriptor.build_id)
            .finish_non_exhaustive()
    }
}
