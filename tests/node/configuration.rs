//! Tests which configuration engines are started with.

use crate::{assert_serves, workshop};
use refit_node::{Node, NodeConfig, StartError};
use refit_tests::{Harness, Source};
use std::time::Duration;

/// How long a start may take that has nothing to start.
const WAIT: Duration = Duration::from_secs(30);

#[test]
fn an_engine_that_takes_no_configuration_starts_when_none_is_given() {
    let source = || {
        Source::kv_v1()
            .replacing(
                "src/engine.rs",
                "type Config = Config;",
                "type Config = ();",
            )
            .replacing("src/engine.rs", "fn init(_: Config,", "fn init((): (),")
            .replacing("src/engine.rs", "Answer, Config, Entry", "Answer, Entry")
    };
    let workshop = workshop();
    let library = workshop.library("kv-v1-no-config", source);
    let node = Harness::start(&workshop, &[("kv", "kv", &library)]);
    assert_serves(&node, "a");
}

#[test]
fn a_node_that_is_told_to_end_before_its_engines_start_says_so() {
    let prepared = Node::prepare(NodeConfig::new(Vec::new(), workshop().probe())).unwrap();
    prepared.node().stop();
    let (done, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(prepared.start().map(drop)));
    let started = started
        .recv_timeout(WAIT)
        .expect("it waits for a crew that has ended");
    assert!(matches!(started, Err(StartError::Ended)), "{started:?}");
}
