//! `accounts` on the upgrade bus: its holds become an engine of their own, and when each of them ends is
//! asked of the store's old state.

use crate::rehearsal::command;
use crate::{assert_mapped, assert_serves, put, reason, workshop};
use refit_admin::api::{UpgradeReport, UpgradeState};
use refit_tests::{Harness, Workshop};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Enough for any rehearsal of these.
const REHEARSED: Duration = Duration::from_secs(60);

fn only_kv(workshop: &Workshop, kv: &Path) -> Harness {
    Harness::start(workshop, &[("kv", "kv", kv)])
}

/// A node of version 1 of both engines.
fn both(workshop: &Workshop) -> Harness {
    let (kv, accounts) = (workshop.kv_v1(), workshop.accounts_v1());
    Harness::start(
        workshop,
        &[("kv", "kv", &kv), ("accounts", "accounts", &accounts)],
    )
}

fn together(node: &Harness, kv: &Path, accounts: &Path) -> UpgradeReport {
    let (kv, accounts) = (node.own_copy(kv), node.own_copy(accounts));
    let modules = [("kv", kv.as_path()), ("accounts", accounts.as_path())];
    let plan = node.plan(&modules, None).unwrap();
    node.apply(&plan).unwrap()
}

fn assert_committed(report: &UpgradeReport) {
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
}

/// Does what must not change anything, and sees that it has not.
fn assert_aborts(node: &Harness, kind: &str, bad: &Path, fault: &str) {
    let (before, generation) = (node.states(), node.generation());
    let engines = engines(node);
    let report = node.upgrade(kind, &node.own_copy(bad));
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    let detail = &report.reason.as_ref().unwrap().detail;
    assert!(detail.contains(fault), "`{fault}` in {detail}");
    assert_eq!(reason(&report).2, Some(kind));
    assert_eq!(node.states(), before, "not a byte is other");
    assert_eq!(node.generation(), generation);
    assert_eq!(self::engines(node), engines, "what was started is gone");
}

fn engines(node: &Harness) -> BTreeSet<String> {
    let engines = node.status().engines.into_iter();
    engines.map(|engine| engine.id).collect()
}

/// All entries of the store, as `engine` says.
fn entries(node: &Harness, engine: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut from = String::new();
    loop {
        let query = json!({"range": {"from": from, "to": null, "limit": 1000}});
        let answer = node.query(engine, query).unwrap();
        for entry in answer["entries"]["entries"].as_array().unwrap() {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            all.insert(text("key"), text("value"));
            from = text("key") + "\0";
        }
        if answer["entries"]["more"] == false {
            return all;
        }
    }
}

fn keys_with(node: &Harness, index: &str, value: &str) -> Vec<String> {
    let query = json!({"keys_with": {"value": value, "limit": 1000}});
    let answer = node.query(index, query).unwrap();
    assert_eq!(answer["keys"]["more"], false);
    let keys = answer["keys"]["keys"].as_array().unwrap();
    let text = |key: &Value| key.as_str().unwrap().to_owned();
    keys.iter().map(text).collect()
}

/// Asserts that the index has each key of the store under its value, and nothing else.
fn assert_indexed(node: &Harness, store: &str, index: &str) {
    let mut by_value: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let entries = entries(node, store);
    for (key, value) in &entries {
        by_value.entry(value.clone()).or_default().push(key.clone());
    }
    let length = json!({"keys": entries.len(), "values": by_value.len()});
    assert_eq!(
        node.query(index, json!("length")).unwrap()["length"],
        length
    );
    for (value, keys) in by_value {
        assert_eq!(keys_with(node, index, &value), keys, "with `{value}`");
    }
    let said = node.query(store, json!("index")).unwrap();
    assert_eq!(said, json!({"index": {"engine": index}}));
}

fn fill(node: &Harness, engine: &str, keys: u64) {
    for key in 0..keys {
        let put = put(&format!("key-{key:05}"), &format!("value-{}", key % 7));
        node.send(engine, put).unwrap();
    }
}

/// Mints for two accounts and places holds: 1 and 2 to be kept over the upgrade, 3 settled before it.
pub(crate) fn bank(node: &Harness) {
    let send = |message: Value| node.send("accounts", message).unwrap();
    send(json!({"mint": {"number": 1, "to": "ada", "amount": 1000}}));
    send(json!({"mint": {"number": 2, "to": "bob", "amount": 500}}));
    send(json!({"transfer": {"from": "ada", "to": "cyd", "amount": 100}}));
    for (account, amount, until) in [("ada", 200, 1_000_000), ("ada", 50, 2), ("bob", 70, 9)] {
        send(
            json!({"place": {"account": account, "to": "shop", "amount": amount, "until": until}}),
        );
    }
    send(json!({"capture": {"account": "bob", "id": 3}}));
}

/// Asserts the amounts of each account, spendable and held.
fn assert_balances(node: &Harness, expected: &[(&str, u64, u64)]) {
    for (account, available, held) in expected {
        let answer = node.query("accounts", json!({"balance": {"account": account}}));
        let expected = json!({"balance": {"available": available, "held": held}});
        assert_eq!(answer.unwrap(), expected, "{account}");
    }
    let (mut all, mut all_held) = (0, 0);
    for (_, available, held) in expected {
        (all, all_held) = (all + available, all_held + held);
    }
    let supply =
        json!({"available": all, "held": all_held, "minted": 1500, "accounts": expected.len()});
    assert_eq!(
        node.query("accounts", json!("supply")).unwrap()["supply"],
        supply
    );
    assert_eq!(all + all_held, 1500, "the sum is what was minted");
}

#[test]
fn the_holds_of_accounts_become_an_engine_that_knows_what_the_store_had_noted() {
    let workshop = workshop();
    let node = both(&workshop);
    bank(&node);
    let balances = [
        ("ada", 650, 250),
        ("bob", 430, 0),
        ("cyd", 100, 0),
        ("shop", 70, 0),
    ];
    assert_balances(&node, &balances);
    fill(&node, "kv", 20);

    assert_committed(&together(&node, &workshop.kv_v3(), &workshop.accounts_v2()));
    assert_balances(&node, &balances);
    let total = |holds: u64, amount: u64| {
        let expected = json!({"total": {"holds": holds, "amount": amount}});
        assert_eq!(node.query("holds", json!("total")).unwrap(), expected);
    };
    total(2, 250);
    let hold = json!({"account": "ada", "to": "shop", "amount": 200, "until": 1_000_000});
    let answer = node.query("holds", json!({"get": {"id": 1}})).unwrap();
    assert_eq!(answer["hold"]["hold"], hold);
    // With the next block, if not before, the notes are gone, and the index has heard of it.
    assert_serves(&node, "key-00003");
    assert_eq!(entries(&node, "kv").len(), 20);
    assert_indexed(&node, "kv", "kv-index");

    let send = |message: Value| node.send("accounts", message).unwrap();
    send(json!({"capture": {"id": 1}}));
    assert_balances(
        &node,
        &[
            ("ada", 650, 50),
            ("bob", 430, 0),
            ("cyd", 100, 0),
            ("shop", 270, 0),
        ],
    );
    // Its height has passed: a client of version 1 captures it, and it is released.
    send(json!({"capture": {"account": "ada", "id": 2}}));
    total(0, 0);
    let placed =
        send(json!({"place": {"account": "cyd", "to": "bob", "amount": 60, "until": 1_000_000}}));
    let placed: Value = serde_json::from_slice(&placed.body).unwrap();
    assert_eq!(placed, json!({"held": {"id": 4}}));
    total(1, 60);
    assert_balances(
        &node,
        &[
            ("ada", 700, 0),
            ("bob", 430, 0),
            ("cyd", 40, 60),
            ("shop", 270, 0),
        ],
    );
    send(json!({"release": {"id": 4}}));
    send(json!({"release": {"id": 4}}));
    assert_balances(
        &node,
        &[
            ("ada", 700, 0),
            ("bob", 430, 0),
            ("cyd", 100, 0),
            ("shop", 270, 0),
        ],
    );
    total(0, 0);
    assert_mapped(&node, 2);
}

#[test]
fn the_accounts_read_a_store_of_version_3_as_well() {
    let workshop = workshop();
    let node = both(&workshop);
    bank(&node);
    assert_committed(&node.upgrade("kv", &node.own_copy(&workshop.kv_v3())));
    let report = node.upgrade("accounts", &node.own_copy(&workshop.accounts_v2()));
    assert_committed(&report);
    let hold = node.query("holds", json!({"get": {"id": 2}})).unwrap();
    assert_eq!(hold["hold"]["hold"]["until"], 2);
    // With the next block, if not before, the store has removed the notes and told its index.
    assert_serves(&node, "after");
    assert_indexed(&node, "kv", "kv-index");
}

#[test]
fn a_rehearsal_copies_what_crosses_and_the_rest_only_if_a_migration_asks_it() {
    let workshop = workshop();
    let (kv, accounts) = (workshop.kv_v1(), workshop.accounts_v1());
    let kinds = [
        ("kv", "kv", kv.as_path()),
        ("accounts", "accounts", &accounts),
    ];
    let node = Harness::start_with(&workshop, &kinds, |config| {
        config.rehearsal = Some(command(REHEARSED));
    });
    bank(&node);
    fill(&node, "kv", 50);
    let states = node.states();
    let bytes = |name: &str| -> usize {
        let of_it = states.iter().filter(|(id, _)| id.to_string() == name);
        of_it.map(|(_, state)| state.len()).sum()
    };
    let (store, all) = (bytes("kv"), bytes("kv") + bytes("accounts"));
    assert!(0 < store && store < all);
    let rehearse = |kind: &str, file: &Path| {
        let plan = node.plan(&[(kind, &node.own_copy(file))], None).unwrap();
        let report = node.rehearse(&plan).unwrap();
        assert_eq!((report.reason.as_ref(), report.engines), (None, 2));
        report.state_bytes
    };
    assert_eq!(rehearse("kv", &workshop.kv_v2()), store as u64);
    // It reads in the store when each hold ends.
    let v2 = workshop.accounts_v2();
    assert_eq!(rehearse("accounts", &v2), all as u64);
    assert_committed(&node.upgrade("accounts", &node.own_copy(&v2)));
}

#[test]
fn accounts_whose_notes_are_missing_or_no_heights_stay_at_version_1() {
    let workshop = workshop();
    let v2 = workshop.accounts_v2();
    let accounts = workshop.accounts_v1();
    let alone = Harness::start(&workshop, &[("accounts", "accounts", &accounts)]);
    bank(&alone);
    assert_aborts(&alone, "accounts", &v2, "store-not-read");

    let node = both(&workshop);
    bank(&node);
    node.send("kv", put("hold/1", "tomorrow")).unwrap();
    assert_aborts(&node, "accounts", &v2, "hold-end-unreadable");
    node.send("kv", json!({"delete": {"key": "hold/1"}}))
        .unwrap();
    assert_aborts(&node, "accounts", &v2, "hold-without-end");
    node.send("kv", put("hold/1", "77")).unwrap();
    assert_committed(&node.upgrade("accounts", &node.own_copy(&v2)));
}

#[test]
fn a_query_on_the_bus_that_was_not_declared_changes_nothing() {
    let workshop = workshop();
    let node = both(&workshop);
    bank(&node);
    assert_committed(&together(&node, &workshop.kv_v3(), &workshop.accounts_v2()));
    assert_aborts(&node, "accounts", &workshop.accounts_v3_fails(), "AFTER");
    assert_serves(&node, "after");
    assert_indexed(&node, "kv", "kv-index");
}

#[test]
fn an_abort_of_one_engine_takes_back_what_the_other_has_started() {
    let workshop = workshop();
    let node = both(&workshop);
    bank(&node);
    node.send("kv", put("hold/2", "no height")).unwrap();
    let (before, engines) = (node.states(), engines(&node));
    let report = together(&node, &workshop.kv_v3(), &workshop.accounts_v2());
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(node.states(), before, "not a byte is other");
    assert_eq!(self::engines(&node), engines, "neither index nor holds");
    assert_mapped(&node, 2);
}

#[test]
fn an_upgrade_that_spends_its_budget_changes_nothing() {
    let workshop = workshop();
    let node = only_kv(&workshop, &workshop.kv_v1());
    fill(&node, "kv", 30);
    let (before, v3) = (node.states(), node.own_copy(&workshop.kv_v3()));
    let mut plan = node.plan(&[("kv", &v3)], None).unwrap();
    plan.directives.budget.bytes = 200;
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Aborted, "{report:?}");
    assert_eq!(node.states(), before, "not a byte is other");
    let plan = node.plan(&[("kv", &v3)], None).unwrap();
    assert_committed(&node.apply(&plan).unwrap());
    assert_indexed(&node, "kv", "kv-index");
}

#[test]
fn engines_that_are_started_in_the_upgrade_find_a_place_where_their_names_are_taken() {
    let workshop = workshop();
    let (kv, accounts) = (workshop.kv_v1(), workshop.accounts_v1());
    let engines = [
        ("kv", "kv", kv.as_path()),
        ("accounts", "accounts", accounts.as_path()),
        ("kv-index", "kv", kv.as_path()),
        ("holds", "kv", kv.as_path()),
    ];
    let node = Harness::start(&workshop, &engines);
    bank(&node);
    assert_committed(&together(&node, &workshop.kv_v3(), &workshop.accounts_v2()));
    assert_serves(&node, "after");
    let said = node.query("kv", json!("index")).unwrap();
    let index = said["index"]["engine"].as_str().unwrap().to_owned();
    assert_ne!(index, "kv-index");
    assert_indexed(&node, "kv", &index);
    let holds = node.query("accounts", json!("holds")).unwrap();
    let holds = holds["holds"]["engine"].as_str().unwrap().to_owned();
    let hold = node.query(&holds, json!({"get": {"id": 1}})).unwrap();
    assert_eq!(hold["hold"]["hold"]["amount"], 200);
}
