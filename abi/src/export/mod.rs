//! A module's root: [`export_engines!`](crate::export_engines) emits it and the loader looks for it.
//!
//! The root is an abi_stable module with a static prefix, so that nothing leaks per generation.
//! abi_stable's full structural layout check over it runs in a throw-away probe process; the node
//! itself then uses the root unchecked, for exactly the bytes that were probed.

use crate::descriptor::Descriptor;
use crate::message::OlderMessage;
use crate::raw::{Bytes, CallStatus, KindVtable, Sink, TableRef};
use crate::voice::Ear;
use crate::way_back::WayBack;
use crate::{Engine, Fault, Step};
use crate::{build, codec, shim};
use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RSlice;
use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;

mod found;

pub use abi_stable;
pub use found::{
    Cloner, Probe, UpgradeHandler, WithClone, WithStep, WithUpgrade, WithoutClone, WithoutStep,
    WithoutUpgrade,
};

/// The name under which the loader finds a module's header: abi_stable's own.
pub use abi_stable::library::ROOT_MODULE_LOADER_NAME;

/// The root of a module.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = EngineModuleRef, prefix_fields = EngineModulePrefix)))]
#[sabi(missing_field(panic))]
#[derive(Debug)]
pub struct EngineModule {
    /// [`build::ABI_EPOCH`] of the module.
    pub abi_epoch: u32,
    /// Writes the module's postcard [`Descriptor`].
    pub describe: unsafe extern "C" fn(Sink) -> CallStatus,
    /// Has the module's panics reported to the node. Called first.
    pub attach: unsafe extern "C" fn(Ear),
    /// The tables of its kinds, in the descriptor's order.
    pub kinds: RSlice<'static, TableRef<KindVtable>>,
    /// Makes a whole snapshot anew, if the module has a function for it.
    #[sabi(last_prefix_field)]
    // Not by its alias: abi_stable's derive looks for the words of a function's type.
    pub snapshot: Option<unsafe extern "C" fn(Bytes<'_>, Sink) -> CallStatus>,
}

/// A module's function over a whole snapshot: bytes in, bytes or a fault out.
pub type SnapshotEntry = unsafe extern "C" fn(Bytes<'_>, Sink) -> CallStatus;

impl RootModule for EngineModuleRef {
    abi_stable::declare_root_module_statics! {EngineModuleRef}
    const BASE_NAME: &'static str = "refit_engine";
    const NAME: &'static str = "refit_engine";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

/// The root of a module that is linked into this program: what the `module()` of `export_engines!` gives,
/// and nothing else does.
///
/// A root's tables have lost the types of their states, and its descriptor says what they were. So one that
/// safe code could put together would confuse them.
#[derive(Clone, Copy)]
pub struct LinkedModule(EngineModuleRef);

impl fmt::Debug for LinkedModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.0.abi_epoch();
        f.debug_tuple("LinkedModule").field(&epoch).finish()
    }
}

impl LinkedModule {
    /// Says that `root` is genuine.
    ///
    /// # Safety
    /// `export_engines!` made `root`, and its code is never unmapped.
    #[doc(hidden)]
    pub const unsafe fn new(root: EngineModuleRef) -> Self {
        Self(root)
    }

    /// The root itself.
    #[cfg(feature = "host")]
    pub(crate) fn root(self) -> EngineModuleRef {
        self.0
    }
}

/// A kind's history beside its [`Engine`]: the older states and messages it can start from, and
/// whether it handles upgrade messages.
pub trait History: 'static {
    /// The kind.
    type Engine: Engine;
    /// The ways from older states, newest first.
    fn steps() -> Vec<Step<Self::Engine>>;
    /// The older messages, newest first.
    fn older_messages() -> Vec<OlderMessage<<Self::Engine as Engine>::Message>>;
    /// The ways back to older states, newest first.
    fn ways_back() -> Vec<WayBack<Self::Engine>>;
    /// Its handler of upgrade messages.
    fn upgrade_handler() -> Option<UpgradeHandler<Self::Engine>>;
    /// Its state's `Clone`.
    fn cloner() -> Option<Cloner<Self::Engine>>;
}

/// The package that exports, as the macro knows it.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// The value of `CARGO_PKG_NAME`.
    pub name: &'static str,
    /// The value of `CARGO_PKG_VERSION`.
    pub version: &'static str,
    /// `REFIT_BUILD_ID`, stamped by the builder.
    pub build_id: Option<&'static str>,
    /// `REFIT_RELEASE_ID`, stamped by who makes a release.
    pub release_id: Option<&'static str>,
    /// Whether it has a function over a whole snapshot.
    pub transforms_snapshot: bool,
    /// Whether its panics unwind, so that they can be caught.
    pub unwinds: bool,
}

/// The build id of a module that no builder stamped.
pub const UNSTAMPED: &str = "unstamped";

/// Writes a module's descriptor. Called by the exported `describe`.
///
/// # Safety
/// `sink` is what the host gave to the running call.
pub unsafe fn describe(
    package: Package,
    kinds: &[fn() -> crate::descriptor::KindDescriptor],
    sink: Sink,
) -> CallStatus {
    let write = || {
        let descriptor = Descriptor {
            abi_epoch: build::ABI_EPOCH,
            compiler_release: build::COMPILER_RELEASE.to_owned(),
            compiler_commit: build::COMPILER_COMMIT.to_owned(),
            toolchain: build::TOOLCHAIN.to_owned(),
            layout_epoch: build::LAYOUT_EPOCH.to_owned(),
            target: build::TARGET.to_owned(),
            panic_mode: build::panic_mode(package.unwinds).to_owned(),
            // The builder writes the id into the library after it was linked: the compiler must not copy
            // its letters into the code.
            build_id: black_box(package.build_id).unwrap_or(UNSTAMPED).to_owned(),
            release_id: package.release_id.map(ToOwned::to_owned),
            package: package.name.to_owned(),
            package_version: package.version.to_owned(),
            transforms_snapshot: package.transforms_snapshot,
            kinds: kinds.iter().map(|kind| kind()).collect(),
        };
        let mut bytes = Vec::new();
        codec::to_postcard(&descriptor, &mut bytes);
        bytes
    };
    // SAFETY: the sink is that of the running call: `export_engines!`, the one caller, passes on what the
    // host gave to `EngineModule::describe`.
    unsafe { shim::write_guarded(sink, write) }
}

/// The descriptor of a kind.
pub fn describe_kind<H: History>() -> crate::descriptor::KindDescriptor {
    shim::descriptor::<H>()
}

/// Exports engines: `export_engines!(Kv, Index);` once, at the root of the crate.
///
/// It gives the crate a function `module()` with the module's root, for tests and hosts that link
/// the engines in; and, when the feature `module` is on (for the cdylib build only), the symbol that
/// the loader looks for and the System allocator, so that memory made by one generation can be
/// freed by the next.
///
/// `export_engines!(Kv, Index; snapshot = offline::transform);` adds a function over a whole snapshot,
/// `fn(&[u8]) -> Result<Vec<u8>, Fault>`, for a release that cannot say what it does engine by engine
/// (restart strategy `offline`). [`snapshot`](mod@crate::snapshot) says what its bytes are, reads and writes them. No node
/// calls it while it serves.
#[macro_export]
macro_rules! export_engines {
    ($($engine:ty),+ $(,)? $(; snapshot = $snapshot:path $(;)?)?) => {
        #[doc(hidden)]
        mod refit_module {
            #[allow(unused_imports, reason = "an engine may be named by any path of its crate")]
            use super::*;
            use $crate::export::{
                History, WithClone as _, WithStep as _, WithUpgrade as _, WithoutClone as _,
                WithoutStep as _, WithoutUpgrade as _,
            };

            struct Past<E>(::core::marker::PhantomData<E>);

            $(impl History for Past<$engine> {
                type Engine = $engine;

                fn steps() -> ::std::vec::Vec<$crate::Step<$engine>> {
                    (&$crate::export::Probe::<$engine>(::core::marker::PhantomData)).steps()
                }

                fn older_messages() -> ::std::vec::Vec<
                    $crate::message::OlderMessage<<$engine as $crate::Engine>::Message>,
                > {
                    <<$engine as $crate::Engine>::Message as $crate::State>::older_messages::<
                        $crate::chain::Here<<$engine as $crate::Engine>::Message>,
                    >()
                }

                fn ways_back() -> ::std::vec::Vec<$crate::way_back::WayBack<$engine>> {
                    use $crate::way_back::{WithWayBack as _, WithoutWayBack as _};
                    (&$crate::way_back::BackProbe::<$engine>(::core::marker::PhantomData)).ways()
                }

                fn upgrade_handler() -> ::core::option::Option<
                    $crate::export::UpgradeHandler<$engine>,
                > {
                    (&$crate::export::Probe::<$engine>(::core::marker::PhantomData))
                        .upgrade_handler()
                }

                fn cloner() -> ::core::option::Option<$crate::export::Cloner<$engine>> {
                    (&$crate::export::Probe::<$engine>(::core::marker::PhantomData)).cloner()
                }
            })+

            unsafe extern "C" fn describe(sink: $crate::raw::Sink) -> $crate::raw::CallStatus {
                let package = $crate::export::Package {
                    name: env!("CARGO_PKG_NAME"),
                    version: env!("CARGO_PKG_VERSION"),
                    build_id: option_env!("REFIT_BUILD_ID"),
                    release_id: option_env!("REFIT_RELEASE_ID"),
                    transforms_snapshot: SNAPSHOT.is_some(),
                    // Of the engine's own compilation: refit-abi may have been compiled with other settings.
                    unwinds: cfg!(panic = "unwind"),
                };
                let kinds = &[$($crate::export::describe_kind::<Past<$engine>> as fn() -> _),+];
                // SAFETY: the host made the sink for this call.
                unsafe { $crate::export::describe(package, kinds, sink) }
            }

            $(const _: () = ::core::assert!(
                $crate::is_kind_name(<$engine as $crate::Engine>::KIND),
                "the `KIND` of an engine is 1 to 32 bytes of a-z, 0-9, `-` and `_`",
            );)+
            const _: () = ::core::assert!(
                $crate::export::are_different(&[$(<$engine as $crate::Engine>::KIND),+]),
                "two engines of one `KIND` are exported; each has a kind of its own",
            );

            const SNAPSHOT: ::core::option::Option<$crate::export::SnapshotEntry> =
                $crate::__snapshot_entry!($($snapshot)?);

            static KINDS: &[$crate::raw::TableRef<$crate::raw::KindVtable>] =
                &[$($crate::export::kind::<Past<$engine>>()),+];

            const ROOT: &$crate::export::abi_stable::prefix_type::WithMetadata<
                $crate::export::EngineModule,
            > = &$crate::export::abi_stable::prefix_type::WithMetadata::new(
                $crate::export::EngineModule {
                    abi_epoch: $crate::build::ABI_EPOCH,
                    describe,
                    attach: $crate::voice::attach,
                    kinds: $crate::export::abi_stable::std_types::RSlice::from_slice(KINDS),
                    snapshot: SNAPSHOT,
                },
            );

            fn root() -> $crate::export::EngineModuleRef {
                $crate::export::EngineModuleRef(ROOT.static_as_prefix())
            }

            /// The root of this crate's module.
            pub fn module() -> $crate::export::LinkedModule {
                // SAFETY: this macro made the root, and a program that holds this function has its code
                // linked in. (In a cdylib nobody calls it: the symbol below gives the root.)
                unsafe { $crate::export::LinkedModule::new(root()) }
            }

            $crate::__export_root!(root);
        }

        // `self`, because a module that imports all of its parent's names may export too.
        pub use self::refit_module::module;
    };
}

/// The entry of a module's function over a whole snapshot, if it names one.
#[doc(hidden)]
#[macro_export]
macro_rules! __snapshot_entry {
    () => {
        ::core::option::Option::None
    };
    ($snapshot:path) => {{
        unsafe extern "C" fn entry(
            bytes: $crate::raw::Bytes<'_>,
            sink: $crate::raw::Sink,
        ) -> $crate::raw::CallStatus {
            // SAFETY: the host made the sink for this call.
            unsafe { $crate::export::transform_snapshot($snapshot, bytes, sink) }
        }
        ::core::option::Option::Some(entry as $crate::export::SnapshotEntry)
    }};
}

/// Emits the root symbol and fixes the allocator.
#[doc(hidden)]
#[cfg(feature = "module")]
#[macro_export]
macro_rules! __export_root {
    ($root:ident) => {
        // The name is abi_stable's ROOT_MODULE_LOADER_NAME; a test of this crate compares them.
        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        static REFIT_ROOT: $crate::export::abi_stable::library::LibHeader = {
            extern "C" fn checked() -> $crate::export::abi_stable::library::RootModuleResult {
                $crate::export::abi_stable::library::__call_root_module_loader($root)
            }
            // SAFETY: `checked` gives an `EngineModuleRef`, the type that is named.
            unsafe {
                $crate::export::abi_stable::library::LibHeader::from_constructor::<
                    $crate::export::EngineModuleRef,
                >(
                    checked,
                    $crate::export::abi_stable::library::CheckTypeLayout::Yes,
                )
            }
        };

        #[global_allocator]
        static REFIT_ALLOCATOR: ::std::alloc::System = ::std::alloc::System;
    };
}

/// Emits nothing: the engines are linked into a program.
#[doc(hidden)]
#[cfg(not(feature = "module"))]
#[macro_export]
macro_rules! __export_root {
    ($root:ident) => {};
}

/// Runs a module's function over a whole snapshot. Called by the exported entry.
///
/// # Safety
/// `sink` is what the host gave to the running call.
pub unsafe fn transform_snapshot(
    transform: fn(&[u8]) -> Result<Vec<u8>, Fault>,
    bytes: Bytes<'_>,
    sink: Sink,
) -> CallStatus {
    shim::transform_snapshot(transform, bytes, sink)
}

/// Whether no two of these kinds are the same: asked while a module compiles.
pub const fn are_different(kinds: &[&str]) -> bool {
    crate::kind_name::are_different(kinds)
}

/// The table of a kind.
pub const fn kind<H: History>() -> TableRef<KindVtable> {
    struct Kind<H>(PhantomData<H>);
    impl<H: History> Kind<H> {
        const TABLE: &'static KindVtable = &shim::kind::<H>();
    }
    TableRef::of(Kind::<H>::TABLE)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_name_is_the_one_that_abi_stable_looks_for() {
        assert_eq!(
            super::ROOT_MODULE_LOADER_NAME,
            "_1as_0lib_1header_0root_bmodule_bloader"
        );
    }
}
