//! The engine of these tests, and what it does with a script.

use crate::alone::script::{Config, From, Message, Op, Reply, Seen, Target, code};
use refit_abi::{BlockTime, Context, EngineId, Fault, Height, Level, ServiceError, TimerAt};

/// The deeds of an actor towards the outside: a [`Context`].
pub(crate) trait World {
    fn id(&self) -> EngineId;
    fn height(&self) -> Height;
    fn time(&self) -> BlockTime;
    fn send(&mut self, to: EngineId, message: &Message) -> Result<(), ServiceError>;
    fn send_bytes(&mut self, to: EngineId, bytes: Vec<u8>) -> Result<(), ServiceError>;
    fn spawn(&mut self, config: &Config) -> Result<EngineId, ServiceError>;
    fn stop(&mut self, engine: EngineId) -> Result<(), ServiceError>;
    fn timer(&mut self, at: TimerAt, message: &Message) -> Result<(), ServiceError>;
    fn emit(&mut self, value: u64) -> Result<(), ServiceError>;
    fn draw(&mut self) -> u64;
    fn log(&mut self, line: &str);
}

/// How a script ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fault(Fault),
    Panic(String),
}

/// The memory that all versions have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) seen: Vec<Seen>,
    pub(crate) stamped: u64,
    pub(crate) fragile: bool,
}

/// The text of the panic of [`Op::Panic`].
pub(crate) const PANIC: &str = "told to panic";

pub(crate) fn fault() -> Fault {
    Fault::new("told-to-fail", "the script says so")
}

/// Handles a message; on a fault the memory is as it was, after a panic it is half changed.
pub(crate) fn handle(
    memory: &mut Memory,
    world: &mut impl World,
    from: From,
    message: &Message,
) -> Result<Reply, End> {
    let (seen, stamped, fragile) = (memory.seen.len(), memory.stamped, memory.fragile);
    memory
        .seen
        .push(Seen::Message(from, message.stamp, world.height().0));
    let outcome = act(memory, world, &message.ops);
    if let Err(End::Fault(_)) = outcome {
        memory.seen.truncate(seen);
        (memory.stamped, memory.fragile) = (stamped, fragile);
    }
    outcome
}

/// Does what a script says.
pub(crate) fn act(memory: &mut Memory, world: &mut impl World, ops: &[Op]) -> Result<Reply, End> {
    let mut reply = Reply::default();
    for op in ops {
        let refused = match op {
            Op::Send(target, message) => send(memory, world, *target, message),
            Op::Flood(target, count) => {
                (0..*count).try_for_each(|_| send(memory, world, *target, &Message::default()))
            }
            Op::Bytes(target, count) => {
                world.send_bytes(target.of(world.id()), vec![7; *count as usize])
            }
            Op::Spawn(config) => world.spawn(config).map(|id| reply.spawned.push(id)),
            Op::Stop(target) => world.stop(target.of(world.id())),
            Op::AfterBlocks(blocks, message) => {
                world.timer(TimerAt::Height(Height(world.height().0 + blocks)), message)
            }
            Op::AfterTime(ms, message) => {
                world.timer(TimerAt::Time(BlockTime(world.time().0 + ms)), message)
            }
            Op::Again(target, count) => {
                let again = Message::of(ops);
                (0..*count).try_for_each(|_| send(memory, world, *target, &again))
            }
            Op::AgainAfter(blocks) => {
                let at = TimerAt::Height(Height(world.height().0 + blocks));
                world.timer(at, &Message::of(ops))
            }
            Op::Breed(count) => {
                let config = Config { ops: ops.to_vec() };
                (0..*count).try_for_each(|_| world.spawn(&config).map(drop))
            }
            Op::Emit(value) => world.emit(*value),
            Op::Draw => {
                memory.seen.push(Seen::Drawn(world.draw()));
                Ok(())
            }
            Op::PanicOnNotice => {
                memory.fragile = true;
                Ok(())
            }
            Op::Log(lines, bytes) => {
                let line = "x".repeat(*bytes as usize);
                (0..*lines).for_each(|_| world.log(&line));
                Ok(())
            }
            Op::Say(bytes) => {
                reply.said.push_str(&"x".repeat(*bytes as usize));
                Ok(())
            }
            Op::OnlyFrom(height) if world.height().0 < *height => break,
            Op::OnlyFrom(_) => Ok(()),
            Op::Fail => return Err(End::Fault(fault())),
            Op::Panic => return Err(End::Panic(PANIC.to_owned())),
        };
        if let Err(error) = refused {
            reply.refused.push(word(error).to_owned());
        }
    }
    Ok(reply)
}

fn send(
    memory: &mut Memory,
    world: &mut impl World,
    target: Target,
    message: &Message,
) -> Result<(), ServiceError> {
    let message = Message {
        stamp: memory.stamped,
        ops: message.ops.clone(),
    };
    world.send(target.of(world.id()), &message)?;
    memory.stamped += 1;
    Ok(())
}

fn word(error: ServiceError) -> &'static str {
    match error {
        ServiceError::Budget => "budget",
        ServiceError::Unknown => "unknown",
        ServiceError::Past => "past",
        _ => "other",
    }
}

/// Remembers that a message to `to` was not handled.
pub(crate) fn undelivered(memory: &mut Memory, to: EngineId, reason: refit_abi::Undelivered) {
    assert!(!memory.fragile, "{PANIC}");
    memory.seen.push(Seen::Undelivered(to, code(reason)));
}

/// A [`Context`] as a [`World`].
struct Real<'a, 'b, E> {
    ctx: &'a mut Context<'b>,
    kind: std::marker::PhantomData<E>,
}

impl<E: refit_abi::Engine<Config = Config>> World for Real<'_, '_, E> {
    fn id(&self) -> EngineId {
        self.ctx.id()
    }
    fn height(&self) -> Height {
        self.ctx.height()
    }
    fn time(&self) -> BlockTime {
        self.ctx.block_time()
    }
    fn send(&mut self, to: EngineId, message: &Message) -> Result<(), ServiceError> {
        self.ctx.send(to, message)
    }
    fn send_bytes(&mut self, to: EngineId, bytes: Vec<u8>) -> Result<(), ServiceError> {
        self.ctx.send(to, &bytes)
    }
    fn spawn(&mut self, config: &Config) -> Result<EngineId, ServiceError> {
        self.ctx.spawn::<E>(config)
    }
    fn stop(&mut self, engine: EngineId) -> Result<(), ServiceError> {
        self.ctx.stop(engine)
    }
    fn timer(&mut self, at: TimerAt, message: &Message) -> Result<(), ServiceError> {
        self.ctx.set_timer(at, message).map(drop)
    }
    fn emit(&mut self, value: u64) -> Result<(), ServiceError> {
        self.ctx.emit("number", &value)
    }
    fn draw(&mut self) -> u64 {
        self.ctx.random_u64()
    }
    fn log(&mut self, line: &str) {
        self.ctx.log(Level::Info, line);
    }
}

macro_rules! engine {
    ($version:literal) => {
        impl Engine for Actor {
            const KIND: &'static str = "actor";
            type Config = Config;
            type Message = Message;
            type Reply = Reply;
            type Query = ();
            type Answer = Vec<Seen>;

            fn init(config: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                let mut actor = Self::default();
                let mut world = Real::<Self> {
                    ctx,
                    kind: PhantomData,
                };
                let outcome = actor.with(|memory| act(memory, &mut world, &config.ops));
                finish(outcome).map(|_| actor)
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                sender: Sender,
                message: Message,
            ) -> Result<Reply, Fault> {
                let mut world = Real::<Self> {
                    ctx,
                    kind: PhantomData,
                };
                let from = From::of(sender);
                let reply = self.with(|memory| handle(memory, &mut world, from, &message));
                finish(reply).map(|reply| Reply {
                    version: $version,
                    ..reply
                })
            }

            fn query(&self, (): ()) -> Result<Vec<Seen>, Fault> {
                Ok(self.seen.clone())
            }

            fn undelivered(&mut self, _: &mut Context<'_>, to: EngineId, reason: Undelivered) {
                self.with(|memory| undelivered(memory, to, reason));
            }
        }

        impl Actor {
            fn with<T>(&mut self, run: impl FnOnce(&mut Memory) -> T) -> T {
                let seen = std::mem::take(&mut self.seen);
                let mut memory = Memory {
                    seen,
                    stamped: self.stamped,
                    fragile: self.fragile,
                };
                let outcome = run(&mut memory);
                self.seen = memory.seen;
                self.stamped = memory.stamped;
                self.fragile = memory.fragile;
                outcome
            }
        }

        refit_abi::export_engines!(Actor);
    };
}

/// The end of a script inside an engine: a panic is one.
fn finish<T>(outcome: Result<T, End>) -> Result<T, Fault> {
    outcome.map_err(|end| match end {
        End::Fault(fault) => fault,
        End::Panic(text) => panic!("{text}"),
    })
}

/// Version 1.
pub(crate) mod v1 {
    use super::*;
    use refit_abi::{Engine, Sender, State, Undelivered};
    use serde::{Deserialize, Serialize};
    use std::marker::PhantomData;

    /// The actor.
    #[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Actor {
        /// Its memory.
        pub(crate) seen: Vec<Seen>,
        /// How many messages it has sent.
        pub(crate) stamped: u64,
        /// Whether it panics on a notice.
        pub(crate) fragile: bool,
    }

    engine!(1);
}
