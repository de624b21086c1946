//! Which toolchains count as one: states are handed by pointer only between builds of one.

#[path = "../../build/toolchain.rs"]
mod build_script;

use build_script::{LibraryFile, Toolchain};

const RUSTUP: &str = "rustc 1.95.0 (59807616e 2026-04-14)
binary: rustc
commit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860
commit-date: 2026-04-14
host: x86_64-unknown-linux-gnu
release: 1.95.0
LLVM version: 22.1.2
";

/// As Debian's prints it.
const DISTRIBUTION: &str = "rustc 1.95.0
binary: rustc
commit-hash: unknown
commit-date: unknown
host: x86_64-unknown-linux-gnu
release: 1.95.0
LLVM version: 22.1.2
";

fn library() -> Vec<LibraryFile> {
    let files = [
        ("libcore-120cbae4e86ec454.rlib", 3_000),
        ("libstd-d1237ef7159db0a2.rlib", 2_000),
        ("liballoc-6e6df4ffe0af4d15.rlib", 1_000),
        // What may be installed beside.
        ("librustc_driver-0123456789abcdef.so", 9_000),
    ];
    let file = |(name, bytes): (&str, _)| LibraryFile {
        name: name.to_owned(),
        bytes,
    };
    files.into_iter().map(file).collect()
}

fn name(verbose: &str, library: Vec<LibraryFile>) -> String {
    Toolchain::of(verbose, library).unwrap().name
}

#[test]
fn each_thing_that_may_change_a_layout_makes_another_toolchain() {
    for verbose in [RUSTUP, DISTRIBUTION] {
        let base = name(verbose, library());
        let release = verbose.replace("release: 1.95.0", "release: 1.97.0");
        let llvm = verbose.replace("22.1.2", "22.1.3");
        let (mut renamed, mut patched) = (library(), library());
        renamed[1].name = "libstd-ffffffffffffffff.rlib".to_owned();
        patched[0].bytes += 8;
        let others = [
            name(&release, library()),
            name(&llvm, library()),
            name(verbose, renamed),
            name(verbose, patched),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, base, "{index}");
        }
    }
    assert_ne!(name(RUSTUP, library()), name(DISTRIBUTION, library()));
}

#[test]
fn one_toolchain_is_itself_on_every_machine() {
    let base = name(RUSTUP, library());
    let elsewhere = RUSTUP.replace("x86_64-unknown-linux-gnu", "aarch64-apple-darwin");
    let mut files = library();
    files.reverse();
    files.retain(|file| file.name.ends_with(".rlib"));
    assert_eq!(name(&elsewhere, files), base);
}

#[test]
fn a_compiler_that_nothing_tells_from_another_is_refused() {
    let nothing = Toolchain::of("", library()).unwrap_err();
    assert!(nothing.contains("release unknown"), "{nothing}");
    let bare = Toolchain::of(DISTRIBUTION, Vec::new()).unwrap_err();
    assert!(bare.contains("commit unknown"), "{bare}");
    let commit_alone = Toolchain::of(RUSTUP, Vec::new()).unwrap();
    assert_eq!(
        commit_alone.commit,
        "59807616e1fa2540724bfbac14d7976d7e4a3860"
    );
    assert_eq!(commit_alone.release, "1.95.0");
}

/// Checks what the build script found for this very build.
#[test]
fn this_build_knows_its_compiler_and_its_library() {
    use refit_abi::build::{COMPILER_COMMIT, COMPILER_RELEASE, LAYOUT, TARGET, TOOLCHAIN};
    for part in [COMPILER_COMMIT, COMPILER_RELEASE] {
        assert!(TOOLCHAIN.contains(part), "{TOOLCHAIN}");
    }
    for part in [TOOLCHAIN, TARGET] {
        assert!(LAYOUT.contains(part), "{LAYOUT}");
    }
    assert!(!TOOLCHAIN.ends_with("std unknown"), "{TOOLCHAIN}");
}
