//! The node's metrics: the node calls the setters, `GET /metrics` gives the text.
//!
//! The names follow the rules of OpenMetrics 1.0: they begin with `refit_`, a unit is a base unit and the last word,
//! a counter ends in `_total`, and no label has an unbounded set of values. What every process has (`process_…`)
//! bears the names of the Prometheus client libraries, without a prefix.

mod labels;
mod process;
#[cfg(test)]
mod tests;

pub use labels::{BuildInfo, Outcome, RehearsalOutcome};

use labels::{KindLabel, OutcomeLabel};
use process::Process;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use refit_abi::{Generation, Height};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Upper bounds of the histograms of pauses and of the times around them, in seconds: up to a pause that is as long
/// as a pause limit may be.
pub const PAUSE_BUCKETS_S: [f64; 21] = [
    0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
];

/// Upper bounds of the histograms of blocks and of rehearsals, in seconds.
const WORK_BUCKETS_S: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0,
];

/// The metrics of one node. All setters are lock-free or nearly so, and may be called from any
/// thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// The metrics of every process, under names without a prefix.
    of_process: Registry,
    height: Gauge,
    generation: Gauge,
    block: Histogram,
    engines: Family<KindLabel, Gauge>,
    messages: Family<KindLabel, Counter>,
    handling: Family<KindLabel, Counter<f64, AtomicU64>>,
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
    rehearsals: Family<OutcomeLabel, Counter>,
    rehearsal: Histogram,
    quarantined: Gauge,
    quarantine_unwritten: Gauge,
    undecided: Gauge,
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
            of_process: Registry::default(),
            height: Gauge::default(),
            generation: Gauge::default(),
            block: Histogram::new(WORK_BUCKETS_S),
            engines: Family::default(),
            messages: Family::default(),
            handling: Family::default(),
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
            rehearsals: Family::default(),
            rehearsal: Histogram::new(WORK_BUCKETS_S),
            quarantined: Gauge::default(),
            quarantine_unwritten: Gauge::default(),
            undecided: Gauge::default(),
            mailbox_depth: Gauge::default(),
            libraries_mapped: Gauge::default(),
            libraries_pinned: Gauge::default(),
            log_lines_dropped: Counter::default(),
        };
        metrics.register();
        metrics.of_process.register_collector(Box::new(Process));
        for outcome in Outcome::ALL {
            let _shown_at_zero = metrics.upgrades.get_or_create(&outcome.label());
        }
        for outcome in RehearsalOutcome::ALL {
            let _shown_at_zero = metrics.rehearsals.get_or_create(&outcome.label());
        }
        metrics
    }

    /// Names each metric. Those with [`seconds`] are times.
    fn register(&mut self) {
        let r = &mut self.registry;
        let info = Info::new(BuildInfo::THIS);
        let help = "Version, ABI, compiler and target of this program";
        r.register("build", help, info);
        let help = "Time from when a block was given to the crew until its outcome was taken";
        seconds(r, "block", help, &self.block);
        plain(r, "engines", "Engines of the node, by kind", &self.engines);
        let help = "Time in which engines of a kind ran, by samples of what runs: exact over many of them only";
        seconds(r, "handling", help, &self.handling);
        let help = "Rehearsals that ended, by outcome";
        plain(r, "rehearsals", help, &self.rehearsals);
        let help = "Time that a rehearsal took, with the copy of the states";
        seconds(r, "rehearsal", help, &self.rehearsal);
        let help = "Artifacts that the node does not bring in again";
        plain(r, "quarantined", help, &self.quarantined);
        let help = "1 while the quarantine list on the disk is not as the node has it";
        plain(r, "quarantine_unwritten", help, &self.quarantine_unwritten);
        let help = "1 while a generation on probation waits for an operator's word";
        plain(r, "undecided", help, &self.undecided);
        let help = "Number of the last executed block";
        plain(r, "height", help, &self.height);
        let help = "Live generation of engine code";
        plain(r, "generation", help, &self.generation);
        let help = "Messages handled by engines, by kind";
        plain(r, "messages", help, &self.messages);
        let help = "Messages that engines answered with a fault, by kind";
        plain(r, "faults", help, &self.faults);
        let help = "Engines that panicked and take no messages, by kind";
        plain(r, "poisoned", help, &self.poisoned);
        let help = "Messages that no engine took and whose sender could not be told";
        plain(r, "dead_letters", help, &self.dead_letters);
        let help = "Events that engines have emitted";
        plain(r, "events", help, &self.events);
        let help = "Events that are no longer kept for readers";
        plain(r, "events_forgotten", help, &self.events_forgotten);
        let help = "Answers to requests under keys that are no longer kept: a repeat is refused";
        plain(r, "answers_forgotten", help, &self.answers_forgotten);
        let help = "Silent clients that were forgotten to make room for others under keys";
        plain(r, "clients_forgotten", help, &self.clients_forgotten);
        let help = "Upgrades that ended, by outcome";
        plain(r, "upgrades", help, &self.upgrades);
        let help = "Time in which an upgrade kept all engines still";
        seconds(r, "upgrade_pause", help, &self.upgrade_pause);
        let help = "Time without a block around an upgrade, with the copy for its rehearsal";
        let without_block = &self.upgrade_without_block;
        seconds(r, "upgrade_without_block", help, without_block);
        let help = "Messages in all mailboxes";
        plain(r, "mailbox_depth", help, &self.mailbox_depth);
        let help = "Engine libraries mapped into the process";
        plain(r, "libraries_mapped", help, &self.libraries_mapped);
        let help = "Retired libraries that could not be unmapped";
        plain(r, "libraries_pinned", help, &self.libraries_pinned);
        let help = "Lines of the node's log that could not be written, or were not read in time";
        plain(r, "log_lines_dropped", help, &self.log_lines_dropped);
    }

    /// Sets the last executed block.
    pub fn set_height(&self, height: Height) {
        self.height.set(signed(height.0));
    }

    /// Sets the live generation.
    pub fn set_generation(&self, generation: Generation) {
        self.generation.set(signed(generation.0));
    }

    /// Counts `messages` more that engines of `kind` handled.
    pub fn add_messages(&self, kind: &str, messages: u64) {
        let kind = KindLabel::of(kind);
        self.messages.get_or_create(&kind).inc_by(messages);
    }

    /// Counts the time that a block took.
    pub fn observe_block(&self, time: Duration) {
        self.block.observe(time.as_secs_f64());
    }

    /// Adds `time` to that in which engines of `kind` ran.
    pub fn add_handling(&self, kind: &str, time: Duration) {
        let kind = KindLabel::of(kind);
        self.handling
            .get_or_create(&kind)
            .inc_by(time.as_secs_f64());
    }

    /// Counts a rehearsal that ended, and its time.
    pub fn count_rehearsal(&self, outcome: RehearsalOutcome, time: Duration) {
        self.rehearsals.get_or_create(&outcome.label()).inc();
        self.rehearsal.observe(time.as_secs_f64());
    }

    /// Sets how many artifacts are in quarantine.
    pub fn set_quarantined(&self, artifacts: u64) {
        self.quarantined.set(signed(artifacts));
    }

    /// Sets whether the quarantine list on the disk is not as the node has it.
    pub fn set_quarantine_unwritten(&self, unwritten: bool) {
        self.quarantine_unwritten.set(unwritten.into());
    }

    /// Sets whether a generation on probation waits for an operator's word.
    pub fn set_undecided(&self, undecided: bool) {
        self.undecided.set(undecided.into());
    }

    /// Counts `faults` more messages that engines of `kind` answered with a fault.
    pub fn add_faults(&self, kind: &str, faults: u64) {
        self.faults
            .get_or_create(&KindLabel::of(kind))
            .inc_by(faults);
    }

    /// Sets how many engines of `kind` there are, and how many of them are poisoned.
    pub fn set_engines(&self, kind: &str, engines: u64, poisoned: u64) {
        let kind = KindLabel::of(kind);
        self.engines.get_or_create(&kind).set(signed(engines));
        self.poisoned.get_or_create(&kind).set(signed(poisoned));
        // Shown from the start, so that an alert on their growth sees the first.
        let _shown_at_zero = self.messages.get_or_create(&kind);
        let _shown_at_zero = self.faults.get_or_create(&kind);
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
        let whole = text::encode_registry(&mut text, &self.registry)
            .and_then(|()| text::encode_registry(&mut text, &self.of_process))
            .and_then(|()| text::encode_eof(&mut text));
        match whole {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }
}

/// Registers a metric under this name; the library adds what its type wants.
fn plain(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register(name, help, metric.clone());
}

/// As [`plain`], of a time: its name ends in the unit.
fn seconds(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
