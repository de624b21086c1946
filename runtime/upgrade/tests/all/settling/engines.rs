//! Small engines, each in two versions.

use refit_abi::host::Module;
use refit_abi::{
    Capability, Context, Deserialize, Engine, EngineId, Fault, Height, Migrate, Sender, Serialize,
    State, TimerAt, Undelivered, UpgradeBus,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the default of [`flaky_2::Flaky`] panics.
static PANICS: AtomicBool = AtomicBool::new(false);

/// Makes the default of the second version of `flaky` panic from now on, or not any more.
pub(crate) fn default_panics(on: bool) {
    PANICS.store(on, Ordering::SeqCst);
}

/// Whether it does not return.
static LOOPS: AtomicBool = AtomicBool::new(false);

/// Makes the default of the second version of `flaky` loop from now on, or not any more.
pub(crate) fn default_loops(on: bool) {
    LOOPS.store(on, Ordering::SeqCst);
}

fn default() -> u64 {
    while LOOPS.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    assert!(!PANICS.load(Ordering::SeqCst), "no default today");
    7
}

/// The modules, as they would be loaded.
pub(crate) fn linked(root: refit_abi::export::LinkedModule) -> Module {
    Module::linked(root).unwrap()
}

/// An engine that counts: its message is added to what it has.
macro_rules! counts {
    ($name:ident, $kind:literal, $init:expr) => {
        impl Engine for $name {
            const KIND: &'static str = $kind;
            type Config = ();
            type Message = u64;
            type Reply = u64;
            type Query = ();
            type Answer = u64;

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok($init)
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                from: Sender,
                n: u64,
            ) -> Result<u64, Fault> {
                self.took(ctx, from, n)
            }

            fn query(&self, (): ()) -> Result<u64, Fault> {
                Ok(self.n)
            }
        }
        refit_abi::export_engines!($name);
    };
}

/// At 88 it sets a timer for the second block from then.
pub(crate) mod flaky_1 {
    use super::*;

    #[derive(Debug, Default, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Flaky {
        pub(crate) n: u64,
    }

    impl Flaky {
        fn took(&mut self, ctx: &mut Context<'_>, _: Sender, n: u64) -> Result<u64, Fault> {
            if n == 88 {
                let at = TimerAt::Height(Height(ctx.height().0 + 2));
                ctx.set_timer(at, &5_u64).unwrap();
            }
            self.n += n;
            Ok(self.n)
        }
    }

    counts!(Flaky, "flaky", Flaky::default());
}

/// Its new field has a default that passes the trial, and may panic later.
pub(crate) mod flaky_2 {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::flaky_1::Flaky)]
    pub(crate) struct Flaky {
        pub(crate) n: u64,
        #[migrate(default = super::default())]
        pub(crate) added: u64,
    }

    impl Flaky {
        fn took(&mut self, _: &mut Context<'_>, _: Sender, n: u64) -> Result<u64, Fault> {
            self.n += n;
            Ok(self.n)
        }
    }

    counts!(Flaky, "flaky", Flaky { n: 0, added: 7 });
}

/// Sends to `flaky`, then to itself; keeps what it hears, in order.
pub(crate) mod teller {
    use super::*;

    #[derive(Debug, Default, State, Serialize, Deserialize)]
    pub(crate) struct Teller {
        pub(crate) heard: Vec<String>,
    }

    impl Engine for Teller {
        const KIND: &'static str = "teller";
        const NEEDS: &'static [Capability] = &[Capability::Message("flaky")];
        type Config = ();
        type Message = u64;
        type Reply = ();
        type Query = ();
        type Answer = Vec<String>;

        fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
            Ok(Self::default())
        }

        fn handle(&mut self, ctx: &mut Context<'_>, _: Sender, n: u64) -> Result<(), Fault> {
            if n == 1 {
                ctx.send(EngineId::root("flaky").unwrap(), &1_u64).unwrap();
                ctx.send(ctx.id(), &2_u64).unwrap();
            } else {
                self.heard.push(format!("message {n}"));
            }
            Ok(())
        }

        fn query(&self, (): ()) -> Result<Vec<String>, Fault> {
            Ok(self.heard.clone())
        }

        fn undelivered(&mut self, _: &mut Context<'_>, to: EngineId, why: Undelivered) {
            self.heard.push(format!("{to} {why:?}"));
        }
    }

    refit_abi::export_engines!(Teller);
}

/// A state as large as its largest message.
pub(crate) mod big_1 {
    use super::*;

    #[derive(Debug, Default, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Big {
        pub(crate) map: BTreeMap<u64, String>,
        pub(crate) n: u64,
    }

    impl Big {
        fn took(&mut self, _: &mut Context<'_>, _: Sender, n: u64) -> Result<u64, Fault> {
            for key in 0..n {
                self.map.insert(key, format!("entry {key} of a large map"));
            }
            Ok(self.map.len() as u64)
        }
    }

    counts!(Big, "big", Big::default());
}

/// Migrated by hand: nothing of the old state is needed.
pub(crate) mod big_by_hand {
    use super::*;

    #[derive(Debug, Default, State, Serialize, Deserialize)]
    #[state(version = 2)]
    pub(crate) struct Big {
        pub(crate) n: u64,
    }

    impl Migrate for Big {
        type From = super::big_1::Big;

        fn migrate(old: &super::big_1::Big, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
            let n = old.map.len() as u64;
            Ok(Self { n })
        }
    }

    impl Big {
        fn took(&mut self, _: &mut Context<'_>, _: Sender, _: u64) -> Result<u64, Fault> {
            Ok(self.n)
        }
    }

    counts!(Big, "big", Big::default());
}

/// Drops the large field, and makes another one of nothing.
pub(crate) mod big_dropped {
    use super::*;

    #[derive(Debug, Default, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::big_1::Big, drop(map))]
    pub(crate) struct Big {
        pub(crate) n: u64,
        #[migrate(default)]
        pub(crate) added: u64,
    }

    impl Big {
        fn took(&mut self, _: &mut Context<'_>, _: Sender, _: u64) -> Result<u64, Fault> {
            Ok(self.n)
        }
    }

    counts!(Big, "big", Big::default());
}

/// Takes numbers.
pub(crate) mod spoken_1 {
    super::spoken!(u64, |_| Ok(()));
}

/// Takes texts, and no number; its `init` emits and logs.
pub(crate) mod spoken_2 {
    super::spoken!(String, |ctx: &mut Context<'_>| {
        ctx.log(refit_abi::Level::Info, "afresh");
        let said = ctx.emit("began", &1_u8);
        said.map_err(|error| Fault::new("not-emitted", error.to_string()))
    });
}

macro_rules! spoken {
    ($message:ty, $began:expr) => {
        use super::*;

        #[derive(Debug, Default, State, Serialize, Deserialize)]
        pub(crate) struct Spoken {
            pub(crate) n: u64,
        }

        impl Engine for Spoken {
            const KIND: &'static str = "spoken";
            type Config = ();
            type Message = $message;
            type Reply = ();
            type Query = ();
            type Answer = ();

            fn init((): (), ctx: &mut Context<'_>) -> Result<Self, Fault> {
                let began: fn(&mut Context<'_>) -> Result<(), Fault> = $began;
                began(ctx)?;
                Ok(Self::default())
            }

            fn handle(&mut self, _: &mut Context<'_>, _: Sender, _: $message) -> Result<(), Fault> {
                self.n += 1;
                Ok(())
            }

            fn query(&self, (): ()) -> Result<(), Fault> {
                Ok(())
            }
        }

        refit_abi::export_engines!(Spoken);
    };
}
use spoken;

/// Keeps what it is told and what it draws; sets a timer at [`reborn::TIMER`], and in its `init`.
pub(crate) mod reborn {
    use super::*;

    /// Sets a timer for the third block from then.
    pub(crate) const TIMER: u64 = 88;
    /// What the timer of its `init` says.
    pub(crate) const OF_INIT: u64 = 99;

    #[derive(Debug, Default, State, Serialize, Deserialize)]
    pub(crate) struct Reborn {
        pub(crate) taken: Vec<u64>,
        pub(crate) drawn: Vec<u64>,
    }

    impl Engine for Reborn {
        const KIND: &'static str = "reborn";
        type Config = ();
        type Message = u64;
        type Reply = ();
        type Query = ();
        type Answer = ();

        fn init((): (), ctx: &mut Context<'_>) -> Result<Self, Fault> {
            if ctx.height() > Height(0) {
                let at = TimerAt::Height(Height(ctx.height().0 + 2));
                ctx.set_timer(at, &OF_INIT).unwrap();
            }
            Ok(Self {
                taken: Vec::new(),
                drawn: vec![ctx.random_u64()],
            })
        }

        fn handle(&mut self, ctx: &mut Context<'_>, _: Sender, n: u64) -> Result<(), Fault> {
            if n == TIMER {
                let at = TimerAt::Height(Height(ctx.height().0 + 3));
                ctx.set_timer(at, &n).unwrap();
            }
            self.taken.push(n);
            self.drawn.push(ctx.random_u64());
            Ok(())
        }

        fn query(&self, (): ()) -> Result<(), Fault> {
            Ok(())
        }
    }

    refit_abi::export_engines!(Reborn);
}

/// Starts a `big`, and hands on what it is told.
pub(crate) mod boss_1 {
    use super::*;

    #[derive(Debug, Default, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Boss {
        pub(crate) child: Option<EngineId>,
    }

    super::boss!(|boss: &mut Boss, ctx: &mut Context<'_>, n: u64| {
        match boss.child {
            Some(child) => ctx.send(child, &n).unwrap(),
            None => boss.child = Some(ctx.spawn::<super::big_1::Big>(&()).unwrap()),
        }
    });
}

/// Retires it.
pub(crate) mod boss_2 {
    use super::*;

    #[derive(Debug, Default, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::boss_1::Boss)]
    pub(crate) struct Boss {
        pub(crate) child: Option<EngineId>,
        #[migrate(with = retired)]
        pub(crate) retired: bool,
    }

    fn retired(old: &super::boss_1::Boss, bus: &mut UpgradeBus<'_>) -> Result<bool, Fault> {
        let retires = |child| bus.retire(child);
        let retired = old.child.map(retires).transpose();
        let retired = retired.map_err(|error| Fault::new("not-retired", error.to_string()))?;
        Ok(retired.is_some())
    }

    super::boss!(|_: &mut Boss, _: &mut Context<'_>, _: u64| {});
}

macro_rules! boss {
    ($took:expr) => {
        impl Engine for Boss {
            const KIND: &'static str = "boss";
            const NEEDS: &'static [Capability] =
                &[Capability::Spawn("big"), Capability::Message("big")];
            type Config = ();
            type Message = u64;
            type Reply = ();
            type Query = ();
            type Answer = ();

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self::default())
            }

            fn handle(&mut self, ctx: &mut Context<'_>, _: Sender, n: u64) -> Result<(), Fault> {
                ($took)(self, ctx, n);
                Ok(())
            }

            fn query(&self, (): ()) -> Result<(), Fault> {
                Ok(())
            }
        }
        refit_abi::export_engines!(Boss);
    };
}
use boss;
