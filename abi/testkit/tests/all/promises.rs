//! Tests what engines promise, and who notices when they do not keep it.

use crate::bank::{Message, v1};
use crate::driving::{bank, deposit};
use refit_abi::Fault;
use refit_testkit::{Look, Testkit, assert_deterministic};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// The text of the panic of `call`.
pub(crate) fn panic_of<R>(call: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).err().unwrap();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap()
}

fn careless() -> Message {
    let from = "a".to_owned();
    Message::Careless { from, amount: 9 }
}

fn holding_one() -> Testkit {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 1)).unwrap();
    kit
}

#[test]
fn a_fault_that_changed_the_state_is_found_without_asking() {
    let mut kit = holding_one();
    let said = panic_of(|| kit.send::<v1::Bank>("bank", &careless()));
    assert!(said.contains("check first, then change"), "{said}");
    let mut kit = holding_one();
    let said = panic_of(|| kit.send_fault::<v1::Bank>("bank", &careless()));
    assert!(said.contains("too-little"), "{said}");
    let mut kit = holding_one();
    kit.post::<v1::Bank>("bank", &careless());
    let said = panic_of(|| kit.advance(1));
    assert!(said.contains("too-little"), "{said}");
}

#[test]
fn a_fault_that_changed_nothing_passes() {
    let mut kit = holding_one();
    let (from, to) = ("a".to_owned(), "b".to_owned());
    let message = Message::Move {
        from,
        to,
        amount: 2,
    };
    assert_eq!(
        kit.send_fault::<v1::Bank>("bank", &message).code,
        "too-little"
    );
}

#[test]
fn the_look_at_faults_can_be_left_out() {
    let mut kit = Testkit::new(v1::module()).without_fault_checks();
    kit.start::<v1::Bank>("bank", &()).unwrap();
    kit.send::<v1::Bank>("bank", &deposit("a", 1)).unwrap();
    kit.send::<v1::Bank>("bank", &careless()).unwrap_err();
    assert!(kit.state::<v1::Bank>("bank").accounts.is_empty());
}

#[test]
fn a_message_that_does_not_fail_is_no_fault() {
    let mut kit = bank();
    let said = panic_of(|| kit.send_fault::<v1::Bank>("bank", &deposit("a", 1)));
    assert!(said.contains("it replied 1"), "{said}");
}

#[test]
fn every_engines_own_check_runs_on_request() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("", 1)).unwrap();
    assert!(panic_of(|| kit.check()).contains("account-without-name"));
    let mut kit = Testkit::new(v1::module()).checks();
    kit.start::<v1::Bank>("bank", &()).unwrap();
    kit.send::<v1::Bank>("bank", &deposit("a", 1)).unwrap();
    let said = panic_of(|| kit.send::<v1::Bank>("bank", &deposit("", 1)));
    assert!(said.contains("at height 2"), "{said}");
}

fn sum(look: &Look) -> u64 {
    let banks = look.all::<v1::Bank>();
    banks
        .iter()
        .flat_map(|(_, bank)| bank.accounts.values())
        .sum()
}

#[test]
fn an_invariant_over_several_engines_is_held_after_each_block() {
    let mut kit = bank();
    kit.start::<v1::Bank>("other", &()).unwrap();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    kit.send::<v1::Bank>("other", &deposit("a", 5)).unwrap();
    kit.invariant("the sum stays", |look| match sum(look) {
        10 => Ok(()),
        sum => Err(Fault::new("sum", format!("{sum} instead of 10"))),
    });
    kit.advance(3);
    let from = "a".to_owned();
    let said = panic_of(|| kit.send::<v1::Bank>("other", &Message::Lose { from, amount: 1 }));
    assert!(
        said.contains("the sum stays") && said.contains("9 instead of 10"),
        "{said}"
    );
}

#[test]
fn an_engine_whose_result_depends_on_the_run_is_found() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let said = panic_of(|| {
        let setup = || Testkit::new(v1::module());
        assert_deterministic(setup, |kit| {
            kit.start::<v1::Bank>("bank", &()).unwrap();
            let amount = RUNS.fetch_add(1, Ordering::SeqCst);
            kit.send::<v1::Bank>("bank", &deposit("a", amount)).unwrap();
        });
    });
    assert!(said.contains("the states differ in run 2"), "{said}");
}

#[test]
fn a_test_that_is_wrong_is_told_so() {
    let mut kit = bank();
    let wrong = panic_of(|| kit.state::<crate::bank::v2::Bank>("bank"));
    assert!(
        wrong.contains("version 1") && wrong.contains("version 2"),
        "{wrong}"
    );
    assert!(panic_of(|| kit.state::<v1::Bank>("nobody")).contains("nobody"));
    assert!(panic_of(|| kit.state::<v1::Bank>("No Name")).contains("No Name"));
    kit.advance(1);
    assert!(panic_of(|| kit.set_block_time(Default::default())).contains("is before"));
    assert!(panic_of(|| bank().workers(2)).contains("before the first engine"));
    assert!(panic_of(|| Testkit::new(v1::module()).with(v1::module())).contains("two modules"));
}
