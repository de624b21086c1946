//! One migration alone, over a scripted bus.

use crate::bank::{UNLUCKY, auditor, v1, v2};
use crate::promises::panic_of;
use proptest::prelude::*;
use refit_abi::{
    BusError, Deserialize, EngineId, Fault, Height, Migrate, MigrateBack, Serialize, State,
    UpgradeBus,
};
use refit_testkit::{BusBudget, ScriptedBus, assert_round_trip, migrate, migrate_back, on_upgrade};
use std::collections::BTreeMap;

fn old(account: &str, balance: u64) -> v1::Bank {
    let accounts = [(account.to_owned(), balance)].into();
    v1::Bank { accounts }
}

#[test]
fn the_bus_keeps_what_a_migration_did() {
    let mut bus = ScriptedBus::new("bank");
    let new: v2::Bank = migrate(&old("a", 5), &mut bus).unwrap();
    assert_eq!(new.sum, 5);
    assert_eq!(bus.spawned()[0].config::<auditor::Auditor>(), 7);
    assert_eq!(bus.spawned()[0].id, EngineId::root("auditor").unwrap());
    assert_eq!(bus.sent_to::<u64>("auditor"), [5]);
    assert_eq!(bus.lines(), ["counted"]);
    assert!(bus.retired().is_empty());
    let said = panic_of(|| bus.sent_to::<String>("auditor"));
    assert!(said.contains("schema"), "{said}");
}

#[test]
fn a_fault_of_the_migration_comes_back() {
    let mut bus = ScriptedBus::new("bank");
    let fault = migrate::<v2::Bank>(&old("unlucky", UNLUCKY), &mut bus).unwrap_err();
    assert_eq!(fault.code, "unlucky");
}

#[test]
fn an_upgrade_message_is_handled_alone() {
    let (office, told) = (1, Vec::new());
    let mut engine = auditor::Auditor { office, told };
    let sender = EngineId::root("bank").unwrap();
    let mut bus = ScriptedBus::new("auditor");
    on_upgrade(&mut engine, sender, 9, &mut bus).unwrap();
    assert_eq!(engine.told, [(sender, 9)]);
    let fault = on_upgrade(&mut engine, sender, 0, &mut bus).unwrap_err();
    assert_eq!(fault.code, "nothing-to-audit");
}

/// Does one thing over the bus, as its number says.
#[derive(Debug, State, Serialize, Deserialize)]
struct Does(u64);

/// The outcome, as text.
#[derive(Debug, PartialEq, State, Serialize, Deserialize)]
struct Done(String);

impl Migrate for Done {
    type From = Does;

    fn migrate(old: &Does, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        let other = EngineId::root("other").unwrap();
        let own = bus.id();
        let said = match old.0 {
            0 => shown(bus.read::<String, u64>(other, &"a".to_owned())),
            1 => shown(bus.query::<String, u64>(other, &"a".to_owned())),
            2 => shown(bus.read::<u64, u64>(other, &1)),
            3 => shown(bus.spawn::<auditor::Auditor>(&1)),
            4 => shown(bus.spawn_named::<auditor::Auditor>("other", &1)),
            5 => shown(bus.retire(other)),
            6 => shown(bus.retire(own)),
            7 => shown(bus.send(other, &1_u8)),
            8 => bus.is_cancelled().to_string(),
            _ => format!("{} at {}", own, bus.height()),
        };
        Ok(Self(said))
    }
}

fn shown<T: std::fmt::Debug>(outcome: Result<T, BusError>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(BusError::Fault { fault, .. }) => fault.code,
        Err(error) => error.code().to_owned(),
    }
}

fn does(what: u64, mut bus: ScriptedBus) -> String {
    migrate::<Done>(&Does(what), &mut bus).unwrap().0
}

#[test]
fn every_call_is_answered_as_the_script_says() {
    let alone = || ScriptedBus::new("me");
    let read = || alone().old_state("other", old("a", 5));
    let both = || read().on_query("other", |_: String| Ok(6_u64));
    assert_eq!(does(0, alone()), "bus-unknown");
    assert_eq!(does(0, read()), "5");
    assert_eq!(
        does(0, alone().old_state("other", old("b", 5))),
        "no-such-account"
    );
    assert_eq!(does(1, read()), "bus-undeclared-query");
    assert_eq!(does(1, both()), "6");
    assert_eq!(does(1, alone().new_state("other", old("a", 7))), "7");
    assert_eq!(does(2, read()), "bus-schema");
    assert!(does(3, alone()).contains("EngineId"), "a child has an id");
    assert_eq!(does(4, read()), "bus-taken");
    assert_eq!(does(5, alone()), "bus-unknown");
    assert_eq!(does(5, read()), "capability-missing");
    assert_eq!(does(6, alone()), "()");
    assert_eq!(does(7, alone()), "()");
    assert_eq!(does(8, alone()), "false");
    assert_eq!(does(9, alone().at(Height(40))), "me at 40");
}

#[test]
fn a_spent_budget_fails_the_migration_even_if_it_does_not_look() {
    for what in [3, 7, 0] {
        let budget = BusBudget {
            messages: 0,
            rounds: 0,
            bytes: 0,
            engines: 0,
        };
        let mut bus = ScriptedBus::new("me")
            .old_state("other", old("a", 5))
            .budget(budget);
        let fault = migrate::<Done>(&Does(what), &mut bus).unwrap_err();
        assert_eq!(fault.code, "bus-budget-spent");
    }
    let mut bus = ScriptedBus::new("me").cancelled();
    let fault = migrate::<Done>(&Does(7), &mut bus).unwrap_err();
    assert_eq!(fault.code, "upgrade-cancelled");
}

#[test]
fn an_assertion_in_the_script_fails_the_test() {
    let said = panic_of(|| {
        let script = |query: String| -> Result<u64, Fault> { panic!("asked for {query}") };
        does(0, ScriptedBus::new("me").on_read("other", script))
    });
    assert_eq!(said, "asked for a");
}

proptest! {
    #[test]
    fn the_way_back_gives_what_went_in(accounts: BTreeMap<String, u32>) {
        let accounts = accounts.into_iter().map(|(name, sum)| (name, u64::from(sum)));
        let state = v1::Bank { accounts: accounts.collect() };
        prop_assume!(state.accounts.get("unlucky") != Some(&UNLUCKY));
        assert_round_trip::<v2::Bank>(&state);
    }
}

/// Forgets what is odd.
#[derive(Debug, State, Serialize, Deserialize)]
struct Halved(u64);

impl Migrate for Halved {
    type From = Does;

    fn migrate(old: &Does, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        Ok(Self(old.0 / 2))
    }
}

impl MigrateBack for Halved {
    fn migrate_back(new: &Self, _: &mut UpgradeBus<'_>) -> Result<Does, Fault> {
        Ok(Does(new.0 * 2))
    }
}

#[test]
fn a_way_back_that_forgets_is_found() {
    assert_round_trip::<Halved>(&Does(8));
    let said = panic_of(|| assert_round_trip::<Halved>(&Does(7)));
    assert!(said.contains("before 7 and after 6"), "{said}");
}

#[test]
fn a_state_goes_back_by_the_modules_own_way_and_where_there_is_none_it_says_so() {
    let accounts = [("ann".to_owned(), 3)];
    let old = v1::Bank {
        accounts: accounts.into(),
    };
    let mut bus = ScriptedBus::new("bank");
    let new: v2::Bank = migrate(&old, &mut bus).unwrap();
    let back: v1::Bank = migrate_back(v2::module(), &new, &mut bus).unwrap();
    assert_eq!(back.accounts, old.accounts);
    let none = migrate_back::<v2::Bank, Does>(v2::module(), &new, &mut bus);
    assert_eq!(none.unwrap_err().code, "no-way-back");
}
