//! `refit bench serve`, short: a real node, real clients, and figures that hold together.

use crate::served::{Folder, compiled};
use serde_json::Value;

#[test]
fn a_short_run_measures_all_that_the_long_one_does_and_no_request_is_lost() {
    let folder = Folder::new();
    let arguments = [
        "bench",
        "serve",
        "--json",
        "--connections",
        "2,4",
        "--rate",
        "200",
        "--seconds",
        "1",
        "--pairs",
        "1",
    ];
    let mut command = folder.command(&arguments);
    command.env_clear().envs(std::env::vars_os());
    command.env("REFIT_CACHE_DIR", compiled());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();

    let rows = report["rows"].as_array().unwrap();
    let named = |row: &Value| {
        let pace = if row["asked_per_s"].is_null() {
            "flat out"
        } else {
            "open"
        };
        format!(
            "{} {} {pace}",
            row["sort"].as_str().unwrap(),
            row["connections"]
        )
    };
    let mut expected: Vec<String> = ["put 2", "put 4", "keyed-put 4", "get 4", "batch 4"]
        .iter()
        .flat_map(|what| [format!("{what} flat out"), format!("{what} open")])
        .collect();
    expected.insert(0, "put 1 flat out".to_owned());
    if !report["no_batch"].is_null() {
        expected.truncate(expected.len() - 2);
    }
    assert_eq!(rows.iter().map(named).collect::<Vec<_>>(), expected);
    rows.iter().for_each(holds_together);

    let swap = &report["swaps"]["pairs"][0];
    assert!(swap["pause_us"].as_f64().unwrap() > 0.0, "{swap}");
    assert!(swap["swap"]["requests"].as_u64().unwrap() > 0, "{swap}");
    let keys = &report["keys"]["pairs"][0];
    for figure in ["plain_per_s", "keyed_per_s"] {
        assert!(keys[figure].as_f64().unwrap() > 0.0, "{keys}");
    }
    let targets = report["targets"].as_array().unwrap();
    let lost = targets.last().unwrap();
    assert_eq!(lost["name"], "requests refused, broken off or not answered");
    assert_eq!(lost["met"], true, "{said}\n{report:#}");
}

/// The system's unit of processor time, in microseconds.
const TICK_US: f64 = 10_000.0;

/// Quantiles are in order, and the node's threads used what the node used.
fn holds_together(row: &Value) {
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&row["answered_per_s"]) > 0.0, "{row:#}");
    let latency = &row["latency"];
    let quantiles = ["p50_us", "p99_us", "p999_us", "max_us"].map(|name| number(&latency[name]));
    assert!(quantiles[0] > 0.0 && quantiles.is_sorted(), "{row:#}");
    let both = |of: &Value| number(&of["user"]) + number(&of["system"]);
    let (whole, threads) = (both(&row["node_us"]), row["threads"].as_array().unwrap());
    assert!(
        threads.iter().any(|threads| threads["threads"] == "http"),
        "{row:#}"
    );
    let sum: f64 = threads.iter().map(both).sum();
    // Each figure is a whole number of ticks, shared among the requests: on a fast machine few requests take few.
    let figures = 2.0 * (threads.len() + 1) as f64;
    let rounded = figures * TICK_US / number(&latency["requests"]);
    assert!(
        (sum - whole).abs() <= 0.2 * whole + rounded,
        "{sum} of {whole}, each figure rounded by {rounded} in all: {row:#}"
    );
}

#[test]
fn an_option_out_of_range_is_refused_before_anything_is_built() {
    let folder = Folder::new();
    let refused = folder.run(&["bench", "serve", "--connections", "961"]);
    assert_eq!(refused.exit, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("connections is 961; give 1 to 960"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("building"), "{}", refused.stderr);
}
