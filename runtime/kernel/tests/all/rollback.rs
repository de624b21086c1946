//! A kind that rolls back: a message that fails leaves no trace, whatever its handler did before it failed and
//! however many messages of its batch fail. Against a kind that is told to do nothing in their place.

use crate::rig::actor::{PANIC_TEXT, actor, planned_fault};
use crate::rig::alone::next;
use crate::rig::script::{Config, Memory, Message, Op, Reply, Target};
use crate::rig::{frame, memory, root, unread};
use proptest::prelude::*;
use refit_abi::host::Module;
use refit_abi::{
    Capability, Context, Deserialize, Engine, EngineId, Fault, Sender, Serialize, State,
    Undelivered,
};
use refit_kernel::{BlockOutcome, Configuration, Executor, GenerationTable, Poison, ReplyError};
use refit_test_support::check;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random histories that the kinds are tried on.
const CASES: u32 = 64;

actor!(
    #[derive(Clone)]
    Cloned,
    "cloned",
    code = 1,
    rollback = true
);
actor!(Encoded, "encoded", code = 1, rollback = true);
actor!(Plain, "plain", code = 1, rollback = false);

/// How often [`Fickle`] was asked: what no engine may have.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// An engine that does not follow from its state and the messages.
#[derive(State, Serialize, Deserialize)]
struct Fickle;

impl Engine for Fickle {
    const KIND: &'static str = "fickle";
    const ROLLBACK: bool = true;
    type Config = ();
    type Message = bool;
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn handle(&mut self, ctx: &mut Context<'_>, _: Sender, fail: bool) -> Result<(), Fault> {
        if fail {
            return Err(Fault::new("told-to-fail", "the message says so"));
        }
        for _ in 0..=ASKED.fetch_add(1, Ordering::Relaxed) {
            ctx.emit("asked", &())?;
        }
        Ok(())
    }

    fn query(&self, (): ()) -> Result<(), Fault> {
        Ok(())
    }
}

/// A field of a type that is off the list, whose own code panics where it is told to.
#[derive(Clone, Debug)]
struct Odd(u8);

const PANICS_IN_SERIALIZE: u8 = 1;
const PANICS_IN_DESERIALIZE: u8 = 2;
const PANICS_IN_DROP: u8 = 3;
const READS_BACK_AS_ANOTHER: u8 = 4;

impl Serialize for Odd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, PANICS_IN_SERIALIZE, "told to panic");
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let odd = u8::deserialize(deserializer)?;
        assert_ne!(odd, PANICS_IN_DESERIALIZE, "told to panic");
        Ok(Self(odd + u8::from(odd == READS_BACK_AS_ANOTHER)))
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        assert_ne!(self.0, PANICS_IN_DROP, "told to panic");
    }
}

macro_rules! odd_engine {
    ($(#[$derive:meta])* $name:ident, $kind:literal) => {
        $(#[$derive])*
        #[derive(State, Serialize, Deserialize)]
        struct $name {
            sum: u64,
            #[state(serde)]
            odd: Odd,
        }

        impl Engine for $name {
            const KIND: &'static str = $kind;
            const ROLLBACK: bool = true;
            type Config = u8;
            type Message = u64;
            type Reply = u64;
            type Query = ();
            type Answer = u64;

            fn init(odd: u8, _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self { sum: 0, odd: Odd(odd) })
            }

            fn handle(&mut self, _: &mut Context<'_>, _: Sender, by: u64) -> Result<u64, Fault> {
                assert_ne!(by, 9, "told to panic");
                self.sum += by;
                Ok(self.sum)
            }

            fn query(&self, (): ()) -> Result<u64, Fault> {
                Ok(self.sum)
            }
        }
    };
}
odd_engine!(
    #[derive(Clone)]
    OddCloned,
    "odd-cloned"
);
odd_engine!(OddEncoded, "odd-encoded");

refit_abi::export_engines!(Cloned, Encoded, Plain, Fickle, OddCloned, OddEncoded);

/// The only engine of a node.
fn id() -> EngineId {
    root(0)
}

/// A node of one engine of `kind`.
fn node(kind: &str) -> Executor {
    node_with(kind, &Config::default())
}

fn node_with<C: Serialize>(kind: &str, config: &C) -> Executor {
    let module = Module::linked(module()).unwrap();
    let mut executor = Executor::new(GenerationTable::first(module.kinds().collect()));
    let config = postcard::to_allocvec(config).unwrap();
    let config = Configuration::postcard(&config);
    executor.start(id(), kind, config, frame(0)).unwrap();
    executor
}

/// Executes the messages as one block.
fn run<M: Serialize>(executor: &mut Executor, messages: &[M]) -> BlockOutcome {
    let ingress = |message: &M| unread(id(), serde_json::to_vec(message).unwrap());
    next(executor, messages.iter().map(ingress).collect())
}

fn poison(executor: &Executor) -> Option<Poison> {
    crate::rig::alone::poison(executor, id())
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Fault,
    Panic,
}

/// What a message does before it ends.
fn deeds() -> impl Strategy<Value = Vec<Op>> {
    let deed = prop_oneof![
        Just(Op::send(Target::Me, Message::tagged(1))),
        Just(Op::Spawn(Config::default())),
        Just(Op::AfterBlocks(1, Message::tagged(2))),
        (0_u32..4).prop_map(Op::CancelTimer),
        (0_u32..9).prop_map(Op::Emit),
        Just(Op::Draw),
        Just(Op::Budget),
        Just(Op::Log { lines: 1, bytes: 6 }),
    ];
    prop::collection::vec(deed, 0..5)
}

fn messages() -> impl Strategy<Value = Vec<(Message, End)>> {
    let ends = vec![End::Done, End::Done, End::Fault, End::Panic];
    let message = (0_u32..9, deeds(), prop::sample::select(ends));
    let message = message.prop_map(|(tag, mut ops, end)| {
        // Whatever it has changed is the host's to bring back.
        ops.extend(match end {
            End::Done => None,
            End::Fault => Some(Op::FailHalfDone),
            End::Panic => Some(Op::Panic),
        });
        (Message { tag, ops }, end)
    });
    prop::collection::vec(message, 0..12)
}

/// Nothing in the place of what fails.
fn spared(messages: &[(Message, End)]) -> Vec<Message> {
    let spare = |(message, end): &(Message, End)| match end {
        End::Done => message.clone(),
        End::Fault | End::Panic => Message::of([Op::Nothing]),
    };
    messages.iter().map(spare).collect()
}

#[test]
fn what_fails_leaves_no_trace_in_state_outputs_timers_and_counters() {
    let blocks = prop::collection::vec(messages(), 1..4);
    check(CASES, &blocks, |blocks| {
        for kind in ["cloned", "encoded"] {
            agree(kind, &blocks)?;
        }
        Ok(())
    });
}

fn agree(kind: &str, blocks: &[Vec<(Message, End)>]) -> Result<(), TestCaseError> {
    let (mut rolls, mut plain) = (node(kind), node("plain"));
    for block in blocks {
        let messages: Vec<_> = block.iter().map(|(message, _)| message).collect();
        let (out, expected) = (run(&mut rolls, &messages), run(&mut plain, &spared(block)));
        let failed = block.iter().filter(|(_, end)| *end != End::Done).count();
        prop_assert_eq!(&out.events, &expected.events);
        prop_assert_eq!(out.stats.spawned, expected.stats.spawned);
        prop_assert_eq!(out.stats.faults + out.stats.rolled_back, failed as u64);
        prop_assert_eq!(out.stats.poisoned, 0);
        prop_assert_eq!(out.next_timer_height, expected.next_timer_height);
        for ((_, end), reply) in block.iter().zip(&out.replies) {
            let as_told = match (end, &reply.outcome) {
                (End::Fault, Err(ReplyError::Fault(fault))) => *fault == planned_fault(),
                (End::Panic, Err(ReplyError::RolledBack { text, .. })) => text == PANIC_TEXT,
                (End::Done, Ok(_)) => true,
                _ => false,
            };
            prop_assert!(as_told, "{:?} {:?}", end, reply);
        }
        prop_assert_eq!(memory(&rolls, id()), memory(&plain, id()));
    }
    Ok(())
}

#[test]
fn each_message_of_a_batch_runs_at_most_twice_however_many_fail() {
    let message = |place| {
        let mut ops = vec![Op::Emit(1); 3];
        ops.extend((place % 2 == 1).then_some(Op::FailHalfDone));
        Message { tag: place, ops }
    };
    // Were every failure to run all messages before it again, this would be 4 million.
    let messages: Vec<_> = (0..4_000).map(message).collect();
    let mut executor = node("cloned");
    let began = std::time::Instant::now();
    let out = run(&mut executor, &messages);
    assert_eq!((out.stats.faults, out.events.len()), (2_000, 6_000));
    assert_eq!(memory(&executor, id()).log.len(), 2_000);
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn an_engine_that_does_other_things_the_second_time_is_poisoned_and_told_why() {
    let mut executor = node_with("fickle", &());
    let out = run(&mut executor, &[false, true, false]);
    let errors: Vec<_> = out.replies.iter().map(|reply| &reply.outcome).collect();
    assert!(errors[0].is_ok(), "{errors:?}");
    let poison = poison(&executor).unwrap();
    assert!(poison.text.contains("did other things"), "{poison:?}");
    assert!(matches!(errors[1], Err(ReplyError::Fault(_))), "{errors:?}");
    assert_eq!(errors.len(), 3, "one reply each: {errors:?}");
    assert_eq!(out.stats.poisoned, 1);
}

#[test]
fn what_panics_while_a_state_is_copied_brought_back_or_let_go_ends_the_engine_at_most() {
    for (kind, odd) in [
        ("odd-cloned", PANICS_IN_SERIALIZE),
        ("odd-encoded", PANICS_IN_SERIALIZE),
        ("odd-encoded", PANICS_IN_DESERIALIZE),
        ("odd-cloned", PANICS_IN_DROP),
    ] {
        let mut executor = node_with(kind, &odd);
        let out = run(&mut executor, &[1_u64, 9, 2]);
        assert_eq!(out.replies.len(), 3, "{kind} {odd}: {:?}", out.replies);
        let is_poisoned = poison(&executor).is_some();
        let refused = |outcome: &Result<Vec<u8>, ReplyError>| matches!(outcome, Err(ReplyError::Fault(fault)) if fault.code == "state-not-copied");
        match odd {
            PANICS_IN_SERIALIZE => {
                assert!(
                    out.replies.iter().all(|reply| refused(&reply.outcome)),
                    "{out:?}"
                );
                assert!(!is_poisoned, "{kind}");
            }
            PANICS_IN_DESERIALIZE => assert!(is_poisoned, "{kind}"),
            _ => {
                assert_eq!(out.stats.rolled_back, 1, "{out:?}");
                assert!(!is_poisoned, "{kind}");
            }
        }
    }
}

#[test]
fn nobody_is_told_of_a_roll_back_whose_state_does_not_come_back_as_it_was() {
    for (odd, why) in [
        (PANICS_IN_DESERIALIZE, "told to panic"),
        (READS_BACK_AS_ANOTHER, "reads back"),
    ] {
        let mut executor = node_with("odd-encoded", &odd);
        let out = run(&mut executor, &[1_u64, 9, 2]);
        let told = &out.replies[1].outcome;
        assert!(
            matches!(told, Err(ReplyError::Panicked { text, .. }) if text.contains(why)),
            "{odd}: {told:?}"
        );
        let poison = poison(&executor).unwrap();
        assert!(poison.text.contains(why), "{odd}: {poison:?}");
        assert_eq!((out.stats.rolled_back, out.replies.len()), (0, 3), "{odd}");
    }
}
