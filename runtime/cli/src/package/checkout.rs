//! A package as it was at a git revision, laid out in a folder of its own.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file in the folder of all checkouts that is locked while one is there.
const LOCK: &str = ".lock";

/// Why a revision could not be laid out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    #[error("git is not on this machine")]
    NoGit,
    #[error("git says of {}: {said}", folder.display())]
    Git { folder: PathBuf, said: String },
    #[error("cannot write {}", folder.display())]
    Write { folder: PathBuf, source: io::Error },
    #[error("another comparison uses {}", folder.display())]
    Busy { folder: PathBuf },
}

/// A laid out revision; its folder goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
    /// The package's folder inside.
    pub(crate) package: PathBuf,
    /// The commit, in hexadecimal digits.
    pub(crate) commit: String,
    lock: File,
}

impl Checkout {
    /// Lays out the repository of the package in `folder` as it was at `revision`, below `parent`.
    /// The path is the same each time, so that the builder keeps one target folder for it.
    pub(crate) fn of(folder: &Path, revision: &str, parent: &Path) -> Result<Self, CheckoutError> {
        let top = git(folder, None, &["rev-parse", "--show-toplevel"])?;
        let inside = git(folder, None, &["rev-parse", "--show-prefix"])?;
        let wanted = format!("{revision}^{{commit}}");
        let commit = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ];
        let commit = git(folder, None, &commit).map_err(|error| match error {
            CheckoutError::Git { folder, said } if said.is_empty() => CheckoutError::Git {
                folder,
                said: format!("there is no revision `{revision}`"),
            },
            other => other,
        })?;
        let write = |folder: &Path, source| CheckoutError::Write {
            folder: folder.to_owned(),
            source,
        };
        fs::create_dir_all(parent).map_err(|source| write(parent, source))?;
        let parent = parent
            .canonicalize()
            .map_err(|source| write(parent, source))?;
        let name = Path::new(&top).file_name().unwrap_or_default();
        let root = parent.join(name);
        let checkout = Self {
            package: root.join(&inside),
            commit,
            lock: locked(&parent)?,
            root,
        };
        // The remains of a process that was killed.
        let _ = fs::remove_dir_all(&checkout.root);
        fs::create_dir_all(&checkout.root).map_err(|source| write(&checkout.root, source))?;
        checkout.fill(Path::new(&top))?;
        Ok(checkout)
    }

    /// Writes the files, by an index of its own: the author's work is not touched.
    fn fill(&self, top: &Path) -> Result<(), CheckoutError> {
        let index = self.root.join(".git-index");
        git(top, Some(&index), &["read-tree", &self.commit])?;
        let prefix = format!("--prefix={}/", self.root.display());
        git(top, Some(&index), &["checkout-index", "--all", &prefix])?;
        // It may be left where it is: nobody reads it.
        let _ = fs::remove_file(index);
        Ok(())
    }
}

/// Keeps other processes out of `folder`.
fn locked(folder: &Path) -> Result<File, CheckoutError> {
    let open = File::options()
        .create(true)
        .append(true)
        .open(folder.join(LOCK));
    let folder = folder.to_owned();
    match open.map(|file| file.try_lock().map(|()| file)) {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(TryLockError::WouldBlock)) => Err(CheckoutError::Busy { folder }),
        Ok(Err(TryLockError::Error(source))) | Err(source) => {
            Err(CheckoutError::Write { folder, source })
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        // Not by closing it alone: a process that is being started beside this has the file too until it runs its program.
        let _ = self.lock.unlock();
    }
}

/// Runs git in `folder` and gives what it printed.
fn git(folder: &Path, index: Option<&Path>, arguments: &[&str]) -> Result<String, CheckoutError> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
    match index {
        Some(index) => command.env("GIT_INDEX_FILE", index),
        None => command.env_remove("GIT_INDEX_FILE"),
    };
    let output = command.output().map_err(|_| CheckoutError::NoGit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(CheckoutError::Git {
        folder: folder.to_owned(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
