//! The runtime that serves a node's connections, where the system gives the threads for it.
//!
//! The runtime itself panics or waits for ever when it cannot start a thread. So all that it needs are asked for
//! here first, and it keeps those that block for as long as it lives: a request that needs one later waits for
//! one that is there.

use crate::failure::Failure;
use std::io;
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{Builder, available_parallelism};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Threads that block for requests and always exist. More come and go as they are needed and as the system allows.
const BLOCKING_THREADS: usize = 4;

/// How long an idle one of them is kept: for ever, in words that the system can add to its clock.
const KEPT: Duration = Duration::from_secs(u32::MAX as u64);

/// Makes the runtime.
///
/// # Errors
/// [`Failure::start`] if the system has not that many threads.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let workers = available_parallelism().map_or(1, usize::from);
    try_threads(workers + BLOCKING_THREADS).map_err(Failure::start)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_keep_alive(KEPT)
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    start_blocking(&runtime);
    Ok(runtime)
}

/// Whether the system starts so many threads at once.
fn try_threads(count: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    // Each that was started waits here until all are.
    let held = gate.lock();
    std::thread::scope(|scope| {
        let start = |number| {
            let started = Builder::new().spawn_scoped(scope, || drop(gate.lock()));
            started
                .map(drop)
                .map_err(|error| no_threads(&error, &format!("{number} of {count}")))
        };
        let started = (0..count).try_for_each(start);
        drop(held);
        started
    })
}

fn no_threads(error: &io::Error, number: &str) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("the system starts {number} threads: {error}; raise the limit with ulimit -u"),
    )
}

/// Starts the threads that block: they are kept from now on.
fn start_blocking(runtime: &Runtime) {
    let all = Arc::new(Barrier::new(BLOCKING_THREADS));
    for _ in 0..BLOCKING_THREADS {
        let all = all.clone();
        runtime.spawn_blocking(move || {
            all.wait();
        });
    }
}
