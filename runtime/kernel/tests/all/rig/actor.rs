//! A scripted engine: each message says what its handler does. Two versions of one kind, alike but
//! for the number that they stamp on what they handle.

use refit_abi::{
    Capability, ClientId, Context, Engine, EngineId, Fault, Height, Level, Sender, ServiceError,
    State, TimerAt, TimerId, Undelivered,
};
use serde::{Deserialize, Serialize};

/// A tag, and what the handler does, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) tag: u32,
    pub(crate) ops: Vec<Op>,
}

/// One thing that a handler does.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Op {
    Send {
        to: EngineId,
        message: Message,
    },
    Flood {
        to: EngineId,
        count: u32,
        bytes: u32,
    },
    Spawn {
        config: Config,
    },
    SpawnMany {
        count: u32,
    },
    SpawnGhost,
    /// Starts an actor with what code of another version would start one with.
    SpawnMistaken,
    SendChild {
        nth: u32,
        message: Message,
    },
    Stop {
        engine: EngineId,
    },
    StopChild {
        nth: u32,
    },
    TimerAfterBlocks {
        blocks: u64,
        message: Message,
    },
    TimerAfterTime {
        millis: u64,
        message: Message,
    },
    /// Sets a timer, for the next block, with a message that no actor understands.
    TimerInTongues,
    /// Sets so many timers for the next block.
    TimerMany {
        count: u32,
    },
    /// Cancels the nth timer that it ever set.
    CancelTimer {
        nth: u32,
    },
    /// Writes down what the message may still ask for.
    Budget,
    Emit {
        bytes: u32,
    },
    Log {
        text: String,
    },
    Random,
    Fail,
    /// Fails, and leaves what it changed before.
    FailHalfDone,
    Panic,
    PanicOnNotice,
}

/// The configuration of an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) ops: Vec<Op>,
}

/// The memory of an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) log: Vec<Seen>,
    pub(crate) children: Vec<EngineId>,
    /// The timers that it set.
    pub(crate) timers: Vec<TimerId>,
    pub(crate) budgets: Vec<String>,
    /// To whom a message of its own did not come, and why.
    pub(crate) notices: Vec<(EngineId, String)>,
    /// The requests that the node refused.
    pub(crate) refused: Vec<String>,
    pub(crate) random: Vec<u64>,
    pub(crate) brittle: bool,
}

/// One handled message.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) from: Origin,
    pub(crate) tag: u32,
    /// The version of the code that handled it.
    pub(crate) code: u32,
}

/// A sender, as a state may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Origin {
    Client(ClientId),
    Engine(EngineId),
    Timer,
}

/// The reply to a message.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) code: u32,
    pub(crate) handled: u64,
    pub(crate) height: Height,
}

/// The text of a planned panic.
pub(crate) const PANIC_TEXT: &str = "planned panic";

/// The text of a planned fault.
pub(crate) fn planned_fault() -> Fault {
    Fault::new("planned", "the script says so")
}

impl From<Sender> for Origin {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Client(id) => Origin::Client(id),
            Sender::Engine(id) => Origin::Engine(id),
            Sender::Timer => Origin::Timer,
        }
    }
}

impl Core {
    fn handle<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Message,
        code: u32,
    ) -> Result<Reply, Fault> {
        let before = message.ops.contains(&Op::Fail).then(|| self.clone());
        self.log.push(Seen {
            from: sender.into(),
            tag: message.tag,
            code,
        });
        if let Err(fault) = self.run::<E>(ctx, message.ops) {
            if let Some(before) = before {
                *self = before;
            }
            return Err(fault);
        }
        let handled = self.log.len() as u64;
        Ok(Reply {
            code,
            handled,
            height: ctx.height(),
        })
    }

    fn run<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        ops: Vec<Op>,
    ) -> Result<(), Fault> {
        for op in ops {
            if op == Op::Fail || op == Op::FailHalfDone {
                return Err(planned_fault());
            }
            if let Err(error) = self.step::<E>(ctx, op) {
                self.refused.push(format!("{error:?}"));
            }
        }
        Ok(())
    }

    fn step<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        op: Op,
    ) -> Result<(), ServiceError> {
        match op {
            Op::Send { to, message } => ctx.send(to, &message),
            Op::Flood { to, count, bytes } => flood(ctx, to, count, bytes),
            Op::Spawn { config } => self.spawn::<E>(ctx, &config),
            Op::SpawnMany { count } => {
                (0..count).try_for_each(|_| self.spawn::<E>(ctx, &Config::default()))
            }
            Op::SpawnGhost => ctx.spawn::<Ghost>(&()).map(|_| ()),
            Op::SpawnMistaken => ctx.spawn::<Mistaken>(&()).map(|_| ()),
            Op::SendChild { nth, message } => self
                .child(nth)
                .map_or(Ok(()), |child| ctx.send(child, &message)),
            Op::Stop { engine } => ctx.stop(engine),
            Op::StopChild { nth } => self.child(nth).map_or(Ok(()), |child| ctx.stop(child)),
            Op::TimerAfterBlocks { blocks, message } => {
                let at = TimerAt::Height(Height(ctx.height().0 + blocks));
                ctx.set_timer(at, &message).map(|id| self.timers.push(id))
            }
            Op::TimerAfterTime { millis, message } => {
                let time = refit_abi::BlockTime(ctx.block_time().0 + millis);
                let set = ctx.set_timer(TimerAt::Time(time), &message);
                set.map(|id| self.timers.push(id))
            }
            Op::TimerInTongues => {
                let at = TimerAt::Height(ctx.height().next());
                ctx.set_timer(at, &"nonsense".to_owned()).map(drop)
            }
            Op::TimerMany { count } => self.set_many(ctx, count),
            Op::CancelTimer { nth } => self
                .timers
                .get(nth as usize)
                .map_or(Ok(()), |id| ctx.cancel_timer(*id)),
            Op::Emit { bytes } => ctx.emit("topic", &"7".repeat(bytes as usize)),
            other => {
                self.alone(ctx, other);
                Ok(())
            }
        }
    }

    /// What the node cannot refuse.
    fn alone(&mut self, ctx: &mut Context<'_>, op: Op) {
        match op {
            Op::Log { text } => ctx.log(Level::Info, &text),
            Op::Random => self.random.push(ctx.random_u64()),
            Op::Budget => self.budgets.push(format!("{:?}", ctx.budget_left())),
            Op::PanicOnNotice => self.brittle = true,
            Op::Panic => panic!("{PANIC_TEXT}"),
            _ => {}
        }
    }

    fn spawn<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        config: &Config,
    ) -> Result<(), ServiceError> {
        ctx.spawn::<E>(config).map(|id| self.children.push(id))
    }

    fn set_many(&mut self, ctx: &mut Context<'_>, count: u32) -> Result<(), ServiceError> {
        let at = TimerAt::Height(ctx.height().next());
        (0..count).try_for_each(|_| {
            let set = ctx.set_timer(at, &Message::default());
            set.map(|id| self.timers.push(id))
        })
    }

    fn child(&self, nth: u32) -> Option<EngineId> {
        self.children.get(nth as usize).copied()
    }

    fn undelivered(&mut self, to: EngineId, reason: Undelivered) {
        assert!(!self.brittle, "{PANIC_TEXT}");
        self.notices.push((to, format!("{reason:?}")));
    }
}

fn flood(ctx: &mut Context<'_>, to: EngineId, count: u32, bytes: u32) -> Result<(), ServiceError> {
    let message = padded(bytes);
    (0..count).try_for_each(|_| ctx.send(to, &message))
}

/// A message of at least `bytes` bytes, which says them; one that does nothing for 0.
pub(crate) fn padded(bytes: u32) -> Message {
    let ops = (bytes > 0).then(|| Op::Log {
        text: "x".repeat(bytes as usize),
    });
    Message {
        tag: 0,
        ops: ops.into_iter().collect(),
    }
}

macro_rules! version {
    ($module:ident, $code:literal) => {
        /// One version of the actor.
        pub(crate) mod $module {
            use super::*;

            /// The actor.
            #[derive(Debug, Default, State, Serialize, Deserialize)]
            pub(crate) struct Actor {
                pub(crate) core: Core,
            }

            impl Engine for Actor {
                const KIND: &'static str = "actor";
                const NEEDS: &'static [Capability] = &[Capability::Message("mute")];
                type Config = Config;
                type Message = Message;
                type Reply = Reply;
                type Query = ();
                type Answer = u64;

                fn init(config: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                    let mut core = Core::default();
                    core.run::<Self>(ctx, config.ops)?;
                    Ok(Self { core })
                }

                fn handle(
                    &mut self,
                    ctx: &mut Context<'_>,
                    sender: Sender,
                    message: Message,
                ) -> Result<Reply, Fault> {
                    self.core.handle::<Self>(ctx, sender, message, $code)
                }

                fn query(&self, (): ()) -> Result<u64, Fault> {
                    Ok(self.core.log.len() as u64)
                }

                fn undelivered(&mut self, _: &mut Context<'_>, to: EngineId, why: Undelivered) {
                    self.core.undelivered(to, why);
                }
            }

            refit_abi::export_engines!(Actor);
        }
    };
}

version!(v1, 1);
version!(v2, 2);

/// An engine that does nothing.
macro_rules! idle {
    ($name:ident, $kind:literal, $message:ty) => {
        /// Does nothing.
        #[derive(Debug, Default, State, Serialize, Deserialize)]
        pub(crate) struct $name;

        impl Engine for $name {
            const KIND: &'static str = $kind;
            type Config = ();
            type Message = $message;
            type Reply = ();
            type Query = ();
            type Answer = ();

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self)
            }

            fn handle(&mut self, _: &mut Context<'_>, _: Sender, _: $message) -> Result<(), Fault> {
                Ok(())
            }

            fn query(&self, (): ()) -> Result<(), Fault> {
                Ok(())
            }
        }
    };
}

// A kind that no module has.
idle!(Ghost, "ghost", ());

// The actor as other code knows it: with another configuration.
idle!(Mistaken, "actor", ());

/// An engine whose messages have another schema than the actor's: it understands no actor.
pub(crate) mod mute {
    use super::*;

    idle!(Mute, "mute", u8);
    refit_abi::export_engines!(Mute);
}
