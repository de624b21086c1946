//! The scripted engine: each message says what its handler does. Two versions of one kind, alike but for the number that
//! they stamp on what they handle; and a kind that understands no actor.

use crate::rig::script::{Config, Memory, Message, Op, Reply, Seen};
use refit_abi::{
    BlockTime, Capability, Context, Engine, EngineId, Fault, Height, Level, Sender, ServiceError,
    State, TimerAt, Undelivered,
};
use serde::{Deserialize, Serialize};
use std::sync::Once;

/// The text of a planned panic.
pub(crate) const PANIC_TEXT: &str = "planned panic";

/// The fault of a planned failure.
pub(crate) fn planned_fault() -> Fault {
    Fault::new("planned", "the script says so")
}

/// The panics of scripts are expected; they would fill the output.
pub(crate) fn quiet_planned_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let planned = |text: &&str| text.starts_with(PANIC_TEXT);
            if panic.payload_as_str().filter(planned).is_none() {
                loud(panic);
            }
        }));
    });
}

impl Memory {
    /// Handles a message, as version `code` of the engine `E`.
    pub(crate) fn handle<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: &Message,
        code: u32,
    ) -> Result<Reply, Fault> {
        let refused = self.refused.len();
        let before = message.ops.contains(&Op::Fail).then(|| self.clone());
        if message.ops != [Op::Nothing] {
            self.log.push(Seen {
                from: sender.into(),
                tag: message.tag,
                code,
            });
        }
        let said = match self.run::<E>(ctx, &message.ops) {
            Ok(said) => said,
            Err(fault) => {
                if let Some(before) = before {
                    *self = before;
                }
                return Err(fault);
            }
        };
        Ok(Reply {
            code,
            handled: self.log.len() as u64,
            height: ctx.height(),
            refused: self.refused[refused..].to_vec(),
            said,
        })
    }

    /// Does what a script says; gives what it says.
    pub(crate) fn run<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        script: &[Op],
    ) -> Result<String, Fault> {
        let mut said = String::new();
        for op in script {
            match op {
                Op::Fail | Op::FailHalfDone => return Err(planned_fault()),
                Op::OnlyFrom(height) if ctx.height().0 < *height => break,
                Op::Say(bytes) => said.push_str(&"x".repeat(*bytes as usize)),
                op => {
                    if let Err(error) = self.ask::<E>(ctx, script, op) {
                        self.refused.push(format!("{error:?}"));
                    }
                }
            }
        }
        Ok(said)
    }

    /// Asks the node for something that it may refuse.
    fn ask<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        script: &[Op],
        op: &Op,
    ) -> Result<(), ServiceError> {
        let me = ctx.id();
        let in_blocks = |blocks| TimerAt::Height(Height(ctx.height().0 + blocks));
        match op {
            Op::Send(to, message) => ctx.send(to.of(me), message),
            Op::Flood { to, count, bytes } => {
                let message = Message::padded(*bytes);
                (0..*count).try_for_each(|_| ctx.send(to.of(me), &message))
            }
            Op::Bytes(to, count) => ctx.send(to.of(me), &vec![7_u8; *count as usize]),
            Op::Again(to, count) => {
                let again = Message::of(script);
                (0..*count).try_for_each(|_| ctx.send(to.of(me), &again))
            }
            Op::Spawn(config) => self.spawn::<E>(ctx, config),
            Op::SpawnMany(count) => self.spawn_many::<E>(ctx, *count, &[]),
            Op::Breed(count) => self.spawn_many::<E>(ctx, *count, script),
            Op::SpawnGhost => ctx.spawn::<Ghost>(&()).map(drop),
            Op::SpawnMistaken => ctx.spawn::<Mistaken>(&()).map(drop),
            Op::Stop(engine) => ctx.stop(engine.of(me)),
            Op::AfterBlocks(blocks, message) => self.set(ctx, in_blocks(*blocks), message),
            Op::AfterTime(millis, message) => {
                let time = BlockTime(ctx.block_time().0 + millis);
                self.set(ctx, TimerAt::Time(time), message)
            }
            Op::AgainAfter(blocks) => self.set(ctx, in_blocks(*blocks), &Message::of(script)),
            Op::TimerMany(count) => {
                let (at, message) = (in_blocks(1), Message::default());
                (0..*count).try_for_each(|_| self.set(ctx, at, &message))
            }
            Op::TimerInTongues => ctx
                .set_timer(in_blocks(1), &"nonsense".to_owned())
                .map(drop),
            Op::CancelTimer(nth) => match self.timers.get(*nth as usize) {
                Some(id) => ctx.cancel_timer(*id),
                None => Ok(()),
            },
            Op::Emit(bytes) => ctx.emit("topic", &"7".repeat(*bytes as usize)),
            op => {
                self.alone(ctx, op);
                Ok(())
            }
        }
    }

    /// What the node cannot refuse.
    fn alone(&mut self, ctx: &mut Context<'_>, op: &Op) {
        match op {
            Op::Log { lines, bytes } => {
                let line = "x".repeat(*bytes as usize);
                (0..*lines).for_each(|_| ctx.log(Level::Info, &line));
            }
            Op::Draw => self.random.push(ctx.random_u64()),
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

    fn spawn_many<E: Engine<Config = Config>>(
        &mut self,
        ctx: &mut Context<'_>,
        count: u32,
        script: &[Op],
    ) -> Result<(), ServiceError> {
        let config = Config {
            ops: script.to_vec(),
        };
        (0..count).try_for_each(|_| self.spawn::<E>(ctx, &config))
    }

    fn set(
        &mut self,
        ctx: &mut Context<'_>,
        at: TimerAt,
        message: &Message,
    ) -> Result<(), ServiceError> {
        ctx.set_timer(at, message).map(|id| self.timers.push(id))
    }

    /// Remembers that a message to `to` was not handled.
    pub(crate) fn undelivered(&mut self, to: EngineId, reason: Undelivered) {
        assert!(!self.brittle, "{PANIC_TEXT}");
        self.notices.push((to, format!("{reason:?}")));
    }
}

/// A kind of actor: its type, its name, the number that it stamps, and whether it rolls back.
macro_rules! actor {
    ($(#[$derive:meta])* $name:ident, $kind:literal, code = $code:literal, rollback = $rollback:literal) => {
        $(#[$derive])*
        #[derive(Default, State, Serialize, Deserialize)]
        pub(crate) struct $name {
            pub(crate) memory: Memory,
        }

        impl Engine for $name {
            const KIND: &'static str = $kind;
            const ROLLBACK: bool = $rollback;
            const NEEDS: &'static [Capability] = &[Capability::Message("mute")];
            type Config = Config;
            type Message = Message;
            type Reply = Reply;
            type Query = ();
            type Answer = u64;

            fn init(config: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                let mut memory = Memory::default();
                memory.run::<Self>(ctx, &config.ops)?;
                Ok(Self { memory })
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                sender: Sender,
                message: Message,
            ) -> Result<Reply, Fault> {
                self.memory.handle::<Self>(ctx, sender, &message, $code)
            }

            fn query(&self, (): ()) -> Result<u64, Fault> {
                Ok(self.memory.log.len() as u64)
            }

            fn undelivered(&mut self, _: &mut Context<'_>, to: EngineId, reason: Undelivered) {
                self.memory.undelivered(to, reason);
            }
        }
    };
}
pub(crate) use actor;

/// Version 1.
pub(crate) mod v1 {
    use super::*;

    actor!(Actor, "actor", code = 1, rollback = false);
    refit_abi::export_engines!(Actor);
}

/// Version 2.
pub(crate) mod v2 {
    use super::*;

    actor!(Actor, "actor", code = 2, rollback = false);
    refit_abi::export_engines!(Actor);
}

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
