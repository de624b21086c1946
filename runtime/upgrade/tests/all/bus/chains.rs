//! Steps that are run as one give what they give one by one: derived, by hand, through bytes, and while
//! they use the bus.

use crate::bus::kinds::{Fixed, Leaf, Tracked, id, tracked};
use crate::bus::ops::{Birth, Core, Message};
use crate::bus::world::{Crossed, UNBOUNDED, World, alone};
use refit_abi::host::Module;
use refit_abi::{
    Capability, Context, Deserialize, Engine, EngineId, Fault, Migrate, OnUpgrade, Sender,
    Serialize, State, UpgradeBus,
};
use refit_upgrade::{Armed, Class, Directives, Plan, Unwatched, Verdict};

const NEEDS: &[Capability] = &[
    Capability::Message("fixed"),
    Capability::Read("fixed"),
    Capability::Spawn("leaf"),
];

/// What every step does on the bus: logs, starts a leaf, tells its `fixed` engine and itself, and counts itself.
fn step(old: &Core, to: u64, bus: &mut UpgradeBus<'_>) -> Result<Core, Fault> {
    let mut core = old.clone();
    core.trail.push(format!("to {to}"));
    bus.log(&format!("to {to}"));
    let birth = Birth {
        number: core.total + to,
        ..Birth::default()
    };
    let leaf = bus.spawn::<Leaf>(&birth)?;
    core.trail.push(leaf.to_string());
    let fixed = id(&format!("fixed-{}", bus.id()));
    bus.send(fixed, &Message::Add(to))?;
    let told: crate::bus::ops::Told = bus.read(fixed, &())?;
    core.total += to + told.code as u64;
    bus.send(bus.id(), &Note(to))?;
    Ok(core)
}

/// The upgrade message.
#[derive(Debug, State, Serialize, Deserialize)]
pub(crate) struct Note(u64);

macro_rules! engine {
    ($code:literal, $core:ident => $fresh:expr) => {
        impl Engine for Long {
            const KIND: &'static str = "long";
            const NEEDS: &'static [Capability] = NEEDS;
            type Config = Birth;
            type Message = Message;
            type Reply = crate::bus::ops::Told;
            type Query = ();
            type Answer = crate::bus::ops::Told;

            fn init(birth: Birth, ctx: &mut Context<'_>) -> Result<Self, Fault> {
                let $core = Core::born(birth, ctx)?;
                Ok($fresh)
            }

            fn handle(
                &mut self,
                ctx: &mut Context<'_>,
                sender: Sender,
                message: Message,
            ) -> Result<crate::bus::ops::Told, Fault> {
                self.core.handle($code, ctx, sender, message)
            }

            fn query(&self, (): ()) -> Result<crate::bus::ops::Told, Fault> {
                Ok(self.core.told($code))
            }
        }

        impl OnUpgrade for Long {
            type Upgrade = Note;

            fn on_upgrade(
                &mut self,
                bus: &mut UpgradeBus<'_>,
                _: EngineId,
                Note(number): Note,
            ) -> Result<(), Fault> {
                self.noted += number;
                bus.log("noted");
                Ok(())
            }
        }
    };
}

mod v1 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Long {
        pub(crate) core: Core,
        pub(crate) noted: u64,
        pub(crate) dropped: String,
    }
    engine!(1, core => Self { core, noted: 0, dropped: "old".to_owned() });
    refit_abi::export_engines!(Long, Fixed, Leaf);
}

/// Derived, with a function that uses the bus, and a field of which only bytes cross.
mod v2 {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = super::v1::Long, drop(core, dropped))]
    pub(crate) struct Long {
        #[migrate(with = core)]
        pub(crate) core: Core,
        pub(crate) noted: u64,
        #[state(serde)]
        #[migrate(default)]
        pub(crate) tracked: Tracked,
    }

    fn core(old: &super::v1::Long, bus: &mut UpgradeBus<'_>) -> Result<Core, Fault> {
        step(&old.core, 2, bus)
    }
    engine!(2, core => Self { core, noted: 0, tracked: Tracked::default() });
    refit_abi::export_engines!(Long);
}

/// By hand.
mod v3 {
    use super::*;

    #[derive(Debug, State, Serialize, Deserialize)]
    #[state(version = 3)]
    pub(crate) struct Long {
        pub(crate) noted: u64,
        pub(crate) core: Core,
        #[state(serde)]
        pub(crate) tracked: Tracked,
        pub(crate) words: Vec<String>,
    }

    impl Migrate for Long {
        type From = super::v2::Long;

        fn migrate(old: &super::v2::Long, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
            Ok(Self {
                noted: old.noted,
                core: step(&old.core, 3, bus)?,
                tracked: Tracked::default(),
                words: vec![format!("{} then", old.core.trail.len())],
            })
        }
    }
    engine!(3, core => Self { noted: 0, core, tracked: Tracked::default(), words: vec![] });
    refit_abi::export_engines!(Long);
}

/// Derived again: one field through a function, the rest moved.
mod v4 {
    use super::*;

    #[derive(Debug, State, Migrate, Serialize, Deserialize)]
    #[state(version = 4)]
    #[migrate(from = super::v3::Long, drop(core))]
    pub(crate) struct Long {
        pub(crate) noted: u64,
        #[migrate(with = core)]
        pub(crate) core: Core,
        #[state(serde)]
        pub(crate) tracked: Tracked,
        pub(crate) words: Vec<String>,
        #[migrate(default = 4)]
        pub(crate) added: u64,
    }

    fn core(old: &super::v3::Long, bus: &mut UpgradeBus<'_>) -> Result<Core, Fault> {
        step(&old.core, 4, bus)
    }
    engine!(4, core => Self { noted: 0, core, tracked: Tracked::default(), words: vec![], added: 4 });
    refit_abi::export_engines!(Long);
}

fn version(number: u32) -> Module {
    Module::linked(match number {
        1 => v1::module(),
        2 => v2::module(),
        3 => v3::module(),
        _ => v4::module(),
    })
    .unwrap()
}

fn to(world: &mut World, number: u32) -> Crossed {
    let crossed = world.cross_with(&[version(number)], &Directives::default(), Unwatched);
    assert!(
        matches!(crossed.verdict, Verdict::Committed(_)),
        "{crossed:?}"
    );
    // What was sent to `fixed` is handled before the next upgrade's.
    world.block(&[], UNBOUNDED);
    crossed
}

/// Everything after the upgrades to these versions, in this order, from the first; and the log lines.
fn after(versions: &[u32]) -> (Vec<String>, Vec<String>) {
    let engines = [
        ("a", "long"),
        ("b", "long"),
        ("fixed-a", "fixed"),
        ("fixed-b", "fixed"),
    ];
    let mut world = World::start(&version(1), &engines, 2);
    world.ask(id("b"), Message::Add(10)).unwrap();
    let crossings: Vec<_> = versions
        .iter()
        .map(|number| to(&mut world, *number))
        .collect();
    let counters = &crossings.last().unwrap().after.counters;
    let mut seen = vec![format!("{counters:?}")];
    let states = world.call(|executor| executor.encode_states().unwrap());
    seen.extend(states.into_iter().map(|state| format!("{state:?}")));
    let statuses = world.call(|executor| executor.statuses(100));
    seen.extend(
        statuses
            .iter()
            .map(|status| format!("{} {:?}", status.id, status.state)),
    );
    let lines = crossings.iter().flat_map(|crossed| &crossed.lines);
    let mut lines: Vec<_> = lines
        .map(|line| format!("{}: {}", line.engine, line.line))
        .collect();
    lines.sort();
    world.discard();
    (seen, lines)
}

#[test]
fn one_upgrade_over_three_versions_gives_the_bytes_of_three_upgrades() {
    let _alone = alone();
    let before = tracked();
    let whole = after(&[2, 3, 4]);
    for versions in [&[4][..], &[2, 4], &[3, 4]] {
        let at_once = after(versions);
        assert_eq!(at_once.1, whole.1, "{versions:?}");
        // The children of `a` and `b` are started in another order: by version or by parent.
        let sorted = |mut seen: Vec<String>| {
            seen.remove(0);
            seen.sort();
            seen
        };
        assert_eq!(sorted(at_once.0), sorted(whole.0.clone()), "{versions:?}");
    }
    assert_eq!(
        tracked(),
        before,
        "nothing on the way was leaked or dropped twice"
    );
}

#[test]
fn counters_and_upgrade_messages_of_each_step_count_once() {
    for versions in [&[4][..], &[2, 3, 4]] {
        let engines = [("a", "long"), ("fixed-a", "fixed")];
        let mut world = World::start(&version(1), &engines, 1);
        let crossed = versions
            .iter()
            .map(|number| to(&mut world, *number))
            .last()
            .unwrap();
        // Three leaves; a message to `fixed` and one to itself for each step.
        assert_eq!(crossed.counters(id("a")), (6, 3));
        let told = world.look(id("a")).unwrap();
        let leaves = [0, 1, 2].map(|child| id("a").child(child).to_string());
        let steps = ["to 2", &leaves[0], "to 3", &leaves[1], "to 4", &leaves[2]];
        assert_eq!(told.trail, steps);
        assert_eq!(told.total, 2 + 3 + 4 + 3);
        assert_eq!(world.trail(id("fixed-a")).len(), 3);
    }
}

#[test]
fn the_class_of_a_crossing_is_that_of_its_strongest_step() {
    let engines = [("a", "long"), ("fixed-a", "fixed")];
    let class = |path: &[u32], last| {
        let mut world = World::start(&version(1), &engines, 1);
        path.iter().for_each(|number| drop(to(&mut world, *number)));
        let table = world.call(|executor| executor.table());
        let new = [version(last)];
        let plan = Plan::at_hand(&table, &new, &Directives::default()).unwrap();
        let armed = Armed::new(&plan, &table, &new).unwrap();
        armed.classes()[0].class
    };
    assert_eq!(class(&[], 2), Class::Migrate);
    assert_eq!(class(&[], 3), Class::MigrateByHand);
    assert_eq!(class(&[], 4), Class::MigrateByHand);
    // A serde field's bytes are all that crosses.
    assert_eq!(class(&[2], 3), Class::Translate);
    assert_eq!(class(&[3], 4), Class::Translate);
}
