//! Builds the demo's engines: one first, which has their common dependencies compiled, then the rest side by side.

use crate::failure::Failure;
use crate::package::published;
use crate::source::Sources;
use refit_build::{Built, Profile};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Engines that are built at one time: each keeps about one core busy.
const SIDE_BY_SIDE: usize = 2;

/// One engine to build.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) source: PathBuf,
    /// Whether it must keep what was published from its folder.
    pub(super) is_published: bool,
}

impl Job {
    fn build(&self, sources: &Sources) -> Result<Built, Failure> {
        let built = sources.build_silently(&self.source, Profile::Release)?;
        if self.is_published {
            published::check(&self.source, &built.library)?;
        }
        Ok(built)
    }
}

/// Builds all, in the order of `jobs`, and gives the libraries.
///
/// # Errors
/// The first failure; what is being built beside it is built to its end.
pub(super) fn build_all<const N: usize>(
    sources: &Sources,
    jobs: &[Job; N],
) -> Result<[PathBuf; N], Failure> {
    let run = Run {
        sources,
        jobs,
        next: AtomicUsize::new(1),
        done: Mutex::default(),
    };
    run.build(0)?;
    let ended = std::thread::scope(|scope| {
        let side_by_side = [(); SIDE_BY_SIDE].map(|()| scope.spawn(|| run.work()));
        side_by_side.map(|thread| match thread.join() {
            Ok(worked) => worked,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    });
    ended.into_iter().collect::<Result<(), Failure>>()?;
    let done = run
        .done
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(std::array::from_fn(|number| {
        let library = done.iter().find(|(of, _)| *of == number);
        library
            .map(|(_, library)| library.clone())
            .unwrap_or_default()
    }))
}

struct Run<'a> {
    sources: &'a Sources,
    jobs: &'a [Job],
    /// The job that nobody has begun.
    next: AtomicUsize,
    done: Mutex<Vec<(usize, PathBuf)>>,
}

impl Run<'_> {
    /// Builds one after the other until all are begun.
    fn work(&self) -> Result<(), Failure> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.jobs.len() {
                return Ok(());
            }
            self.build(number).inspect_err(|_| {
                // Nobody begins another.
                self.next.store(self.jobs.len(), Ordering::Relaxed);
            })?;
        }
    }

    fn build(&self, number: usize) -> Result<(), Failure> {
        let began = Instant::now();
        let built = self.jobs[number].build(self.sources);
        let built = match built {
            Ok(built) => built,
            Err(failure) => {
                self.sources.end_line();
                return Err(failure);
            }
        };
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.push((number, built.library));
        // The build beside this one may show its progress at any time.
        self.sources.talk(format_args!(
            "  [{}/{}] {} {} ({} s)",
            done.len(),
            self.jobs.len(),
            built.package,
            built.version,
            began.elapsed().as_secs()
        ));
        Ok(())
    }
}
