//! Whole upgrades of running engines.

use crate::bank::{UNLUCKY, auditor, v1, v2};
use crate::driving::{bank, deposit};
use refit_testkit::{BusBudget, Class, Directives, Testkit, UpgradeError};

fn modules() -> [refit_abi::export::EngineModuleRef; 2] {
    [v2::module(), auditor::module()]
}

fn to_v2(kit: &mut Testkit) -> Result<refit_testkit::Upgraded, UpgradeError> {
    kit.upgrade_with(&modules(), &Directives::default())
}

#[test]
fn an_upgrade_runs_as_a_node_runs_it() {
    let mut kit = bank().checks();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    let upgraded = to_v2(&mut kit).unwrap();
    assert_eq!(upgraded.class("bank"), Class::Migrate);
    assert_eq!(upgraded.class("auditor"), Class::New);
    assert_eq!(upgraded.class("unheard-of"), Class::Carry);
    assert_eq!(upgraded.plan.class(), Class::Migrate);
    assert!(upgraded.dropped("bank").is_empty());
    let lines: Vec<_> = upgraded.lines.iter().map(|line| &*line.line).collect();
    assert!(
        lines.contains(&"counted") && lines.contains(&"noted"),
        "{lines:?}"
    );
    assert_eq!(kit.state::<v2::Bank>("bank").sum, 5);
    assert_eq!(kit.state::<auditor::Auditor>("auditor").told[0].1, 5);
    assert_eq!(kit.query::<auditor::Auditor>("auditor", &()), Ok(7));
    assert_eq!(kit.send::<v2::Bank>("bank", &deposit("a", 1)), Ok(6));
}

#[test]
fn an_aborted_upgrade_leaves_every_byte_and_says_why() {
    let mut kit = bank();
    kit.start::<v1::Bank>("other", &()).unwrap();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    kit.send::<v1::Bank>("other", &deposit("unlucky", UNLUCKY))
        .unwrap();
    let before = kit.states();
    let error = to_v2(&mut kit).unwrap_err();
    assert_eq!(error.code(), "transition-failed");
    assert!(error.to_string().contains("unlucky"), "{error}");
    assert!(error.next().contains("mend"), "{}", error.next());
    assert_eq!(kit.states(), before);
    assert_eq!(kit.send::<v1::Bank>("bank", &deposit("a", 1)), Ok(6));
}

#[test]
fn a_fault_in_an_upgrade_message_aborts_as_well() {
    let mut kit = bank();
    let error = to_v2(&mut kit).unwrap_err();
    assert_eq!(error.code(), "upgrade-message-failed");
    assert_eq!(kit.engines().len(), 1);
}

#[test]
fn what_a_plan_refuses_is_refused_here() {
    let mut kit = Testkit::new(v2::module()).with(auditor::module());
    kit.start::<v2::Bank>("bank", &()).unwrap();
    let error = kit.upgrade(v1::module()).unwrap_err();
    assert_eq!(error.code(), "plan-no-migration");
    let mut kit = Testkit::new(v1::module()).grants("bank", &[]);
    kit.start::<v1::Bank>("bank", &()).unwrap();
    let error = to_v2(&mut kit).unwrap_err();
    assert!(matches!(error, UpgradeError::Refused(_)), "{error:?}");
    assert_eq!(error.code(), "capability-missing");
}

#[test]
fn directives_are_obeyed() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    let budget = BusBudget {
        engines: 0,
        ..BusBudget::default()
    };
    let narrow = Directives {
        budget,
        ..Directives::default()
    };
    let error = kit.upgrade_with(&modules(), &narrow).unwrap_err();
    assert_eq!(error.code(), "bus-budget-spent");
    let restart = ["bank".to_owned()].into();
    let afresh = Directives {
        restart,
        ..Directives::default()
    };
    let upgraded = kit.upgrade_with(&modules(), &afresh).unwrap();
    assert_eq!(upgraded.class("bank"), Class::Restart);
    assert!(upgraded.found("data-dropped"));
    assert_eq!(kit.state::<v2::Bank>("bank"), v2::Bank::default());
}

#[test]
fn the_same_code_is_adopted() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    let upgraded = kit.upgrade(v1::module()).unwrap();
    assert_eq!(upgraded.class("bank"), Class::Adopt);
    assert_eq!(kit.send::<v1::Bank>("bank", &deposit("a", 5)), Ok(10));
}

#[test]
fn a_posted_message_is_found_waiting_and_is_handled_by_the_new_code() {
    let mut kit = bank();
    kit.send::<v1::Bank>("bank", &deposit("a", 5)).unwrap();
    let ticket = kit.post::<v1::Bank>("bank", &deposit("a", 5));
    to_v2(&mut kit).unwrap();
    assert_eq!(kit.state::<v2::Bank>("bank").sum, 5);
    kit.advance(1);
    assert_eq!(kit.reply::<v2::Bank>(ticket), Some(Ok(10)));
}

mod stood_in {
    use super::{modules, v1, v2};
    use refit_abi::{Fault, Serialize};
    use refit_testkit::{Directives, Testkit};
    use serde::Deserialize;

    /// Published long ago; its engine's code is gone.
    #[derive(Clone, refit_abi::State, Serialize, Deserialize)]
    #[state(name = "Bank", version = 1)]
    pub(crate) struct Frozen {
        accounts: std::collections::BTreeMap<String, u64>,
    }

    fn balance(state: &Frozen, account: String) -> Result<u64, Fault> {
        let found = state.accounts.get(&account).copied();
        found.ok_or_else(|| Fault::new("no-such-account", account))
    }

    refit_testkit::stand_in!(old: Frozen, as v2::Bank, where query = balance);

    #[test]
    fn an_upgrade_starts_from_a_frozen_state_whose_code_is_gone() {
        let mut kit = Testkit::new(old::module());
        let accounts = [("a".to_owned(), 4)].into();
        kit.start::<Frozen>("bank", &Frozen { accounts }).unwrap();
        assert_eq!(kit.query::<v2::Bank>("bank", &"a".to_owned()), Ok(4));
        let refused = kit.send_fault::<v1::Bank>("bank", &super::deposit("a", 1));
        assert_eq!(refused.code, "stand-in");
        kit.upgrade_with(&modules(), &Directives::default())
            .unwrap();
        assert_eq!(kit.state::<v2::Bank>("bank").sum, 4);
    }
}
