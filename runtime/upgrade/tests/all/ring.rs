//! The engine kind `ring` in six versions that follow each other in a ring; every crossing is of
//! another kind. The version of its code is in all it says.
//!
//! Each step but the adoption and the defaults runs an author's function, which fails on the states
//! [`FAULT`] and [`PANIC`]; the check of every version fails on [`CHECK`].

use refit_abi::host::Module;
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Migrate, Sender, Serialize, State,
    TimerAt, UpgradeBus,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

/// A total on which every transition function returns a fault.
pub(crate) const FAULT: u64 = 1_000_000_013;
/// A total on which every transition function panics.
pub(crate) const PANIC: u64 = 1_000_000_099;
/// A total that does not pass the check.
pub(crate) const CHECK: u64 = 1_000_000_077;

/// Versions in the ring.
pub(crate) const VERSIONS: usize = 6;

/// [`Tracked`] values that live.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// What all versions have in their state.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Core {
    /// Its own number.
    pub(crate) me: u64,
    /// The sum of what was added.
    pub(crate) total: u64,
    /// How many tokens it has sent to each.
    pub(crate) sent: BTreeMap<u64, u64>,
    /// How many tokens it has got from each.
    pub(crate) got: BTreeMap<u64, u64>,
    /// Tokens that came out of order, twice, or after a gap.
    pub(crate) broken: u64,
    /// Which code has handled messages, and in which blocks.
    pub(crate) runs: Vec<Run>,
}

/// A stretch of blocks in which one version's code has handled this engine's messages.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The version.
    pub(crate) code: u32,
    /// The first block.
    pub(crate) first: u64,
    /// The last block.
    pub(crate) last: u64,
}

/// What an engine is told.
#[derive(Clone, Debug, State, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Adds to the total.
    Add(u64),
    /// Replaces the total.
    Set(u64),
    /// Has another engine add.
    Forward { to: u64, number: u64 },
    /// Sets a timer for a later block.
    Wake(Height),
    /// The timer: adds a thousand and emits its version.
    Woken,
    /// Stops itself.
    Stop,
    /// Travels on between `engines` engines until `left` is zero.
    Token {
        from: Option<u64>,
        number: u64,
        left: u64,
        seed: u64,
        engines: u64,
    },
}

/// What a message is answered with.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The version of the code that handled it.
    pub(crate) code: u32,
    /// The total after it.
    pub(crate) total: u64,
}

/// What a query is answered with.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The version of the code that answers.
    pub(crate) code: u32,
    /// How many transition functions the state has gone through.
    pub(crate) mark: u64,
    /// The rest.
    pub(crate) core: Core,
}

/// A value that is counted as long as it lives.
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

/// The id of the engine with this number.
pub(crate) fn peer(number: u64) -> EngineId {
    EngineId::root(&format!("e{number}")).unwrap()
}

/// A fresh handle on the version at a place of the ring.
pub(crate) fn version(place: usize) -> Module {
    let root = match place % VERSIONS {
        0 => a::module(),
        1 => a_again::module(),
        2 => b::module(),
        3 => c::module(),
        4 => d::module(),
        _ => d_again::module(),
    };
    Module::linked(root).unwrap()
}

/// Whether the step *to* the version at a place fails on a state with this total.
pub(crate) fn step_fails(place: usize, total: u64) -> bool {
    match place % VERSIONS {
        1 | 4 => false,
        2 => total == FAULT || total == PANIC,
        5 => total == CHECK,
        _ => total == FAULT || total == PANIC || total == CHECK,
    }
}

/// How many transition functions run on the step *to* the version at a place.
pub(crate) fn step_marks(place: usize) -> u64 {
    u64::from(matches!(place % VERSIONS, 0 | 2 | 3))
}

fn step(core: &Core, mark: u64) -> Result<u64, Fault> {
    assert_ne!(core.total, PANIC, "this state makes the transition panic");
    match core.total {
        FAULT => Err(Fault::new(
            "unlucky",
            "this state makes the transition fail",
        )),
        _ => Ok(mark + 1),
    }
}

fn check(core: &Core) -> Result<(), Fault> {
    match core.total {
        CHECK => Err(Fault::new(
            "does-not-hold",
            "this state does not pass the check",
        )),
        _ => Ok(()),
    }
}

impl Core {
    fn stamp(&mut self, code: u32, height: u64) {
        match self.runs.last_mut() {
            Some(run) if run.code == code => run.last = height,
            _ => self.runs.push(Run {
                code,
                first: height,
                last: height,
            }),
        }
    }

    fn handle(
        &mut self,
        code: u32,
        ctx: &mut Context<'_>,
        message: Message,
    ) -> Result<Reply, Fault> {
        self.stamp(code, ctx.height().0);
        match message {
            Message::Add(number) => self.total += number,
            Message::Set(total) => self.total = total,
            Message::Forward { to, number } => ctx.send(peer(to), &Message::Add(number)).unwrap(),
            Message::Wake(height) => {
                ctx.set_timer(TimerAt::Height(height), &Message::Woken)
                    .unwrap();
            }
            Message::Stop => ctx.stop(ctx.id()).unwrap(),
            Message::Woken => {
                self.total += 1_000;
                ctx.emit("woken", &code).unwrap();
            }
            Message::Token {
                from,
                number,
                left,
                seed,
                engines,
            } => {
                self.take(from, number);
                if left > 0 {
                    self.pass(ctx, left - 1, seed, engines);
                }
            }
        }
        Ok(Reply {
            code,
            total: self.total,
        })
    }

    fn take(&mut self, from: Option<u64>, number: u64) {
        self.total += 1;
        let Some(from) = from else { return };
        let got = self.got.entry(from).or_default();
        self.broken += u64::from(*got != number);
        *got += 1;
    }

    fn pass(&mut self, ctx: &mut Context<'_>, left: u64, seed: u64, engines: u64) {
        // Knuth's MMIX generator; its high bits choose.
        let seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let to = (seed >> 33) % engines;
        let sent = self.sent.entry(to).or_default();
        let token = Message::Token {
            from: Some(self.me),
            number: *sent,
            left,
            seed,
            engines,
        };
        *sent += 1;
        ctx.send(peer(to), &token).unwrap();
    }
}

macro_rules! engine {
    ($code:literal, { $($fresh:tt)* }) => {
        impl Engine for Ring {
            const KIND: &'static str = "ring";
            type Config = (u64, u64);
            type Message = Message;
            type Reply = Reply;
            type Query = ();
            type Answer = Answer;

            fn init((me, total): (u64, u64), _: &mut Context<'_>) -> Result<Self, Fault> {
                let core = Core { me, total, ..Core::default() };
                Ok(Self { core, mark: 0, $($fresh)* })
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                _: Sender,
                message: Message,
            ) -> Result<Reply, Fault> {
                self.core.handle($code, ctx, message)
            }

            fn query(&self, (): ()) -> Result<Answer, Fault> {
                Ok(Answer { code: $code, mark: self.mark, core: self.core.clone() })
            }

            fn check(&self) -> Result<(), Fault> {
                check(&self.core)
            }
        }

        refit_abi::export_engines!(Ring);
    };
}

/// The state of [`d`], frozen: the circle of versions is none of types.
pub(crate) mod frozen {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 4)]
    pub(crate) struct Ring {
        pub(crate) core: Core,
        pub(crate) mark: u64,
        pub(crate) added: u64,
        #[state(serde)]
        pub(crate) cache: Tracked,
    }
}

/// From [`d`], read as bytes, through a function.
pub(crate) mod a {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 1)]
    #[migrate(from = super::frozen::Ring, drop(mark, added, cache))]
    pub(crate) struct Ring {
        pub(crate) core: Core,
        #[migrate(with = mark)]
        pub(crate) mark: u64,
    }

    fn mark(old: &super::frozen::Ring, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
        step(&old.core, old.mark)
    }

    engine!(1, {});
}

/// The state of [`a`], adopted by other code.
pub(crate) mod a_again {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Ring {
        core: Core,
        mark: u64,
    }

    engine!(2, {});
}

/// From [`a`]: one field through a function, one by default, the rest moved.
pub(crate) mod b {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::a::Ring, drop(mark))]
    pub(crate) struct Ring {
        pub(crate) core: Core,
        #[migrate(with = mark)]
        pub(crate) mark: u64,
        #[migrate(default = 7)]
        pub(crate) added: u64,
    }

    fn mark(old: &super::a::Ring, bus: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
        bus.log("crossing to b");
        step(&old.core, old.mark)
    }

    engine!(3, { added: 7 });
}

/// From [`b`], by hand.
pub(crate) mod c {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 3)]
    pub(crate) struct Ring {
        pub(crate) core: Core,
        pub(crate) mark: u64,
        pub(crate) added: u64,
    }

    impl Migrate for Ring {
        type From = super::b::Ring;

        fn migrate(old: &super::b::Ring, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
            let mark = step(&old.core, old.mark)?;
            Ok(Self {
                core: old.core.clone(),
                mark,
                added: old.added,
            })
        }
    }

    engine!(4, { added: 7 });
}

/// From [`c`], with nothing but a default.
pub(crate) mod d {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 4)]
    #[migrate(from = super::c::Ring)]
    pub(crate) struct Ring {
        pub(crate) core: Core,
        pub(crate) mark: u64,
        pub(crate) added: u64,
        #[state(serde)]
        #[migrate(default)]
        pub(crate) cache: Tracked,
    }

    engine!(5, { added: 7, cache: Tracked::default() });
}

/// The state of [`d`], which crosses as bytes.
pub(crate) mod d_again {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 4)]
    pub(crate) struct Ring {
        core: Core,
        mark: u64,
        added: u64,
        #[state(serde)]
        cache: Tracked,
    }

    engine!(6, { added: 7, cache: Tracked::default() });
}

/// From [`a`], with a default that panics.
pub(crate) mod bad_default {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 9)]
    #[migrate(from = super::a::Ring)]
    pub(crate) struct Ring {
        core: Core,
        mark: u64,
        #[migrate(default = panic!("no default today"))]
        added: u64,
    }

    engine!(9, { added: 7 });
}

/// The state of [`c`], from nowhere.
pub(crate) mod unrelated {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 3)]
    pub(crate) struct Ring {
        core: Core,
        mark: u64,
        added: u64,
    }

    engine!(8, { added: 7 });
}
