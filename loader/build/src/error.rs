//! [`BuildError`]: why a source gave no module.

use crate::release::TreeMismatch;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_sandbox::SandboxError;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Why a source gave no module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no cargo on this machine.
    #[error("cargo is not on this machine")]
    CargoMissing,
    /// There is no compiler on this machine.
    #[error("rustc is not on this machine")]
    CompilerMissing,
    /// A file or folder cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that failed, such as `read`.
        action: &'static str,
        /// The file or folder of the action.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The folder has no `Cargo.toml` with a package.
    #[error("{} holds no Cargo.toml with a [package]", path.display())]
    NotAPackage {
        /// The folder that was named.
        path: PathBuf,
    },
    /// It is not built as a library that can be mapped.
    #[error("{package} does not build a cdylib, which a node could load")]
    NoCdylib {
        /// The package.
        package: String,
    },
    /// It has no feature that turns the export on.
    #[error("{package} has no feature `module`, by which its engines are exported")]
    NoModuleFeature {
        /// The package.
        package: String,
    },
    /// It belongs to a workspace that was never resolved.
    #[error("the workspace {} has no Cargo.lock", workspace.display())]
    NoLock {
        /// The workspace's folder.
        workspace: PathBuf,
    },
    /// A manifest cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Manifest {
        /// The path of the manifest.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// A package that it depends on by path is not there.
    #[error("{} depends on {dependency} at {}, where no package is", manifest.display(), path.display())]
    DependencyMissing {
        /// The manifest that names it.
        manifest: PathBuf,
        /// The dependency's name.
        dependency: String,
        /// The folder in which it should be.
        path: PathBuf,
    },
    /// The tree is too large to be an engine's source.
    #[error("{} is too large for an engine's source: more than {files_max} files or {bytes_max} bytes", path.display())]
    TooLarge {
        /// The folder of the package.
        path: PathBuf,
        /// The most files that a source may have.
        files_max: usize,
        /// The most bytes that a source may have.
        bytes_max: u64,
    },
    /// The compiler found errors.
    #[error("{package} does not compile:\n{diagnostics}")]
    DoesNotCompile {
        /// The package.
        package: String,
        /// The end of what the compiler said.
        diagnostics: String,
    },
    /// The disk is full.
    #[error("the build needs more room than is left on the device of {}", target.display())]
    NoSpace {
        /// The folder that was built in.
        target: PathBuf,
    },
    /// The system does not run programs in the folder of the build.
    #[error("the system runs no program in {}: a build script or a macro that was compiled there did not start", target.display())]
    NoExecution {
        /// The folder that was built in.
        target: PathBuf,
    },
    /// The source is never still.
    #[error("{} was changed {times} times while it was built, at last in {}", path.display(), file.display())]
    SourceMoves {
        /// The folder of the package.
        path: PathBuf,
        /// A file that was changed, made or removed the last time, or a manifest.
        file: PathBuf,
        /// The number of times that it was built.
        times: usize,
    },
    /// cargo failed before it compiled anything.
    #[error("cargo could not build {package}:\n{output}")]
    CargoFailed {
        /// The package.
        package: String,
        /// The end of what cargo said.
        output: String,
    },
    /// The build took too long and was killed.
    #[error("the build was killed after {seconds} s")]
    TimeUp {
        /// The time that it was given, in seconds.
        seconds: u64,
    },
    /// It was given up: nobody waits for it any more.
    #[error("the build was given up")]
    Cancelled,
    /// The room that it is confined in could not be made, or ended it.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// What lies in a folder is not the tree that it should be.
    #[error("{} is not as in the tree that is to be built: {mismatch}", path.display())]
    Tree {
        /// The file that differs.
        path: PathBuf,
        /// How.
        mismatch: TreeMismatch,
    },
    /// A tree does not hold all that it is built from.
    #[error("{package} depends on {dependency} at {}, outside of its tree", path.display())]
    PathOutside {
        /// The package that is built.
        package: String,
        /// The package that it depends on.
        dependency: String,
        /// Where that is.
        path: PathBuf,
    },
    /// cargo succeeded and named no library.
    #[error("cargo built {package} and named no library")]
    NoLibrary {
        /// The package.
        package: String,
    },
}

impl Explain for BuildError {
    fn code(&self) -> &str {
        match self {
            Self::CargoMissing => codes::CARGO_MISSING,
            Self::CompilerMissing => codes::COMPILER_MISSING,
            Self::Io { .. } => codes::BUILD_IO,
            Self::NotAPackage { .. } => codes::NOT_A_PACKAGE,
            Self::NoCdylib { .. } => codes::NO_CDYLIB,
            Self::NoModuleFeature { .. } => codes::NO_MODULE_FEATURE,
            Self::NoLock { .. } => codes::NO_LOCK,
            Self::Manifest { .. } => codes::MANIFEST_UNREADABLE,
            Self::DependencyMissing { .. } => codes::DEPENDENCY_MISSING,
            Self::TooLarge { .. } => codes::SOURCE_TOO_LARGE,
            Self::DoesNotCompile { .. } => codes::DOES_NOT_COMPILE,
            Self::NoSpace { .. } => codes::NO_SPACE,
            Self::NoExecution { .. } => codes::NO_EXECUTION,
            Self::SourceMoves { .. } => codes::SOURCE_MOVES,
            Self::CargoFailed { .. } => codes::CARGO_FAILED,
            Self::TimeUp { .. } => codes::BUILD_TIME_UP,
            Self::Cancelled => codes::BUILD_CANCELLED,
            Self::NoLibrary { .. } => codes::NO_LIBRARY,
            Self::Sandbox(error) => error.code(),
            Self::Tree { .. } => codes::TREE_DIFFERS,
            Self::PathOutside { .. } => codes::PATH_OUTSIDE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::CargoMissing | Self::CompilerMissing => {
                "install Rust from https://rustup.rs and try again"
            }
            Self::Io { .. } => {
                "see that the folder is there, and check its permissions and free space"
            }
            Self::NotAPackage { .. } => {
                "name the folder of an engine's crate, or a library (.so) itself"
            }
            Self::NoCdylib { .. } => {
                "add to its Cargo.toml: [lib] crate-type = [\"cdylib\", \"rlib\"]"
            }
            Self::NoModuleFeature { .. } => {
                "add to its Cargo.toml: [features] module = [\"refit-abi/module\"]"
            }
            Self::NoLock { .. } => "run `cargo generate-lockfile` there and try again",
            Self::Manifest { reason, .. } if reason.contains("workspace root") => {
                "it takes values from a workspace that is not above it: write each `workspace = true` out, as the workspace's Cargo.toml has it"
            }
            Self::Manifest { .. } => "correct the manifest",
            Self::DependencyMissing { dependency, .. } if dependency == "refit-abi" => {
                "write in that Cargo.toml: refit-abi = { path = \"CHECKOUT/abi\" }, where CHECKOUT is the folder of a checkout of Refit"
            }
            Self::DependencyMissing { .. } => "correct its `path` in that Cargo.toml",
            Self::TooLarge { .. } => "move data out of the source folder",
            Self::DoesNotCompile { .. } => "correct the source and build again",
            Self::NoSpace { .. } => {
                "free some of it, with `refit engine clean` for example, or name another folder with --data-dir and --cache-dir"
            }
            Self::NoExecution { .. } => {
                "name folders on a device that is not mounted with `noexec`, with --data-dir and --cache-dir"
            }
            Self::SourceMoves { .. } => {
                "stop the program that writes into the package, or have it write into a folder that .gitignore names"
            }
            Self::CargoFailed { output, .. } if output.contains("--locked") => {
                "run `cargo update --workspace --offline` in the source folder: its Cargo.lock is behind its Cargo.toml"
            }
            Self::CargoFailed { .. } => {
                "run `cargo build --lib --features module` in the source folder to see all of its output"
            }
            Self::TimeUp { .. } => "build again on a machine with less load",
            Self::Cancelled => "build again",
            Self::Sandbox(error) => return error.next(),
            Self::Tree { .. } => "unpack the release again",
            Self::PathOutside { .. } => {
                "pack the release again with that package inside of the tree"
            }
            Self::NoLibrary { .. } => "check that [lib] is not disabled in Cargo.toml",
        })
    }
}

/// Turns an i/o error into a [`BuildError`] that says what was done to what.
pub(crate) fn io(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> BuildError + use<> {
    let path = path.to_owned();
    move |source| BuildError::Io {
        action,
        path,
        source,
    }
}
