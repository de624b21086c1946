//! Limits of the system on each process of the room.

use super::{Unable, at};
use crate::error::Step;
use crate::wire::Told;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sets them; one that is lower already stays.
pub(crate) fn set(told: &Told) -> Result<(), Unable> {
    let limits = told.order.limits;
    let processes = limits.processes.saturating_add(told.processes_there);
    let all = [
        (Resource::Nproc, processes),
        (Resource::As, limits.process_memory_bytes),
        (Resource::Cpu, limits.cpu_s),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Core, 0),
    ];
    let mut all = all.into_iter();
    all.try_for_each(|(resource, most)| lower(resource, most))
        .map_err(at(Step::Limits))
}

fn lower(resource: Resource, most: u64) -> Result<(), Errno> {
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |hard| hard.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(resource, limit)
}
