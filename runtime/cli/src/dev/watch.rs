//! [`Saves`]: what the author saved, gathered until it is asked for.
//!
//! The package's folder and the folders in it are watched, but what cargo and version control write
//! is not. Changes are gathered in one place: those that come while a build runs are one save
//! afterwards.

use super::DevError;
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long it must be quiet before a save is taken up: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(30);

/// Longest wait for that quiet.
const QUIET_WAIT_MAX: Duration = Duration::from_millis(500);

/// Most files that one save names: as many as a source may have.
const FILES_MAX: usize = 10_000;

/// How long the package's folder may be away: a checkout puts another in its place.
const AWAY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Between two looks at whether it is there again.
const AWAY_LOOK: Duration = Duration::from_millis(50);

/// What was saved since the last look.
#[derive(Debug)]
pub(super) struct Save {
    /// The files, from the package's folder; none at the start.
    pub(super) files: Vec<PathBuf>,
    /// When the first of them was noticed.
    pub(super) at: Instant,
    /// When it had been quiet for long enough.
    pub(super) settled: Instant,
}

impl Save {
    /// What is there at the start.
    pub(super) fn first() -> Self {
        let now = Instant::now();
        Self {
            files: Vec::new(),
            at: now,
            settled: now,
        }
    }

    pub(super) fn is_first(&self) -> bool {
        self.files.is_empty()
    }
}

/// The saves of one package.
#[derive(Debug)]
pub(super) struct Saves {
    root: PathBuf,
    gathered: Arc<Gathered>,
    watcher: RecommendedWatcher,
    /// The folders in the package's that are watched.
    folders: BTreeSet<PathBuf>,
}

/// Where the watcher's thread leaves what it notices.
#[derive(Debug, Default)]
struct Gathered {
    changes: Mutex<Option<Changes>>,
    wake: Notify,
}

#[derive(Debug)]
struct Changes {
    files: BTreeSet<PathBuf>,
    first: Instant,
    last: Instant,
}

impl Saves {
    /// Watches the package in the folder `root`.
    pub(super) fn of(root: &Path) -> Result<Self, DevError> {
        let fail = |source| failed(root, source);
        let gathered = Arc::new(Gathered::default());
        let (left, folder) = (gathered.clone(), root.to_owned());
        let watcher = notify::recommended_watcher(move |event| left.notice(&folder, event));
        let mut watcher = watcher.map_err(fail)?;
        watcher
            .watch(root, RecursiveMode::NonRecursive)
            .map_err(fail)?;
        let mut saves = Self {
            root: root.to_owned(),
            gathered,
            watcher,
            folders: BTreeSet::new(),
        };
        saves.watch_folders(&BTreeSet::new())?;
        super::watching(root);
        Ok(saves)
    }

    /// Waits for the next save.
    pub(super) async fn next(&mut self) -> Result<Save, DevError> {
        loop {
            match self.gathered.quiet_in() {
                None => self.gathered.wake.notified().await,
                Some(Duration::ZERO) => {
                    self.wait_for_root().await;
                    let taken = self.gathered.changes().take();
                    if let Some(Changes { files, first, .. }) = taken
                        && let Some(save) = self.save(files, first)?
                    {
                        return Ok(save);
                    }
                }
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Waits for the package's folder if it is away, and watches the one that comes.
    async fn wait_for_root(&mut self) {
        let start = Instant::now();
        while !self.root.is_dir() && start.elapsed() < AWAY_WAIT_MAX {
            tokio::time::sleep(AWAY_LOOK).await;
            // What was watched is gone; what comes is watched anew.
            self.folders.clear();
        }
        // If it stays away, the look at its folders says so.
        let _ = self.watcher.watch(&self.root, RecursiveMode::NonRecursive);
    }

    /// The save of these files, if there is one among them that the author writes.
    fn save(
        &mut self,
        mut files: BTreeSet<PathBuf>,
        at: Instant,
    ) -> Result<Option<Save>, DevError> {
        // A folder of output gets its tag after it is made: only now it is known for what it is.
        files.retain(|file| is_source(&self.root, file));
        if files.is_empty() {
            return Ok(None);
        }
        // Another folder may be in the package's place: what was watched in it is watched anew.
        if files.contains(Path::new("")) {
            self.folders.clear();
        }
        self.watch_folders(&files)?;
        // An editor's own file, written beside and renamed, is gone by now; so is one that was removed.
        let (there, gone): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| self.root.join(file).exists());
        let files = if there.is_empty() { gone } else { there };
        let files = files.into_iter().map(named).collect();
        Ok(Some(Save {
            files,
            at,
            settled: Instant::now(),
        }))
    }

    /// Watches the folders in the package's that are new, or that came again.
    fn watch_folders(&mut self, changed: &BTreeSet<PathBuf>) -> Result<(), DevError> {
        let entries = fs::read_dir(&self.root).map_err(|error| failed(&self.root, error.into()))?;
        let mut found = BTreeSet::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let name = PathBuf::from(entry.file_name());
            if path.is_dir() && is_source(&self.root, &name) {
                if !self.folders.contains(&name) || changed.contains(&name) {
                    match self.watcher.watch(&path, RecursiveMode::Recursive) {
                        // It went since it was listed: nothing is left to watch.
                        Err(_) if !path.is_dir() => continue,
                        watched => watched.map_err(|source| failed(&path, source))?,
                    }
                }
                found.insert(name);
            }
        }
        self.folders = found;
        Ok(())
    }
}

impl Gathered {
    fn changes(&self) -> MutexGuard<'_, Option<Changes>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long it must stay quiet until what is there is a save; `None` if nothing is there.
    fn quiet_in(&self) -> Option<Duration> {
        let now = Instant::now();
        self.changes().as_ref().map(|changes| changes.quiet_in(now))
    }

    /// Keeps what an event says of the package's source. An event that says that events were lost,
    /// or an error, stands for a change of the package's folder, whose path is empty.
    fn notice(&self, root: &Path, event: notify::Result<Event>) {
        let lost = |event: &Event| event.need_rescan();
        let files: BTreeSet<PathBuf> = match event {
            Ok(event) if !lost(&event) => {
                if !changes_content(event.kind) {
                    return;
                }
                let inside = |path: &PathBuf| path.strip_prefix(root).ok().map(Path::to_owned);
                let files = event.paths.iter().filter_map(inside);
                files.filter(|file| is_source(root, file)).collect()
            }
            _ => BTreeSet::from([PathBuf::new()]),
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

/// The path as it is told: the package's folder itself has an empty one.
fn named(path: PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() {
        return PathBuf::from(".");
    }
    path
}

/// Whether the author writes the file at `path`, a path from `root`: not a hidden one, not an editor's copy,
/// not what cargo writes into the `target` beside a manifest, not what lies in a folder of output.
fn is_source(root: &Path, path: &Path) -> bool {
    let mut folder = root.to_owned();
    for part in path.iter() {
        let name = part.as_encoded_bytes();
        if name.starts_with(b".") || name.ends_with(b"~") {
            return false;
        }
        if part == OsStr::new("target") && folder.join("Cargo.toml").is_file() {
            return false;
        }
        folder.push(part);
        if refit_build::is_output(&folder) {
            return false;
        }
    }
    true
}

fn failed(path: &Path, source: notify::Error) -> DevError {
    DevError::Watch {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn package() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        folder
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(future)
    }

    /// The files of the next save, which must come soon.
    async fn next(saves: &mut Saves) -> Vec<String> {
        let wait = Duration::from_secs(10);
        let save = tokio::time::timeout(wait, saves.next()).await;
        let files = save.unwrap().unwrap().files;
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect()
    }

    #[test]
    fn what_is_saved_meanwhile_is_one_save_afterwards() {
        let folder = package();
        let root = folder.path().canonicalize().unwrap();
        block_on(async {
            let mut saves = Saves::of(&root).unwrap();
            fs::write(root.join("src/a.rs"), "1").unwrap();
            fs::write(root.join("src/a.rs.new"), "2").unwrap();
            fs::rename(root.join("src/a.rs.new"), root.join("src/a.rs")).unwrap();
            fs::write(root.join("Cargo.toml"), "[package]").unwrap();
            let files = next(&mut saves).await;
            assert_eq!(files, ["Cargo.toml", "src/a.rs"]);
            fs::remove_file(root.join("src/a.rs")).unwrap();
            assert_eq!(next(&mut saves).await, ["src/a.rs"]);
        });
    }

    #[test]
    fn folders_that_come_later_or_again_are_watched_too() {
        let folder = package();
        let root = folder.path().canonicalize().unwrap();
        block_on(async {
            let mut saves = Saves::of(&root).unwrap();
            fs::create_dir(root.join("part")).unwrap();
            next(&mut saves).await;
            fs::write(root.join("part/b.rs"), "").unwrap();
            assert_eq!(next(&mut saves).await, ["part/b.rs"]);
            fs::remove_dir_all(root.join("src")).unwrap();
            fs::create_dir(root.join("src")).unwrap();
            next(&mut saves).await;
            fs::write(root.join("src/c.rs"), "").unwrap();
            assert_eq!(next(&mut saves).await, ["src/c.rs"]);
        });
    }

    #[test]
    fn a_package_that_is_swapped_for_another_is_watched_again() {
        let folder = package();
        let parent = folder.path().canonicalize().unwrap();
        let (root, aside) = (parent.join("engine"), parent.join("aside"));
        for place in [&root, &aside] {
            fs::create_dir_all(place.join("src")).unwrap();
            fs::write(place.join("src/lib.rs"), "").unwrap();
        }
        block_on(async {
            let mut saves = Saves::of(&root).unwrap();
            fs::remove_dir_all(&root).unwrap();
            let back = tokio::task::spawn_blocking({
                let (root, aside) = (root.clone(), aside.clone());
                move || {
                    std::thread::sleep(QUIET_WAIT_MAX);
                    fs::rename(aside, root).unwrap();
                }
            });
            next(&mut saves).await;
            back.await.unwrap();
            fs::write(root.join("src/lib.rs"), "1").unwrap();
            assert_eq!(next(&mut saves).await, ["src/lib.rs"]);
        });
    }

    #[test]
    fn a_package_that_is_swapped_at_once_is_watched_again() {
        let folder = package();
        let parent = folder.path().canonicalize().unwrap();
        let (root, aside) = (parent.join("engine"), parent.join("aside"));
        for place in [&root, &aside] {
            fs::create_dir_all(place.join("src")).unwrap();
        }
        block_on(async {
            let mut saves = Saves::of(&root).unwrap();
            fs::rename(&root, parent.join("old")).unwrap();
            fs::rename(&aside, &root).unwrap();
            assert_eq!(next(&mut saves).await, ["."]);
            fs::write(root.join("src/lib.rs"), "1").unwrap();
            assert_eq!(next(&mut saves).await, ["src/lib.rs"]);
        });
    }

    #[test]
    fn lost_events_are_a_save_of_the_package() {
        let folder = package();
        let root = folder.path().canonicalize().unwrap();
        block_on(async {
            let mut saves = Saves::of(&root).unwrap();
            let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
            saves.gathered.notice(&root, Ok(lost));
            assert_eq!(next(&mut saves).await, ["."]);
        });
    }

    #[test]
    fn what_is_made_inside_the_package_is_no_save() {
        let folder = package();
        let root = folder.path().canonicalize().unwrap();
        block_on(async {
            let mut saves = Saves::of(&root).unwrap();
            let made = root.join("refit-data/build");
            refit_build::make_output(&made, |path| fs::create_dir_all(path)).unwrap();
            fs::write(made.join("x.so"), "").unwrap();
            let quiet = tokio::time::timeout(QUIET_WAIT_MAX * 2, saves.next()).await;
            assert!(quiet.is_err(), "{quiet:?}");
            fs::write(made.join("y.so"), "").unwrap();
            fs::write(root.join("src/a.rs"), "").unwrap();
            assert_eq!(next(&mut saves).await, ["src/a.rs"]);
        });
    }

    #[test]
    fn what_cargo_and_editors_write_is_no_save() {
        let folder = package();
        let root = folder.path();
        for file in [
            "target/debug/x",
            ".git/index",
            "src/.lib.rs.swp",
            "src/a.rs~",
        ] {
            assert!(!is_source(root, Path::new(file)), "{file}");
        }
        for file in ["src/lib.rs", "Cargo.toml", "src/target/mod.rs", "build.rs"] {
            assert!(is_source(root, Path::new(file)), "{file}");
        }
    }
}
