//! Exports the loader's interposers from the binary: an engine binds to them only if they are in
//! the dynamic symbol table of the executable.

const SYMBOLS: &[&str] = &include!("../../loader/interposed.in");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../loader/interposed.in");
    for symbol in SYMBOLS {
        println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
