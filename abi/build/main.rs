//! Records the toolchain that builds this copy of the contract: it is part of every layout hash, because
//! Rust's layouts are fixed only within one compiler and its standard library.

mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;
use toolchain::{LibraryFile, Toolchain};

fn main() {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-env-changed=RUSTC");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let target = std::env::var("TARGET").unwrap_or_default();
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let flags: Vec<&str> = flags
        .split('\u{1f}')
        .filter(|flag| !flag.is_empty())
        .collect();
    refuse_unstable_layout(&flags);
    let verbose = printed(&["-vV"]);
    match Toolchain::of(&verbose, library(&target, &flags)) {
        Ok(toolchain) => {
            println!("cargo:rustc-env=REFIT_RUSTC_RELEASE={}", toolchain.release);
            println!("cargo:rustc-env=REFIT_RUSTC_COMMIT={}", toolchain.commit);
            println!("cargo:rustc-env=REFIT_TOOLCHAIN={}", toolchain.name);
        }
        Err(reason) => println!("cargo::error={reason}"),
    }
    println!("cargo:rustc-env=REFIT_TARGET={target}");
}

/// The output of the compiler; nothing if it does not run.
fn printed(arguments: &[&str]) -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).args(arguments).output();
    let output = output.ok().filter(|output| output.status.success());
    output.map_or(String::new(), |output| {
        String::from_utf8_lossy(&output.stdout).into_owned()
    })
}

/// The files of the standard library that this build uses. The flags may name another `--sysroot`.
fn library(target: &str, flags: &[&str]) -> Vec<LibraryFile> {
    let print = ["--print", "target-libdir", "--target", target];
    let folder = PathBuf::from(printed(&[flags, &print].concat()).trim());
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let file = |entry: std::fs::DirEntry| read(&entry.path());
    files.filter_map(file).collect()
}

/// The file, if it counts; looked at again when it changes: a library may be replaced under one compiler.
fn read(path: &Path) -> Option<LibraryFile> {
    let name = path.file_name()?.to_str()?.to_owned();
    if !LibraryFile::counts(&name) {
        return None;
    }
    println!("cargo:rerun-if-changed={}", path.display());
    let bytes = path.metadata().ok()?.len();
    Some(LibraryFile { name, bytes })
}

/// `-Z randomize-layout` gives two builds of one type two layouts with the same name and size.
fn refuse_unstable_layout(flags: &[&str]) {
    if flags.iter().any(|flag| flag.starts_with("-Z")) {
        println!(
            "cargo::error=refit-abi refuses -Z compiler flags: they may change the layout of an engine's state; remove them from RUSTFLAGS"
        );
    }
}
