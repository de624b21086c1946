//! [`ReleaseReport`]: what a run of `release` gave.

use crate::{BenchError, Bound, Machine, Spread, Target};
use refit_release::quorum::KEYS_MAX;
use serde::Serialize;

/// Longest time for a release that the largest quorum has signed, in milliseconds.
const VERIFY_MS_MAX: f64 = 5.0;

/// Gigabytes hashed each second.
const HASH_GB_PER_S_MIN: f64 = 1.0;

/// The results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseReport {
    /// The machine of the run.
    pub machine: Machine,
    /// Signatures of the release that is verified.
    pub signatures: usize,
    /// Reading and verifying it, in milliseconds.
    pub verify_ms: Spread,
    /// The file that is hashed, in megabytes.
    pub file_mb: u32,
    /// Hashing it, in milliseconds, on one core.
    pub hash_ms: Spread,
    /// The targets, judged on this run.
    pub targets: Vec<Target>,
}

impl ReleaseReport {
    pub(super) fn new(machine: Machine, file_mb: u32, verify_ms: Spread, hash_ms: Spread) -> Self {
        let gb_per_s = f64::from(file_mb) / hash_ms.p50.max(f64::MIN_POSITIVE);
        let targets = vec![
            Target::new(
                format!("ms for a release with {KEYS_MAX} signatures"),
                verify_ms.p50,
                Bound::AtMost,
                VERIFY_MS_MAX,
            ),
            Target::new(
                "GB of a file hashed each second",
                gb_per_s,
                Bound::AtLeast,
                HASH_GB_PER_S_MIN,
            ),
        ];
        Self {
            machine,
            signatures: KEYS_MAX,
            verify_ms,
            file_mb,
            hash_ms,
            targets,
        }
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let row = |name: String, spread: &Spread| {
            let Spread { p50, q1, q3, .. } = spread;
            format!("  {name:<34} {p50:>8.2} [{q1:.2}-{q3:.2}]\n")
        };
        let mut text = "A release before it is used, ms: median [middle half]\n".to_owned();
        text += &row(
            format!("verifying {} signatures", self.signatures),
            &self.verify_ms,
        );
        text += &row(format!("hashing {} MB", self.file_mb), &self.hash_ms);
        text += "\nTargets\n";
        text.extend(self.targets.iter().map(|target| format!("  {target}\n")));
        text + &format!("\n{}\n", self.machine)
    }
}
