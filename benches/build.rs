//! Exports the loader's interposers from this package's own program and tests: see
//! `refit_loader::sys::interposers`.

const SYMBOLS: &[&str] = &include!("../loader/interposed.in");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../loader/interposed.in");
    for symbol in SYMBOLS {
        println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol={symbol}");
    }
}
