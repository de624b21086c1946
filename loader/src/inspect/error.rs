//! [`InspectError`]: the rule that a file breaks.

use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;

/// Why a file must not be mapped. Found by reading it, before anything of it runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// Not an ELF file.
    #[error("the file is not an ELF file")]
    NotElf,
    /// An ELF file whose tables lead nowhere.
    #[error("the file is a damaged ELF file: {reason}")]
    Damaged {
        /// The two parts of the file that contradict each other, in a sentence.
        reason: String,
    },
    /// 32 bits or big-endian.
    #[error("the module is {found}, this node is {expected}")]
    WrongClass {
        /// The word size and byte order of the file.
        found: &'static str,
        /// The word size and byte order of the node.
        expected: &'static str,
    },
    /// The file is for another processor.
    #[error("the module is for machine {found}, this node runs on {expected}")]
    WrongMachine {
        /// ELF's number of the module's machine.
        found: u16,
        /// ELF's number of the node's machine.
        expected: u16,
    },
    /// Another operating system.
    #[error("the module is for another operating system (ELF OS/ABI {found})")]
    WrongSystem {
        /// ELF's number of the system.
        found: u8,
    },
    /// An object file, a program or a core dump.
    #[error("the file is {found}, not a shared library")]
    NotShared {
        /// The type of the file, in words.
        found: &'static str,
    },
    /// It uses static TLS, of which a process has little and gets none back.
    #[error("the module uses static thread-local storage, which runs out after a few swaps")]
    StaticTls,
    /// It asks never to be unmapped.
    #[error("the module is marked {flag}, so it could not be unmapped or would load out of order")]
    Flagged {
        /// `NODELETE`, `INITFIRST`, `GLOBAL` or `NOOPEN`.
        flag: &'static str,
    },
    /// A symbol that the dynamic linker makes unique in the process, and pins its library for.
    #[error("the module defines the unique symbol `{symbol}`, which pins it in memory")]
    UniqueSymbol {
        /// The first such symbol.
        symbol: String,
    },
    /// Its code would be written to at load.
    #[error("the module has text relocations: its code is not position-independent")]
    TextRelocations,
    /// It looks for libraries at a fixed place of the builder's machine.
    #[error("the module looks for libraries in `{path}`, a fixed path")]
    FixedSearchPath {
        /// The first such path.
        path: String,
    },
    /// It needs a library that a node does not offer.
    #[error("the module needs the library `{library}`, which is not on the list of allowed ones")]
    ForeignLibrary {
        /// The name of the library, such as `libssl.so.3`.
        library: String,
    },
    /// The file exports no root, so it has no `export_engines!`.
    #[error("the module does not export the symbol `{symbol}`, so it exports no engines")]
    NoRoot {
        /// The symbol of the root.
        symbol: &'static str,
    },
    /// It brings its own memory allocator, or needs none.
    #[error(
        "the module does not take `{symbol}` from the C library: an allocator of its own is linked into it, and its states could not change hands"
    )]
    OwnAllocator {
        /// The first function of the allocator that it does not ask for.
        symbol: &'static str,
    },
    /// It asks for a function by which it would leave something behind unseen.
    #[error("the module asks for `{symbol}`, which {why}")]
    RefusedImport {
        /// The name of the function.
        symbol: String,
        /// The reason, in words that follow the symbol.
        why: &'static str,
    },
}

impl Explain for InspectError {
    fn code(&self) -> &str {
        match self {
            Self::NotElf => codes::NOT_ELF,
            Self::Damaged { .. } => codes::DAMAGED_ELF,
            Self::WrongClass { .. } => codes::WRONG_CLASS,
            Self::WrongMachine { .. } => codes::WRONG_MACHINE,
            Self::WrongSystem { .. } => codes::WRONG_SYSTEM,
            Self::NotShared { .. } => codes::NOT_A_SHARED_LIBRARY,
            Self::StaticTls => codes::STATIC_TLS,
            Self::Flagged { .. } => codes::NOT_UNLOADABLE,
            Self::UniqueSymbol { .. } => codes::UNIQUE_SYMBOL,
            Self::TextRelocations => codes::TEXT_RELOCATIONS,
            Self::FixedSearchPath { .. } => codes::FIXED_SEARCH_PATH,
            Self::ForeignLibrary { .. } => codes::FOREIGN_LIBRARY,
            Self::NoRoot { .. } => codes::NO_ROOT_SYMBOL,
            Self::OwnAllocator { .. } => codes::OWN_ALLOCATOR,
            Self::RefusedImport { .. } => codes::REFUSED_IMPORT,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NotElf => "give the .so file that `refit engine build` printed",
            Self::Damaged { .. } => "build or copy the module again; the file is cut or altered",
            Self::WrongClass { .. } | Self::WrongMachine { .. } | Self::WrongSystem { .. } => {
                "build the module on a machine like this one with `refit engine build`"
            }
            Self::NotShared { .. } => {
                "add crate-type = [\"cdylib\", \"rlib\"] under [lib] and build with `refit engine build`"
            }
            Self::StaticTls => {
                "remove the dependency that uses initial-exec TLS (jemalloc and OpenMP do), or set its feature against it"
            }
            Self::Flagged { .. } => "link without -z nodelete, initfirst, global and nodlopen",
            Self::UniqueSymbol { .. } => {
                "compile the C++ part with -fno-gnu-unique, or do without it"
            }
            Self::TextRelocations => "compile every C and assembly part with -fPIC",
            Self::FixedSearchPath { .. } => {
                "link without -rpath, or with one that starts with $ORIGIN"
            }
            Self::ForeignLibrary { .. } => {
                "link the library statically (most -sys crates have a feature `vendored` or `static`)"
            }
            Self::OwnAllocator { .. } => {
                "remove the dependency that links an allocator (mimalloc with `override`, jemalloc, tcmalloc), or its feature that replaces `malloc`"
            }
            Self::RefusedImport { .. } => {
                "do without the dependency that uses it; the node gives timers, messages and logs by the context"
            }
            Self::NoRoot { .. } => {
                "write export_engines!(YourEngine) at the crate's root and build with the feature `module`"
            }
        })
    }
}
