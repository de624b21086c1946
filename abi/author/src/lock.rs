//! `schema.lock`: what a package has published, kept beside its manifest.
//!
//! For each engine kind every published version: the state as a [`Type`] tree without sizes and
//! offsets, which belong to one compiler, and the ids of what the engine takes and gives.

mod file;

use super::attributes::{SerdeAttributes, noted_in};
use super::types::layoutless;
use refit_abi::codes;
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use refit_abi::host::Explain;
use refit_abi::schema::{LayoutId, SchemaId, Type};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The file's name, beside `Cargo.toml`.
pub const LOCK_FILE: &str = "schema.lock";

/// Longest lock that is read, in bytes.
pub const LOCK_BYTES_MAX: u64 = 16 << 20;

/// Everything that a package has published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaLock {
    /// In the order in which they were published first.
    pub kinds: Vec<LockedKind>,
}

/// One engine kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedKind {
    /// The kind's name.
    pub kind: String,
    /// In ascending order of their versions.
    pub versions: Vec<Published>,
}

/// One published version of a kind's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The number in `#[state(version)]`.
    pub version: u32,
    /// The package's version when it was published.
    pub package_version: String,
    /// The module that holds the frozen types.
    pub module: String,
    /// The schema of the state.
    pub schema: SchemaId,
    /// The memory layout of the state when it was published.
    pub layout: LayoutId,
    /// For which compiler and target `layout` holds.
    pub compiler: String,
    /// The state, without sizes and offsets.
    pub state: Type,
    /// The engine's interface now: it may change while the state stays.
    pub interface: Interface,
    /// The message in the frozen module, if the interface has another one since.
    pub frozen_message: Option<Part>,
    /// The names under which its frozen types are written as JSON.
    pub serde: SerdeAttributes,
    /// Those of the interface's message, if they are others since.
    pub message_serde: Option<SerdeAttributes>,
}

/// The schemas of an engine's configuration, messages, replies, queries and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The type `Engine::Config`.
    pub config: Part,
    /// The type `Engine::Message`.
    pub message: Part,
    /// The type `Engine::Reply`.
    pub reply: Part,
    /// The type `Engine::Query`.
    pub query: Part,
    /// The type `Engine::Answer`.
    pub answer: Part,
}

/// One type of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The type's schema.
    pub schema: SchemaId,
    /// The type, where it is described, without sizes and offsets.
    pub described: Option<Type>,
}

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read, or is no lock.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The lock's file.
        path: PathBuf,
        /// The system's or the parser's message.
        reason: String,
    },
    /// A lock in memory that has no text.
    #[error("{LOCK_FILE} cannot be written as text: {reason}")]
    Unwritable {
        /// The message of the writer of its text.
        reason: String,
    },
    /// A lock of another release of this program.
    #[error("{} has format {found}, this program reads format {}", path.display(), file::FORMAT)]
    Format {
        /// The lock's file.
        path: PathBuf,
        /// The format that it says it has.
        found: u32,
    },
    /// A description that does not have the hash that is beside it.
    #[error(
        "{} was edited: {what} of `{kind}` version {version} does not have the hash that is beside it",
        path.display()
    )]
    Edited {
        /// The lock's file.
        path: PathBuf,
        /// Which description: `the state`, `message`, …
        what: String,
        /// The engine kind.
        kind: String,
        /// The published version.
        version: u32,
    },
}

impl Explain for LockError {
    fn code(&self) -> &str {
        match self {
            Self::Unreadable { .. } => codes::AUTHOR_LOCK_UNREADABLE,
            Self::Unwritable { .. } => codes::AUTHOR_LOCK_UNWRITABLE,
            Self::Format { .. } => codes::AUTHOR_LOCK_FORMAT,
            Self::Edited { .. } => codes::AUTHOR_LOCK_EDITED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unreadable { .. } | Self::Edited { .. } => {
                "take the file back from version control; `refit engine freeze` alone writes it"
            }
            Self::Unwritable { .. } => {
                "nothing was written; report it with the engine's state and messages"
            }
            Self::Format { .. } => "use the release of refit that wrote it, or a newer one",
        })
    }
}

impl SchemaLock {
    /// The lock that `text` holds, which was read from `path`.
    ///
    /// # Errors
    /// The text is no lock, has another format, or was edited by hand: a hash in it shows that.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LockError> {
        file::parse(path, text)
    }

    /// The file's text.
    ///
    /// # Errors
    /// If a description has no form as JSON or TOML, which is a defect.
    pub fn text(&self) -> Result<String, LockError> {
        file::write(self)
    }

    /// The modules of all that was published.
    pub fn modules(&self) -> Vec<&str> {
        let versions = self.kinds.iter().flat_map(|kind| &kind.versions);
        versions.map(|version| version.module.as_str()).collect()
    }

    /// The published versions of `kind`.
    pub fn kind(&self, kind: &str) -> Option<&LockedKind> {
        self.kinds.iter().find(|locked| locked.kind == kind)
    }

    /// Puts a published version in its place; one of the same number is replaced.
    pub fn publish(&mut self, kind: &str, published: Published) {
        let index = match self.kinds.iter().position(|locked| locked.kind == kind) {
            Some(index) => index,
            None => {
                self.kinds.push(LockedKind {
                    kind: kind.to_owned(),
                    versions: Vec::new(),
                });
                self.kinds.len() - 1
            }
        };
        let versions = &mut self.kinds[index].versions;
        versions.retain(|version| version.version != published.version);
        versions.push(published);
        versions.sort_by_key(|version| version.version);
    }
}

impl LockedKind {
    /// The published version of this number.
    pub fn version(&self, version: u32) -> Option<&Published> {
        self.versions
            .iter()
            .find(|published| published.version == version)
    }

    /// The last published version.
    pub fn newest(&self) -> Option<&Published> {
        self.versions.last()
    }
}

impl Published {
    /// The head of `kind`, to be frozen in `module`.
    pub fn of(
        descriptor: &Descriptor,
        kind: &KindDescriptor,
        module: String,
        serde: SerdeAttributes,
    ) -> Self {
        Self {
            version: kind.version,
            package_version: descriptor.package_version.clone(),
            module,
            schema: kind.schema,
            layout: kind.layout,
            compiler: compiler(descriptor),
            state: layoutless(&kind.state),
            interface: Interface::of(kind),
            frozen_message: None,
            serde,
            message_serde: None,
        }
    }

    /// This version with the interface that the head has now, and the `names` of its message. What was
    /// frozen stays: its module is not written again.
    pub fn with_interface(
        &self,
        descriptor: &Descriptor,
        kind: &KindDescriptor,
        names: SerdeAttributes,
    ) -> Self {
        let (frozen, interface) = (self.frozen_message(), Interface::of(kind));
        let renamed = noted_in(&self.serde, &kind.interface.message) != names;
        let differs = frozen.schema != interface.message.schema;
        Self {
            package_version: descriptor.package_version.clone(),
            frozen_message: differs.then(|| frozen.clone()),
            interface,
            message_serde: renamed.then_some(names),
            ..self.clone()
        }
    }

    /// The names under which the interface's message is written as JSON; there may be others beside.
    pub fn message_serde(&self) -> &SerdeAttributes {
        self.message_serde.as_ref().unwrap_or(&self.serde)
    }

    /// The message that the frozen module declares.
    pub fn frozen_message(&self) -> &Part {
        self.frozen_message
            .as_ref()
            .unwrap_or(&self.interface.message)
    }
}

/// For which builds a layout hash of `descriptor` holds.
pub fn compiler(descriptor: &Descriptor) -> String {
    let Descriptor {
        toolchain,
        layout_epoch,
        target,
        ..
    } = descriptor;
    format!("{toolchain}/{layout_epoch} {target}")
}

impl Interface {
    /// The interface of a built kind.
    pub fn of(kind: &KindDescriptor) -> Self {
        let types = &kind.interface;
        Self {
            config: Part::described(kind.config, &types.config),
            message: Part::described(kind.message, &types.message),
            reply: Part::described(kind.reply, &types.reply),
            query: Part::described(kind.query, &types.query),
            answer: Part::described(kind.answer, &types.answer),
        }
    }

    /// Its parts with their names.
    pub fn parts(&self) -> [(&'static str, &Part); 5] {
        [
            ("config", &self.config),
            ("message", &self.message),
            ("reply", &self.reply),
            ("query", &self.query),
            ("answer", &self.answer),
        ]
    }
}

impl Part {
    /// A described type; sizes and offsets are left out.
    fn described(schema: SchemaId, ty: &Type) -> Self {
        Self {
            schema,
            described: Some(layoutless(ty)),
        }
    }
}
