//! Whole upgrades of running engines.

use crate::bank::{UNLUCKY, auditor, v1, v2};
use crate::driving::{bank, deposit};
use refit_testkit::{BusBudget, Class, Directives, Testkit, UpgradeError};

fn modules() -> [refit_abi::export::LinkedModule; 2] {
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
fn an_older_version_comes_back_by_the_way_back_of_the_newer_one() {
    let mut kit = Testkit::new(v2::module()).with(auditor::module());
    kit.start::<v2::Bank>("bank", &()).unwrap();
    let upgraded = kit.upgrade(v1::module()).unwrap();
    let codes: Vec<_> = upgraded
        .findings
        .iter()
        .map(|it| it.code.as_str())
        .collect();
    assert_eq!(codes, ["data-dropped", "downgrade"]);
    assert_eq!(kit.send::<v1::Bank>("bank", &deposit("a", 6)), Ok(6));
}

#[test]
fn what_a_plan_refuses_is_refused_here() {
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

/// An engine whose second version makes a field that its check does not pass; the rest moves over.
mod careless {
    use refit_abi::{
        Context, Deserialize, Engine, Fault, Migrate, Sender, Serialize, State, UpgradeBus,
    };

    macro_rules! engine {
        ($check:expr) => {
            impl Engine for Count {
                const KIND: &'static str = "count";
                type Config = ();
                type Message = ();
                type Reply = ();
                type Query = ();
                type Answer = u64;

                fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                    Ok(Self::default())
                }

                fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
                    self.count += 1;
                    Ok(())
                }

                fn query(&self, (): ()) -> Result<u64, Fault> {
                    Ok(self.count)
                }

                fn check(&self) -> Result<(), Fault> {
                    let check: fn(&Self) -> bool = $check;
                    check(self)
                        .then_some(())
                        .ok_or_else(|| Fault::new("double-wrong", "twice is not twice"))
                }
            }
            refit_abi::export_engines!(Count);
        };
    }

    pub(super) mod v1 {
        use super::*;

        #[derive(Debug, Default, State, Serialize, Deserialize)]
        #[state(version = 1)]
        pub(crate) struct Count {
            pub(crate) count: u64,
        }
        engine!(|_| true);
    }

    pub(super) mod v2 {
        use super::*;

        #[derive(Debug, Default, State, Migrate, Serialize, Deserialize)]
        #[state(version = 2)]
        #[migrate(from = super::v1::Count)]
        pub(crate) struct Count {
            count: u64,
            #[migrate(with = twice)]
            twice: u64,
        }

        fn twice(old: &super::v1::Count, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
            Ok(old.count + 2)
        }
        engine!(|it| it.twice == 2 * it.count);
    }
}

#[test]
fn a_new_state_that_does_not_pass_its_check_is_found_however_it_was_made() {
    let upgraded = |messages: u64| {
        let mut kit = Testkit::new(careless::v1::module());
        kit.start::<careless::v1::Count>("count", &()).unwrap();
        for _ in 0..messages {
            kit.send::<careless::v1::Count>("count", &()).unwrap();
        }
        kit.upgrade(careless::v2::module())
    };
    assert_eq!(upgraded(2).unwrap().class("count"), Class::Migrate);
    let error = upgraded(3).unwrap_err();
    assert_eq!(error.code(), "check-failed");
    assert!(error.to_string().contains("engine `count`"), "{error}");
}
