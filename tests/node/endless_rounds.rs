//! An engine whose messages go round for ever takes its part of each block, and no more.

use crate::workshop;
use refit_admin::{Bytes, Entrance, Node as _};
use refit_tests::{Harness, Source, Workshop};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Sheep that are talked to without end.
const SHEEP: u64 = 64;

/// Messages that are handled in a block: far fewer than go round.
const HANDLED_PER_BLOCK: u64 = 2_000;

/// The number of messages that the ledger's client sends, one after the other.
const SENDS: u64 = 30;

/// Longest wait for one answer: some blocks of a debug build on a machine that has other things to do.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// A shepherd who answers each report with the next number.
fn endless(workshop: &Workshop) -> PathBuf {
    workshop.library("herd-endless", || {
        Source::fixture("herd").replacing(
            "src/lib.rs",
            "Order::Heard { count } => self.hear(sender, count),",
            "Order::Heard { count } => {
                self.hear(sender, count);
                if let Sender::Engine(sheep) = sender {
                    self.said += 1;
                    let step = Step { number: self.said, pass: None };
                    ctx.send(sheep, &step).map_err(refused)?;
                }
            }",
        )
    })
}

/// Sends ever more words that go round, as long as it is wanted.
fn keep_going(node: &Harness, wanted: &AtomicBool) {
    while wanted.load(Relaxed) {
        let order = Bytes::from(json!({"count": {"times": 1}}).to_string());
        let to = "dog".parse().unwrap();
        let sent = node.node().send(to, Entrance::UNIX, None, order);
        // A refusal is no failure here: the next message comes in 5 ms.
        let _answer = node.runtime().block_on(sent);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_ledgers_client_is_answered_though_anothers_messages_go_round_for_ever() {
    let workshop = workshop();
    let (herd, accounts) = (endless(&workshop), workshop.accounts_v1());
    let engines = [
        ("dog", "shepherd", herd.as_path()),
        ("accounts", "accounts", &accounts),
    ];
    let node = Harness::start_with(&workshop, &engines, |config| {
        config.handled_per_block = HANDLED_PER_BLOCK;
    });
    node.send("dog", json!({"gather": {"sheep": SHEEP}}))
        .unwrap();
    let wanted = AtomicBool::new(true);
    std::thread::scope(|threads| {
        threads.spawn(|| keep_going(&node, &wanted));
        // The other thread ends even if this one fails.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answered(&node)));
        wanted.store(false, Relaxed);
        outcome.unwrap();
    });
}

fn answered(node: &Harness) {
    // Until more goes round than a block handles.
    let waiting = || {
        let engines = node.status().engines.into_iter();
        engines.map(|engine| engine.mailbox).sum::<u64>()
    };
    while waiting() < HANDLED_PER_BLOCK {
        std::thread::sleep(Duration::from_millis(5));
    }
    let digest = || node.query("dog", Value::Null).unwrap();
    let mut last = digest();
    for number in 1..=SENDS {
        let began = Instant::now();
        let mint = json!({"mint": {"number": number, "to": "ada", "amount": 1}});
        node.send("accounts", mint).unwrap();
        let took = began.elapsed();
        assert!(took < ANSWERED_WITHIN, "{took:?} for {number}");
        let now = digest();
        assert_ne!(now, last, "the others go round");
        last = now;
    }
}
