//! Limits what a child process may use, set by the child on itself before it maps anything.

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
/// The system's error.
pub fn confine() -> io::Result<()> {
    end_with_parent()?;
    limit(Resource::Cpu, PROBE_CPU_S_MAX)?;
    limit(Resource::As, PROBE_MEMORY_BYTES_MAX)?;
    limit(Resource::Nofile, PROBE_FILES_MAX)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)
}

/// Open files of a rehearsal: two for each module, and some.
pub const REHEARSAL_FILES_MAX: u64 = 2_048;

/// Has this process killed when the thread ends that started it. A parent that ended before is not
/// noticed: the caller looks for that too.
///
/// # Errors
/// The system's error.
pub fn end_with_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// The bounds of a process that runs an upgrade beside the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RehearsalBounds {
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Processor time of all its threads, in seconds.
    pub cpu_s: u64,
    /// The longest file that it writes, in bytes; one of a module's length is always allowed.
    pub file_bytes: u64,
}

/// Bounds a process that rehearses an upgrade. Unlike a probe it stages modules itself, so it may write files in memory,
/// of a module's length. When the whole machine is short of memory, it is the first to go.
///
/// # Errors
/// The system's error.
pub fn confine_rehearsal(bounds: RehearsalBounds) -> io::Result<()> {
    limit(Resource::As, bounds.memory_bytes)?;
    limit(Resource::Cpu, bounds.cpu_s)?;
    limit(Resource::Nofile, REHEARSAL_FILES_MAX)?;
    let file_bytes = bounds.file_bytes.max(crate::artifact::ARTIFACT_BYTES_MAX);
    limit(Resource::Fsize, file_bytes)?;
    limit(Resource::Core, 0)?;
    // Not every system has it, and the limit above holds without.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

/// Bounds a copy of this process that writes its state down: its processor time, in seconds. It takes no more memory
/// than one state, beside the pages that the node writes to meanwhile. When the whole machine is short of memory, it
/// goes before the node.
///
/// # Errors
/// The system's error.
pub fn confine_copy(cpu_s: u64) -> io::Result<()> {
    limit(Resource::Cpu, cpu_s)?;
    limit(Resource::Core, 0)?;
    // Not every system has it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
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
