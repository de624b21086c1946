//! The system's figures about this process, read when a scraper asks: from `/proc/self`, `proc(5)`.
//!
//! The names are those that Prometheus client libraries share. What cannot be read is left out.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::fs;

/// Clock ticks a second of the times in `/proc`: `USER_HZ`, which Linux fixes at 100 for programs on this architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads the figures anew at each scrape.
#[derive(Debug)]
pub(super) struct Process;

/// One metric of the process.
struct Figure {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Ok(stat) = fs::read_to_string("/proc/self/stat")
            && let Some(times) = Times::parse(&stat)
        {
            let figure = Figure {
                name: "process_cpu",
                help: "Processor time of the process, user and system",
                unit: Some(Unit::Seconds),
            };
            count(&mut encoder, figure, times.cpu_s)?;
            let boot = fs::read_to_string("/proc/stat").ok();
            if let Some(boot_s) = boot.as_deref().and_then(boot_time_s) {
                let figure = Figure {
                    name: "process_start_time",
                    help: "When the process started, since the Unix epoch",
                    unit: Some(Unit::Seconds),
                };
                gauge(&mut encoder, figure, boot_s + times.start_s)?;
            }
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            if let Some(kib) = field(&status, "VmRSS:") {
                let figure = Figure {
                    name: "process_resident_memory",
                    help: "Memory of the process that is in RAM",
                    unit: Some(Unit::Bytes),
                };
                gauge(&mut encoder, figure, kib * 1024.0)?;
            }
            if let Some(threads) = field(&status, "Threads:") {
                let figure = Figure {
                    name: "process_threads",
                    help: "Threads of the process",
                    unit: None,
                };
                gauge(&mut encoder, figure, threads)?;
            }
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let figure = Figure {
                name: "process_open_fds",
                help: "Open file descriptors of the process",
                unit: None,
            };
            // One of them is that of the folder itself.
            let open = open.count().saturating_sub(1);
            gauge(&mut encoder, figure, open as f64)?;
        }
        let limits = fs::read_to_string("/proc/self/limits").ok();
        if let Some(most) = limits
            .as_deref()
            .and_then(|text| field(text, "Max open files"))
        {
            let figure = Figure {
                name: "process_max_fds",
                help: "Most file descriptors that the process may open",
                unit: None,
            };
            gauge(&mut encoder, figure, most)?;
        }
        Ok(())
    }
}

fn count(
    encoder: &mut DescriptorEncoder<'_>,
    figure: Figure,
    value: f64,
) -> Result<(), fmt::Error> {
    encode(encoder, &figure, &ConstCounter::new(value))
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    figure: Figure,
    value: f64,
) -> Result<(), fmt::Error> {
    encode(encoder, &figure, &ConstGauge::new(value))
}

fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    figure: &Figure,
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    let unit = figure.unit.as_ref();
    let kind = metric.metric_type();
    let encoder = encoder.encode_descriptor(figure.name, figure.help, unit, kind)?;
    metric.encode(encoder)
}

/// The times in a line of `/proc/self/stat`.
struct Times {
    /// User and system time.
    cpu_s: f64,
    /// From the start of the machine to that of the process.
    start_s: f64,
}

impl Times {
    /// Reads fields 14, 15 and 22 of the line. The second field, the program's name in parentheses, may hold anything, so
    /// the fields are counted from its end.
    fn parse(stat: &str) -> Option<Self> {
        let after_name = stat.rsplit_once(')')?.1;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_s: (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND,
            start_s: ticks(22)? / TICKS_PER_SECOND,
        })
    }
}

/// When the machine started, since the Unix epoch: the line `btime` of `/proc/stat`.
fn boot_time_s(stat: &str) -> Option<f64> {
    field(stat, "btime")
}

/// The first number behind `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_times() {
        let stat = "7 (a) b) (c)) S 1 7 7 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 4 0 12345 1 2";
        let times = Times::parse(stat).unwrap();
        assert_eq!((times.cpu_s, times.start_s), (4.0, 123.45));
    }

    #[test]
    fn a_limit_that_is_none_is_left_out() {
        let limits = "Max open files            1024                 524288               files\n";
        assert_eq!(field(limits, "Max open files"), Some(1024.0));
        let limits = "Max open files            unlimited            unlimited            files\n";
        assert_eq!(field(limits, "Max open files"), None);
    }
}
