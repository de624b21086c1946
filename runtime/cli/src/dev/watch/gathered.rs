//! [`Gathered`]: where the watcher's thread leaves what it notices.

use super::scope::Scope;
use notify::event::ModifyKind;
use notify::{Event, EventKind};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long it must be quiet before a save is taken up: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(30);

/// Longest wait for that quiet.
pub(super) const QUIET_WAIT_MAX: Duration = Duration::from_millis(500);

/// Most files that one save names: as many as a source may have.
const FILES_MAX: usize = 10_000;

/// The changes noticed, until they are taken.
#[derive(Debug)]
pub(super) struct Gathered {
    scope: Mutex<Scope>,
    changes: Mutex<Option<Changes>>,
    wake: Notify,
}

/// The changes since the last look.
#[derive(Debug)]
pub(super) struct Changes {
    /// Whole paths.
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) first: Instant,
    last: Instant,
}

impl Gathered {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope: Mutex::new(scope),
            changes: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// The folders and files that are watched.
    pub(super) fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is noticed.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes what is there.
    pub(super) fn take(&self) -> Option<Changes> {
        self.changes().take()
    }

    fn changes(&self) -> MutexGuard<'_, Option<Changes>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long it must stay quiet until what is there is a save; `None` if nothing is there.
    pub(super) fn quiet_in(&self) -> Option<Duration> {
        let now = Instant::now();
        self.changes().as_ref().map(|changes| changes.quiet_in(now))
    }

    /// Keeps an event's changes of the sources. An event that says that events were lost, or an error, counts as a
    /// change of the package's folder.
    pub(super) fn notice(&self, event: notify::Result<Event>) {
        let scope = self.scope().clone();
        let files: BTreeSet<PathBuf> = match event {
            Ok(event) if !event.need_rescan() => {
                if !changes_content(event.kind) {
                    return;
                }
                let files = event.paths.into_iter();
                files.filter(|file| scope.may_be_source(file)).collect()
            }
            _ => BTreeSet::from([scope.own]),
        };
        if files.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut changes = self.changes();
        let changes = changes.get_or_insert_with(|| Changes {
            files: BTreeSet::new(),
            first: now,
            last: now,
        });
        changes.last = now;
        let room = FILES_MAX.saturating_sub(changes.files.len());
        changes.files.extend(files.into_iter().take(room));
        self.wake.notify_one();
    }
}

impl Changes {
    fn quiet_in(&self, now: Instant) -> Duration {
        let quiet = (self.last + QUIET).min(self.first + QUIET_WAIT_MAX);
        quiet.saturating_duration_since(now)
    }
}

fn changes_content(kind: EventKind) -> bool {
    match kind {
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) => false,
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) => true,
        EventKind::Any | EventKind::Other => false,
    }
}
