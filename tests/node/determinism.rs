//! One worker or two: the same messages in the same blocks, with a swap after the same one, give the
//! same states and the same replies, to the byte.
//!
//! The node's solo ordering puts its clock into the blocks, so two nodes never have blocks of equal
//! bytes. The engines here do not look at time or chance; all else of the blocks is equal, because
//! each message is answered before the next is sent, and is checked to be.

use crate::workshop;
use refit_abi::{EngineId, Generation, Height};
use refit_admin::Bytes;
use refit_admin::api::{Class, UpgradeState};
use refit_tests::{Harness, Source};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Sheep of the herd: more than the engines of several chunks.
const SHEEP: u64 = 200;

/// Messages to each sheep of one order: together more than a round on one thread takes.
const TIMES: u64 = 4;

/// Blocks between the plan and its height.
const AHEAD: u64 = 20;

/// Version 2: another state of the sheep, which also hear more than they are told.
fn herd_v2() -> PathBuf {
    workshop().library("herd-v2", || {
        let v1 = Source::fixture("herd");
        let frozen = v1.text("src/state.rs").replace("pub(crate)", "pub");
        v1.replacing("src/lib.rs", "mod state;", "mod state;\npub mod v1;")
            .replacing(
                "src/lib.rs",
                "self.heard += 1;",
                "self.heard += 1 + self.more;",
            )
            .with_file("src/v1.rs", &frozen)
            .with_file("src/state.rs", HERD_V2)
    })
}

/// The replies that a client of a node sees, and the states that are left in the engines.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    replies: Vec<(Bytes, Height, Generation)>,
    states: Vec<(EngineId, Vec<u8>)>,
    handled: u64,
}

/// Sends orders before and after a swap at a height.
fn run(workers: usize) -> Run {
    let workshop = workshop();
    let herd = workshop.library("herd", || Source::fixture("herd"));
    let node = Harness::start_with(&workshop, &[("dog", "shepherd", &herd)], |config| {
        config.workers = workers;
        config.idle_interval_ms = 2;
    });
    let mut replies = Vec::new();
    let mut order = |order: Value| {
        let reply = node.send("dog", order).unwrap();
        replies.push((reply.body, reply.height, reply.generation));
        reply.height
    };
    order(json!({"gather": {"sheep": SHEEP}}));
    for _ in 0..3 {
        order(json!({"count": {"times": TIMES}}));
    }
    let newest = order(json!({"count": {"times": 1}}));
    let at_height = Height(newest.0 + AHEAD);
    let plan = node
        .plan(&[("sheep", &node.own_copy(&herd_v2()))], Some(at_height))
        .unwrap();
    let report = node.apply(&plan).unwrap();
    assert_eq!(
        (report.state, report.class),
        (UpgradeState::Committed, Class::Migrate)
    );
    assert_eq!(report.height, Some(at_height));
    // The block that follows an upgrade at once carries its outcome.
    node.wait_for_height(at_height.next());
    for _ in 0..3 {
        order(json!({"count": {"times": TIMES}}));
    }
    assert_eq!(node.node().counts().blocks.mixed, 0);
    assert_eq!(node.status().workers, workers as u32);
    Run {
        replies,
        states: node.states(),
        handled: node.node().counts().blocks.messages,
    }
}

#[test]
fn one_worker_and_two_give_the_same_states_and_replies_with_a_swap_between() {
    let (one, two) = (run(1), run(2));
    assert_eq!(one.states.len() as u64, SHEEP + 1);
    // Each order, and for each word to a sheep: the word, its passing on, the report.
    let words = SHEEP * (6 * TIMES + 1);
    assert_eq!(one.handled, 8 + 3 * words);
    assert_eq!(one.replies, two.replies);
    assert_eq!(one, two);
}

const HERD_V2: &str = r#"//! The states of version 2.

use crate::v1;
use refit_abi::{EngineId, Fault, Migrate, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An engine that starts the sheep and hears them.
#[derive(Debug, Default, State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Shepherd)]
pub struct Shepherd {
    pub(crate) sheep: Vec<EngineId>,
    pub(crate) said: u64,
    pub(crate) digest: u64,
    #[migrate(default)]
    pub(crate) season: u64,
}

/// One that counts.
#[derive(Debug, Default, State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Sheep)]
pub struct Sheep {
    pub(crate) shepherd: Option<EngineId>,
    pub(crate) heard: u64,
    pub(crate) said: BTreeMap<EngineId, u64>,
    pub(crate) late: u64,
    #[migrate(with = halved)]
    pub(crate) more: u64,
}

fn halved(old: &v1::Sheep, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    Ok(old.heard / 2)
}
"#;
