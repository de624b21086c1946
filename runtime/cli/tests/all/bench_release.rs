//! `refit bench release`, short: a release that is really verified, and figures that hold together.

use crate::served::Folder;
use serde_json::Value;

#[test]
fn what_a_release_takes_is_measured_with_all_its_signatures() {
    let folder = Folder::new();
    let ended = folder.run(&[
        "bench",
        "release",
        "--file",
        "1",
        "--repetitions",
        "3",
        "--json",
    ]);
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["signatures"], 16);
    for figure in ["verify_ms", "hash_ms"] {
        let of = |part: &str| report[figure][part].as_f64().unwrap();
        assert!(0.0 < of("min") && of("min") <= of("p50"), "{report}");
    }
    assert_eq!(report["targets"].as_array().unwrap().len(), 2);
    let refused = folder.run(&["bench", "release", "--repetitions", "0"]);
    assert_eq!(refused.exit, 2, "{}", refused.stderr);
}
