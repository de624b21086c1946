//! Gives the compiler two things: the loader's interposers are exported from the binary, because an engine binds to
//! them only if they are in the dynamic symbol table of the executable; and the sources that the demo builds are put
//! into the binary, so that a released one has its demo without a checkout.

mod embed;

use std::error::Error;

const SYMBOLS: &[&str] = &include!("../../../loader/interposed.in");

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=../../loader/interposed.in");
    for symbol in SYMBOLS {
        println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
    embed::embed()
}
