//! An engine of floats: `#[state(float)]` fields cross as memory, and a NaN is written as one NaN.

use crate::host::{asked, give, kind, started};
use refit_abi::{Context, Deserialize, Engine, Fault, Migrate, Sender, Serialize, State};
use std::collections::{BTreeMap, VecDeque};

pub(crate) mod v1 {
    use super::*;

    #[derive(State, Serialize, Deserialize)]
    pub(crate) struct Sample(#[state(float)] pub(crate) f64);

    #[derive(State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Mean {
        pub(crate) samples: Vec<Sample>,
        #[state(float)]
        pub(crate) by_sensor: BTreeMap<u8, (f32, Option<Box<f64>>)>,
        #[state(float)]
        pub(crate) recent: VecDeque<[f32; 2]>,
        #[state(float)]
        pub(crate) last: f64,
    }
}

/// As `v1` has it, declared once more.
#[derive(State, Serialize, Deserialize)]
struct Sample(#[state(float)] f64);

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Mean)]
pub(crate) struct Mean {
    samples: Vec<Sample>,
    #[state(float)]
    by_sensor: BTreeMap<u8, (f32, Option<Box<f64>>)>,
    #[state(float)]
    recent: VecDeque<[f32; 2]>,
    #[state(float)]
    last: f64,
    #[migrate(default = 0.5)]
    #[state(float)]
    weight: f64,
}

#[derive(State, Serialize, Deserialize)]
pub(crate) enum Message {
    Add(#[state(float)] f64),
    /// Adds the float with these bits.
    AddBits(u64),
}

#[derive(State, Serialize, Deserialize)]
pub(crate) struct Number(#[state(float)] f64);

macro_rules! engine {
    ($kind:literal: $state:ty { $($more:ident: $value:expr)? }, $sample:expr) => {
        impl Engine for $state {
            const KIND: &'static str = $kind;
            type Config = ();
            type Message = Message;
            type Reply = Number;
            type Query = ();
            type Answer = Number;

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self {
                    samples: Vec::new(),
                    by_sensor: BTreeMap::new(),
                    recent: VecDeque::new(),
                    last: 0.0,
                    $($more: $value)?
                })
            }

            fn handle(
                &mut self,
                _: &mut Context<'_>,
                _: Sender,
                message: Message,
            ) -> Result<Number, Fault> {
                let value = match message {
                    Message::Add(value) => value,
                    Message::AddBits(bits) => f64::from_bits(bits),
                };
                self.samples.push($sample(value));
                self.by_sensor.insert(1, (value as f32, Some(Box::new(value))));
                let single = f32::from_bits((value.to_bits() >> 32) as u32);
                self.recent.push_back([single, 1.5]);
                self.last = value;
                Ok(Number(value))
            }

            fn query(&self, (): ()) -> Result<Number, Fault> {
                Ok(Number(self.last))
            }
        }
    };
}
engine!("mean-one": v1::Mean {}, v1::Sample);
engine!("mean": Mean { weight: 0.5 }, Sample);

/// Two NaNs of other bits than `f64::NAN`, whose upper halves are NaNs of `f32`.
const NANS: [u64; 2] = [0x7ff8_0000_0000_0001, 0xffff_1234_5678_9abc];

fn encoded(kind: &refit_abi::host::Kind, state: &refit_abi::host::Instance) -> Vec<u8> {
    let mut bytes = Vec::new();
    kind.encode(state, &mut bytes).unwrap();
    bytes
}

#[test]
fn states_that_differ_in_the_bits_of_a_nan_have_equal_bytes() {
    let kind = kind("mean");
    let states = NANS.map(|bits| {
        let mut state = started(&kind, "null");
        give(&kind, &mut state, &[&format!(r#"{{"AddBits":{bits}}}"#)]);
        state
    });
    let [one, other] = &states;
    let bytes = encoded(&kind, one);
    assert_eq!(bytes, encoded(&kind, other));
    assert_eq!(kind.witness(one), kind.witness(other));
    let double = f64::NAN.to_le_bytes();
    let times = bytes.windows(double.len()).filter(|part| *part == double);
    assert_eq!(times.count(), 3, "a sample, that of a sensor, the last");
    let back = kind.decode(&bytes).unwrap();
    assert_eq!(encoded(&kind, &back), bytes);
    for state in states.into_iter().chain([back]) {
        kind.discard(state).unwrap();
    }
}

#[test]
fn a_state_of_floats_moves_by_memory_into_the_next_versions() {
    let (old, new) = (kind("mean-one"), kind("mean"));
    assert!(!old.descriptor().crosses_as_bytes && !new.descriptor().crosses_as_bytes);
    let mut state = started(&old, "null");
    give(&old, &mut state, &[r#"{"Add":0.1}"#, r#"{"Add":-0.0}"#]);
    let before = encoded(&old, &state);
    let step = new.migration_from(state.tag()).unwrap();
    assert!(step.defaults_only());
    let settled = step.settle_defaults(state).unwrap().unwrap().state;
    let after = encoded(&new, &settled);
    assert_eq!(after, [before, 0.5_f64.to_le_bytes().to_vec()].concat());
    assert_eq!(asked(&new, &settled, "null"), "-0.0");
    new.discard(settled).unwrap();
}

#[test]
fn what_json_cannot_say_of_a_float_is_refused_in_words() {
    let kind = kind("mean");
    let mut state = started(&kind, "null");
    let infinity = f64::INFINITY.to_bits();
    for bits in [NANS[0], infinity] {
        let (_, node) = give(&kind, &mut state, &[&format!(r#"{{"AddBits":{bits}}}"#)]);
        let reply = node.replies()[0];
        assert!(
            reply.contains("reply-not-written") && reply.contains("JSON cannot say"),
            "{reply}"
        );
        let answer = asked(&kind, &state, "null");
        assert!(answer.contains("answer-not-written"), "{answer}");
    }
    let (_, node) = give(&kind, &mut state, &[r#"{"Add":0.1}"#]);
    assert_eq!(node.replies(), ["reply 0 Ok 0.1"]);
    assert_eq!(asked(&kind, &state, "null"), "0.1");
    kind.discard(state).unwrap();
}
