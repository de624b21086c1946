//! The kind `post` in three versions whose messages change, each written from the last one only; and
//! what goes with it: a version that takes no older message, and one that is started with another type.

use refit_abi::host::Module;
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Migrate, MigrateMessage, Sender,
    Serialize, State, TimerAt, Undelivered, UpgradeBus,
};

/// A number that the second version's messages cannot carry.
pub(crate) const UNLUCKY: u64 = 13;

/// What all states have: what was told, in the words of the code that was told, and what it was
/// started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) config: u64,
    pub(crate) words: Vec<String>,
}

macro_rules! engine {
    ($code:literal, $type:ty, |$config:ident| $init:expr) => {
        impl Engine for Post {
            const KIND: &'static str = "post";
            type Config = $type;
            type Message = Message;
            type Reply = Vec<String>;
            type Query = ();
            type Answer = Told;

            fn init($config: $type, _: &mut Context<'_>) -> Result<Self, Fault> {
                $init
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                sender: Sender,
                message: Message,
            ) -> Result<Vec<String>, Fault> {
                let from = match sender {
                    Sender::Client(_) => "client",
                    Sender::Engine(_) => "engine",
                    Sender::Timer => "timer",
                };
                self.told
                    .words
                    .push(format!("{} {from}: {message:?}", $code));
                message.then(ctx)?;
                Ok(self.told.words.clone())
            }

            fn query(&self, (): ()) -> Result<Told, Fault> {
                Ok(self.told.clone())
            }

            fn undelivered(&mut self, _: &mut Context<'_>, _: EngineId, why: Undelivered) {
                self.told
                    .words
                    .push(format!("{} undelivered: {why:?}", $code));
            }
        }
        refit_abi::export_engines!(Post);
    };
}

/// Says something, sends itself twice as much, sets a timer.
pub(crate) mod v1 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Post {
        pub(crate) told: Told,
    }

    #[derive(Debug, State, Serialize, Deserialize)]
    pub(crate) enum Message {
        Say(u64),
        Again(u64),
        Later(Height, u64),
        Bear(u64),
        Stop,
        Panic,
    }

    impl Message {
        pub(crate) fn then(&self, ctx: &mut Context<'_>) -> Result<(), Fault> {
            match self {
                Message::Say(_) => {}
                Message::Again(number) => ctx.send(ctx.id(), &Message::Say(*number))?,
                Message::Later(height, number) => {
                    ctx.set_timer(TimerAt::Height(*height), &Message::Say(*number))?;
                }
                Message::Bear(config) => {
                    ctx.spawn::<Post>(config)?;
                }
                Message::Stop => ctx.stop(ctx.id())?,
                Message::Panic => panic!("told to"),
            }
            Ok(())
        }
    }

    engine!(1, u64, |config| {
        let words = Vec::new();
        Ok(Self {
            told: Told { config, words },
        })
    });
}

/// The words have names.
pub(crate) mod v2 {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::v1::Post)]
    pub(crate) struct Post {
        pub(crate) told: Told,
        #[migrate(default)]
        pub(crate) second: u8,
    }

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(name = "Message")]
    pub(crate) enum Message {
        Speak { number: u64, loud: bool },
    }

    impl MigrateMessage for Message {
        type From = super::v1::Message;

        fn migrate(old: super::v1::Message) -> Result<Self, Fault> {
            match old {
                super::v1::Message::Say(UNLUCKY) => Err(Fault::new("unlucky", "no such number")),
                super::v1::Message::Say(number) => Ok(Message::Speak {
                    number,
                    loud: false,
                }),
                super::v1::Message::Again(number) => Ok(Message::Speak { number, loud: true }),
                _ => Err(Fault::new("no-timers", "not any more")),
            }
        }
    }

    impl Message {
        fn then(&self, _: &mut Context<'_>) -> Result<(), Fault> {
            Ok(())
        }
    }

    engine!(2, u64, |config| {
        let words = Vec::new();
        Ok(Self {
            told: Told { config, words },
            second: 0,
        })
    });
}

/// And a language; the state is made by hand and tells the bus.
pub(crate) mod v3 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 3)]
    pub(crate) struct Post {
        pub(crate) told: Told,
        pub(crate) second: u8,
        pub(crate) third: Vec<u8>,
    }

    impl Migrate for Post {
        type From = super::v2::Post;

        fn migrate(old: &super::v2::Post, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
            bus.log("to the third");
            Ok(Self {
                told: old.told.clone(),
                second: old.second,
                third: vec![3],
            })
        }
    }

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(name = "Message")]
    pub(crate) struct Message {
        pub(crate) number: u64,
        pub(crate) loud: bool,
        pub(crate) language: String,
    }

    impl MigrateMessage for Message {
        type From = super::v2::Message;

        fn migrate(old: super::v2::Message) -> Result<Self, Fault> {
            let super::v2::Message::Speak { number, loud } = old;
            let language = "old".to_owned();
            Ok(Self {
                number,
                loud,
                language,
            })
        }
    }

    impl Message {
        fn then(&self, _: &mut Context<'_>) -> Result<(), Fault> {
            Ok(())
        }
    }

    engine!(3, u64, |config| {
        let (words, third) = (Vec::new(), vec![]);
        Ok(Self {
            told: Told { config, words },
            second: 0,
            third,
        })
    });
}

/// A second version that takes no older message, and starts no engine with the configuration 7.
pub(crate) mod deaf {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 4)]
    #[migrate(from = super::v1::Post)]
    pub(crate) struct Post {
        pub(crate) told: Told,
        #[migrate(default)]
        pub(crate) second: u16,
    }

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(name = "Message")]
    pub(crate) struct Message {
        pub(crate) only: u64,
    }

    impl Message {
        fn then(&self, _: &mut Context<'_>) -> Result<(), Fault> {
            Ok(())
        }
    }

    engine!(4, u64, |config| match config {
        7 => Err(Fault::new("seven", "no more")),
        _ => {
            let words = vec!["afresh".to_owned()];
            Ok(Self {
                told: Told { config, words },
                second: 0,
            })
        }
    });
}

/// A second version whose configuration is of another type.
pub(crate) mod narrow {
    use super::*;
    pub(crate) use v1::Message;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 5)]
    #[migrate(from = super::v1::Post)]
    pub(crate) struct Post {
        pub(crate) told: Told,
        #[migrate(default)]
        pub(crate) second: u32,
    }

    engine!(5, u32, |config| {
        let (config, words) = (u64::from(config), vec!["narrow".to_owned()]);
        Ok(Self {
            told: Told { config, words },
            second: 0,
        })
    });
}

/// Versions after the second whose message says more, or something else.
macro_rules! after_second {
    ($module:ident $code:tt { $($fields:tt)* } |$number:ident, $loud:ident| $new:expr) => {
        pub(crate) mod $module {
            use super::*;

            #[derive(Debug, State, Migrate, Serialize, Deserialize)]
            #[state(version = $code)]
            #[migrate(from = super::v2::Post)]
            pub(crate) struct Post {
                pub(crate) told: Told,
                pub(crate) second: u8,
            }

            #[derive(Debug, State, Serialize, Deserialize)]
            #[state(name = "Message", version = $code)]
            pub(crate) enum Message {
                Speak { $($fields)* },
            }

            impl MigrateMessage for Message {
                type From = super::v2::Message;

                fn migrate(old: super::v2::Message) -> Result<Self, Fault> {
                    let super::v2::Message::Speak { number: $number, loud: $loud } = old;
                    Ok($new)
                }
            }

            impl Message {
                fn then(&self, _: &mut Context<'_>) -> Result<(), Fault> {
                    Ok(())
                }
            }

            engine!($code, u64, |config| {
                let words = Vec::new();
                Ok(Self {
                    told: Told { config, words },
                    second: 0,
                })
            });
        }
    };
}

after_second!(
    times 6 { number: u64, loud: bool, times: u64 }
    |number, loud| Message::Speak { number, loud, times: 1 }
);

// The same words, but in hundredths.
after_second!(
    cents 7 { number: u64, loud: bool }
    |number, loud| Message::Speak { number: number * 100, loud }
);

/// The module of a version; 4 is [`deaf`], 5 is [`narrow`], 6 is [`times`], 7 is [`cents`].
pub(crate) fn version(number: u32) -> Module {
    Module::linked(match number {
        1 => v1::module(),
        2 => v2::module(),
        3 => v3::module(),
        5 => narrow::module(),
        6 => times::module(),
        7 => cents::module(),
        _ => deaf::module(),
    })
    .unwrap()
}
