//! Tests which configuration engines are started with.

use crate::{assert_serves, workshop};
use refit_tests::{Harness, Source};

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
