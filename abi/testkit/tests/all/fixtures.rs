//! States out of a node and back.

use crate::bank::{UNLUCKY, auditor, v1, v2};
use crate::driving::{bank, deposit};
use refit_abi::Height;
use refit_testkit::{Fixture, ScriptedBus, Testkit, fixture_of, migrate_fixture, state_of};

fn v1_with(account: &str, balance: u64) -> v1::Bank {
    let accounts = [(account.to_owned(), balance)].into();
    v1::Bank { accounts }
}

#[test]
fn a_captured_state_survives_its_file() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    let fixture = kit.capture("bank");
    assert_eq!((fixture.version, fixture.height), (1, Height(1)));
    let read = Fixture::from_json(&fixture.to_json().unwrap()).unwrap();
    assert_eq!(state_of::<v1::Bank>(&read), Ok(v1_with("a", 5)));
    assert_eq!(read.state, fixture_of("bank", &v1_with("a", 5)).state);
    let mut other = bank();
    other.load("bank", &read).unwrap();
    assert_eq!(other.states(), kit.states());
    assert_eq!(other.send::<v1::Bank>("bank", &deposit("a", 5)), Ok(10));
}

#[test]
fn a_fixture_of_an_older_version_goes_through_the_modules_own_steps() {
    let fixture = fixture_of("bank", &v1_with("a", 5));
    let mut bus = ScriptedBus::new("bank");
    let new: v2::Bank = migrate_fixture(v2::module(), &fixture, &mut bus).unwrap();
    assert_eq!(new.sum, 5);
    let mut kit = Testkit::new(v2::module());
    kit.start::<v2::Bank>("bank", &()).unwrap();
    kit.load("bank", &fixture).unwrap();
    assert_eq!(kit.state::<v2::Bank>("bank"), new);
}

#[test]
fn a_fixture_that_does_not_fit_is_refused_and_nothing_changes() {
    let mut kit = Testkit::new(v2::module()).with(auditor::module());
    kit.start::<v2::Bank>("bank", &()).unwrap();
    let before = kit.states();
    let unlucky = fixture_of("bank", &v1_with("unlucky", UNLUCKY));
    let nameless = fixture_of("bank", &v1_with("", 1));
    let other_kind = fixture_of("auditor", &7_u64);
    let no_version = fixture_of("bank", &7_u64);
    let mut cut_off = fixture_of("bank", &v1_with("a", 1));
    cut_off.state.pop();
    let refused = [
        (unlucky, "fixture-migration-failed"),
        (nameless, "fixture-migration-failed"),
        (other_kind, "fixture-kind"),
        (no_version, "fixture-no-step"),
        (cut_off, "fixture-state-unreadable"),
    ];
    for (fixture, code) in refused {
        let error = kit.load("bank", &fixture).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.next().is_empty());
    }
    let wrong = state_of::<v2::Bank>(&fixture_of("bank", &v1_with("a", 1))).unwrap_err();
    assert_eq!(wrong.code(), "fixture-schema");
    assert_eq!(kit.states(), before);
}

#[test]
fn a_state_can_be_set_and_the_others_stay() {
    let mut kit = bank();
    kit.start::<v1::Bank>("other", &()).unwrap();
    kit.send::<v1::Bank>("other", &deposit("b", 2)).unwrap();
    kit.set_state("bank", &v1_with("a", 40));
    assert_eq!(kit.send::<v1::Bank>("bank", &deposit("a", 2)), Ok(42));
    assert_eq!(kit.state::<v1::Bank>("other"), v1_with("b", 2));
}
