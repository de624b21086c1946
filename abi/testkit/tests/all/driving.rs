//! Messages, queries, blocks, timers, effects.

use crate::bank::{Message, Moved, v1};
use refit_abi::{BlockTime, EngineId, Height};
use refit_testkit::{
    EngineState, QueryError, ReplyError, StartError, Testkit, assert_deterministic,
};

pub(crate) fn bank() -> Testkit {
    let mut kit = Testkit::new(v1::module());
    kit.start::<v1::Bank>("bank", &()).unwrap();
    kit
}

pub(crate) fn deposit(to: &str, amount: u64) -> Message {
    let to = to.to_owned();
    Message::Deposit { to, amount }
}

fn transfer(from: &str, to: &str, amount: u64) -> Message {
    let (from, to) = (from.to_owned(), to.to_owned());
    Message::Move { from, to, amount }
}

#[test]
fn messages_and_queries_are_typed_or_a_clients_own_words() {
    let mut kit = bank();
    assert_eq!(kit.send::<v1::Bank>("bank", &deposit("a", 5)), Ok(5));
    let json = r#"{"Deposit":{"to":"a","amount":2}}"#;
    assert_eq!(kit.send_json("bank", json), Ok("7".to_owned()));
    assert_eq!(kit.query::<v1::Bank>("bank", &"a".to_owned()), Ok(7));
    assert_eq!(kit.query_json("bank", "\"a\""), Ok("7".to_owned()));
    assert_eq!(kit.state::<v1::Bank>("bank").accounts["a"], 7);
    assert_eq!(kit.height(), Height(2));
}

#[test]
fn what_the_engine_or_the_node_refuses_comes_back_typed() {
    let mut kit = bank();
    let fault = kit.send_fault::<v1::Bank>("bank", &transfer("a", "b", 1));
    assert_eq!(fault.code, "too-little");
    let unread = kit.send_json("bank", "{}").unwrap_err();
    assert!(matches!(unread, ReplyError::Rejected { .. }), "{unread:?}");
    let nobody = kit.send::<v1::Bank>("nobody", &Message::Draw).unwrap_err();
    assert!(
        matches!(nobody, ReplyError::Undelivered { .. }),
        "{nobody:?}"
    );
    let unknown = kit.query::<v1::Bank>("nobody", &String::new()).unwrap_err();
    assert!(matches!(unknown, QueryError::Unknown { .. }), "{unknown:?}");
    let taken = kit.start::<v1::Bank>("bank", &()).unwrap_err();
    assert!(matches!(taken, StartError::Taken { .. }), "{taken:?}");
}

#[test]
fn an_engine_that_panics_is_poisoned_and_the_test_sees_it() {
    let mut kit = bank();
    let panicked = kit.send::<v1::Bank>("bank", &Message::Panic).unwrap_err();
    assert!(
        panicked.to_string().contains("this message panics"),
        "{panicked}"
    );
    let engines = kit.engines();
    assert!(
        matches!(engines[0].state, EngineState::Poisoned(_)),
        "{engines:?}"
    );
}

#[test]
fn blocks_carry_the_time_the_test_sets_and_timers_fire_in_theirs() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 1)).unwrap();
    kit.send::<v1::Bank>("bank", &Message::InterestAt(Height(5)))
        .unwrap();
    kit.advance_to(Height(4));
    assert_eq!(kit.state::<v1::Bank>("bank").accounts["a"], 1);
    kit.advance(1);
    assert_eq!(kit.state::<v1::Bank>("bank").accounts["a"], 2);
    kit.set_block_time(BlockTime(1_000_000));
    assert_eq!(
        kit.send::<v1::Bank>("bank", &Message::Interest),
        Ok(1_000_000)
    );
    kit.set_block_time(BlockTime(1_000_000));
    assert_eq!(
        kit.send::<v1::Bank>("bank", &Message::Interest),
        Ok(1_000_000),
        "block time may stand still"
    );
    kit.set_block_interval(250);
    assert_eq!(
        kit.send::<v1::Bank>("bank", &Message::Interest),
        Ok(1_000_250)
    );
    assert_eq!(kit.block_time(), BlockTime(1_000_250));
}

#[test]
fn a_posted_message_waits_until_the_next_block() {
    let mut kit = bank();
    let ticket = kit.post::<v1::Bank>("bank", &deposit("a", 3));
    assert_eq!(kit.reply::<v1::Bank>(ticket), None);
    assert_eq!(kit.engines()[0].mailbox, 1);
    kit.advance(1);
    assert_eq!(kit.reply::<v1::Bank>(ticket), Some(Ok(3)));
}

#[test]
fn events_logs_and_dead_letters_are_kept() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 3)).unwrap();
    kit.send::<v1::Bank>("bank", &transfer("a", "b", 2))
        .unwrap();
    let bank = EngineId::root("bank").unwrap();
    assert_eq!(kit.events::<Moved>("moved"), [(bank, Moved { amount: 2 })]);
    assert_eq!(kit.emitted().len(), 1);
    assert_eq!(kit.log_lines()[0].line, "moved");
    assert!(kit.dead_letters().is_empty());
}

#[test]
fn randomness_follows_the_seed() {
    let draw = |seed| {
        let mut kit = Testkit::new(v1::module()).seed(seed);
        kit.start::<v1::Bank>("bank", &()).unwrap();
        kit.send::<v1::Bank>("bank", &Message::Draw).unwrap()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn a_deterministic_engine_gives_the_same_on_one_and_two_workers() {
    let banks = || {
        let mut names = Vec::new();
        names.extend((0..200).map(|number| format!("bank-{number}")));
        names
    };
    assert_deterministic(
        || Testkit::new(v1::module()),
        |kit| {
            for name in banks() {
                kit.start::<v1::Bank>(&name, &()).unwrap();
            }
            // All in one block: enough for both workers.
            for round in 0..4 {
                for name in banks() {
                    let whom = EngineId::root("bank-7").unwrap();
                    kit.post::<v1::Bank>(
                        &*name,
                        &Message::Tell {
                            whom,
                            amount: round,
                        },
                    );
                }
            }
            kit.advance(1);
        },
    );
}
