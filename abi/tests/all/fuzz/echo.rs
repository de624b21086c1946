//! An engine that gives back whatever it gets, in each way there is: as the reply, as a message, as its state, as
//! an answer, as a letter. Its messages are of every shape and have two older versions.

use refit_abi::host::Module;
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Level, MigrateMessage, OnUpgrade, Sender,
    Serialize, State, Undelivered, UpgradeBus,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;

pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::linked(self::linked::module()).unwrap())
}

mod linked {
    use super::*;
    refit_abi::export_engines!(Echo);
}

/// As it was published first.
pub(crate) mod v1 {
    use super::*;

    #[derive(Clone, Debug, State, Serialize, Deserialize)]
    pub(crate) enum Message {
        Nothing,
        Words(String),
        Refused(u8),
    }
}

/// And then.
pub(crate) mod v2 {
    use super::*;

    #[derive(Clone, Debug, State, Serialize, Deserialize)]
    #[state(name = "Message")]
    pub(crate) enum Message {
        Words { words: Vec<String>, loud: bool },
    }

    impl MigrateMessage for Message {
        type From = v1::Message;

        fn migrate(old: v1::Message) -> Result<Self, Fault> {
            let words = match old {
                v1::Message::Nothing => Vec::new(),
                v1::Message::Words(words) => vec![words],
                v1::Message::Refused(_) => return Err(Fault::new("refused", "not any more")),
            };
            Ok(Self::Words { words, loud: false })
        }
    }
}

#[derive(Clone, Debug, Default, State, Serialize, Deserialize)]
pub(crate) enum Message {
    #[default]
    Nothing,
    Number(u64),
    Mixed {
        narrow: i8,
        wide: i128,
        truth: bool,
        letter: char,
        text: String,
        maybe: Option<Box<str>>,
    },
    Lists(Vec<u8>, VecDeque<Option<u64>>, Vec<Vec<String>>),
    Maps(BTreeMap<String, u32>, BTreeMap<i16, [u16; 3]>),
    Tree(Tree),
}

/// A recursive value.
#[derive(Clone, Debug, Default, State, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) label: u8,
    pub(crate) below: Vec<Tree>,
}

impl MigrateMessage for Message {
    type From = v2::Message;

    fn migrate(old: v2::Message) -> Result<Self, Fault> {
        let v2::Message::Words { words, loud } = old;
        Ok(Self::Lists(
            vec![u8::from(loud)],
            VecDeque::new(),
            vec![words],
        ))
    }
}

#[derive(State, Serialize, Deserialize)]
pub(crate) struct Echo {
    last: Message,
    notices: u64,
}

impl Engine for Echo {
    const KIND: &'static str = "echo";
    type Config = Message;
    type Message = Message;
    type Reply = Message;
    type Query = Message;
    type Answer = Message;

    fn init(last: Message, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self { last, notices: 0 })
    }

    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        _: Sender,
        message: Message,
    ) -> Result<Message, Fault> {
        ctx.send(ctx.id(), &message)?;
        Ok(message)
    }

    fn query(&self, query: Message) -> Result<Message, Fault> {
        Ok(query)
    }

    fn undelivered(&mut self, ctx: &mut Context<'_>, to: EngineId, reason: Undelivered) {
        ctx.log(Level::Info, &format!("{to} {reason:?}"));
        self.notices += 1;
    }
}

impl OnUpgrade for Echo {
    type Upgrade = Message;

    fn on_upgrade(
        &mut self,
        bus: &mut UpgradeBus<'_>,
        sender: EngineId,
        letter: Message,
    ) -> Result<(), Fault> {
        Ok(bus.send(sender, &letter)?)
    }
}
