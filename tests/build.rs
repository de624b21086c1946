//! Exports the loader's interposers from this package's program and tests: an engine binds to them
//! only if they are in the dynamic symbol table of the executable.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for symbol in ["pthread_key_create", "pthread_key_delete", "pthread_create"] {
        println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol={symbol}");
    }
}
