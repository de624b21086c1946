//! Facts about this build of the contract, fixed by the build script and the compiler.

/// Grows with every change of the tables and structs that cross between node and engine. A module
/// of another epoch is refused.
pub const ABI_EPOCH: u32 = 2;

/// Release of the compiler, such as `1.95.0`.
pub const COMPILER_RELEASE: &str = env!("REFIT_RUSTC_RELEASE");

/// Commit of the compiler: layouts are fixed only within one.
pub const COMPILER_COMMIT: &str = env!("REFIT_RUSTC_COMMIT");

/// Target triple.
pub const TARGET: &str = env!("REFIT_TARGET");

/// `unwind` or `abort`. Only a module that unwinds can have its panics caught.
pub const PANIC_MODE: &str = if cfg!(panic = "unwind") {
    "unwind"
} else {
    "abort"
};
