//! Facts about this build of the contract, fixed by the build script and the compiler.

/// Grows with every change of what crosses between node and engine that is no new entry at the end of a table
/// ([`crate::raw`]). A module of another epoch is refused.
pub const ABI_EPOCH: u32 = 4;

/// Release of the compiler, such as `1.95.0`.
pub const COMPILER_RELEASE: &str = env!("REFIT_RUSTC_RELEASE");

/// Commit of the compiler; `unknown` if it does not know it.
pub const COMPILER_COMMIT: &str = env!("REFIT_RUSTC_COMMIT");

/// The compiler and its standard library, in one line: release, commit, LLVM, and a hash over the library's
/// files. Layouts are fixed only within one.
pub const TOOLCHAIN: &str = env!("REFIT_TOOLCHAIN");

/// The layout epoch as a literal.
macro_rules! layout_epoch {
    () => {
        "1"
    };
}

/// Grows when something beside the compiler changes how states lie in memory: a type of the closed
/// list that is ours, say. States of another epoch are never handed over by pointer, they cross as
/// bytes.
pub const LAYOUT_EPOCH: &str = layout_epoch!();

/// The toolchain, target and layout epoch for which layouts are fixed. Part of every layout hash.
pub const LAYOUT: &str = concat!(
    env!("REFIT_TOOLCHAIN"),
    "/",
    env!("REFIT_TARGET"),
    "/",
    layout_epoch!()
);

/// The target triple, such as `x86_64-unknown-linux-gnu`.
pub const TARGET: &str = env!("REFIT_TARGET");

/// The word for how a compilation treats panics: `unwind` or `abort`. Only a module that unwinds can have
/// its panics caught.
pub const fn panic_mode(unwinds: bool) -> &'static str {
    if unwinds { "unwind" } else { "abort" }
}
