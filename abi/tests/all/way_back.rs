//! A kind's state goes back to every older version that an unbroken chain of ways back leads to, and a module's
//! function over a snapshot runs behind the same seam.

use refit_abi::host::{BlockFrame, Bus, CallError, Instance, Kind, Module, NoServices};
use refit_abi::raw::Codec;
use refit_abi::schema::SchemaId;
use refit_abi::{
    Context, Deserialize, Engine, EngineId, Fault, Height, Migrate, MigrateBack, Sender, Serialize,
    State, UpgradeBus,
};

/// The versions' history: 1 → 2 → 3 → 4 forward; back 4 → 3 → 2, and no further.
mod versions {
    use super::*;

    #[derive(Debug, PartialEq, Eq, State, Serialize, Deserialize)]
    pub(crate) struct V1 {
        pub(crate) n: u8,
    }

    #[derive(Debug, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
    #[migrate(from = V1, drop(n))]
    pub(crate) struct V2 {
        #[migrate(with = from_1)]
        pub(crate) n: u16,
    }

    #[derive(Debug, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
    #[migrate(from = V2, drop(n))]
    pub(crate) struct V3 {
        #[migrate(with = from_2)]
        pub(crate) n: u32,
    }

    #[derive(Debug, PartialEq, Eq, State, Migrate, Serialize, Deserialize)]
    #[migrate(from = V3, drop(n))]
    pub(crate) struct V4 {
        #[migrate(with = from_3)]
        pub(crate) n: u64,
    }

    fn from_1(old: &V1, _: &mut UpgradeBus<'_>) -> Result<u16, Fault> {
        Ok(old.n.into())
    }

    fn from_2(old: &V2, _: &mut UpgradeBus<'_>) -> Result<u32, Fault> {
        Ok(old.n.into())
    }

    fn from_3(old: &V3, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
        Ok(old.n.into())
    }

    fn narrow<A: TryInto<B>, B>(wide: A) -> Result<B, Fault> {
        wide.try_into()
            .map_err(|_| Fault::new("too-large", "no older form").at("n"))
    }

    impl MigrateBack for V4 {
        fn migrate_back(new: &Self, bus: &mut UpgradeBus<'_>) -> Result<V3, Fault> {
            bus.log("4 to 3");
            assert!(new.n != 13, "told to panic");
            Ok(V3 { n: narrow(new.n)? })
        }
    }

    impl MigrateBack for V3 {
        fn migrate_back(new: &Self, bus: &mut UpgradeBus<'_>) -> Result<V2, Fault> {
            bus.log("3 to 2");
            Ok(V2 { n: narrow(new.n)? })
        }
    }

    impl Engine for V4 {
        const KIND: &'static str = "number";
        type Config = u64;
        type Message = ();
        type Reply = ();
        type Query = ();
        type Answer = ();

        fn init(n: u64, _: &mut Context<'_>) -> Result<Self, Fault> {
            Ok(Self { n })
        }

        fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
            Ok(())
        }

        fn query(&self, (): ()) -> Result<(), Fault> {
            Ok(())
        }
    }

    /// Turns a snapshot around.
    pub(crate) fn reversed(snapshot: &[u8]) -> Result<Vec<u8>, Fault> {
        match snapshot {
            [] => Err(Fault::new("empty", "there is nothing to turn around")),
            [13, ..] => panic!("told to panic"),
            bytes => Ok(bytes.iter().rev().copied().collect()),
        }
    }

    refit_abi::export_engines!(V4; snapshot = reversed);
}

/// The same engine in a module without a function over a snapshot.
mod plain {
    use super::versions::V4;

    refit_abi::export_engines!(V4);
}

use versions::{V1, V2, V3};

/// Keeps the lines.
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

fn id() -> EngineId {
    EngineId::root("number").unwrap()
}

fn started(kind: &Kind, n: u64) -> Instance {
    let config = n.to_string();
    let config = (Codec::Json, config.as_bytes());
    kind.init(id(), config, BlockFrame::default(), &mut NoServices)
        .unwrap()
}

/// The older state, and what was said on the bus.
fn back(n: u64, wanted: SchemaId) -> (Result<Vec<u8>, CallError>, Vec<String>) {
    let module = Module::linked(versions::module()).unwrap();
    let kind = module.kind("number").unwrap();
    let (state, mut bus, mut out) = (started(&kind, n), Lines::default(), vec![0xee]);
    let frame = (id(), Height(7));
    let outcome = kind.migrate_back(&state, wanted, frame, &mut bus, &mut out);
    kind.discard(state).unwrap();
    // What was there stays; a failure adds nothing to it.
    assert_eq!(out.remove(0), 0xee);
    assert!(outcome.is_ok() || out.is_empty());
    (outcome.map(|()| out), bus.0)
}

fn read<T: State>(bytes: &[u8]) -> T {
    postcard::from_bytes(bytes).unwrap()
}

#[test]
fn a_state_goes_back_one_version_and_several_as_far_as_the_chain_goes() {
    let (three, said) = back(300, V3::schema_id());
    assert_eq!(read::<V3>(&three.unwrap()), V3 { n: 300 });
    assert_eq!(said, ["4 to 3"]);
    let (two, said) = back(300, V2::schema_id());
    assert_eq!(read::<V2>(&two.unwrap()), V2 { n: 300 });
    assert_eq!(said, ["4 to 3", "3 to 2"]);
    // Version 2 has no way back: the chain ends there.
    let (one, said) = back(300, V1::schema_id());
    assert!(matches!(one, Err(CallError::Rejected { .. })), "{one:?}");
    assert!(said.is_empty());
}

#[test]
fn the_descriptor_says_how_far_back_a_kind_goes() {
    let module = Module::linked(versions::module()).unwrap();
    let ways = &module.descriptor().kinds[0].ways_back;
    let ways: Vec<_> = ways.iter().map(|way| (way.to, way.steps)).collect();
    assert_eq!(ways, [(V3::schema_id(), 1), (V2::schema_id(), 2)]);
}

#[test]
fn a_state_without_an_older_form_is_the_authors_fault_and_a_panic_stays_behind_the_seam() {
    let (refused, _) = back(70_000, V2::schema_id());
    let Err(CallError::Fault(fault)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (fault.code.as_str(), fault.key.as_deref()),
        ("too-large", Some("n"))
    );
    // To version 3 it does go.
    assert!(back(70_000, V3::schema_id()).0.is_ok());
    let (panicked, _) = back(13, V3::schema_id());
    assert!(matches!(panicked, Err(CallError::Panicked { text }) if text == "told to panic"));
}

#[test]
fn a_modules_function_over_a_snapshot_takes_bytes_and_gives_bytes_or_says_why_not() {
    let module = Module::linked(versions::module()).unwrap();
    assert!(module.descriptor().transforms_snapshot);
    assert_eq!(module.transform_snapshot(&[1, 2, 3]), Ok(vec![3, 2, 1]));
    let fault = Fault::new("empty", "there is nothing to turn around");
    assert_eq!(module.transform_snapshot(&[]), Err(CallError::Fault(fault)));
    let panicked = module.transform_snapshot(&[13, 1]);
    assert!(matches!(panicked, Err(CallError::Panicked { text }) if text == "told to panic"));
    let without = Module::linked(plain::module()).unwrap();
    assert!(!without.descriptor().transforms_snapshot);
    let refused = without.transform_snapshot(&[1]);
    assert!(
        matches!(refused, Err(CallError::Rejected { .. })),
        "{refused:?}"
    );
}
