//! The engines that `gate` and `messages` measure with; they are linked in, and called through the
//! same tables as a loaded library's.

use refit_abi::{Context, Engine, EngineId, Fault, Sender, State};
use serde::{Deserialize, Serialize};

refit_abi::export_engines!(Meter, Ring);

/// Adds up. Its handler uses no service, so the call is all there is.
#[derive(Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Meter {
    count: u64,
    sum: u64,
}

/// The number that a [`Meter`] adds.
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct Add {
    pub(crate) key: u64,
    pub(crate) amount: u64,
}

/// The configuration of a [`Meter`], its reply and its query: nothing.
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct Nothing {}

impl Meter {
    /// The handler itself: the same machine code for both callers.
    #[inline(never)]
    pub(crate) fn add(&mut self, add: &Add) {
        self.count += 1;
        self.sum = self.sum.rotate_left(7) ^ add.key.wrapping_add(add.amount);
    }
}

impl Engine for Meter {
    const KIND: &'static str = "meter";
    type Config = Nothing;
    type Message = Add;
    type Reply = Nothing;
    type Query = Nothing;
    type Answer = Self;

    fn init(_: Nothing, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self::default())
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, add: Add) -> Result<Nothing, Fault> {
        self.add(&add);
        Ok(Nothing {})
    }

    fn query(&self, _: Nothing) -> Result<Self, Fault> {
        Ok(Self {
            count: self.count,
            sum: self.sum,
        })
    }
}

/// Passes every token on to the next of a ring.
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct Ring {
    next: EngineId,
    passed: u64,
}

/// The configuration of a [`Ring`].
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct RingConfig {
    pub(crate) next: EngineId,
}

/// The message of a [`Ring`].
#[derive(Debug, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Token {
    /// Sends so many tokens to the next.
    Make {
        /// The number of tokens that the ring passes on.
        tokens: u32,
    },
    /// Is passed on.
    Pass {
        /// Which token.
        token: u32,
    },
}

impl Engine for Ring {
    const KIND: &'static str = "ring";
    type Config = RingConfig;
    type Message = Token;
    type Reply = Nothing;
    type Query = Nothing;
    type Answer = u64;

    fn init(config: RingConfig, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self {
            next: config.next,
            passed: 0,
        })
    }

    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        _: Sender,
        message: Token,
    ) -> Result<Nothing, Fault> {
        let tokens = match message {
            Token::Make { tokens } => 0..tokens,
            Token::Pass { token } => token..token + 1,
        };
        for token in tokens {
            let sent = ctx.send(self.next, &Token::Pass { token });
            sent.map_err(|error| Fault::new("ring", error.to_string()))?;
            self.passed += 1;
        }
        Ok(Nothing {})
    }

    fn query(&self, _: Nothing) -> Result<u64, Fault> {
        Ok(self.passed)
    }
}
