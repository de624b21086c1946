//! Small runs of the benches of the message path: they agree with themselves and say what they did.

use refit_benches::BenchError;
use refit_benches::gate::{self, GateOptions};
use refit_benches::messages::{self, MessagesOptions};

/// `gate` itself fails if the two ways leave different states.
#[test]
fn both_ways_through_the_gate_bench_do_the_same_work_and_both_are_timed() {
    let options = GateOptions {
        batches: vec![1, 32],
        messages: 1_000,
        repetitions: 4,
    };
    let report = gate::run(&options).unwrap();
    assert_eq!(report.batches.len(), 2);
    for batch in &report.batches {
        assert!(batch.direct_ns.min > 0.0 && batch.gated_ns.min > 0.0);
    }
    assert_eq!(report.targets.len(), 2);
    assert!(
        report
            .text()
            .contains("gate and call in batches of 32, added ns a message")
    );
}

/// `messages` itself fails if a token is lost.
#[test]
fn the_ring_keeps_its_tokens_and_is_timed() {
    let options = MessagesOptions {
        engines: 3,
        tokens: 5,
        messages: 1_000,
        repetitions: 3,
    };
    let report = messages::run(&options).unwrap();
    assert!(report.millions_per_s.min > 0.0);
    assert!(
        report
            .text()
            .contains("3 engines with 5 tokens each, one worker")
    );
}

#[test]
fn options_out_of_range_are_refused_with_their_range() {
    let gate = GateOptions {
        batches: Vec::new(),
        ..GateOptions::default()
    };
    assert!(matches!(
        gate::run(&gate),
        Err(BenchError::Option {
            option: "batch",
            ..
        })
    ));
    let ring = MessagesOptions {
        engines: 0,
        ..MessagesOptions::default()
    };
    let refused = messages::run(&ring).unwrap_err().to_string();
    assert_eq!(refused, "engines is 0; give 1 to 100000");
}
