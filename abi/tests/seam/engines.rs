//! The engines at the seam: a store that does all a handler can, two kinds that start from one older state, and
//! a kind whose destructors panic, and two that roll back.

use refit_abi::host::Module;
use refit_abi::{
    BlockTime, Capability, Context, Deserialize, Engine, EngineId, Fault, Level, Migrate,
    OnUpgrade, Sender, Serialize, State, StateKey, TimerAt, Undelivered, UpgradeBus,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;

/// One copy of the module for all tests: to describe it takes Miri a while.
pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(another_module)
}

/// A further copy, as if it was loaded again.
pub(crate) fn another_module() -> Module {
    Module::linked(self::linked::module()).unwrap()
}

mod linked {
    use super::*;
    use crate::floats;
    refit_abi::export_engines!(
        Store,
        Words,
        Count,
        Bomb,
        Cloned,
        Encoded,
        floats::v1::Mean,
        floats::Mean
    );
}

/// As it was published.
pub(crate) mod v1 {
    use super::*;

    #[derive(Default, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Store {
        pub(crate) map: BTreeMap<Key, Vec<u8>>,
        pub(crate) old: Option<Box<str>>,
        pub(crate) handled: u64,
    }

    /// The common part of the configurations of `Words` and `Count`.
    #[derive(State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Common {
        pub(crate) number: u64,
    }
}

#[derive(Clone, Debug, State, StateKey, Serialize, Deserialize)]
pub(crate) enum Key {
    Name(String),
    Number(u64, Option<bool>),
}

/// Moved, defaulted and computed fields.
#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Store, drop(old))]
pub(crate) struct Store {
    map: BTreeMap<Key, Vec<u8>>,
    handled: u64,
    #[migrate(with = total)]
    total: u64,
    #[migrate(default = "fresh".to_owned())]
    note: String,
    #[migrate(default)]
    ring: VecDeque<Option<Box<[u16]>>>,
}

/// Does all that a transition can do over the bus; what the node answers is part of the value.
fn total(old: &v1::Store, bus: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    bus.log("summing");
    if bus.is_cancelled() {
        return Err(Fault::new("cancelled", ""));
    }
    let me = bus.id();
    let other: u64 = bus.read(me, &Query::Handled)?;
    bus.send(me, &"hello".to_owned())?;
    bus.spawn::<Store>(&())?;
    bus.retire(me)?;
    let bytes: usize = old.map.values().map(Vec::len).sum();
    if old.handled == u64::MAX {
        panic!("too many");
    }
    Ok(bytes as u64 + other)
}

#[derive(State, Serialize, Deserialize)]
pub(crate) enum Message {
    Put(Key, Vec<u8>),
    Everything,
    Fault,
    Panic,
    /// A panic whose payload is no text, and has a destructor.
    PanicAny,
}

#[derive(State, Serialize, Deserialize)]
pub(crate) enum Query {
    Handled,
    Total,
    Note,
    Panic,
}

/// Without memory of its own: such a payload is left where it is, since its destructor may panic again, and
/// Miri would find it.
struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {}
}

impl Engine for Store {
    const KIND: &'static str = "store";
    const NEEDS: &'static [Capability] = &[];
    type Config = ();
    type Message = Message;
    type Reply = u64;
    type Query = Query;
    type Answer = String;

    fn init((): (), ctx: &mut Context<'_>) -> Result<Self, Fault> {
        ctx.log(Level::Info, "init");
        Ok(Self {
            map: BTreeMap::new(),
            handled: 0,
            total: 0,
            note: String::new(),
            ring: VecDeque::new(),
        })
    }

    fn handle(&mut self, ctx: &mut Context<'_>, _: Sender, message: Message) -> Result<u64, Fault> {
        self.handled += 1;
        match message {
            Message::Put(key, bytes) => {
                self.ring.push_front(Some(vec![7; bytes.len()].into()));
                self.ring.push_back(None);
                self.map.insert(key, bytes);
            }
            Message::Everything => {
                let me = ctx.id();
                ctx.send(me, &7_u64)?;
                ctx.spawn::<Self>(&())?;
                ctx.stop(me)?;
                let timer = ctx.set_timer(TimerAt::Time(BlockTime(9)), &Message::Fault)?;
                ctx.cancel_timer(timer)?;
                let left = ctx.budget_left();
                ctx.log(Level::Debug, &format!("left {}", left.messages));
                ctx.emit("topic", &self.handled)?;
                ctx.log(Level::Warn, "did");
                let mut random = [0; 5];
                ctx.fill_random(&mut random);
                let _ = ctx.random_u64();
            }
            Message::Fault => return Err(Fault::new("no", "way").at(self.handled)),
            Message::Panic => panic!("text {}", self.handled),
            Message::PanicAny => std::panic::panic_any(Loud),
        }
        Ok(self.handled)
    }

    fn query(&self, query: Query) -> Result<String, Fault> {
        match query {
            Query::Handled => Ok(self.handled.to_string()),
            Query::Total => Ok(self.total.to_string()),
            Query::Note => Ok(self.note.clone()),
            Query::Panic => panic!("asked"),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        match self.note.as_str() {
            "bad" => Err(Fault::new("bad", "a note")),
            "worse" => panic!("worse"),
            _ => Ok(()),
        }
    }

    fn undelivered(&mut self, ctx: &mut Context<'_>, _: EngineId, reason: Undelivered) {
        ctx.log(Level::Error, &format!("{reason:?}"));
        self.handled += 100;
    }
}

impl OnUpgrade for Store {
    type Upgrade = String;

    fn on_upgrade(
        &mut self,
        bus: &mut UpgradeBus<'_>,
        sender: EngineId,
        message: String,
    ) -> Result<(), Fault> {
        match message.as_str() {
            "fault" => return Err(Fault::new("no", "way")),
            "panic" => panic!("upgraded"),
            _ => self.note = message,
        }
        Ok(bus.send(sender, &self.note)?)
    }
}

macro_rules! from_common {
    ($name:ident, $kind:literal, $field:ident: $ty:ty, $with:ident = $value:expr) => {
        #[derive(State, Migrate, Serialize, Deserialize)]
        #[state(version = 2)]
        #[migrate(from = v1::Common)]
        pub(crate) struct $name {
            number: u64,
            #[migrate(with = $with)]
            $field: $ty,
        }

        fn $with(_: &v1::Common, _: &mut UpgradeBus<'_>) -> Result<$ty, Fault> {
            Ok($value)
        }

        impl Engine for $name {
            const KIND: &'static str = $kind;
            type Config = ();
            type Message = ();
            type Reply = ();
            type Query = ();
            type Answer = $ty;

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self {
                    number: 0,
                    $field: $value,
                })
            }

            fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
                Ok(())
            }

            fn query(&self, (): ()) -> Result<$ty, Fault> {
                Ok(self.$field.clone())
            }
        }
    };
}
from_common!(Words, "words", words: String, words_of = "words".to_owned());
from_common!(Count, "count", count: [u64; 3], count_of = [9, 0x4141_4141_4140, 9]);

/// Crosses as bytes; its destructor panics once it is armed.
#[derive(Default, State, Serialize, Deserialize)]
pub(crate) struct Bomb {
    #[state(serde)]
    fuse: Fuse,
    text: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Fuse {
    armed: bool,
}

impl Drop for Fuse {
    fn drop(&mut self) {
        assert!(!self.armed, "a panic in a destructor");
    }
}

impl Engine for Bomb {
    const KIND: &'static str = "bomb";
    type Config = bool;
    type Message = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn init(armed: bool, _: &mut Context<'_>) -> Result<Self, Fault> {
        let text = "what is dropped after it".to_owned();
        Ok(Self {
            fuse: Fuse { armed },
            text,
        })
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
        Ok(())
    }

    fn query(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}

#[derive(State, Serialize, Deserialize)]
pub(crate) enum Deed {
    Add(u64),
    Fault,
    Panic,
}

macro_rules! rolls_back {
    ($(#[$attribute:meta])* $name:ident, $kind:literal) => {
        $(#[$attribute])*
        pub(crate) struct $name {
            sum: u64,
            notes: Vec<String>,
        }

        impl Engine for $name {
            const KIND: &'static str = $kind;
            const ROLLBACK: bool = true;
            type Config = ();
            type Message = Deed;
            type Reply = u64;
            type Query = ();
            type Answer = (u64, u64);

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                let notes = Vec::new();
                Ok(Self { sum: 0, notes })
            }

            /// Changes the state and asks the node for all that it gives, before it fails.
            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                _: Sender,
                deed: Deed,
            ) -> Result<u64, Fault> {
                let me = ctx.id();
                ctx.send(me, &Deed::Fault)?;
                let child = ctx.spawn::<Self>(&())?;
                ctx.stop(child)?;
                let timer = ctx.set_timer(TimerAt::Time(BlockTime(9)), &Deed::Fault)?;
                ctx.cancel_timer(timer)?;
                ctx.emit("deed", &self.sum)?;
                ctx.log(Level::Info, "deed");
                let left = ctx.budget_left().messages;
                self.notes.push(format!("{child} {left}"));
                match deed {
                    Deed::Add(number) => self.sum += number,
                    Deed::Fault => return Err(Fault::new("no", "way")),
                    Deed::Panic => panic!("half done"),
                }
                Ok(self.sum)
            }

            fn query(&self, (): ()) -> Result<(u64, u64), Fault> {
                Ok((self.sum, self.notes.len() as u64))
            }
        }
    };
}
rolls_back!(
    #[derive(Clone, State, Serialize, Deserialize)]
    Cloned,
    "cloned"
);
rolls_back!(
    #[derive(State, Serialize, Deserialize)]
    Encoded,
    "encoded"
);
