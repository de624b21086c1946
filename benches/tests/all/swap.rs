//! A small run of the swap bench, with libraries that are really built, loaded and unmapped.

use refit_benches::swap::{self, BenchClass, SwapCode, SwapOptions};
use refit_build::{Builder, Profile};
use refit_loader::{Loader, ProbeCommand};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const HEADER: &str = "engines,entries,class,repetition,workers,stage_us,wait_us,quiesce_us,transition_us,commit_us,resume_us,pause_us,handover_us,handshake_us,stall_us,control_stall_us,lost,duplicated,reordered,rss_rest_kib,rss_peak_kib,load1";

/// Microseconds with three decimals, as nanoseconds.
fn nanos(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap();
    assert_eq!(part.len(), 3, "{text}");
    whole.parse::<u64>().unwrap() * 1_000 + part.parse::<u64>().unwrap()
}

#[test]
fn a_run_writes_every_row_whole_and_the_parts_add_up_to_the_pause() {
    let out = tempfile::tempdir().unwrap();
    let mut options = SwapOptions::new(out.path());
    options.engines = vec![1, 10];
    options.entries = vec![1];
    options.repetitions = 2;
    options.workers = 2;

    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let builder = Builder::new(folder.join("bench-engines"))
        .with_store(folder.join("refit-store"))
        .with_lock(here.join("../Cargo.lock"));
    let probe = ProbeCommand::new(env!("CARGO_BIN_EXE_refit-bench")).argument("probe");
    let loader = Loader::new(probe).unwrap();
    let sources = SwapCode::sources();
    let code = SwapCode {
        builder: &builder,
        loader: &loader,
        sources: &sources,
        // What is promised here is that a run is whole, not how fast it is.
        profile: Profile::Dev,
    };
    let mut said = Vec::new();
    let report = swap::run(&options, &code, &mut |line| said.push(line.to_owned())).unwrap();

    rows(&fs::read_to_string(out.path().join("swap.csv")).unwrap());
    assert_eq!(
        loader.mapped(),
        0,
        "everything that was loaded was unmapped"
    );
    assert!(
        said.iter().any(|line| line == "repetition 2 of 2: 8 cells"),
        "{said:?}"
    );

    let json = fs::read_to_string(out.path().join("swap.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["cells"].as_array().unwrap().len(), 8);
    assert_eq!(json["cells"][0]["class"], "carry");
    assert_eq!(json["skipped"], serde_json::json!([]));
    assert!(json["machine"]["cores"].as_u64().unwrap() > 0);
    faultless(&json);

    summary(&report.text());
    plot(&fs::read_to_string(out.path().join("swap.svg")).unwrap());
}

fn rows(csv: &str) {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let mut seen = BTreeSet::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), HEADER.split(',').count(), "{line}");
        assert!(seen.insert(fields[..4].to_vec()), "twice: {line}");
        assert_eq!(fields[4], "2");
        let time: Vec<u64> = fields[5..16].iter().map(|field| nanos(field)).collect();
        let [
            stage,
            _,
            quiesce,
            transition,
            commit,
            resume,
            pause,
            handover,
            handshake,
            stall,
            control,
        ] = time[..]
        else {
            panic!("{line}");
        };
        assert_eq!(pause, quiesce + transition + commit + resume, "{line}");
        for measured in [stage, resume, pause, handover, handshake, stall, control] {
            assert!(measured > 0, "{line}");
        }
        assert_eq!(fields[16..19], ["0", "0", "0"], "{line}");
        let memory: Vec<u64> = fields[19..21]
            .iter()
            .map(|field| field.parse().unwrap())
            .collect();
        assert!(0 < memory[0] && memory[0] <= memory[1], "{line}");
        assert!(fields[21].parse::<f64>().unwrap() >= 0.0);
    }
    assert_eq!(seen.len(), 2 * 4 * 2, "engines × classes × repetitions");
}

/// What does not depend on the machine must be met.
fn faultless(json: &serde_json::Value) {
    let targets = json["targets"].as_array().unwrap();
    let zero: Vec<_> = targets
        .iter()
        .filter(|target| target["limit"] == 0.0)
        .collect();
    assert_eq!(zero.len(), 6);
    for target in zero {
        assert_eq!(target["met"], true, "{target}");
    }
}

fn summary(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Pause of a swap in µs"));
    for class in BenchClass::ALL {
        let of = |line: &&&str| line.split_whitespace().nth(2) == Some(class.name());
        assert_eq!(lines.iter().filter(of).count(), 2, "{text}");
    }
    for expected in ["Targets", "  met     messages lost: 0.00 (at most 0)"] {
        assert!(lines.contains(&expected), "{text}");
    }
    assert!(
        text.contains("carry: pause(10 engines) / pause(1)"),
        "{text}"
    );
    assert!(!text.contains("Not measured"), "{text}");
    assert!(
        text.ends_with("2 repetitions, 2 workers, load 1000 messages a second, seed 1\n"),
        "{text}"
    );
}

fn plot(svg: &str) {
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    assert_eq!(
        svg.matches("<polyline").count(),
        5,
        "four classes and the handshake"
    );
    for label in [
        "pause, µs",
        ">engines<",
        "hand, 1 entries each",
        "empty handshake",
    ] {
        assert!(svg.contains(label), "{label}");
    }
}
