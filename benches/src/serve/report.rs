//! [`ServeReport`]: what a run of `serve` gave.

use super::{KeysCost, Row, ServeStore, Stores, SwapPair, Swaps};
use crate::{BenchError, Machine, Spread, Target};
use serde::Serialize;
use std::fmt::Write;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct ServeReport {
    /// The machine of the run.
    pub machine: Machine,
    /// Length of each window.
    pub seconds: f64,
    /// The order within the pairs follows from it.
    pub seed: u64,
    /// Where the node kept its blocks, but for the windows that compare.
    pub store: ServeStore,
    /// One for each window, in the order they were measured; the pairs' are apart.
    pub rows: Vec<Row>,
    /// Why the batch route was not measured, if it was not.
    pub no_batch: Option<String>,
    /// The cost of keys.
    pub keys: KeysCost,
    /// The cost of a swap for the clients.
    pub swaps: Swaps,
    /// The cost of a log on the disk.
    pub stores: Stores,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

impl ServeReport {
    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = "A node that serves kv over its socket, its clients on the same cores. Latency of a request \
                        in µs from when it was due\n(flat out: from when it was sent); rates and processor time \
                        by the message\n\n"
            .to_owned();
        self.windows(&mut text);
        self.processors(&mut text);
        self.pairs(&mut text);
        self.stores.show(&mut text);
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{}\n{}\nwindows of {} s, seed {}, blocks in {}",
            self.machine, self.stores.disk, self.seconds, self.seed, self.store
        );
        text
    }

    fn windows(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "  {:<11} {:>7} {:>9} {:>10} {:>8} {:>8} {:>8} {:>8}",
            "what", "clients", "asked/s", "answered/s", "p50", "p99", "p99.9", "max"
        );
        for row in &self.rows {
            let asked = row
                .asked_per_s
                .map_or_else(|| "flat out".to_owned(), |asked| format!("{asked:.0}"));
            let Row {
                sort,
                connections,
                answered_per_s,
                latency,
                ..
            } = row;
            let _ = write!(
                text,
                "  {sort:<11} {connections:>7} {asked:>9} {answered_per_s:>10.0} {:>8.0} {:>8.0} {:>8.0} {:>8.0}",
                latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us
            );
            *text += match (row.failed(), row.is_kept_up()) {
                (0, true) => "\n",
                (0, false) => "  not kept up\n",
                _ => "",
            };
            if row.failed() > 0 {
                let first = row.first_refusal.as_deref().unwrap_or("none");
                let _ = writeln!(
                    text,
                    "  {} refused (the first: {first}), {} broken off, {} not answered",
                    row.refused, row.broken, row.unanswered
                );
            }
        }
        if let Some(reason) = &self.no_batch {
            let _ = writeln!(text, "  batch: {reason}");
        }
    }

    fn processors(&self, text: &mut String) {
        *text += "\nProcessor time in µs a message: the node's in user mode and in the system, where it goes, \
                  and the clients'\n\n";
        for row in &self.rows {
            let asked = if row.asked_per_s.is_some() {
                "open"
            } else {
                "flat out"
            };
            let whole = row.node_us.sum();
            let _ = write!(
                text,
                "  {:<11} {:>7} {asked:>9} {whole:>7.1} = {:>5.1} + {:>5.1} ",
                row.sort, row.connections, row.node_us.user, row.node_us.system
            );
            for threads in &row.threads {
                let part = 100.0 * threads.cpu.sum() / whole.max(f64::MIN_POSITIVE);
                if part >= 1.0 {
                    let _ = write!(text, " {} {part:.0} %", threads.threads);
                }
            }
            let _ = writeln!(text, "  (clients {:.1})", row.generator_us);
        }
    }

    fn pairs(&self, text: &mut String) {
        let KeysCost {
            sort,
            connections,
            pairs,
            cost_percent,
            ..
        } = &self.keys;
        let _ = writeln!(
            text,
            "\nKeys: {sort}, {connections} connections flat out, {} pairs: {:.1} [{:.1}-{:.1}] % fewer messages a second",
            pairs.len(),
            cost_percent.p50,
            cost_percent.q1,
            cost_percent.q3
        );
        let Swaps {
            connections,
            rate_hz,
            pairs,
            control,
            swap,
            ratio,
            ..
        } = &self.swaps;
        let _ = writeln!(
            text,
            "\nSwaps: {rate_hz:.0} puts a second, {connections} connections, one swap in each window: p99.9 over the \
             control window's {:.2} [{:.2}-{:.2}]",
            ratio.p50, ratio.q1, ratio.q3
        );
        for (name, latency) in [("without", control), ("with", swap)] {
            let _ = writeln!(
                text,
                "  {name:<8} p50 {:>7.0}  p99 {:>7.0}  p99.9 {:>7.0}  max {:>7.0}  of {} requests",
                latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us, latency.requests
            );
        }
        for pair in pairs {
            let SwapPair {
                control,
                swap,
                pause_us,
                whole_ms,
                is_inside,
            } = pair;
            let outside = if *is_inside {
                ""
            } else {
                ", beyond the window"
            };
            let _ = writeln!(
                text,
                "  pair: p99.9 {:.0} with, {:.0} without; pause {pause_us:.0} µs, from plan to old code gone {whole_ms:.0} ms{outside}",
                swap.p999_us, control.p999_us
            );
        }
    }
}

impl Stores {
    fn show(&self, text: &mut String) {
        let spread = |of: &Spread| format!("{:.0} [{:.0}-{:.0}]", of.p50, of.q1, of.q3);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\nThe log on the disk: a lone client's put {} µs, in memory {}, one fdatasync between them {}",
            spread(&self.lone_durable_us),
            spread(&self.lone_memory_us),
            spread(&self.lone_fdatasync_us)
        );
        for pair in &self.pairs {
            let _ = writeln!(
                text,
                "  pair: {:<6} {:>9.0} a second, in memory {:>9.0}: {:.2}",
                pair.sort,
                pair.durable_per_s,
                pair.memory_per_s,
                pair.durable_per_s / pair.memory_per_s.max(f64::MIN_POSITIVE)
            );
        }
    }
}
