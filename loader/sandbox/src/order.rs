//! [`Order`]: one command, and the room that it runs in.

use crate::level::Level;
use crate::limits::Limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One command, and the room that it runs in.
///
/// At [`Level::L3`] the command sees [`View::inside`] and [`Target::inside`]; below there is no root of its own, and it sees the
/// paths of the machine: [`View::seen`] and [`Target::seen`] say which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The command.
    pub command: Command,
    /// What it sees, and cannot change.
    pub views: Vec<View>,
    /// Links of its root to its views, such as `/lib` to `usr/lib`; nothing below [`Level::L3`].
    pub links: Vec<Link>,
    /// Where it may write.
    pub target: Target,
    /// A folder of the machine whose files lie in the target when the command starts, with their times.
    pub seed: Option<PathBuf>,
    /// What is handed out of the target when the command has succeeded; paths from the target.
    pub outputs: Vec<PathBuf>,
    /// What it may use.
    pub limits: Limits,
    /// Whom it runs as if the launcher is started by root.
    pub user: User,
}

/// A program with its arguments and all of its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program, by the path that it sees.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment; it has no other variables.
    pub variables: BTreeMap<String, String>,
    /// The folder that it runs in.
    pub folder: PathBuf,
}

/// A file or folder that is seen, and cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Where it is on the machine.
    pub host: PathBuf,
    /// Where it is seen at [`Level::L3`].
    pub inside: PathBuf,
}

/// A link of the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it is.
    pub inside: PathBuf,
    /// Where it leads.
    pub to: PathBuf,
}

/// Where a command may write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// A folder of the machine, empty and writable for whom the command runs as. At [`Level::L3`] it stays empty.
    pub host: PathBuf,
    /// Where the target is seen at [`Level::L3`]: a file system in memory, which is gone with the command.
    pub inside: PathBuf,
}

/// Whom a command of root's runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's number; not 0.
    pub uid: u32,
    /// The group's number; not 0.
    pub gid: u32,
}

impl Default for User {
    /// The one who owns nothing.
    fn default() -> Self {
        Self {
            uid: 65_534,
            gid: 65_534,
        }
    }
}

impl View {
    /// A view that is seen where it is on the machine.
    pub fn same(path: impl Into<PathBuf>) -> Self {
        let host = path.into();
        Self {
            inside: host.clone(),
            host,
        }
    }

    /// Where a command at this level sees it.
    pub fn seen(&self, level: Level) -> &Path {
        match level {
            Level::L3 => &self.inside,
            _ => &self.host,
        }
    }
}

impl Target {
    /// Where a command at this level sees it.
    pub fn seen(&self, level: Level) -> &Path {
        match level {
            Level::L3 => &self.inside,
            _ => &self.host,
        }
    }
}

/// Folders of programs and libraries that a compiler needs of the system.
const SYSTEM: [&str; 8] = [
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/etc/alternatives",
    "/etc/ld.so.cache",
];

/// Folders that are links into `/usr` on most systems.
const SHORT: [&str; 4] = ["/bin", "/lib", "/lib32", "/lib64"];

/// What a compiler and a linker need of the system: its programs, libraries and headers under `/usr`, nothing of `/etc` but
/// what says which of them is meant, and no data of anybody's.
pub fn system() -> (Vec<View>, Vec<Link>) {
    let there = SYSTEM.iter().map(Path::new).filter(|path| path.exists());
    let mut views: Vec<_> = there.map(View::same).collect();
    let mut links = Vec::new();
    for path in SHORT.iter().map(PathBuf::from) {
        match std::fs::read_link(&path) {
            Ok(to) => links.push(Link { inside: path, to }),
            Err(_) if path.is_dir() => views.push(View::same(path)),
            Err(_) => {}
        }
    }
    (views, links)
}
