//! Fixed blocks: each node that executes them, in any process and on any number of workers, comes to the same results;
//! and a node that would not, says so and goes no further.

use crate::together::{fragile, fragile_edited};
use crate::{get, put, workshop};
use refit_abi::host::{Explain, Ingress, Share};
use refit_abi::raw::Codec;
use refit_abi::{BlockTime, ClientId, EngineId, Height};
use refit_admin::api::UpgradeState;
use refit_node::{BlockRefused, ParameterChanges, ReceiptDifference};
use refit_ordering::{Entry, Header, Message, OrderKey, PlanEntry, SealedBlock, Step};
use refit_tests::{Fixed, FixedUpgrade, Played, Scene, Source};
use serde_json::{Value, json};
use std::process::Command;

/// Sheep of the herd: more than the engines of several chunks.
const SHEEP: u64 = 150;

/// Time between two blocks, in milliseconds.
const APART_MILLIS: u64 = 10;

/// The last block of the old code.
pub(crate) const SWAP_AFTER: u64 = 6;

/// A poisoned engine, timers, started and stopped engines, keys, and an upgrade in the middle.
pub(crate) fn scene(workers: usize) -> Scene {
    let workshop = workshop();
    let herd = workshop.library("herd", || Source::fixture("herd"));
    let unruly = workshop.library("unruly", || Source::fixture("unruly"));
    let engine = |name: &str, kind: &str, library| (name.to_owned(), kind.to_owned(), library);
    Scene {
        probe: env!("CARGO_BIN_EXE_refit-test-probe").into(),
        engines: vec![
            engine("dog", "shepherd", herd),
            engine("kv", "kv", workshop.kv_v1()),
            engine("one", "fragile", fragile()),
            engine("steady", "steady", fragile()),
            engine("stack", "stack", unruly),
        ],
        // Less than a count of the herd makes: a backlog crosses blocks.
        handled_per_block: 2_000,
        workers,
        upgrade: Some(FixedUpgrade {
            kind: "kv".to_owned(),
            library: workshop.kv_v2(),
            height: SWAP_AFTER,
        }),
    }
}

fn message(engine: &str, sequence: Option<u64>, body: &Value) -> Entry {
    let ingress = Ingress {
        engine: EngineId::root(engine).unwrap(),
        client: ClientId::of("ada"),
        share: Share::default(),
        sequence,
        codec: Codec::Json,
        payload: body.to_string().into_bytes(),
    };
    Entry::Message(Message {
        ingress,
        authenticator: Vec::new(),
    })
}

/// An operator's order that sets a parameter.
fn parameters(key: Option<OrderKey>, name: &str, value: u64) -> Entry {
    let changes = ParameterChanges {
        set: [(name.to_owned(), value)].into(),
        ..ParameterChanges::default()
    };
    Entry::Parameters {
        key,
        changes: changes.to_bytes(),
    }
}

/// A key of the client who sends the messages.
fn key(sequence: u64) -> Option<OrderKey> {
    Some(OrderKey {
        client: ClientId::of("ada"),
        sequence,
        share: Share(4),
    })
}

/// A plan that was taken on under a key, elsewhere.
fn plan(sequence: u64) -> Entry {
    Entry::Plan {
        key: key(sequence),
        plan: PlanEntry::default().to_bytes(),
    }
}

/// The entries of each block.
pub(crate) fn batches() -> Vec<Vec<Entry>> {
    let say = |engine, body: Value| message(engine, None, &body);
    let keyed = |engine, sequence, body: Value| message(engine, Some(sequence), &body);
    let steady = serde_json::to_value(EngineId::root("steady").unwrap()).unwrap();
    let expires = json!({"expire_at": {"key": "brief", "height": 8}});
    vec![
        vec![
            say("dog", json!({"gather": {"sheep": SHEEP}})),
            say("kv", put("brief", "value")),
            say("stack", json!({"push": 3})),
        ],
        vec![
            say("dog", json!({"count": {"times": 4}})),
            say("kv", expires),
        ],
        vec![
            keyed("one", 1, json!({"keep": 10})),
            keyed("one", 2, json!({"nonsense": 1})),
            say("nobody", json!(1)),
        ],
        vec![
            keyed("one", 1, json!({"keep": 10})),
            keyed("one", 1, json!({"keep": 11})),
            say(
                "one",
                json!({"tell_and_break": {"to": steady, "number": 7}}),
            ),
            say("one", json!({"keep": 12})),
        ],
        vec![
            say("one", json!({"keep": 13})),
            say("steady", json!(5)),
            say("stack", json!("stop")),
        ],
        vec![
            say("stack", json!({"push": 1})),
            say("dog", json!({"count": {"times": 4}})),
        ],
        vec![say("kv", put("lasting", "value"))],
        vec![keyed("kv", 3, put("keyed", "value"))],
        vec![
            Entry::Restart {
                key: key(8),
                engine: EngineId::root("one").unwrap(),
            },
            say("one", json!({"keep": 14})),
            parameters(None, "mailbox.messages", 1_000),
            parameters(key(9), "keys.answered", 7),
            plan(10),
            parameters(key(9), "keys.answered", 7),
            keyed("one", 9, json!({"keep": 15})),
        ],
        vec![
            keyed("kv", 3, put("keyed", "value")),
            say("dog", json!({"count": {"times": 1}})),
            Entry::Restart {
                key: key(8),
                engine: EngineId::root("one").unwrap(),
            },
            keyed("one", 10, json!({"keep": 16})),
            plan(3),
            keyed("one", 11, json!({"keep": 17})),
        ],
    ]
}

pub(crate) fn steps() -> Vec<Step> {
    let batches = (1..).zip(batches());
    let step = |(number, entries): (u64, Vec<Entry>)| Step::Batch {
        time: BlockTime(number * APART_MILLIS),
        entries,
    };
    batches.map(step).collect()
}

/// A node of the scene that has played all of it.
fn played(workers: usize) -> Fixed {
    let fixed = Fixed::start(&scene(workers));
    fixed.play(steps());
    assert_eq!(fixed.refused(), None);
    fixed
}

#[test]
fn a_whole_node_on_one_two_and_four_workers_gives_the_same_receipts_and_states() {
    let alone = played(1);
    let report = alone.upgraded();
    assert_eq!(
        (report.state, report.height),
        (UpgradeState::Committed, Some(Height(SWAP_AFTER)))
    );
    let result = alone.played();
    let blocks = batches().len();
    assert_eq!(
        (result.receipts.len(), result.blocks.len()),
        (blocks, blocks)
    );
    assert_eq!(
        result.states.len() as u64,
        SHEEP + 4,
        "one has stopped, and the poisoned one was started afresh"
    );
    // The scene is what it is said to be.
    let named = |height, name| {
        let receipt = alone.receipt(height);
        let engine = EngineId::root(name).unwrap();
        receipt.engines.iter().any(|part| part.engine == engine)
    };
    assert!(named(1, "dog") && named(3, "nobody") && named(6, "stack") && !named(9, "kv"));
    let counts = alone.harness().node().counts();
    assert_eq!((counts.blocks.mixed, counts.blocks.poisoned), (0, 1));
    assert_eq!(counts.repeated, 4, "two messages, parameters and a restart");
    let one = alone.harness().query("one", Value::Null).unwrap();
    assert_eq!(one, 17, "what it was told last, behind its one restart");
    let headers: Vec<_> = self::blocks(&alone.log()).iter().map(header).collect();
    assert_eq!(headers[7].parameters, headers[8].parameters);
    let now = alone.harness().node().parameters();
    assert_eq!(headers[9].parameters.to_string(), now.hash);
    assert_eq!(now.since, Height(9));
    let gone = alone.harness().query("kv", get("brief")).unwrap();
    assert_eq!(gone, json!({"value": {"entry": null}}), "its timer came");
    drop(alone);
    for workers in [2, 4] {
        assert_eq!(played(workers).played(), result, "{workers} workers");
    }
}

/// Feeds this log to a node in a process of its own, and gives the state that it comes to.
pub(crate) fn in_a_second_process(scene: &Scene, log: &[Vec<u8>]) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let scene = write("scene.json", serde_json::to_string(scene).unwrap());
    let blocks = write("log.json", serde_json::to_string(log).unwrap());
    let output = Command::new(env!("CARGO_BIN_EXE_refit-test-replay"))
        .args([scene, blocks])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_second_process_that_is_fed_the_blocks_of_a_node_gives_the_same_receipts() {
    let (log, result) = {
        let fixed = played(2);
        (fixed.log(), fixed.played())
    };
    assert_eq!(in_a_second_process(&scene(1), &log), result);
}

#[test]
fn a_node_without_the_upgrade_refuses_the_block_after_it_and_answers_queries_still() {
    let log = {
        let fixed = played(1);
        fixed.log()
    };
    let without = Scene {
        upgrade: None,
        ..scene(1)
    };
    let fixed = Fixed::start(&without);
    fixed.play(blocks(&log));
    let refused = fixed.refused().unwrap();
    assert_eq!(refused.code(), "block-outcome");
    assert!(refused.to_string().contains("committed"), "{refused}");
    assert_eq!(fixed.log().len() as u64, SWAP_AFTER);
    let told = fixed
        .harness()
        .send("kv", put("late", "value"))
        .unwrap_err();
    assert_eq!((told.status, told.why.code.as_str()), (503, "node-halted"));
    let value = fixed.harness().query("kv", get("brief")).unwrap();
    assert_eq!(value["value"]["entry"]["value"], "value");
    assert!(refit_admin::Node::ready(&**fixed.harness().node()).is_err());
}

#[test]
fn other_code_is_refused_at_the_first_block_and_so_are_other_parameters_and_another_beginning() {
    let log = {
        let fixed = played(1);
        fixed.log()
    };
    let refusal = |change: &dyn Fn(&mut Scene)| {
        let mut other = scene(1);
        other.upgrade = None;
        change(&mut other);
        let played = other.replay(&log);
        assert_eq!(played.blocks.len(), 0, "nothing was executed");
        played.refused.unwrap()
    };
    let edited = |scene: &mut Scene| {
        for engine in &mut scene.engines[2..4] {
            engine.2 = fragile_edited();
        }
    };
    assert_eq!(refusal(&edited), "block-code");
    assert_eq!(
        refusal(&|scene| scene.handled_per_block += 1),
        "block-parameters"
    );
    assert_eq!(refusal(&|scene| drop(scene.engines.pop())), "block-chain");
}

#[test]
fn results_that_differ_are_refused_at_the_next_block_and_the_two_receipts_name_the_engine() {
    let (log, theirs) = {
        let fixed = played(1);
        (fixed.log(), fixed.receipt(5))
    };
    // Block 5 with one message less is another block, and a node that executed it has another receipt than block 6 names.
    let fixed = Fixed::start(&scene(1));
    let mut steps = blocks(&log);
    steps.truncate(6);
    let Step::Block(fifth) = &mut steps[4] else {
        unreachable!("blocks are played");
    };
    fifth.entries.remove(1);
    let hash = fifth.hash();
    let Step::Block(sixth) = &mut steps[5] else {
        unreachable!("blocks are played");
    };
    sixth.header.parent = hash;
    fixed.play(steps);
    let ours = fixed.receipt(5);
    let refused = fixed.refused().unwrap();
    assert!(
        matches!(refused, BlockRefused::Receipt { parent, .. } if parent == Height(5)),
        "{refused}"
    );
    // Keyless entries are called by their places, so the message after the one that is gone is answered as another one.
    let moved = ["steady", "stack"].map(|name| EngineId::root(name).unwrap());
    let difference = theirs.difference(&ours);
    let first = moved.into_iter().min();
    assert_eq!(
        difference,
        first.map(|engine| ReceiptDifference::Engine { engine })
    );
}

fn header(step: &Step) -> Header {
    match step {
        Step::Block(block) => block.header.clone(),
        Step::Batch { .. } => unreachable!("blocks are played"),
    }
}

fn blocks(log: &[Vec<u8>]) -> Vec<Step> {
    let block = |bytes: &Vec<u8>| Step::Block(SealedBlock::from_bytes(bytes).unwrap().block);
    log.iter().map(block).collect()
}
