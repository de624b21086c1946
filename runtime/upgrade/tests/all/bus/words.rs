//! Types that stay while their JSON words change: what waits is read in the words it came in, and what
//! starts afresh gets what it was started with.

use crate::bus::kinds::id;
use crate::bus::world::{Crossed, UNBOUNDED, WithdrawsAt, World};
use refit_abi::host::Explain;
use refit_abi::host::{BlockFrame, Module};
use refit_abi::raw::Codec;
use refit_abi::{Context, Deserialize, Engine, Fault, Sender, Serialize, State};
use refit_kernel::Configuration;
use refit_kernel::ReplyError;
use refit_upgrade::{Directives, Phase, Unwatched, Verdict};

/// A version of the kind `clerk`: what its fields are called as JSON, and a field more in its
/// configuration, if any.
macro_rules! clerk {
    ($version:ident, {$(#[$low:meta])*} {$(#[$high:meta])*} {$(#[$limit:meta])*} {$($more:tt)*}) => {
        mod $version {
            use super::*;

            #[derive(Debug, State, Serialize, Deserialize)]
            pub(crate) struct Clerk {
                limit: u64,
                told: Vec<(u64, u64)>,
            }

            #[derive(State, Serialize, Deserialize)]
            pub(crate) struct Setup {
                $(#[$limit])*
                limit: u64,
                $($more)*
            }

            #[derive(State, Serialize, Deserialize)]
            pub(crate) enum Message {
                Both {
                    $(#[$low])*
                    low: u64,
                    $(#[$high])*
                    high: u64,
                },
                Loose {
                    #[state(serde)]
                    what: serde_json::Value,
                },
            }

            impl Engine for Clerk {
                const KIND: &'static str = "clerk";
                type Config = Setup;
                type Message = Message;
                type Reply = Vec<(u64, u64)>;
                type Query = ();
                type Answer = u64;

                fn init(setup: Setup, _: &mut Context<'_>) -> Result<Self, Fault> {
                    let told = Vec::new();
                    Ok(Self { limit: setup.limit, told })
                }

                fn handle(
                    &mut self,
                    _: &mut Context<'_>,
                    _: Sender,
                    message: Message,
                ) -> Result<Vec<(u64, u64)>, Fault> {
                    if let Message::Both { low, high } = message {
                        self.told.push((low, high));
                    }
                    Ok(self.told.clone())
                }

                fn query(&self, (): ()) -> Result<u64, Fault> {
                    Ok(self.limit)
                }
            }
            refit_abi::export_engines!(Clerk);
        }
    };
}

clerk!(plain, {} {} {} {});
clerk!(renamed, {#[serde(rename = "least", default)]} {} {#[serde(rename = "max", default)]} {});
clerk!(exchanged, {#[serde(rename = "high")]} {#[serde(rename = "low")]} {#[serde(rename = "most")]} {});
clerk!(wider, {} {} {#[serde(alias = "limit", default)]} {#[serde(default)] more: u8});
clerk!(other, {} {} {#[serde(rename = "max", default)]} {#[serde(default)] more: u8});

const LOW_1_HIGH_2: &str = r#"{"Both":{"low":1,"high":2}}"#;

fn module(root: refit_abi::export::LinkedModule) -> Module {
    Module::linked(root).unwrap()
}

fn start() -> World {
    let engines = [("a", "clerk", r#"{"limit":7}"#.to_owned())];
    World::start_with(&module(plain::module()), &engines, 2)
}

fn restart() -> Directives {
    Directives {
        restart: ["clerk".to_owned()].into(),
        ..Directives::default()
    }
}

impl World {
    /// Clients' messages, which wait.
    fn wait_for_the_clerk(&mut self, messages: &[&str]) {
        let to = |message: &&str| (id("a"), message.as_bytes().to_vec());
        let messages: Vec<_> = messages.iter().map(to).collect();
        assert_eq!(self.block_json(&messages, 0).backlog, messages.len());
    }

    /// The replies to what waited, in the order of the tickets.
    fn replies(&mut self) -> Vec<Result<Vec<(u64, u64)>, ReplyError>> {
        let mut replies = self.block_json(&[], UNBOUNDED).replies;
        replies.sort_by_key(|reply| reply.asker);
        let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
        let outcomes = replies.into_iter().map(|reply| reply.outcome.map(read));
        outcomes.collect()
    }

    fn goes(&mut self, to: refit_abi::export::LinkedModule, directives: &Directives) -> Crossed {
        let crossed = self.cross_with(&[module(to)], directives, Unwatched);
        assert!(
            matches!(crossed.verdict, Verdict::Committed(_)),
            "{crossed:?}"
        );
        crossed
    }

    fn limit(&self) -> u64 {
        let answer = self.call(|executor| executor.query(id("a"), Codec::Json, b"null"));
        serde_json::from_slice(&answer.unwrap()).unwrap()
    }
}

#[test]
fn what_waits_is_read_in_the_words_it_came_in() {
    for roots in [
        &[renamed::module()][..],
        &[exchanged::module()],
        &[renamed::module(), exchanged::module(), renamed::module()],
    ] {
        let mut world = start();
        world.wait_for_the_clerk(&[LOW_1_HIGH_2, LOW_1_HIGH_2]);
        for root in roots {
            world.goes(*root, &Directives::default());
        }
        let replies = world.replies();
        assert_eq!(replies, [Ok(vec![(1, 2)]), Ok(vec![(1, 2), (1, 2)])]);
    }
    // What comes afterwards is read in the words of the code that is live.
    let mut world = start();
    world.goes(exchanged::module(), &Directives::default());
    world.wait_for_the_clerk(&[LOW_1_HIGH_2]);
    assert_eq!(world.replies(), [Ok(vec![(2, 1)])]);
}

#[test]
fn what_was_written_anew_takes_up_as_much_room_as_it_has_then() {
    let mut world = start();
    world.call(|executor| {
        let mut parameters = (**executor.parameters()).clone();
        parameters.mailbox.bytes = 500;
        executor.set_parameters(parameters);
    });
    let long = format!("{LOW_1_HIGH_2:<200}");
    world.wait_for_the_clerk(&[long.as_str(); 2]);
    world.goes(exchanged::module(), &Directives::default());
    // They are short now: two more have room beside them, and two again when all are handled.
    let more = [(id("a"), long.into_bytes()), (id("a"), LOW_1_HIGH_2.into())];
    assert_eq!(world.block_json(&more, 0).backlog, 4);
    assert!(world.replies().iter().all(Result::is_ok));
    for _ in 0..2 {
        assert_eq!(world.block_json(&more, 0).backlog, 2);
        assert!(world.replies().iter().all(Result::is_ok));
    }
}

#[test]
fn an_aborted_upgrade_leaves_what_waits_as_it_was_written() {
    let mut world = start();
    world.wait_for_the_clerk(&[LOW_1_HIGH_2]);
    let watch = WithdrawsAt(Phase::Transitioned);
    let to = [module(exchanged::module())];
    let crossed = world.cross_with(&to, &Directives::default(), watch);
    crossed.all_old(Phase::Transitioned);
    assert_eq!(world.replies(), [Ok(vec![(1, 2)])]);
}

#[test]
fn what_the_new_code_cannot_read_in_any_words_aborts_unless_it_is_given_up() {
    let loose = r#"{"Loose":{"what":{"a":[1]}}}"#;
    let mut world = start();
    world.wait_for_the_clerk(&[LOW_1_HIGH_2, loose]);
    let to = [module(renamed::module())];
    let crossed = world.cross_with(&to, &Directives::default(), Unwatched);
    let failure = crossed.all_old(Phase::Quiesced);
    assert_eq!(failure.code(), "queued-message-not-accepted");
    assert_eq!(failure.engine(), Some(id("a")));
    let given_up = Directives {
        dead_letters: ["clerk".to_owned()].into(),
        ..Directives::default()
    };
    world.goes(renamed::module(), &given_up);
    let replies = world.replies();
    assert_eq!(replies[0], Ok(vec![(1, 2)]));
    assert!(
        matches!(replies[1], Err(ReplyError::Rejected { .. })),
        "{replies:?}"
    );
}

#[test]
fn what_the_old_code_would_have_refused_stands_in_no_ones_way() {
    let mut world = start();
    world.wait_for_the_clerk(&[r#"{"Bothh":{}}"#, LOW_1_HIGH_2]);
    world.goes(exchanged::module(), &Directives::default());
    let replies = world.replies();
    assert!(
        matches!(replies[0], Err(ReplyError::Rejected { .. })),
        "{replies:?}"
    );
    assert_eq!(replies[1], Ok(vec![(1, 2)]));
}

#[test]
fn an_engine_that_starts_afresh_gets_what_it_was_started_with_whatever_it_is_called_now() {
    let mut world = start();
    world.goes(renamed::module(), &restart());
    assert_eq!(world.limit(), 7);
    // Also if the words have changed twice, and in between the state was kept.
    world.goes(exchanged::module(), &Directives::default());
    world.goes(plain::module(), &restart());
    assert_eq!(world.limit(), 7);
}

#[test]
fn a_configuration_of_another_type_is_read_to_the_last_word() {
    let mut world = start();
    let to = [module(other::module())];
    let crossed = world.cross_with(&to, &restart(), Unwatched);
    let failure = crossed.all_old(Phase::Transitioned);
    assert_eq!(failure.code(), "restart-failed");
    assert!(
        failure.to_string().contains("unknown field `limit`"),
        "{failure}"
    );
    world.goes(wider::module(), &restart());
    assert_eq!(world.limit(), 7);
}

#[test]
fn no_engine_starts_with_a_configuration_of_which_something_is_passed_over() {
    let world = start();
    let started = world.call(|executor| {
        let config = Configuration::json(br#"{"limit":7,"limt":9}"#.as_slice());
        executor.start(id("b"), "clerk", config, BlockFrame::default())
    });
    let error = started.unwrap_err().to_string();
    assert!(error.contains("unknown field `limt`"), "{error}");
}

/// A kind whose clients of the first version write an alias and numbers of more than 64 bits.
mod sum {
    use super::*;

    mod v1 {
        use super::*;

        #[derive(State, Serialize, Deserialize)]
        pub(crate) struct Message {
            #[serde(alias = "amt")]
            pub(crate) amount: u128,
        }
    }

    #[derive(Default, State, Serialize, Deserialize)]
    pub(crate) struct Sum {
        sum: u128,
    }

    #[derive(State, Serialize, Deserialize)]
    pub(crate) struct Message {
        amount: u128,
        memo: String,
    }

    impl refit_abi::MigrateMessage for Message {
        type From = v1::Message;

        fn migrate(old: v1::Message) -> Result<Self, Fault> {
            let (amount, memo) = (old.amount, String::new());
            Ok(Self { amount, memo })
        }
    }

    impl Engine for Sum {
        const KIND: &'static str = "sum";
        type Config = ();
        type Message = Message;
        type Reply = u128;
        type Query = ();
        type Answer = u128;

        fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
            Ok(Self::default())
        }

        fn handle(&mut self, _: &mut Context<'_>, _: Sender, said: Message) -> Result<u128, Fault> {
            self.sum += said.amount;
            Ok(self.sum)
        }

        fn query(&self, (): ()) -> Result<u128, Fault> {
            Ok(self.sum)
        }
    }
    refit_abi::export_engines!(Sum);
}

#[test]
fn clients_of_an_older_version_are_understood_by_its_aliases_and_with_numbers_of_any_size() {
    let engines = [("a", "sum", "null".to_owned())];
    let mut world = World::start_with(&module(sum::module()), &engines, 1);
    let mut told = |message: &str| {
        let messages = [(id("a"), message.as_bytes().to_vec())];
        let mut replies = world.block_json(&messages, UNBOUNDED).replies;
        let outcome = replies.swap_remove(0).outcome;
        outcome.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let large = "20000000000000000000";
    assert_eq!(told(&format!(r#"{{"amount":{large}}}"#)).unwrap(), large);
    assert_eq!(told(r#"{"amt":1}"#).unwrap(), "20000000000000000001");
    let newest = r#"{"amount":1,"memo":""}"#;
    assert_eq!(told(newest).unwrap(), "20000000000000000002");
    let mistaken = told(r#"{"amt":1,"mem":""}"#);
    assert!(
        matches!(mistaken, Err(ReplyError::Rejected { .. })),
        "{mistaken:?}"
    );
}
