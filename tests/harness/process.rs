//! Counts what this process holds of the system: it must not grow with the number of upgrades.

use refit_loader::ArtifactId;
use refit_loader::sys::maps;
use std::fs;
use std::path::Path;

/// The counts that must not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Mappings of modules.
    pub module_mappings: usize,
    /// Threads.
    pub threads: usize,
    /// Open file descriptors.
    pub descriptors: usize,
}

/// Counts now.
///
/// # Panics
/// If the system does not tell.
pub fn counts() -> Counts {
    let entries = |path: &str| fs::read_dir(path).unwrap().count();
    let mappings = maps::read().unwrap();
    Counts {
        module_mappings: mappings
            .iter()
            .filter(|m| m.path.starts_with("/memfd:refit-"))
            .count(),
        threads: entries("/proc/self/task"),
        descriptors: entries("/proc/self/fd"),
    }
}

/// Resident memory, in KiB.
///
/// # Panics
/// If the system does not tell.
pub fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The number of mappings of the module in the file at `path` that this process has.
///
/// # Panics
/// If the file cannot be read.
pub fn mappings_of(path: &Path) -> usize {
    let id = ArtifactId::of(&fs::read(path).unwrap());
    let name = format!("/memfd:refit-{}-", id.short());
    maps::read()
        .unwrap()
        .iter()
        .filter(|mapping| mapping.path.starts_with(&name))
        .count()
}
