//! The split of the time between a save and the live code.

use serde::Serialize;
use std::time::{Duration, Instant};

/// The steps of one save, in milliseconds. What is not `cargo_ms` is what comes beside cargo.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Timing {
    /// Until it was quiet after the save.
    pub(super) settle_ms: f64,
    /// cargo's own time.
    pub(super) cargo_ms: f64,
    /// The rest of the build: toolchain, manifest, hashes, the copy of the library.
    pub(super) build_rest_ms: f64,
    /// The probe of the library and the plan.
    pub(super) plan_ms: f64,
    /// From the plan to the new generation, or to the started node.
    pub(super) swap_ms: f64,
    /// Of that, what the node did before the pause: stage, probe, load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage_ms: Option<f64>,
    /// From the save to the live code.
    pub(super) total_ms: f64,
    /// The same without cargo's own time.
    pub(super) beside_cargo_ms: f64,
}

/// Milliseconds, to the microsecond.
pub(super) fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Milliseconds since `start`.
pub(super) fn ms_since(start: Instant) -> f64 {
    ms(start.elapsed())
}

impl Timing {
    /// Closes it: the save was at `saved`, the code is live now.
    pub(super) fn close(&mut self, saved: Instant) {
        self.total_ms = ms_since(saved);
        self.beside_cargo_ms = (self.total_ms - self.cargo_ms).max(0.0);
    }
}
