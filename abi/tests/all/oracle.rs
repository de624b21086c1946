//! `derive(Migrate)` against an oracle: for random old states, both halves of the derived step, run
//! through a module's own table as the node runs them, give the bytes of a migration that is written
//! by hand here with no macro at all.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use refit_abi::host::{Bus, CallError, Instance, Kind, Migration, Module};
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Migrate, Sender, Serialize, State,
    StateKey, UpgradeBus,
};
use std::collections::{BTreeMap, VecDeque};

/// As it was published.
mod v1 {
    use super::*;

    #[derive(State, StateKey, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Key(pub(super) u8, pub(super) String);

    #[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(super) enum Entry {
        Empty,
        Text(String),
        Nested {
            inner: Vec<Entry>,
            until: Option<Height>,
        },
    }

    #[derive(State, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Kv {
        pub(super) entries: BTreeMap<Key, Entry>,
        pub(super) queue: VecDeque<(u64, Box<[u8]>)>,
        pub(super) r#type: String,
        pub(super) hits: u32,
        pub(super) misses: u32,
        pub(super) label: Result<String, i64>,
        pub(super) obsolete: Vec<String>,
    }
}

/// The largest sum of `hits` and `misses` that the migration takes.
const LOOKUPS_MAX: u64 = u32::MAX as u64;

/// Every kind of field: moved, moved in another place, renamed, defaulted, given, computed.
#[derive(State, Migrate, Clone, Debug, Serialize, Deserialize)]
#[migrate(from = v1::Kv, drop(hits, misses, obsolete))]
struct Kv {
    queue: VecDeque<(u64, Box<[u8]>)>,
    entries: BTreeMap<v1::Key, v1::Entry>,
    #[migrate(rename = "type")]
    kind: String,
    #[migrate(rename = "label")]
    r#match: Result<String, i64>,
    #[migrate(default)]
    writes: Option<u128>,
    #[migrate(default = vec![7; 3])]
    limits: Vec<u16>,
    #[migrate(with = lookups)]
    lookups: u64,
    #[migrate(with = longest)]
    longest: (EngineId, Height, String),
}

fn lookups(old: &v1::Kv, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    let sum = u64::from(old.hits) + u64::from(old.misses);
    if sum > LOOKUPS_MAX {
        return Err(Fault::new("too-many-lookups", format!("{sum} lookups")));
    }
    Ok(sum)
}

fn longest(old: &v1::Kv, bus: &mut UpgradeBus<'_>) -> Result<(EngineId, Height, String), Fault> {
    let longest = old
        .obsolete
        .iter()
        .max_by_key(|name| name.len())
        .cloned()
        .unwrap_or_default();
    bus.log(&longest);
    Ok((bus.id(), bus.height(), longest))
}

/// The whole migration, by hand.
fn oracle(old: v1::Kv, id: EngineId, height: Height) -> Result<Kv, String> {
    let lookups = old.hits as u64 + old.misses as u64;
    if lookups > LOOKUPS_MAX {
        return Err("too-many-lookups".to_owned());
    }
    let mut longest = String::new();
    for name in old.obsolete {
        if name.len() >= longest.len() {
            longest = name;
        }
    }
    Ok(Kv {
        queue: old.queue,
        entries: old.entries,
        kind: old.r#type,
        r#match: old.label,
        writes: None,
        limits: vec![7, 7, 7],
        lookups,
        longest: (id, height, longest),
    })
}

/// No function: nothing runs in the pause.
#[derive(State, Migrate, Clone, Debug, Serialize, Deserialize)]
#[migrate(from = v1::Kv, drop(queue, r#type, hits, misses, label, obsolete))]
struct Plain {
    entries: BTreeMap<v1::Key, v1::Entry>,
    #[migrate(default)]
    count: u64,
    #[migrate(default = "plain".to_owned())]
    name: String,
}

/// A step by hand that composes with a derived one.
#[derive(State, Clone, Debug, Serialize, Deserialize)]
struct Wrapped {
    kv: Kv,
}

impl Migrate for Wrapped {
    type From = v1::Kv;

    fn migrate(old: &v1::Kv, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        Ok(Self {
            kv: Kv::migrate(old, bus)?,
        })
    }
}

macro_rules! engines {
    ($($state:ident = $kind:literal),*) => {$(
        impl Engine for $state {
            const KIND: &'static str = $kind;
            type Config = ();
            type Message = ();
            type Reply = ();
            type Query = ();
            type Answer = ();

            fn init(_: (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Err(Fault::new("not-started", "these engines are only migrated"))
            }
            fn handle(&mut self, _: &mut Context<'_>, _: Sender, _: ()) -> Result<(), Fault> {
                Ok(())
            }
            fn query(&self, _: ()) -> Result<(), Fault> {
                Ok(())
            }
        }
    )*};
}
use v1::Kv as First;
engines!(
    First = "first",
    Kv = "kv",
    Plain = "plain",
    Wrapped = "wrapped"
);
refit_abi::export_engines!(First, Kv, Plain, Wrapped);

/// Remembers what a transition logs.
#[derive(Default)]
struct Lines(Vec<String>);

impl Bus for Lines {
    fn cancelled(&self) -> bool {
        false
    }

    fn log(&mut self, _: u8, line: &str) {
        self.0.push(line.to_owned());
    }
}

fn engine() -> (EngineId, Height) {
    (EngineId::root("oracle").unwrap(), Height(41))
}

fn kind(name: &str) -> (Kind, Migration) {
    let kind = Module::linked(module()).unwrap().kind(name).unwrap();
    let step = kind.migration_from_schema(v1::Kv::schema_id()).unwrap();
    (kind, step)
}

fn bytes_of(kind: &Kind, new: Instance) -> Vec<u8> {
    let mut bytes = Vec::new();
    kind.encode(&new, &mut bytes).unwrap();
    kind.discard(new).unwrap();
    bytes
}

/// Runs both halves; the new state's bytes, and what was logged.
fn migrate(name: &str, old: &v1::Kv) -> Result<(Vec<u8>, Vec<String>), CallError> {
    let ((kind, step), (id, height)) = (kind(name), engine());
    let before = postcard::to_stdvec(old).unwrap();
    let instance = step.decode_old(&before).unwrap();
    let mut lines = Lines::default();
    match step.prepare(id, height, &instance, &mut lines) {
        Ok(prepared) => {
            let settled = step.settle(instance, prepared).unwrap().unwrap();
            settled
                .rest
                .into_iter()
                .for_each(|rest| step.discard_rest(rest));
            Ok((bytes_of(&kind, settled.state), lines.0))
        }
        Err(error) => {
            step.discard_old(instance).unwrap();
            Err(error)
        }
    }
}

fn entry() -> impl Strategy<Value = v1::Entry> {
    let leaf = prop_oneof![
        Just(v1::Entry::Empty),
        any::<String>().prop_map(v1::Entry::Text)
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let until = proptest::option::of(any::<u64>().prop_map(Height));
        (vec(inner, 0..3), until).prop_map(|(inner, until)| v1::Entry::Nested { inner, until })
    })
}

fn old() -> impl Strategy<Value = v1::Kv> {
    let key = any::<(u8, String)>().prop_map(|(n, text)| v1::Key(n, text));
    let queue = vec(any::<(u64, Vec<u8>)>(), 0..4);
    let label = prop_oneof![any::<String>().prop_map(Ok), any::<i64>().prop_map(Err)];
    // Now and then a sum that the migration refuses.
    let counts = prop_oneof![4 => (0..1000_u32, 0..1000_u32), 1 => any::<(u32, u32)>()];
    (
        btree_map(key, entry(), 0..8),
        queue,
        any::<String>(),
        counts,
        label,
        vec(any::<String>(), 0..4),
    )
        .prop_map(
            |(entries, queue, r#type, (hits, misses), label, obsolete)| v1::Kv {
                entries,
                queue: queue
                    .into_iter()
                    .map(|(n, bytes)| (n, bytes.into()))
                    .collect(),
                r#type,
                hits,
                misses,
                label,
                obsolete,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_halves_give_what_the_oracle_gives(old in old()) {
        let (id, height) = engine();
        match (migrate("kv", &old), oracle(old, id, height)) {
            (Ok((bytes, lines)), Ok(wanted)) => {
                prop_assert_eq!(bytes, postcard::to_stdvec(&wanted).unwrap());
                prop_assert_eq!(lines, vec![wanted.longest.2]);
            }
            (Err(CallError::Fault(fault)), Err(code)) => prop_assert_eq!(fault.code, code),
            (derived, wanted) => prop_assert!(false, "{derived:?} is not {wanted:?}"),
        }
    }

    #[test]
    fn the_whole_function_gives_what_the_two_halves_give(old in old()) {
        // `Wrapped` has one field, so its bytes are those of the field.
        match (migrate("wrapped", &old), migrate("kv", &old)) {
            (Ok(whole), Ok(halves)) => prop_assert_eq!(whole, halves),
            (Err(whole), Err(halves)) => prop_assert_eq!(whole.to_string(), halves.to_string()),
            (whole, halves) => prop_assert!(false, "{whole:?} is not {halves:?}"),
        }
    }

    #[test]
    fn a_step_of_defaults_only_needs_no_first_half(old in old()) {
        let (kind, step) = kind("plain");
        prop_assert!(step.defaults_only());
        step.trial().unwrap();
        let instance = step.decode_old(&postcard::to_stdvec(&old).unwrap()).unwrap();
        let settled = step.settle_defaults(instance).unwrap().unwrap();
        settled.rest.into_iter().for_each(|rest| step.discard_rest(rest));
        let wanted = Plain { entries: old.entries, count: 0, name: "plain".to_owned() };
        prop_assert_eq!(bytes_of(&kind, settled.state), postcard::to_stdvec(&wanted).unwrap());
    }
}

#[test]
fn the_descriptor_says_what_becomes_of_each_field() {
    let (_, step) = kind("kv");
    let described = step.descriptor();
    assert_eq!(described.moved, ["queue", "entries", "kind", "match"]);
    assert_eq!(described.fresh, ["writes", "limits", "lookups", "longest"]);
    assert_eq!(described.dropped, ["hits", "misses", "obsolete"]);
    assert!(!described.by_hand && !described.defaults_only && !step.defaults_only());
    assert!(kind("wrapped").1.descriptor().by_hand);
}

#[test]
fn a_state_without_a_transition_has_no_step() {
    let first = Module::linked(module()).unwrap().kind("first").unwrap();
    assert!(first.descriptor().migrations.is_empty());
}
