//! Small runs of the benches of the message path: they agree with themselves and say what they did.

use refit_benches::BenchError;
use refit_benches::bus::{self, BusOptions};
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

/// `bus` itself fails if a message or an engine is missing.
#[test]
fn every_case_of_the_bus_is_timed_and_each_repetition_is_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let options = BusOptions {
        repetitions: 2,
        workers: 2,
        shrink: 50,
        out: Some(folder.path().join("out")),
    };
    let report = bus::run(&options).unwrap();
    assert_eq!((report.cases.len(), report.targets.len()), (5, 4));
    assert!(report.cases.iter().all(|case| case.ms.min > 0.0));
    let csv = std::fs::read_to_string(folder.path().join("out/bus.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 5 * 2);
    let columns = bus::CSV_HEADER.split(',').count();
    assert!(csv.lines().all(|line| line.split(',').count() == columns));
    let json = std::fs::read_to_string(folder.path().join("out/bus.json")).unwrap();
    assert_eq!(json, report.json().unwrap());
    assert!(report.text().contains("one to many: 2000 messages, ms"));
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
    let bus = BusOptions {
        repetitions: 0,
        ..BusOptions::default()
    };
    let refused = bus::run(&bus).unwrap_err().to_string();
    assert_eq!(refused, "repetitions is 0; give 1 to 1000");
}
