//! An older version comes back as the next generation, by the way back that the live code has.

use crate::bus::kinds::id;
use crate::bus::ops::{Birth, Core, Message, Told};
use crate::bus::world::{Crossed, UNBOUNDED, World};
use refit_abi::host::{CallError, Module};
use refit_abi::{
    Context, Deserialize, Engine, Fault, Migrate, MigrateBack, Sender, Serialize, State, UpgradeBus,
};
use refit_upgrade::{Armed, Class, Directives, Failure, Plan, Unwatched, Verdict};

macro_rules! engine {
    ($code:literal, $core:ident => $fresh:expr) => {
        impl Engine for Purse {
            const KIND: &'static str = "purse";
            type Config = Birth;
            type Message = Message;
            type Reply = Told;
            type Query = ();
            type Answer = Told;

            fn init(birth: Birth, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                let $core = Core::born(birth, ctx)?;
                Ok($fresh)
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                sender: Sender,
                message: Message,
            ) -> Result<Told, Fault> {
                self.core.handle($code, ctx, sender, message)
            }

            fn query(&self, (): ()) -> Result<Told, Fault> {
                Ok(self.core.told($code))
            }
        }
    };
}

mod v1 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Purse {
        pub(crate) core: Core,
    }
    engine!(1, core => Self { core });
    refit_abi::export_engines!(Purse);
}

mod v2 {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::v1::Purse)]
    pub(crate) struct Purse {
        pub(crate) core: Core,
        #[migrate(default = 7)]
        pub(crate) limit: u64,
    }
    engine!(2, core => Self { core, limit: 7 });

    impl MigrateBack for Purse {
        fn migrate_back(new: &Self, bus: &mut UpgradeBus<'_>) -> Result<v1::Purse, Fault> {
            // An older version that could not hold the money.
            if new.core.total > 1_000 {
                return Err(Fault::new("too-rich", "a purse of version 1 holds 1000"));
            }
            bus.log("back to 1");
            let core = new.core.clone();
            Ok(v1::Purse { core })
        }
    }
    refit_abi::export_engines!(Purse);
}

fn version(number: u32) -> Module {
    Module::linked(match number {
        1 => v1::module(),
        _ => v2::module(),
    })
    .unwrap()
}

fn to(world: &mut World, number: u32) -> Crossed {
    world.cross_with(&[version(number)], &Directives::default(), Unwatched)
}

fn at_version_2() -> World {
    let mut world = World::start(&version(1), &[("a", "purse"), ("b", "purse")], 2);
    world.ask(id("a"), Message::Add(10)).unwrap();
    let crossed = to(&mut world, 2);
    assert!(matches!(crossed.verdict, Verdict::Committed(_)));
    world
}

#[test]
fn an_older_version_goes_on_with_what_the_newer_one_did() {
    let mut world = at_version_2();
    world.ask(id("a"), Message::Add(5)).unwrap();
    let states = |world: &World| world.call(|executor| executor.encode_states().unwrap());
    let newer = states(&world);
    let crossed = to(&mut world, 1);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    let said: Vec<_> = crossed.lines.iter().map(|line| &line.line).collect();
    assert_eq!(said, ["back to 1", "back to 1"], "once for each engine");
    let told = world.look(id("a")).unwrap();
    assert_eq!((told.code, told.total), (1, 15));
    world.block(&[], UNBOUNDED);
    world.ask(id("b"), Message::Add(1)).unwrap();
    // It was born with 1.
    assert_eq!(world.look(id("b")).unwrap().total, 2);
    // And forward again: but for what was done since, everything is as it was.
    let crossed = to(&mut world, 2);
    assert!(matches!(crossed.verdict, Verdict::Committed(_)));
    let again = states(&world);
    assert_eq!(again.len(), newer.len());
    assert_eq!(format!("{:?}", again[0]), format!("{:?}", newer[0]));
    world.discard();
}

#[test]
fn a_state_that_has_no_older_form_aborts_the_way_back_and_nothing_changes() {
    let mut world = at_version_2();
    world.ask(id("b"), Message::Add(1_001)).unwrap();
    let crossed = to(&mut world, 1);
    let Verdict::Aborted { failure, .. } = &crossed.verdict else {
        panic!("{crossed:?}");
    };
    let Failure::Transition { engine, error } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(*engine, id("b"));
    assert!(
        matches!(error, CallError::Fault(fault) if fault.code == "too-rich"),
        "{error:?}"
    );
    let told = world.look(id("b")).unwrap();
    assert_eq!((told.code, told.total), (2, 1_002));
    world.ask(id("a"), Message::Add(1)).unwrap();
    world.discard();
}

#[test]
fn the_class_of_a_way_back_is_planned_and_armed_as_one() {
    let mut world = at_version_2();
    let table = world.call(|executor| executor.table());
    let old = [version(1)];
    let plan = Plan::at_hand(&table, &old, &Directives::default()).unwrap();
    assert_eq!(plan.class(), Class::MigrateBack);
    let [kind] = &plan.modules[0].kinds[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(
        kind.dropped,
        ["limit"],
        "the older version has no such field"
    );
    let armed = Armed::new(&plan, &table, &old).unwrap();
    assert_eq!(armed.classes()[0].class, Class::MigrateBack);
    drop((armed, table));
    to(&mut world, 1);
    world.discard();
}
