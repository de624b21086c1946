//! [`BusReport`]: what a run of `bus` gave.

use super::{Case, Most};
use crate::{BenchError, Bound, Machine, Spread, Target};
use serde::Serialize;
use std::fmt::Write;

/// The columns of `bus.csv`: one line for each repetition of each case.
pub const CSV_HEADER: &str = "case,unit,workers,engines,count,repetition,ms,ns_each";

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct BusReport {
    /// The machine of the run.
    pub machine: Machine,
    /// Threads of the crew, but for the cases on one worker.
    pub workers: usize,
    /// The cases.
    pub cases: Vec<CaseReport>,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub case: &'static str,
    /// The unit that is counted.
    pub unit: &'static str,
    /// Threads of the crew.
    pub workers: usize,
    /// Engines before the upgrade.
    pub engines: u32,
    /// How many there were of the unit.
    pub count: u64,
    /// From the closed gate to the commit.
    pub ms: Spread,
    /// The same for one of them.
    pub ns_each: Spread,
    /// Each repetition's ms, in order.
    pub repetitions_ms: Vec<f64>,
}

impl BusReport {
    pub(super) fn of(
        machine: Machine,
        workers: usize,
        cases: &[Case],
        times: Vec<Vec<f64>>,
    ) -> Self {
        let cases_with = cases.iter().zip(times);
        let reports: Vec<_> = cases_with
            .map(|(case, ms)| CaseReport::of(case, ms))
            .collect();
        let targets = cases.iter().zip(&reports);
        Self {
            machine,
            workers,
            targets: targets
                .filter_map(|(case, report)| report.judge(case.most))
                .collect(),
            cases: reports,
        }
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Every repetition as CSV.
    pub fn csv(&self) -> String {
        let mut csv = format!("{CSV_HEADER}\n");
        for case in &self.cases {
            for (repetition, ms) in case.repetitions_ms.iter().enumerate() {
                let CaseReport {
                    case: name,
                    unit,
                    workers,
                    engines,
                    count,
                    ..
                } = case;
                let ns = ns_each(*ms, *count);
                // Writing to a string cannot fail.
                let _ = writeln!(
                    csv,
                    "{name},{unit},{workers},{engines},{count},{repetition},{ms:.6},{ns:.3}"
                );
            }
        }
        csv
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = "The upgrade bus, from the closed gate to the commit: median [middle half]\n\
                        \x20 case          workers  engines       count                        ms              ns each\n"
            .to_owned();
        for case in &self.cases {
            let spread = |of: &Spread| format!("{:.2} [{:.2}-{:.2}]", of.p50, of.q1, of.q3);
            let (ms, ns) = (spread(&case.ms), spread(&case.ns_each));
            let counted = format!("{} {}s", case.count, case.unit);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {:<13} {:>7} {:>8} {counted:>17} {ms:>19} {ns:>20}",
                case.case, case.workers, case.engines
            );
        }
        let lines = self.targets.iter().map(|target| format!("  {target}\n"));
        text + "\nTargets\n" + &lines.collect::<String>() + "\n" + &self.machine.to_string() + "\n"
    }
}

impl CaseReport {
    fn of(case: &Case, ms: Vec<f64>) -> Self {
        Self {
            case: case.name,
            unit: case.unit,
            workers: case.workers,
            engines: case.engines,
            count: case.count,
            ms: Spread::of(ms.iter().copied()),
            ns_each: Spread::of(ms.iter().map(|ms| ns_each(*ms, case.count))),
            repetitions_ms: ms,
        }
    }

    fn judge(&self, most: Most) -> Option<Target> {
        let Self {
            case, unit, count, ..
        } = self;
        match most {
            Most::Any => None,
            Most::Ms(most) => {
                let name = format!("{case}: {count} {unit}s, ms");
                Some(Target::new(name, self.ms.p50, Bound::AtMost, most))
            }
            Most::NsEach(most) => {
                let name = format!("{case}: ns a {unit} on one worker");
                Some(Target::new(name, self.ns_each.p50, Bound::AtMost, most))
            }
        }
    }
}

fn ns_each(ms: f64, count: u64) -> f64 {
    ms * 1e6 / count as f64
}
