//! A kind that rolls back: a message that fails leaves no trace, whatever its handler did before it failed and
//! however many messages of its batch fail. Against a kind that is told to do nothing in their place.

use crate::alone::harness::{block, client, frame, postcard};
use proptest::prelude::*;
use refit_abi::host::Module;
use refit_abi::raw::Codec;
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Sender, Serialize, State, TimerAt,
    TimerId, Undelivered,
};
use refit_kernel::crew::Helpers;
use refit_kernel::{
    BlockOutcome, EngineState, Executor, GenerationTable, Ingress, Poison, ReplyError,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// What one message does.
#[derive(Clone, Debug, State, Serialize, Deserialize)]
struct Message {
    add: u64,
    deeds: Vec<Deed>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
enum Deed {
    Send,
    Spawn,
    Timer,
    Cancel,
    Emit,
    Draw,
    Look,
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, State, Serialize, Deserialize)]
enum End {
    Done,
    Fault,
    Panic,
    /// Does nothing at all: what a message that failed should have come to.
    Nothing,
}

/// What an engine remembers: every answer that it got.
#[derive(Clone, Debug, Default, PartialEq, Eq, State, Serialize, Deserialize)]
struct Memory {
    sum: u64,
    got: Vec<u64>,
    children: Vec<EngineId>,
    timers: Vec<TimerId>,
    told: Vec<(EngineId, String)>,
}

impl Memory {
    fn handle<E>(&mut self, ctx: &mut Context<'_>, message: Message) -> Result<u64, Fault>
    where
        E: Engine<Config = (), Message = Message>,
    {
        if message.end == End::Nothing {
            return Ok(0);
        }
        self.sum += message.add;
        for deed in &message.deeds {
            self.act::<E>(ctx, *deed)?;
        }
        match message.end {
            End::Fault => Err(Fault::new("told-to-fail", "the message says so")),
            End::Panic => panic!("told to panic"),
            End::Done | End::Nothing => Ok(self.sum),
        }
    }

    fn act<E>(&mut self, ctx: &mut Context<'_>, deed: Deed) -> Result<(), Fault>
    where
        E: Engine<Config = (), Message = Message>,
    {
        let later = TimerAt::Height(Height(ctx.height().0 + 1));
        let echo = Message {
            add: 1,
            deeds: Vec::new(),
            end: End::Done,
        };
        match deed {
            Deed::Send => ctx.send(ctx.id(), &echo)?,
            Deed::Spawn => self.children.push(ctx.spawn::<E>(&())?),
            Deed::Timer => self.timers.push(ctx.set_timer(later, &echo)?),
            Deed::Cancel => {
                let cancelled = self
                    .timers
                    .pop()
                    .map(|timer| ctx.cancel_timer(timer).is_ok());
                self.got.push(u64::from(cancelled == Some(true)));
            }
            Deed::Emit => ctx.emit("sum", &self.sum)?,
            Deed::Draw => self.got.push(ctx.random_u64()),
            Deed::Look => self.got.push(ctx.budget_left().messages),
            Deed::Log => ctx.log(refit_abi::Level::Info, "a line"),
        }
        Ok(())
    }
}

macro_rules! engine {
    ($(#[$derive:meta])* $name:ident, $kind:literal, $rollback:literal) => {
        $(#[$derive])*
        #[derive(State, Serialize, Deserialize)]
        struct $name {
            memory: Memory,
        }

        impl Engine for $name {
            const KIND: &'static str = $kind;
            const ROLLBACK: bool = $rollback;
            type Config = ();
            type Message = Message;
            type Reply = u64;
            type Query = ();
            type Answer = Memory;

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                let memory = Memory::default();
                Ok(Self { memory })
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                _: Sender,
                message: Message,
            ) -> Result<u64, Fault> {
                self.memory.handle::<Self>(ctx, message)
            }

            fn query(&self, (): ()) -> Result<Memory, Fault> {
                Ok(self.memory.clone())
            }

            fn undelivered(&mut self, _: &mut Context<'_>, to: EngineId, reason: Undelivered) {
                self.memory.told.push((to, format!("{reason:?}")));
            }
        }
    };
}
engine!(
    #[derive(Clone)]
    Cloned,
    "cloned",
    true
);
engine!(Encoded, "encoded", true);
engine!(Plain, "plain", false);

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

fn id() -> EngineId {
    EngineId::root("one").unwrap()
}

/// A node of one engine of `kind`.
fn node(kind: &str) -> Executor {
    node_with(kind, &())
}

fn node_with<C: Serialize>(kind: &str, config: &C) -> Executor {
    let module = Module::linked(module()).unwrap();
    let mut executor = Executor::new(GenerationTable::first(module.kinds().collect()));
    let config = (Codec::Postcard, &postcard(config)[..]);
    executor.start(id(), kind, config, frame(0)).unwrap();
    executor
}

/// Executes the messages as one block.
fn run<M: Serialize>(executor: &mut Executor, messages: &[M]) -> BlockOutcome {
    let ingress = |message: &M| Ingress {
        engine: id(),
        client: client("tester"),
        share: refit_kernel::Share::default(),
        sequence: None,
        codec: Codec::Json,
        payload: serde_json::to_vec(message).unwrap(),
    };
    let messages = messages.iter().map(ingress).collect();
    let height = executor.height().0 + 1;
    executor.execute(&Helpers::none(), block(height, messages))
}

fn memory(executor: &Executor) -> Memory {
    let answer = executor.query(id(), Codec::Json, b"null").unwrap();
    serde_json::from_slice(&answer).unwrap()
}

fn poison(executor: &Executor) -> Option<Poison> {
    match executor.statuses(1).remove(0).state {
        EngineState::Poisoned(poison) => Some(poison),
        EngineState::Live => None,
    }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    use Deed::{Cancel, Draw, Emit, Log, Look, Send, Spawn, Timer};
    let deed = prop::sample::select(vec![Send, Spawn, Timer, Cancel, Emit, Draw, Look, Log]);
    prop::collection::vec(deed, 0..5)
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let ends = vec![End::Done, End::Done, End::Fault, End::Panic];
    let message = (0..9_u64, deeds(), prop::sample::select(ends));
    let message = message.prop_map(|(add, deeds, end)| Message { add, deeds, end });
    prop::collection::vec(message, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_fails_leaves_no_trace_in_state_outputs_timers_and_counters(
        blocks in prop::collection::vec(messages(), 1..4),
    ) {
        for kind in ["cloned", "encoded"] {
            let (mut rolls, mut plain) = (node(kind), node("plain"));
            for messages in &blocks {
                let fails = |message: &&Message| message.end != End::Done;
                let failed = messages.iter().filter(fails).count();
                let spared: Vec<_> = messages.iter().cloned().map(|mut message| {
                    if fails(&&message) {
                        message.end = End::Nothing;
                    }
                    message
                }).collect();
                let (out, expected) = (run(&mut rolls, messages), run(&mut plain, &spared));
                prop_assert_eq!(&out.events, &expected.events);
                prop_assert_eq!(out.stats.spawned, expected.stats.spawned);
                prop_assert_eq!(out.stats.faults + out.stats.rolled_back, failed as u64);
                prop_assert_eq!(out.stats.poisoned, 0);
                prop_assert_eq!(out.next_timer_height, expected.next_timer_height);
                for (message, reply) in messages.iter().zip(&out.replies) {
                    let as_told = match (message.end, &reply.outcome) {
                        (End::Fault, Err(ReplyError::Fault(fault))) => fault.code == "told-to-fail",
                        (End::Panic, Err(ReplyError::RolledBack { text, .. })) => text == "told to panic",
                        (End::Done, Ok(_)) => true,
                        _ => false,
                    };
                    prop_assert!(as_told, "{:?} {:?}", message.end, reply);
                }
                prop_assert_eq!(memory(&rolls), memory(&plain));
            }
        }
    }
}

#[test]
fn each_message_of_a_batch_runs_at_most_twice_however_many_fail() {
    let lines = |fail: bool| {
        let end = if fail { End::Fault } else { End::Done };
        let (add, deeds) = (1, vec![Deed::Emit; 3]);
        Message { add, deeds, end }
    };
    // Were every failure to run all messages before it again, this would be 4 million.
    let messages: Vec<_> = (0..4_000).map(|place| lines(place % 2 == 1)).collect();
    let mut executor = node("cloned");
    let began = std::time::Instant::now();
    let out = run(&mut executor, &messages);
    assert_eq!((out.stats.faults, out.events.len()), (2_000, 6_000));
    assert_eq!(memory(&executor).sum, 2_000);
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn an_engine_that_does_other_things_the_second_time_is_poisoned_and_told_why() {
    let mut executor = node("fickle");
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
