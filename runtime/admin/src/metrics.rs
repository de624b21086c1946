//! What is counted: the node calls the setters, `GET /metrics` gives the text.
//!
//! Names start with `refit_`, units are base units, and no label has an unbounded set of values.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use refit_abi::{Generation, Height};
use std::time::Duration;

/// Upper bounds of the pause histogram, in seconds.
pub const PAUSE_BUCKETS_S: [f64; 16] = [
    0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
    0.1, 0.2, 0.5, 1.0,
];

/// How an upgrade ended, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The new generation is live.
    Committed,
    /// A transition failed, the old generation goes on.
    Aborted,
    /// It was refused before the gate closed.
    Refused,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Committed, Self::Aborted, Self::Refused];

    const fn label(self) -> OutcomeLabel {
        let outcome = match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
        };
        OutcomeLabel { outcome }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

impl KindLabel {
    fn of(kind: &str) -> Self {
        let kind = kind.to_owned();
        Self { kind }
    }
}

/// The metrics of one node. All setters are lock-free or nearly so, and may be called from any
/// thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    height: Gauge,
    generation: Gauge,
    messages: Counter,
    faults: Family<KindLabel, Counter>,
    poisoned: Family<KindLabel, Gauge>,
    dead_letters: Counter,
    events: Counter,
    events_forgotten: Counter,
    answers_forgotten: Counter,
    clients_forgotten: Counter,
    upgrades: Family<OutcomeLabel, Counter>,
    upgrade_pause: Histogram,
    upgrade_without_block: Histogram,
    mailbox_depth: Gauge,
    libraries_mapped: Gauge,
    libraries_pinned: Gauge,
    log_lines_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("refit"),
            height: Gauge::default(),
            generation: Gauge::default(),
            messages: Counter::default(),
            faults: Family::default(),
            poisoned: Family::default(),
            dead_letters: Counter::default(),
            events: Counter::default(),
            events_forgotten: Counter::default(),
            answers_forgotten: Counter::default(),
            clients_forgotten: Counter::default(),
            upgrades: Family::default(),
            upgrade_pause: Histogram::new(PAUSE_BUCKETS_S),
            upgrade_without_block: Histogram::new(PAUSE_BUCKETS_S),
            mailbox_depth: Gauge::default(),
            libraries_mapped: Gauge::default(),
            libraries_pinned: Gauge::default(),
            log_lines_dropped: Counter::default(),
        };
        metrics.register();
        for outcome in Outcome::ALL {
            let _shown_at_zero = metrics.upgrades.get_or_create(&outcome.label());
        }
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register(
            "height",
            "Number of the last executed block",
            self.height.clone(),
        );
        r.register(
            "generation",
            "Live generation of engine code",
            self.generation.clone(),
        );
        r.register(
            "messages",
            "Messages handled by engines",
            self.messages.clone(),
        );
        r.register(
            "faults",
            "Messages that engines answered with a fault, by kind",
            self.faults.clone(),
        );
        r.register(
            "poisoned",
            "Engines that panicked and take no messages, by kind",
            self.poisoned.clone(),
        );
        r.register(
            "dead_letters",
            "Messages that no engine took and of which no sender could be told",
            self.dead_letters.clone(),
        );
        r.register(
            "events",
            "Events that engines have emitted",
            self.events.clone(),
        );
        r.register(
            "events_forgotten",
            "Events that are no longer kept for readers",
            self.events_forgotten.clone(),
        );
        r.register(
            "answers_forgotten",
            "Answers to requests under keys that are no longer kept: a repeat is refused",
            self.answers_forgotten.clone(),
        );
        r.register(
            "clients_forgotten",
            "Clients that sent under keys, were silent and had to make place for others",
            self.clients_forgotten.clone(),
        );
        r.register(
            "upgrades",
            "Upgrades that came to an end, by outcome",
            self.upgrades.clone(),
        );
        let pause = self.upgrade_pause.clone();
        let help = "Time in which an upgrade kept all engines still";
        r.register_with_unit("upgrade_pause", help, Unit::Seconds, pause);
        let without_block = self.upgrade_without_block.clone();
        let help = "Time without a block around an upgrade, with the copy for its rehearsal";
        r.register_with_unit("upgrade_without_block", help, Unit::Seconds, without_block);
        r.register(
            "mailbox_depth",
            "Messages in all mailboxes",
            self.mailbox_depth.clone(),
        );
        let mapped = self.libraries_mapped.clone();
        r.register(
            "libraries_mapped",
            "Engine libraries mapped into the process",
            mapped,
        );
        let pinned = self.libraries_pinned.clone();
        r.register(
            "libraries_pinned",
            "Retired libraries that could not be unmapped",
            pinned,
        );
        r.register(
            "log_lines_dropped",
            "Lines of the node's log that could not be written, or were not read in time",
            self.log_lines_dropped.clone(),
        );
    }

    /// Sets the last executed block.
    pub fn set_height(&self, height: Height) {
        self.height.set(signed(height.0));
    }

    /// Sets the live generation.
    pub fn set_generation(&self, generation: Generation) {
        self.generation.set(signed(generation.0));
    }

    /// Counts `messages` more as handled.
    pub fn add_messages(&self, messages: u64) {
        self.messages.inc_by(messages);
    }

    /// Counts `faults` more messages that engines of `kind` answered with a fault.
    pub fn add_faults(&self, kind: &str, faults: u64) {
        self.faults
            .get_or_create(&KindLabel::of(kind))
            .inc_by(faults);
    }

    /// Sets how many engines of `kind` are poisoned.
    pub fn set_poisoned(&self, kind: &str, engines: u64) {
        self.poisoned
            .get_or_create(&KindLabel::of(kind))
            .set(signed(engines));
        // Shown from the start, so that an alert on its growth sees the first.
        let _shown_at_zero = self.faults.get_or_create(&KindLabel::of(kind));
    }

    /// Counts `letters` more dead letters.
    pub fn add_dead_letters(&self, letters: u64) {
        self.dead_letters.inc_by(letters);
    }

    /// Counts so many events more as emitted, and as no longer kept.
    pub fn add_events(&self, emitted: u64, forgotten: u64) {
        self.events.inc_by(emitted);
        self.events_forgotten.inc_by(forgotten);
    }

    /// Counts so many answers and clients more as no longer kept.
    pub fn add_forgotten(&self, answers: u64, clients: u64) {
        self.answers_forgotten.inc_by(answers);
        self.clients_forgotten.inc_by(clients);
    }

    /// Counts an upgrade that ended; `pause` is the time its gate was closed, if it was.
    pub fn count_upgrade(&self, outcome: Outcome, pause: Option<Duration>) {
        self.upgrades.get_or_create(&outcome.label()).inc();
        if let Some(pause) = pause {
            self.upgrade_pause.observe(pause.as_secs_f64());
        }
    }

    /// Counts the time without a block around an upgrade.
    pub fn observe_without_block(&self, time: Duration) {
        self.upgrade_without_block.observe(time.as_secs_f64());
    }

    /// Sets the number of messages in all mailboxes.
    pub fn set_mailbox_depth(&self, messages: u64) {
        self.mailbox_depth.set(signed(messages));
    }

    /// Sets how many engine libraries are mapped, and how many of them are pinned.
    pub fn set_libraries(&self, mapped: u64, pinned: u64) {
        self.libraries_mapped.set(signed(mapped));
        self.libraries_pinned.set(signed(pinned));
    }

    /// Counts `lines` more of the node's log as left out.
    pub fn count_log_lines_dropped(&self, lines: u64) {
        self.log_lines_dropped.inc_by(lines);
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_every_metric_under_its_name() {
        let metrics = Metrics::new();
        metrics.set_height(Height(7));
        metrics.set_generation(Generation(2));
        metrics.add_messages(3);
        metrics.set_poisoned("kv", 2);
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
            "refit_messages_total 3",
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
}
