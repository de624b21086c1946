//! Codes of building an engine.

super::codes! { ALL_BUILD: "Building an engine from source", "Errors of `refit engine build` and of every command that takes a folder of source.";
    /// There is no `cargo` on this machine.
    CARGO_MISSING = "cargo-missing", BuildFailed, "Install Rust from https://rustup.rs.";
    /// There is no `rustc` on this machine.
    COMPILER_MISSING = "compiler-missing", BuildFailed, "Install Rust from https://rustup.rs.";
    /// A file or a folder of the build cannot be read or written.
    BUILD_IO = "build-io", BuildFailed, "See that the folder is there, and check its permissions and free space.";
    /// The folder holds no `Cargo.toml` with a `[package]`.
    NOT_A_PACKAGE = "not-a-package", Usage, "Name the folder of an engine's package, or a library (`.so`) itself.";
    /// The package does not build a library that a node can load.
    NO_CDYLIB = "no-cdylib", BuildFailed, "Add `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]` in `Cargo.toml`.";
    /// The package has no feature `module`, which turns the export on.
    NO_MODULE_FEATURE = "no-module-feature", BuildFailed, "Add `module = [\"refit-abi/module\"]` under `[features]` in `Cargo.toml`.";
    /// The workspace has no `Cargo.lock`, so its dependencies are not fixed.
    NO_LOCK = "no-lock", BuildFailed, "Run `cargo generate-lockfile` in the workspace.";
    /// A `Cargo.toml` cannot be read.
    MANIFEST_UNREADABLE = "manifest-unreadable", BuildFailed, "Correct the manifest.";
    /// A dependency that the package names by its path is not there.
    DEPENDENCY_MISSING = "dependency-missing", BuildFailed, "Correct its `path` in that `Cargo.toml`; `refit-abi` is the folder `abi` of a checkout of Refit.";
    /// The folder has more files or bytes than an engine's source may have.
    SOURCE_TOO_LARGE = "source-too-large", BuildFailed, "Move data out of the source folder.";
    /// The compiler found errors.
    DOES_NOT_COMPILE = "does-not-compile", BuildFailed, "Correct the source and build again.";
    /// The disk that is built on is full.
    NO_SPACE = "no-space", BuildFailed, "Free space, for example with `refit engine clean`, or name other folders with `--data-dir` and `--cache-dir`.";
    /// The system runs no program in the folder that is built in.
    NO_EXECUTION = "no-execution", BuildFailed, "Name folders on a device that is not mounted with `noexec`, with `--data-dir` and `--cache-dir`.";
    /// The source changed again and again while it was built.
    SOURCE_MOVES = "source-moves", BuildFailed, "Stop the program that writes into the package, or have it write into a folder that `.gitignore` names.";
    /// Cargo failed before it compiled anything.
    CARGO_FAILED = "cargo-failed", BuildFailed, "Run `cargo build --lib --features module` in the source folder to see all that it says.";
    /// The build took longer than a build may, and was killed.
    BUILD_TIME_UP = "build-time-up", BuildFailed, "Build again on a machine with less load.";
    /// The build was given up: nobody waits for it any more.
    BUILD_CANCELLED = "build-cancelled", BuildFailed, "Build again.";
    /// This machine does not confine a build as much as is wanted.
    SANDBOX_TOO_WEAK = "sandbox-too-weak", BuildFailed, "Allow user namespaces or run a kernel with Landlock (6.2 or newer), lower `min_build_level` if you trust the source, or take a built library.";
    /// A confined node has no folder to build in but one that its engines reach: there they could change what the next release is built from.
    BUILDS_IN_REACH = "builds-in-reach", BuildFailed, "Start the node with `--cache-dir DIR` (`REFIT_CACHE_DIR`), a folder outside of its data folder and of the folder of its socket.";
    /// Another release is being built.
    BUILD_UNDER_WAY = "build-under-way", Refused, "Try again when that is done.";
    /// The room that a build is confined in could not be made.
    SANDBOX_FAILED = "sandbox-failed", BuildFailed, "See that the user that builds run as may read the toolchain and the source, and build again.";
    /// The build used more than it may, and was ended.
    BUILD_OVER_LIMIT = "build-over-limit", BuildFailed, "Raise that limit if the source needs as much.";
    /// What lies in a folder is not the source tree that the release names.
    TREE_DIFFERS = "tree-differs", Untrusted, "Unpack the release again.";
    /// A release's source tree does not hold all that it is built from.
    PATH_OUTSIDE = "path-outside", BuildFailed, "Pack the release again with that package inside of the tree.";
    /// Cargo succeeded and named no library.
    NO_LIBRARY = "no-library", BuildFailed, "Check the `[lib]` section of `Cargo.toml`.";
}
