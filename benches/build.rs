//! Exports the loader's interposers from this package's own program and tests: see
//! `refit_loader::sys::interposers`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for symbol in ["pthread_key_create", "pthread_key_delete", "pthread_create"] {
        println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol={symbol}");
    }
}
