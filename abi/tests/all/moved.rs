//! A field whose type is declared twice moves, if it is alike in schema and layout; else its module is refused.

use refit_abi::derived::Rest;
use refit_abi::{Assemble, Deserialize, Migrate, Serialize, State};
use std::collections::BTreeMap;
use std::panic::catch_unwind;

/// As another crate would declare it.
mod common {
    use super::{Deserialize, Serialize, State};

    #[derive(Debug, PartialEq, Eq, State, Serialize, Deserialize)]
    pub(crate) struct Money {
        pub(crate) name: String,
        pub(crate) cents: u64,
    }
}

mod v1 {
    use super::{BTreeMap, Deserialize, Serialize, State};

    #[derive(State, Serialize, Deserialize)]
    pub(crate) struct Money {
        pub(crate) name: String,
        pub(crate) cents: u64,
    }

    #[derive(State, Serialize, Deserialize)]
    pub(crate) struct Book {
        pub(crate) by_name: BTreeMap<String, Money>,
        pub(crate) last: Option<Box<Money>>,
        pub(crate) count: u64,
    }

    #[derive(State, Serialize, Deserialize)]
    #[state(name = "Money")]
    pub(crate) struct Cents {
        pub(crate) name: String,
        pub(crate) cents: u32,
    }

    #[derive(State, Serialize, Deserialize)]
    pub(crate) struct Purse {
        pub(crate) money: Vec<Cents>,
    }
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 1)]
#[migrate(from = v1::Book)]
struct Book {
    by_name: BTreeMap<String, common::Money>,
    last: Option<Box<common::Money>>,
    count: u64,
    #[migrate(default)]
    added: u8,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 1)]
#[migrate(from = v1::Purse)]
struct Purse {
    money: Vec<common::Money>,
}

fn money(cents: u64) -> v1::Money {
    let name = "euro".to_owned();
    v1::Money { name, cents }
}

#[test]
fn a_type_that_is_declared_twice_moves_without_a_copy() {
    let old = v1::Book {
        by_name: BTreeMap::from([("a".to_owned(), money(1))]),
        last: Some(Box::new(money(2))),
        count: 3,
    };
    let address = |name: &str| name.as_ptr();
    let before = address(&old.by_name["a"].name);
    let fresh = Book::defaults().unwrap();
    let new = Book::assemble(old, fresh, &mut Rest::default());
    assert_eq!(address(&new.by_name["a"].name), before);
    assert_eq!((new.by_name["a"].cents, new.count, new.added), (1, 3, 0));
    assert_eq!(new.last.unwrap().cents, 2);
    let _step = Book::step();
}

#[test]
fn a_type_of_one_name_and_another_shape_does_not() {
    let refused = catch_unwind(|| drop(Purse::step())).unwrap_err();
    let text = refused.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("`money` of") && text.contains("with = function"),
        "{text}"
    );
    let cents = v1::Cents {
        name: String::new(),
        cents: 1,
    };
    let old = v1::Purse { money: vec![cents] };
    let fresh = Purse::defaults().unwrap();
    assert!(
        catch_unwind(std::panic::AssertUnwindSafe(|| drop(Purse::assemble(
            old,
            fresh,
            &mut Rest::default()
        ))))
        .is_err()
    );
}
