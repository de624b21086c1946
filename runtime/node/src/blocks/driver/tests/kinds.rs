//! The kind `clock` in two versions of one state: it counts what comes, and sets itself timers.

use refit_abi::{
    BlockTime, Capability, Context, Engine, EngineId, Fault, Height, Sender, State, TimerAt,
};
use serde::{Deserialize, Serialize};

/// The message of a test engine.
#[derive(Clone, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Only counted.
    Tick,
    /// It ticks so many milliseconds of block time later.
    InMillis(u64),
    /// It ticks at this height.
    AtHeight(u64),
    /// It starts another one like it.
    Start,
    /// It stops the one that it has started last.
    Stop,
}

/// The configuration of a test engine: the messages that it sends itself in its `init`.
pub(crate) type Config = Vec<Message>;

macro_rules! clock {
    ($answer:expr) => {
        use super::*;

        #[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
        pub(crate) struct Clock {
            handled: u64,
            started: Option<EngineId>,
        }

        impl Engine for Clock {
            const KIND: &'static str = "clock";
            const NEEDS: &'static [Capability] = &[Capability::Spawn("clock")];
            type Config = Config;
            type Message = Message;
            type Reply = u64;
            type Query = ();
            type Answer = u64;

            fn init(told: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                told.iter().try_for_each(|message| obey(ctx, message))?;
                Ok(Self::default())
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                _: Sender,
                message: Message,
            ) -> Result<u64, Fault> {
                self.handled += 1;
                match message {
                    Message::Tick => {}
                    Message::Start => self.started = Some(ctx.spawn::<Self>(&Vec::new())?),
                    Message::Stop => {
                        if let Some(started) = self.started.take() {
                            ctx.stop(started)?;
                        }
                    }
                    timer => obey(ctx, &timer)?,
                }
                Ok(self.handled)
            }

            fn query(&self, (): ()) -> Result<u64, Fault> {
                Ok($answer)
            }
        }

        refit_abi::export_engines!(Clock);
    };
}

fn obey(ctx: &mut Context<'_>, message: &Message) -> Result<(), Fault> {
    match message {
        Message::Tick => ctx.send(ctx.id(), message)?,
        Message::InMillis(millis) => {
            let at = BlockTime(ctx.block_time().0 + millis);
            ctx.set_timer(TimerAt::Time(at), &Message::Tick)?;
        }
        // Only a handler does.
        Message::Start | Message::Stop => {}
        Message::AtHeight(height) => {
            ctx.set_timer(TimerAt::Height(Height(*height)), &Message::Tick)?;
        }
    }
    Ok(())
}

pub(crate) mod v1 {
    clock!(1);
}

pub(crate) mod v2 {
    clock!(2);
}
