//! Facts about this build of the contract, fixed by the build script and the compiler.

/// Grows with every change of what crosses between node and engine that is no new entry at the end of a table
/// ([`crate::raw`]). A module of another epoch is refused.
pub const ABI_EPOCH: u32 = 4;

/// Release of the compiler, such as `1.95.0`.
pub const COMPILER_RELEASE: &str = env!("REFIT_RUSTC_RELEASE");

/// Commit of the compiler: layouts are fixed only within one.
pub const COMPILER_COMMIT: &str = env!("REFIT_RUSTC_COMMIT");

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

/// What layouts are fixed within: one compiler and one layout epoch. Part of every layout hash.
pub const LAYOUT: &str = concat!(env!("REFIT_RUSTC_COMMIT"), "/", layout_epoch!());

/// Target triple.
pub const TARGET: &str = env!("REFIT_TARGET");

/// `unwind` or `abort`. Only a module that unwinds can have its panics caught.
pub const PANIC_MODE: &str = if cfg!(panic = "unwind") {
    "unwind"
} else {
    "abort"
};
