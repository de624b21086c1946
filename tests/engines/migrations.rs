//! The migrations of the engines themselves over any old state, in the testkit: nothing is lost,
//! nothing is made up, and what the bus builds agrees with what it was built from.

use crate::{accounts_v1, kv_v1};

use proptest::prelude::*;
use proptest::sample::{SizeRange, select};
use refit_abi::{EngineId, Fault, Height};
use refit_kv::{Answer, Entry, Query};
use refit_test_support::check;
use refit_testkit::{Directives, Testkit, stand_in};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Old states that each property is tried on, unless `PROPTEST_CASES` says how many.
const CASES: u32 = 48;

/// More entries than one upgrade message brings.
const MANY: u32 = 1_100;

/// Most money in one place: the sum of all stays a number.
const AMOUNT_MAX: u64 = 1 << 50;

stand_in!(old_kv: kv_v1::Kv, as refit_kv::Kv, where query = noted);
stand_in!(old_accounts: accounts_v1::Accounts, as refit_accounts::Accounts, where message = accounts_v1::Message);

/// The answer of the old store to the migration of the accounts.
fn noted(store: &kv_v1::Kv, query: Query) -> Result<Answer, Fault> {
    let Query::Get { key } = query else {
        return Err(Fault::new("not-asked", "the accounts ask for keys"));
    };
    let entry = store.entries.get(&key).map(|value| Entry {
        key,
        value: value.clone(),
        revision: 0,
    });
    Ok(Answer::Value { entry })
}

/// Any store of version 1, with this many keys: few values, so that keys share them.
fn store(keys: impl Into<SizeRange>) -> impl Strategy<Value = kv_v1::Kv> {
    let value = prop_oneof![
        select(vec!["", "a", "b", "ab"]).prop_map(str::to_owned),
        ".{0,6}"
    ];
    let entries = prop::collection::btree_map(".{0,6}", value, keys);
    let expiries =
        prop::collection::btree_map(1_u64..1 << 40, any::<prop::sample::Selector>(), 0..4);
    (entries, expiries).prop_map(|(entries, heights)| {
        let mut expiries: BTreeMap<Height, BTreeSet<String>> = BTreeMap::new();
        for (height, selector) in heights.into_iter().filter(|_| !entries.is_empty()) {
            let key: &String = selector.select(entries.keys());
            expiries
                .entry(Height(height))
                .or_default()
                .insert(key.clone());
        }
        kv_v1::Kv { entries, expiries }
    })
}

/// Any accounts of version 1 and the notes of their holds among other keys of the store.
fn bank() -> impl Strategy<Value = (accounts_v1::Accounts, kv_v1::Kv)> {
    let names = prop::collection::btree_map("[a-z]{1,6}", 0..AMOUNT_MAX, 1..6);
    let hold = (any::<usize>(), ("[a-z]{1,6}", 1..AMOUNT_MAX, any::<u64>()));
    let holds = prop::collection::btree_map(1_u64..500, hold, 0..30);
    (names, holds, 0..AMOUNT_MAX, store(0..20)).prop_map(|(names, holds, spare, mut store)| {
        let placed = holds.keys().next_back().map_or(0, |id| id + spare % 3);
        let minted = names.values().sum::<u64>() + holds.values().map(|(_, it)| it.1).sum::<u64>();
        let mut accounts: Vec<_> = names.into_iter().map(account).collect();
        for (id, (of, (to, amount, until))) in holds {
            let of = of % accounts.len();
            accounts[of]
                .1
                .holds
                .insert(id, accounts_v1::Hold { to, amount });
            store
                .entries
                .insert(format!("hold/{id}"), until.to_string());
        }
        let accounts = accounts_v1::Accounts {
            accounts: accounts.into_iter().collect(),
            minted,
            mints: spare % 7,
            supply_max: minted + spare,
            placed,
            store: EngineId::root("kv").unwrap(),
        };
        (accounts, store)
    })
}

fn account((name, balance): (String, u64)) -> (String, accounts_v1::Account) {
    let holds = BTreeMap::new();
    (name, accounts_v1::Account { balance, holds })
}

/// Every entry of the old store has revision 0 in the new one, its expiries are there, and the index has
/// just these keys under their values.
fn assert_store(kit: &Testkit, old: &kv_v1::Kv) {
    let revised =
        |(key, value): (&String, &String)| (key.clone(), json!({"value": value, "revision": 0}));
    let entries: BTreeMap<_, _> = old.entries.iter().map(revised).collect();
    let index = EngineId::root("kv-index").unwrap();
    let new = serde_json::to_value(kit.state::<refit_kv::Kv>("kv")).unwrap();
    let mut deadlines = BTreeMap::new();
    for (height, keys) in old.expiries.iter().rev() {
        deadlines.extend(keys.iter().map(|key| (key, height)));
    }
    let wanted = json!({
        "entries": entries, "expiries": old.expiries, "deadlines": deadlines, "keys_max": 0, "revision": 0,
        "index": index,
    });
    assert_eq!(new, wanted);

    let mut keys: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for (key, value) in &old.entries {
        keys.entry(value).or_default().insert(key);
    }
    let store = EngineId::root("kv").unwrap();
    let wanted = json!({"store": store, "keys": keys, "length": old.entries.len()});
    let index = serde_json::to_value(kit.state::<refit_kv::Index>("kv-index")).unwrap();
    assert_eq!(index, wanted);
}

#[test]
fn every_store_of_version_1_keeps_its_entries_and_its_index_has_them() {
    let stores = (store(0..40), prop::bool::weighted(0.1)).prop_map(|(mut store, is_large)| {
        let many = (0..MANY).filter(|_| is_large);
        let entry = |number: u32| (format!("many-{number}"), format!("{}", number % 7));
        store.entries.extend(many.map(entry));
        store
    });
    check(CASES, &stores, |old| {
        let mut kit = Testkit::new(old_kv::module()).checks();
        kit.start::<kv_v1::Kv>("kv", &old).unwrap();
        kit.upgrade(refit_kv::module()).unwrap();
        assert_store(&kit, &old);
        kit.check();
        Ok(())
    });
}

/// The accounts have what they had, and what they hold is what the holds have.
fn assert_bank(kit: &Testkit, old: &accounts_v1::Accounts, notes: &kv_v1::Kv) {
    let held = |account: &accounts_v1::Account| -> u64 {
        account.holds.values().map(|hold| hold.amount).sum()
    };
    let accounts: BTreeMap<_, _> = old.accounts.iter().collect();
    let shown = accounts.iter().map(|(name, account)| {
        (
            *name,
            json!({"balance": account.balance, "held": held(account)}),
        )
    });
    let shown: BTreeMap<_, Value> = shown.collect();
    let new = serde_json::to_value(kit.state::<refit_accounts::Accounts>("accounts")).unwrap();
    let holds = EngineId::root("holds").unwrap();
    assert_eq!(
        new,
        json!({
            "accounts": shown, "minted": old.minted, "mints": old.mints,
            "supply_max": old.supply_max, "placed": old.placed, "holds": holds,
        })
    );
    let (available, all_held): (u64, u64) = accounts
        .values()
        .fold((0, 0), |sum, it| (sum.0 + it.balance, sum.1 + held(it)));
    assert_eq!(available + all_held, old.minted);
    let supply: Value =
        serde_json::from_str(&kit.query_json("accounts", r#""supply""#).unwrap()).unwrap();
    let wanted = json!({
        "available": available, "held": all_held, "minted": old.minted,
        "accounts": accounts.len(),
    });
    assert_eq!(supply["supply"], wanted);

    let mut each: BTreeMap<String, Value> = BTreeMap::new();
    for (name, account) in &accounts {
        for (id, hold) in &account.holds {
            let until: u64 = notes.entries[&format!("hold/{id}")].parse().unwrap();
            let hold =
                json!({"account": name, "to": hold.to, "amount": hold.amount, "until": until});
            each.insert(id.to_string(), hold);
        }
    }
    let engine = EngineId::root("accounts").unwrap();
    let wanted = json!({"accounts": engine, "holds": each, "amount": all_held});
    let new = serde_json::to_value(kit.state::<refit_accounts::Holds>("holds")).unwrap();
    assert_eq!(new, wanted);
}

#[test]
fn all_accounts_of_version_1_keep_their_money_and_the_holds_have_what_is_held() {
    check(CASES, &bank(), |(accounts, notes)| {
        let mut kit = Testkit::new(old_kv::module())
            .with(old_accounts::module())
            .checks();
        kit.start::<kv_v1::Kv>("kv", &notes).unwrap();
        kit.start::<accounts_v1::Accounts>("accounts", &accounts)
            .unwrap();
        let both = [refit_kv::module(), refit_accounts::module()];
        kit.upgrade_with(&both, &Directives::default()).unwrap();
        assert_bank(&kit, &accounts, &notes);
        assert_store(&kit, &notes);
        // The notes are the first that the new store removes.
        kit.advance(2);
        kit.check();
        let noted = |key: &String| {
            accounts
                .accounts
                .values()
                .any(|it| it.holds.keys().any(|id| *key == format!("hold/{id}")))
        };
        let state = serde_json::to_value(kit.state::<refit_kv::Kv>("kv")).unwrap();
        let left: Vec<_> = state["entries"].as_object().unwrap().keys().collect();
        let wanted: Vec<_> = notes.entries.keys().filter(|key| !noted(key)).collect();
        assert_eq!(left, wanted);
        Ok(())
    });
}
