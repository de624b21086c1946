//! The engine kind that `bus` measures with, in two versions: the second's transition does its job on
//! the bus. Linked in, and called through the same tables as a loaded library's.

use refit_abi::export::LinkedModule;
use refit_abi::{
    Context, Engine, EngineId, EngineIdError, Fault, Migrate, OnUpgrade, Sender, State, UpgradeBus,
};
use serde::{Deserialize, Serialize};

/// The work of one engine's transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Does nothing.
    Idle,
    /// Puts `tokens` into the ring; each is passed on `hops` times in all.
    Ring { tokens: u32, hops: u64 },
    /// Sends `each` messages to each of the first `engines`.
    Send { engines: u32, each: u32 },
    /// Starts as many.
    Spawn { engines: u32 },
}

/// The configuration of an engine.
#[derive(Clone, Copy, Debug, State, Serialize, Deserialize)]
pub(crate) struct Config {
    /// The next of the ring.
    pub(crate) next: EngineId,
    /// The work of its transition.
    pub(crate) job: Job,
}

/// The upgrade message: a token.
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct Token {
    hops: u64,
}

/// Nothing.
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct Nothing {}

/// The id of a bench engine.
pub(crate) fn id(number: u32) -> Result<EngineId, EngineIdError> {
    EngineId::root(&format!("bus-{number}"))
}

macro_rules! engine {
    ($config:ident => $fresh:expr, $state:ident => $count:expr) => {
        impl Engine for Node {
            const KIND: &'static str = "bus-node";
            type Config = Config;
            type Message = Nothing;
            type Reply = Nothing;
            type Query = Nothing;
            type Answer = u64;

            fn init($config: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok($fresh)
            }

            fn handle(
                &mut self,
                _: &mut Context<'_>,
                _: Sender,
                _: Nothing,
            ) -> Result<Nothing, Fault> {
                Ok(Nothing {})
            }

            fn query(&self, _: Nothing) -> Result<u64, Fault> {
                let $state = self;
                Ok($count)
            }
        }
        refit_abi::export_engines!(Node);
    };
}

mod v1 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(super) struct Node {
        pub(super) config: Config,
    }
    engine!(config => Self { config }, _state => 0);
}

mod v2 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 2)]
    pub(super) struct Node {
        next: EngineId,
        /// Upgrade messages it has handled.
        handled: u64,
    }
    engine!(config => Self { next: config.next, handled: 0 }, state => state.handled);

    impl Migrate for Node {
        type From = super::v1::Node;

        fn migrate(old: &super::v1::Node, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
            let Config { next, job } = old.config;
            match job {
                Job::Idle => {}
                Job::Ring { tokens, hops } => {
                    for _ in 0..tokens {
                        bus.send(next, &Token { hops })?;
                    }
                }
                Job::Send { engines, each } => send(bus, engines, each)?,
                Job::Spawn { engines } => {
                    let job = Job::Idle;
                    for _ in 0..engines {
                        bus.spawn::<Self>(&Config { next, job })?;
                    }
                }
            }
            Ok(Self { next, handled: 0 })
        }
    }

    fn send(bus: &mut UpgradeBus<'_>, engines: u32, each: u32) -> Result<(), Fault> {
        for number in 0..engines {
            let to = id(number).map_err(|error| Fault::new("bus-name", error.to_string()))?;
            for _ in 0..each {
                bus.send(to, &Token { hops: 1 })?;
            }
        }
        Ok(())
    }

    impl OnUpgrade for Node {
        type Upgrade = Token;

        fn on_upgrade(
            &mut self,
            bus: &mut UpgradeBus<'_>,
            _: EngineId,
            token: Token,
        ) -> Result<(), Fault> {
            self.handled += 1;
            if token.hops > 1 {
                let hops = token.hops - 1;
                bus.send(self.next, &Token { hops })?;
            }
            Ok(())
        }
    }
}

/// The version before the upgrade.
pub(crate) fn old() -> LinkedModule {
    v1::module()
}

/// The version after it.
pub(crate) fn new() -> LinkedModule {
    v2::module()
}
