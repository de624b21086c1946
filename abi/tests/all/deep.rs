//! Values of recursive types as deep as an author's data: written, read, copied, settled and dropped, or
//! refused in so many words; no stack overflows, whatever its size. (A failure of these tests may be the
//! end of their process.)

use refit_abi::derived::{let_go, may_drop};
use refit_abi::host::{
    BlockFrame, Bus, CallError, HandleContext, Instance, Kind, Module, Services, Wanted, leaked,
};
use refit_abi::raw::{CallStatus, Codec, Delivery, DeliveryKind, HostStatus, RawBudget};
use refit_abi::schema::SchemaId;
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Migrate, Sender, Serialize, State,
    TimerAt, TimerId,
};
use std::collections::{BTreeMap, VecDeque};
use std::mem::forget;

macro_rules! shapes {
    ($($name:ident { $inside:ty } = $wrap:expr;)*) => {$(
        #[derive(Default, State, Serialize, Deserialize)]
        struct $name { inside: $inside, value: u64 }

        impl Deep for $name {
            fn around(inside: Self) -> Self {
                let wrap: fn(Self) -> $inside = $wrap;
                Self { inside: wrap(inside), value: 7 }
            }
        }
    )*};
}

/// A recursive type whose values are made without recursion.
trait Deep: State + Default {
    fn around(inside: Self) -> Self;

    fn of(levels: usize) -> Self {
        (0..levels).fold(Self::default(), |inside, _| Self::around(inside))
    }
}

shapes! {
    List { Option<Box<List>> } = |inside| Some(Box::new(inside));
    Tree { Vec<Tree> } = |inside| vec![inside];
    Deque { VecDeque<Deque> } = |inside| VecDeque::from([inside]);
    Slice { Box<[Slice]> } = |inside| Box::new([inside]);
    Map { BTreeMap<u64, Map> } = |inside| BTreeMap::from([(1, inside)]);
    Pair { Option<Box<(u8, Result<Pair, String>)>> } = |inside| Some(Box::new((1, Ok(inside))));
    Wide { Option<Box<[Vec<Wide>; 4]>> } =
        |inside| Some(Box::new([Vec::new(), Vec::new(), vec![inside], Vec::new()]));
}

#[derive(Default, State, Serialize, Deserialize)]
enum Leaf {
    #[default]
    End,
    Left(u64, Box<Leaf>),
    Right {
        inside: Box<Leaf>,
    },
}

impl Deep for Leaf {
    fn around(inside: Self) -> Self {
        match inside {
            Leaf::Left(..) | Leaf::End => Leaf::Right {
                inside: Box::new(inside),
            },
            Leaf::Right { .. } => Leaf::Left(1, Box::new(inside)),
        }
    }
}

/// On a thread of `bytes` of stack.
fn on_stack<T: Send + 'static>(bytes: usize, run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(bytes);
    thread.spawn(run).unwrap().join().unwrap()
}

/// The deepest value that may be dropped on this thread, to the nearest 32 levels.
fn deepest<T: Deep>() -> usize {
    let allowed = |levels| {
        let value = T::of(levels);
        let allowed = may_drop(&value);
        forget(value);
        allowed
    };
    let (mut low, mut high) = (0, 64);
    while allowed(high) {
        (low, high) = (high, high * 2);
    }
    while high - low > 32 {
        let middle = low.midpoint(high);
        match allowed(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

fn the_deepest_is_dropped<T: Deep>() {
    let levels = on_stack(1 << 20, || {
        let levels = deepest::<T>();
        assert!(let_go(T::of(levels)), "what may be dropped is");
        assert!(!let_go(T::of(levels + 64)), "what may not is leaked");
        levels
    });
    assert!(levels > 64, "{levels} levels");
}

#[test]
fn what_a_walk_allows_to_be_dropped_does_not_overflow_in_any_shape() {
    the_deepest_is_dropped::<List>();
    the_deepest_is_dropped::<Tree>();
    the_deepest_is_dropped::<Deque>();
    the_deepest_is_dropped::<Slice>();
    the_deepest_is_dropped::<Map>();
    the_deepest_is_dropped::<Pair>();
    the_deepest_is_dropped::<Wide>();
    the_deepest_is_dropped::<Leaf>();
}

macro_rules! engine {
    ($kind:literal: $state:ty) => {
        impl Engine for $state {
            const KIND: &'static str = $kind;
            type Config = u64;
            type Message = List;
            type Reply = List;
            type Query = u64;
            type Answer = List;

            fn init(levels: u64, _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self::made(levels as usize))
            }

            /// Sends on what comes, and gives it back in a longer list.
            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                _: Sender,
                list: List,
            ) -> Result<List, Fault> {
                ctx.send(ctx.id(), &list)?;
                Ok(List::around(list))
            }

            fn query(&self, levels: u64) -> Result<List, Fault> {
                Ok(List::of(levels as usize))
            }
        }
    };
}

mod v1 {
    use super::{Deserialize, List, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    pub(super) struct Chain {
        pub(super) kept: List,
        pub(super) dropped: List,
        pub(super) levels: u64,
    }
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = v1::Chain, drop(dropped))]
struct Chain {
    kept: List,
    levels: u64,
    #[migrate(default)]
    added: List,
}

impl Chain {
    fn made(levels: usize) -> Self {
        Self {
            kept: List::of(levels),
            levels: levels as u64,
            added: List::default(),
        }
    }
}

impl v1::Chain {
    fn made(levels: usize) -> Self {
        Self {
            kept: List::of(levels),
            dropped: List::of(levels),
            levels: levels as u64,
        }
    }
}

engine!("chain-one": v1::Chain);
engine!("chain": Chain);

refit_abi::export_engines!(v1::Chain, Chain);

/// Collects replies and what is sent.
#[derive(Default)]
struct Outbox {
    sent: Vec<Vec<u8>>,
    replies: Vec<(CallStatus, Vec<u8>)>,
}

impl Services for Outbox {
    fn send(&mut self, _: usize, _: EngineId, _: SchemaId, payload: &[u8]) -> HostStatus {
        self.sent.push(payload.to_vec());
        HostStatus::Ok
    }

    fn spawn(&mut self, _: usize, _: Wanted<'_>) -> Result<EngineId, HostStatus> {
        Err(HostStatus::Unknown)
    }

    fn stop(&mut self, _: usize, _: EngineId) -> HostStatus {
        HostStatus::Unknown
    }

    fn timer(
        &mut self,
        _: usize,
        _: TimerAt,
        _: SchemaId,
        _: &[u8],
    ) -> Result<TimerId, HostStatus> {
        Err(HostStatus::Past)
    }

    fn cancel_timer(&mut self, _: usize, _: TimerId) -> HostStatus {
        HostStatus::Unknown
    }

    fn budget_left(&self, _: usize) -> RawBudget {
        panic!("nobody asks")
    }

    fn log(&mut self, _: u8, _: &str) {}

    fn emit(&mut self, _: usize, _: &str, _: &[u8]) -> HostStatus {
        HostStatus::Ok
    }

    fn reply(&mut self, _: usize, status: CallStatus, bytes: &[u8]) {
        self.replies.push((status, bytes.to_vec()));
    }
}

impl Bus for Outbox {
    fn cancelled(&self) -> bool {
        false
    }

    fn log(&mut self, _: u8, _: &str) {}
}

fn kind(name: &str) -> Kind {
    Module::linked(module()).unwrap().kind(name).unwrap()
}

fn id() -> EngineId {
    EngineId::root("deep").unwrap()
}

fn made(kind: &Kind, levels: u64) -> Instance {
    let config = postcard::to_allocvec(&levels).unwrap();
    let config = (Codec::Postcard, config.as_slice());
    let frame = BlockFrame::default();
    kind.init(id(), config, frame, &mut Outbox::default())
        .unwrap()
}

/// Deeper than any thread but the large one allows, in a debug build and in a release build.
const DEEP: u64 = 150_000;

#[test]
fn a_deep_state_is_written_read_and_dropped_on_a_small_stack() {
    on_stack(1 << 20, || {
        let (kind, before) = (kind("chain"), leaked());
        let state = made(&kind, DEEP);
        let (mut bytes, mut again) = (Vec::new(), Vec::new());
        kind.encode(&state, &mut bytes).unwrap();
        let copy = kind.decode(&bytes).unwrap();
        kind.encode(&copy, &mut again).unwrap();
        assert!(bytes == again, "it reads back as it was");
        assert_eq!(kind.witness(&state), kind.witness(&copy));
        kind.discard(state).unwrap();
        kind.discard(copy).unwrap();
        assert_eq!(leaked(), before);
    });
}

#[test]
fn what_is_too_deep_for_every_stack_is_refused_and_leaked_and_nothing_ends() {
    let levels = 1_500_000;
    on_stack(1 << 20, move || {
        // Without a system that gives large stacks: the module's own word.
        let kind = kind("chain");
        let state = made(&kind, levels);
        let mut bytes = Vec::new();
        match kind.encode(&state, &mut bytes) {
            Ok(()) => {}
            Err(error) => assert_eq!((error, bytes.len()), (CallError::TooDeep, 0)),
        }
        kind.discard(state).unwrap();
    });
}

#[test]
fn a_step_moves_what_is_deep_and_drops_the_rest() {
    on_stack(1 << 20, || {
        let (old, new) = (kind("chain-one"), kind("chain"));
        let state = made(&old, DEEP);
        let step = new.migration_from(state.tag()).unwrap();
        assert!(step.defaults_only());
        let settled = step.settle_defaults(state).unwrap().unwrap();
        let mut bytes = Vec::new();
        new.encode(&settled.state, &mut bytes).unwrap();
        new.discard(settled.state).unwrap();
        settled
            .rest
            .into_iter()
            .for_each(|rest| step.discard_rest(rest));

        let state = made(&old, DEEP);
        let prepared = step.prepare(id(), Height(1), &state, &mut Outbox::default());
        step.discard(prepared.unwrap());
        let whole = step.whole(id(), Height(1), &state, &mut Outbox::default());
        // The copy is made where the step runs, which is the crew's stack.
        assert!(whole.unwrap_err().is_too_deep());
        old.discard(state).unwrap();
    });
}

#[test]
fn a_step_drops_what_it_does_not_need_when_it_runs_on_a_crews_stack() {
    on_stack(64 << 20, || {
        let (old, new) = (kind("chain-one"), kind("chain"));
        let state = made(&old, 50_000);
        let step = new.migration_from(state.tag()).unwrap();
        let whole = step.whole(id(), Height(1), &state, &mut Outbox::default());
        new.discard(whole.unwrap()).unwrap();
        old.discard(state).unwrap();
    });
}

#[test]
fn deep_messages_replies_and_answers_are_refused_in_words() {
    on_stack(1 << 20, || {
        let kind = kind("chain");
        let mut state = made(&kind, 1);
        let shallow = postcard::to_allocvec(&List::of(100)).unwrap();
        // As many levels as there are bytes.
        let deep = [1_u8].repeat(2_000_000);
        for (payload, refused) in [(shallow, false), (deep, true)] {
            let mut outbox = Outbox::default();
            let mut context = HandleContext::new(id(), BlockFrame::default(), 0, &mut outbox);
            let delivery = Delivery {
                sender: Sender::Engine(id()).into(),
                sequence: 0,
                schema: List::schema_id(),
                codec: Codec::Postcard,
                kind: DeliveryKind::Message,
                wants_reply: true,
                payload: payload.as_slice().into(),
            };
            let outcome = kind.handle(&mut state, &[delivery], &mut context).unwrap();
            assert_eq!(outcome.status, CallStatus::Ok);
            let (status, text) = &outbox.replies[0];
            let text = String::from_utf8_lossy(text);
            assert_eq!(
                *status == CallStatus::Rejected,
                refused,
                "{status:?} {text}"
            );
            assert_eq!(text.contains("deeper than a thread's stack"), refused);
            assert_eq!(outbox.sent.len(), usize::from(!refused));
        }
        for codec in [Codec::Postcard, Codec::Json] {
            let ask = |levels: u64| {
                let query = match codec {
                    Codec::Postcard => postcard::to_allocvec(&levels).unwrap(),
                    Codec::Json => levels.to_string().into_bytes(),
                };
                kind.query(&state, codec, &query, &mut Vec::new())
            };
            assert_eq!(ask(100), Ok(()));
            match ask(1_000_000) {
                Err(CallError::Fault(fault)) => assert_eq!(fault.code, "answer-not-written"),
                other => panic!("{other:?}"),
            }
        }
        kind.discard(state).unwrap();
    });
}

#[test]
fn only_recursive_types_are_looked_at() {
    let deep = |nature: refit_abi::schema::Nature| nature.is_deep();
    assert!(deep(List::nature()) && deep(Leaf::nature()) && deep(<Vec<(u8, Tree)>>::nature()));
    assert!(!deep(
        <BTreeMap<String, Vec<(u64, Option<Height>)>>>::nature()
    ));
    let described = |name: &str| kind(name).descriptor().state.nature();
    assert!(described("chain").recursive && !described("chain").opaque);
}
