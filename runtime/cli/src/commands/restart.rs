//! The restart of a node whose pause does not end: this very program again, in the same process, with the
//! same arguments and the very libraries that it was started with.
//!
//! The libraries are copied when the node starts, under the names of their hashes: what was built from a
//! folder, or lay at a path, may be another by then, even the one that has to go.

use crate::artifact::THIS_PROGRAM;
use crate::exit::Exit;
use crate::files;
use crate::show;
use refit_loader::{ARTIFACT_BYTES_MAX, ArtifactId};
use refit_node::{EngineConfig, StuckPause};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Name of the folder of the copies inside the data folder.
const KEPT_FOLDER: &str = "running";

/// How a restarted process learns of them: JSON, engine to path. Set by the process before, not by people.
const LIBRARIES: &str = "REFIT_RESTART_LIBRARIES";

/// Libraries of engines, by the engines' names.
type Libraries = BTreeMap<String, PathBuf>;

/// Restarts the node, unless it was told to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Restart {
    libraries: Libraries,
    ending: Arc<AtomicBool>,
}

/// The libraries that the process before this one ran with, if there was one.
pub(super) fn libraries() -> Libraries {
    let said = std::env::var(LIBRARIES).ok();
    said.and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default()
}

impl Restart {
    /// Copies the engines' libraries. What is wrong with one that cannot be read, the node's start says.
    pub(super) fn keep(&mut self, engines: &[EngineConfig], data_dir: &Path) {
        for engine in engines {
            if let Ok(kept) = copy(&engine.library, &data_dir.join(KEPT_FOLDER)) {
                self.libraries.insert(engine.name.clone(), kept);
            }
        }
    }

    /// From now on the process ends instead.
    pub(super) fn end_instead(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Starts this very program again in this process's place: no thread of the pause is left then. Does
    /// not return.
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of this process does not return: nothing can be put away"
    )]
    pub(super) fn go(&self, stuck: &StuckPause) {
        if self.ending.load(Ordering::Acquire) {
            show::talk(format_args!(
                "the pause after block {} does not end; the node ends, as it was told to",
                stuck.height
            ));
            std::process::exit(Exit::Done as i32)
        }
        show::talk(format_args!(
            "the pause after block {} does not end: the node restarts with the code it was started with; \
             its store is in memory, so its engines start afresh",
            stuck.height
        ));
        let mut words = std::env::args_os();
        let mut command = Command::new(THIS_PROGRAM);
        if let Some(name) = words.next() {
            command.arg0(name);
        }
        if let Ok(libraries) = serde_json::to_string(&self.libraries) {
            command.env(LIBRARIES, libraries);
        }
        let error = command.args(words).exec();
        show::talk(format_args!("the restart failed: {error}"));
        // Whoever supervises the node starts it again.
        std::process::exit(Exit::Internal as i32)
    }
}

/// Copies a library into `folder`, under the name of its hash.
fn copy(library: &Path, folder: &Path) -> io::Result<PathBuf> {
    let mut bytes = Vec::new();
    File::open(library)?
        .take(ARTIFACT_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    let kept = folder.join(format!("{}.so", ArtifactId::of(&bytes)));
    if !kept.exists() {
        files::copy(library, &kept).map_err(io::Error::other)?;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(name: &str, library: &Path) -> EngineConfig {
        EngineConfig {
            name: name.to_owned(),
            kind: None,
            library: library.to_owned(),
            config: String::new(),
        }
    }

    #[test]
    fn what_a_node_runs_with_stays_whatever_becomes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("kv.so");
        std::fs::write(&library, "first").unwrap();
        let kept = |name: &str| {
            let mut restart = Restart::default();
            let engine = engine(name, &folder.path().join(name));
            restart.keep(&[engine], folder.path());
            restart.libraries.remove(name)
        };
        let before = kept("kv.so").unwrap();
        std::fs::write(&library, "second").unwrap();
        let after = kept("kv.so").unwrap();
        assert_eq!(std::fs::read(before).unwrap(), b"first");
        assert_eq!(std::fs::read(after).unwrap(), b"second");
        assert_eq!(kept("none.so"), None);
    }
}
