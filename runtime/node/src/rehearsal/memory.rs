//! The memory of this process, as the system counts it.

/// Marks the present memory; later, the most above it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    resident: u64,
}

impl Mark {
    /// Sets the system's peak back to what is resident now.
    pub(super) fn set() -> Self {
        // If the peak cannot be reset, the one since the start counts: never too little.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self {
            resident: field("VmRSS:"),
        }
    }

    /// The most memory since the mark, in bytes above it.
    pub(super) fn peak(&self) -> u64 {
        // The system's own high-water mark: a peak between two looks would be missed.
        field("VmHWM:").saturating_sub(self.resident)
    }
}

/// A line of the process's status, in bytes; 0 if the system does not say.
fn field(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    kib.map_or(0, |kib: u64| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched_since_the_mark_is_in_the_peak() {
        let mark = Mark::set();
        let bytes = std::hint::black_box(vec![1_u8; 16 << 20]);
        drop(bytes);
        assert!(mark.peak() >= 15 << 20, "{}", mark.peak());
    }
}
