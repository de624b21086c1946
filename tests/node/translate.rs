//! Tests translation: where the layouts differ, states cross as bytes, and so do the messages that wait.

use crate::{entry, get, put, workshop};
use refit_abi::{Generation, Height};
use refit_admin::api::{Class, UpgradeState};
use refit_tests::{Harness, UPGRADE_WAIT_MAX};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Blocks until the timer: both swaps must come first.
const AHEAD: u64 = 4_000;

#[test]
fn a_state_and_its_timers_cross_to_code_of_another_layout_and_back() {
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.idle_interval_ms = 2;
    });
    let (other, usual) = (workshop.kv_v2_of_another_layout(), workshop.kv_v2());
    let height = node.send("kv", put("brief", "old")).unwrap().height;
    node.send("kv", put("lasting", "old")).unwrap();
    let expires = Height(height.0 + AHEAD);
    let message = json!({"expire_at": {"key": "brief", "height": expires}});
    node.send("kv", message).unwrap();

    // The step from version 1 reads the old state from its bytes.
    let report = node.upgrade("kv", &other);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.class, Class::Translate);
    assert_eq!(entry(&node, "lasting"), ("old".to_owned(), 0));
    node.send("kv", put("lasting", "new")).unwrap();
    assert_eq!(entry(&node, "lasting"), ("new".to_owned(), 1));

    // Back to the usual layout: the same schema, and still not by pointer.
    let states = node.states();
    let report = node.upgrade("kv", &usual);
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.class, Class::Translate);
    assert_eq!((node.generation(), node.states()), (Generation(3), states));

    let late = node.status().height;
    assert!(late < expires, "the swaps came too late: {late}");
    node.wait_for_height(expires.next());
    let gone = node.query("kv", get("brief")).unwrap();
    assert_eq!(gone, json!({"value": {"entry": null}}), "the timer came");
    assert_eq!(entry(&node, "lasting"), ("new".to_owned(), 1));
    assert_eq!(node.node().counts().blocks.dead_letters, 0);
}

/// Clients that place holds at once.
const CLIENTS: u64 = 4;

/// Holds of one client on either side of the swap.
const HOLDS_PER_SIDE: u64 = 20;

/// Most holds of one client.
const HOLDS_MAX: u64 = 20_000;

/// Places holds until the test stops it; gives the generation and the number of each.
fn place(node: &Harness, placed: &AtomicU64, end: &AtomicBool) -> Vec<(Generation, u64)> {
    let place =
        json!({"place": {"account": "ada", "to": "shop", "amount": 1, "until": 1_000_000_000}});
    let mut holds = Vec::new();
    while !end.load(Ordering::Relaxed) && (holds.len() as u64) < HOLDS_MAX {
        let replied = node.send("accounts", place.clone()).unwrap();
        let body: Value = serde_json::from_slice(&replied.body).unwrap();
        holds.push((replied.generation, body["held"]["id"].as_u64().unwrap()));
        placed.fetch_add(1, Ordering::Relaxed);
    }
    holds
}

fn wait_for(placed: &AtomicU64, more: u64) {
    let goal = placed.load(Ordering::Relaxed) + more;
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while placed.load(Ordering::Relaxed) < goal {
        assert!(Instant::now() < deadline, "no holds are placed");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn wait_for_empty_mailboxes(node: &Harness) {
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while node.status().engines.iter().any(|it| it.mailbox > 0) {
        assert!(Instant::now() < deadline, "messages wait for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn messages_that_wait_cross_to_code_of_another_layout_and_are_handled_once_and_in_order() {
    let workshop = workshop();
    let (kv, accounts) = (workshop.kv_v1(), workshop.accounts_v1());
    let engines = [
        ("kv", "kv", kv.as_path()),
        ("accounts", "accounts", accounts.as_path()),
    ];
    // A message of the accounts to the store in a block waits for the next.
    let node = Harness::start_with(&workshop, &engines, |config| config.handled_per_block = 1);
    let mint = json!({"mint": {"number": 1, "to": "ada", "amount": 1_000_000}});
    node.send("accounts", mint).unwrap();
    let other = node.own_copy(&workshop.kv_v2_of_another_layout());

    let (placed, end) = (AtomicU64::new(0), AtomicBool::new(false));
    let (report, mut holds) = std::thread::scope(|threads| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| threads.spawn(|| place(&node, &placed, &end)))
            .collect();
        wait_for(&placed, CLIENTS * HOLDS_PER_SIDE);
        let report = node.upgrade("kv", &other);
        wait_for(&placed, CLIENTS * HOLDS_PER_SIDE);
        end.store(true, Ordering::Relaxed);
        let holds = clients.into_iter().map(|client| client.join().unwrap());
        (report, holds.flatten().collect::<Vec<_>>())
    });
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    assert_eq!(report.class, Class::Translate);
    wait_for_empty_mailboxes(&node);

    holds.sort_by_key(|(_, id)| *id);
    // Each write since the swap has the next revision; those from before have none.
    let revision = |id: &u64| entry(&node, &format!("hold/{id}")).1;
    let revisions: Vec<u64> = holds.iter().map(|(_, id)| revision(id)).collect();
    let before = revisions.iter().take_while(|it| **it == 0).count();
    assert!(
        revisions[before..]
            .iter()
            .copied()
            .eq(1..=(revisions.len() - before) as u64)
    );
    let waited = holds[before..]
        .iter()
        .filter(|(sent, _)| *sent == report.from);
    assert!(waited.count() > 0, "no message waited over the swap");
    assert!(holds[..before].iter().all(|(sent, _)| *sent == report.from));
    let length = node.query("kv", json!("length")).unwrap();
    assert_eq!(length["length"]["keys"], holds.len());
    let counts = node.node().counts().blocks;
    assert_eq!((counts.dead_letters, counts.mixed), (0, 0));
}
