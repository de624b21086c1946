//! Names the compiler and the standard library of a build: memory layouts are fixed within one such pair.
//!
//! The build script includes this file, and so does a test. A release from rust-lang.org is known by its commit.
//! A distribution's compiler may not know its own (`commit-hash: unknown`), and may change the standard library
//! of one commit; so the release, the LLVM and the library's own files count too. The compiler names those
//! files by a hash of what they were built from.

/// The versions that a compiler and its standard library report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// Such as `1.95.0`.
    pub(crate) release: String,
    /// Its commit, or `unknown`.
    pub(crate) commit: String,
    /// Both, and all else that tells it from another, in one line.
    pub(crate) name: String,
}

/// A file of the standard library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LibraryFile {
    /// Such as `libcore-120cbae4e86ec454.rlib`.
    pub(crate) name: String,
    /// Its length in bytes.
    pub(crate) bytes: u64,
}

/// The commit of a compiler that does not know its own.
const UNKNOWN: &str = "unknown";

impl LibraryFile {
    /// Whether a file of this name holds types that a state is made of. (The folder holds much else, which
    /// depends on what is installed beside.)
    pub(crate) fn counts(name: &str) -> bool {
        let starts = ["libcore-", "liballoc-", "libstd-"];
        name.ends_with(".rlib") && starts.iter().any(|start| name.starts_with(start))
    }
}

impl Toolchain {
    /// The toolchain that prints `verbose` for `rustc -vV` and has these files in `--print target-libdir`.
    ///
    /// # Errors
    /// A sentence, if nothing tells it from another toolchain of its release.
    pub(crate) fn of(verbose: &str, mut library: Vec<LibraryFile>) -> Result<Self, String> {
        let field = |name: &str| {
            let line = verbose.lines().find_map(|line| line.strip_prefix(name));
            line.map_or(UNKNOWN, str::trim).to_owned()
        };
        let [release, commit, llvm] = ["release:", "commit-hash:", "LLVM version:"].map(field);
        library.retain(|file| LibraryFile::counts(&file.name));
        library.sort();
        if release == UNKNOWN || (commit == UNKNOWN && library.is_empty()) {
            return Err(format!(
                "refit-abi cannot tell this compiler from another (release {release}, commit {commit}, \
                 {} files of its standard library found): states would be handed between two that lay them \
                 out differently; use a toolchain from rustup, or install the standard library's files \
                 where `rustc --print target-libdir` says",
                library.len()
            ));
        }
        let std = if library.is_empty() {
            UNKNOWN.to_owned()
        } else {
            format!("{:016x}", digest(&library))
        };
        let name = format!("{release} {commit}, LLVM {llvm}, std {std}");
        Ok(Self {
            release,
            commit,
            name,
        })
    }
}

/// FNV-1a over names and lengths: no one here is out to make two libraries alike, and a build script has no
/// better hash that is the same in every compiler.
fn digest(library: &[LibraryFile]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for LibraryFile { name, bytes } in library {
        feed(name.as_bytes());
        feed(&[0]);
        feed(&bytes.to_le_bytes());
    }
    hash
}
