//! Records the compiler that builds this copy of the contract: its commit is part of every layout
//! hash, because Rust's struct layout is fixed only within one compiler.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or("unknown")
            .trim()
            .to_owned()
    };
    println!("cargo:rustc-env=REFIT_RUSTC_RELEASE={}", field("release:"));
    println!(
        "cargo:rustc-env=REFIT_RUSTC_COMMIT={}",
        field("commit-hash:")
    );
    println!(
        "cargo:rustc-env=REFIT_TARGET={}",
        std::env::var("TARGET").unwrap_or_default()
    );
    refuse_unstable_layout();
}

/// `-Z randomize-layout` gives two builds of one type two layouts with the same name and size.
fn refuse_unstable_layout() {
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if flags.split('\u{1f}').any(|flag| flag.starts_with("-Z")) {
        println!(
            "cargo::error=refit-abi refuses -Z compiler flags: they may change the layout of an engine's state; remove them from RUSTFLAGS"
        );
    }
}
