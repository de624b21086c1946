//! [`Saves`]: what the author saved, gathered until it is asked for.
//!
//! All that the engine is built from is watched: its own package, every package that it depends on by
//! path, and single files elsewhere that the compiler reads. What cargo, version control, editors and
//! this command itself write is not a save. Changes are gathered in one place: those that come while
//! a build runs are one save afterwards.

mod gathered;
mod scope;
#[cfg(test)]
mod tests;

use super::DevError;
use gathered::{Changes, Gathered};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use refit_build::Watched;
use scope::{Scope, is_source, shown};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the package's folder may be away: a checkout puts another in its place.
const AWAY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Between two looks at whether it is there again.
const AWAY_LOOK: Duration = Duration::from_millis(50);

/// The saves since the last look.
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
    /// The files at the start.
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

/// The saves of one engine.
#[derive(Debug)]
pub(super) struct Saves {
    gathered: Arc<Gathered>,
    watcher: RecommendedWatcher,
    /// The packages' folders, each with the folders in it that are watched.
    roots: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// The folders that are watched for single files.
    beside: BTreeSet<PathBuf>,
}

impl Saves {
    /// Watches the package in the folder `root`, and nothing else yet.
    pub(super) fn of(root: &Path) -> Result<Self, DevError> {
        let gathered = Arc::new(Gathered::new(Scope {
            own: root.to_owned(),
            ..Scope::default()
        }));
        let left = gathered.clone();
        let watcher = notify::recommended_watcher(move |event| left.notice(event));
        let mut saves = Self {
            gathered,
            watcher: watcher.map_err(|source| failed(root, source))?,
            roots: BTreeMap::new(),
            beside: BTreeSet::new(),
        };
        saves.watch_root(root)?;
        Ok(saves)
    }

    /// Watches what the engine is built from now, and nothing else. Tells the folders of packages that
    /// were not watched before.
    pub(super) fn look_at(&mut self, watched: &Watched) -> Result<Vec<PathBuf>, DevError> {
        let own = self.gathered.scope().own.clone();
        let gone = self.roots.keys();
        let gone = gone.filter(|root| **root != own && !watched.folders.contains(root));
        for root in gone.cloned().collect::<Vec<_>>() {
            self.roots.remove(&root);
        }
        {
            let mut scope = self.gathered.scope();
            scope.roots = watched.folders.clone();
            scope.files = watched.files.iter().cloned().collect();
        }
        let mut new = Vec::new();
        for root in &watched.folders {
            // The build reports a missing one.
            if !self.roots.contains_key(root) && root.is_dir() {
                self.watch_root(root)?;
                new.push(root.clone());
            }
        }
        self.watch_files(&watched.files)?;
        Ok(new)
    }

    /// Waits for the next save.
    pub(super) async fn next(&mut self) -> Result<Save, DevError> {
        loop {
            match self.gathered.quiet_in() {
                None => self.gathered.woken().await,
                Some(Duration::ZERO) => {
                    self.wait_for_own().await;
                    if let Some(Changes { files, first, .. }) = self.gathered.take()
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
    async fn wait_for_own(&mut self) {
        let own = self.gathered.scope().own.clone();
        let start = Instant::now();
        while !own.is_dir() && start.elapsed() < AWAY_WAIT_MAX {
            tokio::time::sleep(AWAY_LOOK).await;
            // The watched folder is gone; a new one is watched anew.
            self.roots.insert(own.clone(), BTreeSet::new());
        }
        // If it stays away, the look at its folders says so.
        let _ = self.watcher.watch(&own, RecursiveMode::NonRecursive);
    }

    /// The save of these files, if there is one among them that the author writes.
    fn save(
        &mut self,
        mut files: BTreeSet<PathBuf>,
        at: Instant,
    ) -> Result<Option<Save>, DevError> {
        // A folder of output gets its tag after it is made: only now it can be recognised.
        let scope = self.gathered.scope().clone();
        scope.retain_sources(&mut files);
        if files.is_empty() {
            return Ok(None);
        }
        for root in self.roots.keys().cloned().collect::<Vec<_>>() {
            // Another folder may be in a package's place: what was watched in it is watched anew.
            if files.contains(&root) {
                self.roots.insert(root.clone(), BTreeSet::new());
                let _ = self.watcher.watch(&root, RecursiveMode::NonRecursive);
            }
            if root == scope.own || root.is_dir() {
                self.watch_folders(&root, &files)?;
            }
        }
        // An editor's own file, written beside and renamed, is gone by now; so is one that was removed.
        let (there, gone): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.exists());
        let files = if there.is_empty() { gone } else { there };
        let files = files.iter().map(|file| shown(&scope.own, file));
        Ok(Some(Save {
            files: files.collect(),
            at,
            settled: Instant::now(),
        }))
    }

    fn watch_root(&mut self, root: &Path) -> Result<(), DevError> {
        let watched = self.watcher.watch(root, RecursiveMode::NonRecursive);
        watched.map_err(|source| failed(root, source))?;
        self.roots.insert(root.to_owned(), BTreeSet::new());
        self.watch_folders(root, &BTreeSet::new())
    }

    /// Watches the folders in a package's that are new, or that came again.
    fn watch_folders(&mut self, root: &Path, changed: &BTreeSet<PathBuf>) -> Result<(), DevError> {
        let entries = fs::read_dir(root).map_err(|error| failed(root, error.into()))?;
        let known = self.roots.get(root).cloned().unwrap_or_default();
        let mut found = BTreeSet::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.strip_prefix(root).unwrap_or(&path);
            if path.is_dir() && is_source(root, name) {
                if !known.contains(&path) || changed.contains(&path) {
                    match self.watcher.watch(&path, RecursiveMode::Recursive) {
                        // It went since it was listed: nothing is left to watch.
                        Err(_) if !path.is_dir() => continue,
                        watched => watched.map_err(|source| failed(&path, source))?,
                    }
                }
                found.insert(path);
            }
        }
        self.roots.insert(root.to_owned(), found);
        Ok(())
    }

    /// Watches the folders of files that lie in no package: an editor puts another file in the place
    /// of one that is watched.
    fn watch_files(&mut self, files: &[PathBuf]) -> Result<(), DevError> {
        let is_outside = |file: &&PathBuf| !self.roots.keys().any(|root| file.starts_with(root));
        let folders = files
            .iter()
            .filter(is_outside)
            .filter_map(|file| file.parent());
        let folders: BTreeSet<_> = folders
            .filter(|folder| folder.is_dir())
            .map(Path::to_owned)
            .collect();
        for folder in folders.difference(&self.beside) {
            let watched = self.watcher.watch(folder, RecursiveMode::NonRecursive);
            watched.map_err(|source| failed(folder, source))?;
        }
        self.beside.extend(folders);
        Ok(())
    }
}

fn failed(path: &Path, source: notify::Error) -> DevError {
    DevError::Watch {
        path: path.to_owned(),
        source,
    }
}
