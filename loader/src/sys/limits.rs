//! What a probe may use, set by the probe on itself before it maps anything.

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use std::io;

/// Processor time of a probe, in seconds.
pub const PROBE_CPU_S_MAX: u64 = 20;

/// Address space of a probe, in bytes.
pub const PROBE_MEMORY_BYTES_MAX: u64 = 8 << 30;

/// Open files of a probe.
pub const PROBE_FILES_MAX: u64 = 64;

/// Bounds this process, and has it killed when its parent ends.
///
/// # Errors
/// What the system says.
pub fn confine() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    limit(Resource::Cpu, PROBE_CPU_S_MAX)?;
    limit(Resource::As, PROBE_MEMORY_BYTES_MAX)?;
    limit(Resource::Nofile, PROBE_FILES_MAX)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let most = match rustix::process::getrlimit(resource).maximum {
        Some(hard) => hard.min(most),
        None => most,
    };
    setrlimit(
        resource,
        Rlimit {
            current: Some(most),
            maximum: Some(most),
        },
    )?;
    Ok(())
}
