//! The engine kinds of these tests, in two versions. Each crosses in another way:
//!
//! | kind | v1 to v2 | handles upgrade messages | capabilities |
//! |---|---|---|---|
//! | `alpha` | by hand | yes | all |
//! | `beta` | by hand, after `alpha` and `fresh` | yes | all |
//! | `plain` | one field made by a function, the rest moved | no | all |
//! | `stray` | by hand | yes | none |
//! | `same` | adopted | no | all |
//! | `fixed` | carried: it is in no release but the first | no | all |
//! | `fresh`, `leaf` | new | `fresh` does | all |

use crate::bus::ops::{Birth, Core, Message, Script, Told};
use refit_abi::host::Module;
use refit_abi::{
    Capability, Context, Deserialize, Engine, EngineId, Fault, Migrate, OnUpgrade, Sender,
    Serialize, State, UpgradeBus,
};
use std::sync::atomic::{AtomicI64, Ordering};

/// [`Tracked`] values that live.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// A value that is counted as long as it lives. Every new state of a kind that crosses by hand has one.
#[derive(Debug, Serialize)]
pub(crate) struct Tracked(u64);

impl Default for Tracked {
    fn default() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self(3)
    }
}

impl<'de> Deserialize<'de> for Tracked {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(from)?;
        LIVE.fetch_add(1, Ordering::SeqCst);
        Ok(Self(value))
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many [`Tracked`] values live in this process.
pub(crate) fn tracked() -> i64 {
    LIVE.load(Ordering::SeqCst)
}

/// May do everything to every kind.
macro_rules! all_of {
    ($($kind:literal)*) => {
        &[$(Capability::Message($kind), Capability::Spawn($kind), Capability::Read($kind)),*]
    };
}
const ALL: &[Capability] = all_of!("alpha" "beta" "plain" "stray" "same" "fixed" "fresh" "leaf");

macro_rules! engine {
    ($name:ident, $kind:literal, $code:literal, after $after:expr, needs $needs:expr,
     { $($fresh:tt)* }) => {
        impl Engine for $name {
            const KIND: &'static str = $kind;
            const AFTER: &'static [&'static str] = $after;
            const NEEDS: &'static [Capability] = $needs;
            type Config = Birth;
            type Message = Message;
            type Reply = Told;
            type Query = ();
            type Answer = Told;

            fn init(birth: Birth, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self { core: Core::born(birth, ctx)?, $($fresh)* })
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                sender: Sender,
                message: Message,
            ) -> Result<Told, Fault> {
                self.core.handle($code, ctx, sender, message)
            }

            fn query(&self, (): ()) -> Result<Told, Fault> {
                Ok(self.core.told($code))
            }

            fn check(&self) -> Result<(), Fault> {
                self.core.check()
            }

            fn undelivered(
                &mut self,
                _: &mut Context<'_>,
                to: EngineId,
                reason: refit_abi::Undelivered,
            ) {
                self.core.trail.push(format!("not to {to}: {reason:?}"));
            }
        }
    };
}

/// Handles upgrade messages.
macro_rules! hears {
    ($($name:ident)*) => {$(
        impl OnUpgrade for $name {
            type Upgrade = Script;

            fn on_upgrade(
                &mut self,
                bus: &mut UpgradeBus<'_>,
                sender: EngineId,
                script: Script,
            ) -> Result<(), Fault> {
                self.core.hear(bus, sender, script)
            }
        }
    )*};
}

/// A later version of a state, by hand from the one before.
macro_rules! by_hand {
    ($version:tt from $before:ident: $($name:ident)*) => {$(
        #[derive(Debug, State, Serialize, Deserialize)]
        #[state(version = $version)]
        pub(crate) struct $name {
            pub(crate) core: Core,
            #[state(serde)]
            pub(crate) tracked: Tracked,
        }

        impl Migrate for $name {
            type From = super::$before::$name;

            fn migrate(old: &Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
                // Made before anything can fail: dropped then, and not leaked.
                let tracked = Tracked::default();
                let core = old.core.cross(bus)?;
                Ok(Self { core, tracked })
            }
        }
    )*};
}

/// The first version.
pub(crate) mod v1 {
    use super::*;

    macro_rules! first {
        ($($name:ident $kind:literal $needs:expr;)*) => {$(
            #[derive(Debug, State, Serialize, Deserialize)]
            #[state(version = 1)]
            pub(crate) struct $name {
                pub(crate) core: Core,
            }
            engine!($name, $kind, 1, after &[], needs $needs, {});
        )*};
    }
    first! {
        Alpha "alpha" ALL;
        Beta "beta" ALL;
        Plain "plain" ALL;
        Stray "stray" &[];
        Same "same" ALL;
        Fixed "fixed" ALL;
    }
    refit_abi::export_engines!(Alpha, Beta, Plain, Stray, Same, Fixed);
}
pub(crate) use v1::Fixed;

/// The second.
pub(crate) mod v2 {
    use super::*;

    by_hand!(2 from v1: Alpha Beta Stray);
    hears!(Alpha Beta Stray Fresh);

    engine!(Alpha, "alpha", 2, after &[], needs ALL, { tracked: Tracked::default() });
    engine!(Beta, "beta", 2, after &["alpha", "fresh"], needs ALL, { tracked: Tracked::default() });
    engine!(Stray, "stray", 2, after &[], needs &[], { tracked: Tracked::default() });

    /// One field through a function, the rest moved.
    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::v1::Plain)]
    pub(crate) struct Plain {
        pub(crate) core: Core,
        #[migrate(with = notes)]
        pub(crate) notes: Vec<String>,
    }

    fn notes(old: &super::v1::Plain, bus: &mut UpgradeBus<'_>) -> Result<Vec<String>, Fault> {
        Ok(old.core.cross(bus)?.trail)
    }
    engine!(Plain, "plain", 2, after &[], needs ALL, { notes: Vec::new() });

    /// As it was.
    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Same {
        core: Core,
    }
    engine!(Same, "same", 2, after &[], needs ALL, {});

    /// New, handles upgrade messages.
    #[derive(Debug, State, Serialize, Deserialize)]
    pub(crate) struct Fresh {
        core: Core,
        #[state(serde)]
        tracked: Tracked,
    }
    engine!(Fresh, "fresh", 2, after &[], needs ALL, { tracked: Tracked::default() });

    /// New, handles none.
    #[derive(Debug, State, Serialize, Deserialize)]
    pub(crate) struct Leaf {
        core: Core,
        #[state(serde)]
        tracked: Tracked,
    }
    engine!(Leaf, "leaf", 2, after &[], needs ALL, { tracked: Tracked::default() });

    refit_abi::export_engines!(Alpha, Beta, Stray, Plain, Same, Fresh, Leaf);
}
pub(crate) use v2::{Fresh, Leaf};

/// The third: of those that cross by hand, and of `plain`.
pub(crate) mod v3 {
    use super::*;

    by_hand!(3 from v2: Alpha Beta Stray);
    hears!(Alpha Beta Stray);

    engine!(Alpha, "alpha", 3, after &[], needs ALL, { tracked: Tracked::default() });
    engine!(Beta, "beta", 3, after &["alpha", "fresh"], needs ALL, { tracked: Tracked::default() });
    engine!(Stray, "stray", 3, after &[], needs &[], { tracked: Tracked::default() });

    /// One field through a function, the rest moved.
    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 3)]
    #[migrate(from = super::v2::Plain, drop(notes))]
    pub(crate) struct Plain {
        pub(crate) core: Core,
        #[migrate(with = notes)]
        pub(crate) notes: Vec<String>,
    }

    fn notes(old: &super::v2::Plain, bus: &mut UpgradeBus<'_>) -> Result<Vec<String>, Fault> {
        Ok(old.core.cross(bus)?.trail)
    }
    engine!(Plain, "plain", 3, after &[], needs ALL, { notes: Vec::new() });
}

/// Modules of one kind each, and one of both new kinds.
macro_rules! modules {
    ($($module:ident: $version:ident $($name:ident)+;)*) => {$(
        pub(crate) mod $module {
            use crate::bus::kinds::$version::{$($name),+};
            refit_abi::export_engines!($($name),+);
        }
    )*};
}

/// Releases of single kinds.
pub(crate) mod single {
    modules! {
        alpha2: v2 Alpha;
        alpha3: v3 Alpha;
        beta2: v2 Beta;
        beta3: v3 Beta;
        plain2: v2 Plain;
        plain3: v3 Plain;
        stray2: v2 Stray;
        stray3: v3 Stray;
        same: v2 Same;
        new: v2 Fresh Leaf;
    }
}

/// The module of one kind in a version; `same` and the new kinds have but one.
pub(crate) fn one(kind: &str, version: u32) -> Module {
    Module::linked(match (kind, version) {
        ("alpha", 2) => single::alpha2::module(),
        ("alpha", _) => single::alpha3::module(),
        ("beta", 2) => single::beta2::module(),
        ("beta", _) => single::beta3::module(),
        ("plain", 2) => single::plain2::module(),
        ("plain", _) => single::plain3::module(),
        ("stray", 2) => single::stray2::module(),
        ("stray", _) => single::stray3::module(),
        ("same", _) => single::same::module(),
        _ => single::new::module(),
    })
    .unwrap()
}

/// A release whose kinds come after each other in a circle.
pub(crate) mod circle {
    use super::*;

    by_hand!(2 from v1: Alpha Beta);
    engine!(Alpha, "alpha", 3, after &["beta"], needs ALL, { tracked: Tracked::default() });
    engine!(Beta, "beta", 3, after &["alpha"], needs ALL, { tracked: Tracked::default() });
    refit_abi::export_engines!(Alpha, Beta);
}

/// A release in which `beta` comes after kinds that it does not touch, and one that it adopts.
pub(crate) mod last {
    use super::*;

    by_hand!(2 from v1: Beta);
    hears!(Beta);
    engine!(Beta, "beta", 2, after &["same", "fixed"], needs ALL, { tracked: Tracked::default() });

    /// As it was.
    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Same {
        core: Core,
    }
    engine!(Same, "same", 2, after &[], needs ALL, {});
    refit_abi::export_engines!(Beta, Same);
}

/// That one's module.
pub(crate) fn last() -> Module {
    Module::linked(last::module()).unwrap()
}

/// The first version's module.
pub(crate) fn first() -> Module {
    Module::linked(v1::module()).unwrap()
}

/// The second's.
pub(crate) fn second() -> Module {
    Module::linked(v2::module()).unwrap()
}

/// The circle's.
pub(crate) fn circle() -> Module {
    Module::linked(circle::module()).unwrap()
}

/// The id of a root engine.
pub(crate) fn id(name: &str) -> EngineId {
    EngineId::root(name).unwrap()
}
