//! The text that a scraper gets.

use super::*;

#[test]
fn the_text_has_every_metric_under_its_name() {
    let metrics = Metrics::new();
    metrics.set_height(Height(7));
    metrics.set_generation(Generation(2));
    metrics.add_messages("kv", 3);
    metrics.observe_block(Duration::from_millis(3));
    metrics.add_handling("kv", Duration::from_millis(1500));
    metrics.count_rehearsal(RehearsalOutcome::Failed, Duration::from_secs(20));
    metrics.set_quarantined(1);
    metrics.set_quarantine_unwritten(true);
    metrics.set_undecided(true);
    metrics.set_engines("kv", 11, 2);
    metrics.add_faults("kv", 6);
    metrics.add_dead_letters(8);
    metrics.add_forgotten(9, 2);
    metrics.add_events(12, 3);
    metrics.set_mailbox_depth(4);
    metrics.set_libraries(5, 1);
    metrics.count_log_lines_dropped(8);
    metrics.count_upgrade(Outcome::Committed, Some(Duration::from_micros(60)));
    metrics.count_upgrade(Outcome::Refused, None);
    metrics.observe_without_block(Duration::from_millis(2));
    let text = metrics.encode();
    for line in [
        "refit_height 7",
        "refit_generation 2",
        "refit_messages_total{kind=\"kv\"} 3",
        "refit_engines{kind=\"kv\"} 11",
        "refit_handling_seconds_total{kind=\"kv\"} 1.5",
        "refit_block_seconds_bucket{le=\"0.005\"} 1",
        "refit_rehearsals_total{outcome=\"failed\"} 1",
        "refit_rehearsals_total{outcome=\"passed\"} 0",
        "refit_rehearsal_seconds_bucket{le=\"30.0\"} 1",
        "refit_quarantined 1",
        "refit_quarantine_unwritten 1",
        "refit_undecided 1",
        "refit_faults_total{kind=\"kv\"} 6",
        "refit_poisoned{kind=\"kv\"} 2",
        "refit_dead_letters_total 8",
        "refit_answers_forgotten_total 9",
        "refit_events_total 12",
        "refit_events_forgotten_total 3",
        "refit_clients_forgotten_total 2",
        "refit_mailbox_depth 4",
        "refit_libraries_mapped 5",
        "refit_libraries_pinned 1",
        "refit_log_lines_dropped_total 8",
        "refit_upgrades_total{outcome=\"committed\"} 1",
        "refit_upgrades_total{outcome=\"aborted\"} 0",
        "refit_upgrade_pause_seconds_count 1",
        "refit_upgrade_without_block_seconds_count 1",
        "refit_upgrade_pause_seconds_bucket{le=\"0.0001\"} 1",
        "refit_upgrade_pause_seconds_bucket{le=\"0.00005\"} 0",
    ] {
        assert!(
            text.lines().any(|l| l == line),
            "no line `{line}` in:\n{text}"
        );
    }
}

#[test]
fn a_pause_of_a_minute_has_a_bucket_of_its_own() {
    let metrics = Metrics::new();
    metrics.count_upgrade(Outcome::Committed, Some(Duration::from_secs(45)));
    let text = metrics.encode();
    assert!(
        text.contains("refit_upgrade_pause_seconds_bucket{le=\"30.0\"} 0"),
        "{text}"
    );
    assert!(
        text.contains("refit_upgrade_pause_seconds_bucket{le=\"60.0\"} 1"),
        "{text}"
    );
}

#[test]
fn the_text_says_what_the_program_and_its_process_are() {
    let text = Metrics::new().encode();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line
            .and_then(|line| line.rsplit_once(' '))
            .map(|(_, value)| value);
        value
            .unwrap_or_else(|| panic!("no line `{name}` in:\n{text}"))
            .parse::<f64>()
            .unwrap()
    };
    assert_eq!(value("refit_build_info{version="), 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") >= 64.0);
    assert!(value("process_threads") >= 1.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    // After the first of January 2024.
    assert!(value("process_start_time_seconds") > 1_704_067_200.0);
}

/// The rules of OpenMetrics 1.0 that a name can break.
#[test]
fn the_text_keeps_the_rules_of_openmetrics() {
    let text = Metrics::new().encode();
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(text.matches("# EOF").count(), 1);
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let of = |what: &str| {
        let lines = text.lines().filter(move |line| line.starts_with(what));
        lines.map(words).collect::<Vec<_>>()
    };
    let mut names: Vec<_> = of("# TYPE ")
        .into_iter()
        .map(|line| line[2].clone())
        .collect();
    for line in of("# UNIT ") {
        assert!(line[2].ends_with(&format!("_{}", line[3])), "{line:?}");
    }
    for name in &names {
        assert!(
            name.starts_with("refit_") || name.starts_with("process_"),
            "{name}"
        );
        assert!(
            !name.ends_with("_total") && !name.ends_with("_info"),
            "{name}: the library adds that"
        );
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "each name once");
}
