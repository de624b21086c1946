//! Reports how far a build under way is.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two reports.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The part of the code that is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The engine's dependencies, for this engine and for later ones.
    Dependencies,
    /// The engine, and of its dependencies what cannot be shared.
    Engine,
}

/// The progress of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The engine's package.
    pub package: String,
    /// The stage that it is in.
    pub stage: Stage,
    /// The number of parts that were compiled in this stage so far; one package may be several.
    pub compiled: usize,
    /// The package whose part was compiled last.
    pub last: Option<String>,
    /// The time since the stage began.
    pub elapsed: Duration,
}

/// Gets the progress of a build, about ten times a second.
#[derive(Clone, Default)]
pub(crate) struct Listener(Option<Arc<Heard>>);

/// A listener's function for one report.
type Heard = dyn Fn(&Progress) + Send + Sync;

impl Listener {
    pub(crate) fn new(listener: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// For one cargo that starts now.
    pub(crate) fn begin(&self, package: &str, stage: Stage) -> Tally {
        Tally {
            listener: self.clone(),
            package: package.to_owned(),
            stage,
            start: Instant::now(),
            counted: Arc::default(),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

/// Counts what one cargo compiles. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    listener: Listener,
    package: String,
    stage: Stage,
    start: Instant,
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    compiled: usize,
    last: Option<String>,
    reported: Option<Instant>,
}

impl Tally {
    /// Notes that a part of `package` was compiled.
    pub(crate) fn add(&self, package: &str) {
        let mut counted = self.counted();
        counted.compiled += 1;
        counted.last = Some(package.to_owned());
    }

    /// Reports, unless that was done just now.
    pub(crate) fn report(&self) {
        let Some(listener) = &self.listener.0 else {
            return;
        };
        let now = Instant::now();
        let mut counted = self.counted();
        if counted
            .reported
            .is_some_and(|last| now - last < REPORT_INTERVAL)
        {
            return;
        }
        counted.reported = Some(now);
        let progress = Progress {
            package: self.package.clone(),
            stage: self.stage,
            compiled: counted.compiled,
            last: counted.last.clone(),
            elapsed: now - self.start,
        };
        drop(counted);
        listener(&progress);
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
