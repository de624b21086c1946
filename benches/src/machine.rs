//! The machine that is measured on, and what its system says of this process. Linux only.

use crate::BenchError;
use refit_abi::build::{COMPILER_COMMIT, COMPILER_RELEASE};
use serde::Serialize;
use std::fmt;
use std::fs;

/// The machine and its load, without which figures are worth nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// As the processor calls itself.
    pub cpu: String,
    /// Logical processors that this process may use.
    pub cores: usize,
    /// Release of the Linux kernel.
    pub kernel: String,
    /// Release and commit of the compiler of this program and of the engines.
    pub compiler: String,
    /// Whether this program was compiled with optimisations.
    pub optimised: bool,
    /// The load average over one minute when the run began.
    pub load1: f64,
}

impl Machine {
    /// Looks.
    ///
    /// # Errors
    /// [`BenchError::File`] or [`BenchError::Unsaid`] where `/proc` is not Linux's.
    pub fn look() -> Result<Self, BenchError> {
        let info = read("/proc/cpuinfo")?;
        let name = info
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let cpu = name
            .and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, name)| name);
        Ok(Self {
            cpu: cpu.trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            compiler: format!("{COMPILER_RELEASE} ({})", short(COMPILER_COMMIT)),
            optimised: !cfg!(debug_assertions),
            load1: load1()?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            cores,
            kernel,
            compiler,
            load1,
            ..
        } = self;
        write!(
            f,
            "{cpu}, {cores} cores, Linux {kernel}, rustc {compiler}, load {load1:.2}"
        )?;
        if self.optimised {
            Ok(())
        } else {
            f.write_str(", NOT OPTIMISED: use --release")
        }
    }
}

/// The load average over one minute.
pub(crate) fn load1() -> Result<f64, BenchError> {
    const PATH: &str = "/proc/loadavg";
    let text = read(PATH)?;
    let first = text
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok());
    first.ok_or(BenchError::Unsaid {
        path: PATH.into(),
        wanted: "the load average",
    })
}

/// Memory of this process that is in use, in KiB.
pub(crate) fn resident_kib() -> Result<u64, BenchError> {
    status_kib("VmRSS:")
}

/// The most that [`resident_kib`] has been since [`reset_peak`], in KiB.
pub(crate) fn peak_kib() -> Result<u64, BenchError> {
    status_kib("VmHWM:")
}

/// Begins a new peak.
pub(crate) fn reset_peak() -> Result<(), BenchError> {
    const PATH: &str = "/proc/self/clear_refs";
    fs::write(PATH, "5").map_err(BenchError::file("write to", PATH))
}

fn status_kib(field: &'static str) -> Result<u64, BenchError> {
    const PATH: &str = "/proc/self/status";
    let text = read(PATH)?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or(BenchError::Unsaid {
        path: PATH.into(),
        wanted: field,
    })
}

fn read(path: &'static str) -> Result<String, BenchError> {
    fs::read_to_string(path).map_err(BenchError::file("read", path))
}

fn short(commit: &str) -> &str {
    commit.get(..9).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_follows_what_is_in_use() {
        reset_peak().unwrap();
        let before = peak_kib().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident_kib().unwrap() > before);
        drop(block);
        assert!(peak_kib().unwrap() >= before + (60 << 10));
    }
}
