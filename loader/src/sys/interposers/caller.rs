//! Finds where a stand-in was called from: the address that it returns to. No argument says that, and the thread does
//! not either: the node's own code runs on threads of engines too, in handlers of signals.

/// Defines a stand-in of the C library's that hands its arguments, and behind them the address in its caller,
/// to a function of this program. The two registers are those of the argument that comes next, on x86-64 and on
/// aarch64; elsewhere the address is 0, which is in no library.
macro_rules! with_caller {
    (
        $(#[$docs:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty => $inner:ident in $x86:literal, $arm:literal
    ) => {
        $(#[$docs])*
        ///
        /// # Safety
        /// As the C library's function of this name.
        #[cfg(target_arch = "x86_64")]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // At its beginning the return address is on top of the stack.
            std::arch::naked_asm!(concat!("mov ", $x86, ", [rsp]"), "jmp {inner}", inner = sym $inner)
        }

        $(#[$docs])*
        ///
        /// # Safety
        /// As the C library's function of this name.
        #[cfg(target_arch = "aarch64")]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            std::arch::naked_asm!(concat!("mov ", $arm, ", x30"), "b {inner}", inner = sym $inner)
        }

        $(#[$docs])*
        ///
        /// # Safety
        /// As the C library's function of this name.
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // SAFETY: the stand-in's caller keeps the real function's rules.
            unsafe { $inner($($argument,)* 0) }
        }
    };
}

pub(super) use with_caller;
