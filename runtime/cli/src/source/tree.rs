//! Puts engines' source, the contract and all crates that they need into one folder, of which a library can be built without
//! anything beside it: what `refit release pack --source` takes.
//!
//! ```text
//! OUT/Cargo.toml           the workspace of the contract
//! OUT/abi, OUT/abi/macros
//! OUT/PACKAGE/             each engine, with a lock of what it needs
//! OUT/vendor/              crates of the registry
//! ```
//!
//! Crates come from what this machine has of the registry, and from the registry only if something is not there.

use super::vendored;
use crate::failure::{Failure, Reported};
use crate::files::FileError;
use crate::package;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_build::BuildError;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use toml::{Table, Value};

/// The package of the contract, and its folder from the tree's top.
const CONTRACT: &str = "refit-abi";
const ABI: &str = "abi";

/// The packages that the contract is made of, from the workspace's top.
const PARTS: [&str; 2] = [ABI, "abi/macros"];

/// The folder of crates of the registry.
pub(super) const VENDOR: &str = "vendor";

const MANIFEST: &str = "Cargo.toml";
const LOCK: &str = "Cargo.lock";

/// Documentation that a package may take into its code.
const README: &str = "README.md";

/// Sections of a manifest that no library is built from, and that name what the tree does not have.
const ASIDE: [&str; 4] = ["dev-dependencies", "test", "bench", "example"];

/// Most bytes of what cargo said that are shown.
const SAID_BYTES_MAX: usize = 4 << 10;

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeUnmade {
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} does not take {CONTRACT} from a folder", manifest.display())]
    NoContract { manifest: PathBuf },
    #[error("two of the engines are called {package}")]
    Twice { package: String },
    #[error("cargo did not {action} for {package}:\n{output}")]
    Cargo {
        action: &'static str,
        package: String,
        output: String,
    },
}

impl Explain for TreeUnmade {
    fn code(&self) -> &str {
        match self {
            Self::Io { .. } => codes::BUILD_IO,
            Self::NoContract { .. } => codes::DEPENDENCY_MISSING,
            Self::Twice { .. } => codes::PACK_REFUSED,
            Self::Cargo { .. } => codes::CARGO_FAILED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Io { .. } => "check the permissions of that folder, and the free space",
            Self::NoContract { .. } => {
                "write in that Cargo.toml: refit-abi = { path = \"CHECKOUT/abi\" }, where CHECKOUT is the folder of a checkout of Refit"
            }
            Self::Twice { .. } => "give each engine once",
            Self::Cargo { .. } => {
                "build the engine once with `cargo build`, with a network, so that its crates are on this machine"
            }
        })
    }
}

impl Reported for TreeUnmade {}

/// An engine's package as it is on this machine.
struct Engine {
    name: String,
    folder: PathBuf,
    manifest: Table,
    /// The folder of the workspace that the contract is in.
    workspace: PathBuf,
}

/// Lays the tree of the packages in these folders into `out`, which is not there yet. Gives the name of each package, which is
/// its folder in the tree.
pub(crate) fn lay(folders: &[PathBuf], out: &Path) -> Result<Vec<String>, Failure> {
    if out.symlink_metadata().is_ok() {
        return Err(FileError::Foreign {
            path: out.to_owned(),
            what: "folder that this command may replace",
        }
        .into());
    }
    let engines = folders.iter().map(|folder| read(folder));
    let engines = engines.collect::<Result<Vec<_>, Failure>>()?;
    let mut names: Vec<_> = engines.iter().map(|it| it.name.clone()).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let package = pair[0].clone();
        return Err(TreeUnmade::Twice { package }.into());
    }
    // Beside it: what is there under the name is whole.
    let parent = out.parent().filter(|it| !it.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_at("create", parent))?;
    let made = tempfile::Builder::new()
        .prefix(".source-")
        .tempdir_in(parent);
    let made = made.map_err(io_at("write into", parent))?;
    // Cargo wants it so, and a link on the way would lead elsewhere.
    let top = made.path();
    let top = top.canonicalize().map_err(io_at("open", top))?;
    if let Some(first) = engines.first() {
        contract(&first.workspace, &top)?;
    }
    for engine in &engines {
        engine.lay(&top)?;
    }
    vendor(&names, &top)?;
    fs::rename(made.keep(), out).map_err(io_at("rename to", out))?;
    Ok(engines.into_iter().map(|engine| engine.name).collect())
}

fn read(folder: &Path) -> Result<Engine, Failure> {
    let name = package::name(folder).map_err(super::SourceError)?;
    let folder = folder.canonicalize().map_err(io_at("open", folder))?;
    let manifest = table(&folder.join(MANIFEST))?;
    let no_contract = || TreeUnmade::NoContract {
        manifest: folder.join(MANIFEST),
    };
    let path = manifest
        .get("dependencies")
        .and_then(|all| all.get(CONTRACT)?.get("path")?.as_str());
    let abi = folder.join(path.ok_or_else(no_contract)?);
    let workspace = abi.canonicalize().ok().filter(|abi| abi.ends_with(ABI));
    let workspace = workspace.as_deref().and_then(Path::parent);
    let workspace = workspace.ok_or_else(no_contract)?.to_owned();
    Ok(Engine {
        name,
        folder,
        manifest,
        workspace,
    })
}

/// Lays the contract, and the workspace that it takes its versions from. Engines are workspaces of their own: it is the same
/// whichever are beside it.
fn contract(workspace: &Path, top: &Path) -> Result<(), Failure> {
    for part in PARTS {
        let (from, to) = (workspace.join(part), top.join(part));
        copy(&from, &to)?;
        write(&to.join(MANIFEST), &library(table(&from.join(MANIFEST))?))?;
    }
    let mut whole = table(&workspace.join(MANIFEST))?;
    whole.remove("profile");
    let list = |all: Vec<&str>| Value::from(all);
    if let Some(section) = whole.get_mut("workspace").and_then(Value::as_table_mut) {
        section.insert("members".to_owned(), list(PARTS.to_vec()));
        section.insert("exclude".to_owned(), list(vec![VENDOR]));
    }
    write(&top.join(MANIFEST), &whole)
}

impl Engine {
    fn lay(&self, top: &Path) -> Result<(), Failure> {
        let to = top.join(&self.name);
        copy(&self.folder, &to)?;
        let mut manifest = library(self.manifest.clone());
        let contract = manifest
            .get_mut("dependencies")
            .and_then(|all| all.get_mut(CONTRACT)?.as_table_mut());
        if let Some(contract) = contract {
            contract.insert("path".to_owned(), format!("../{ABI}").into());
        }
        // It stands alone, whatever it was a member of.
        manifest.insert("workspace".to_owned(), Table::new().into());
        write(&to.join(MANIFEST), &manifest)?;
        let locks = [&self.folder, &self.workspace].map(|it| it.join(LOCK));
        if let Some(lock) = locks.iter().find(|lock| lock.is_file()) {
            let to = to.join(LOCK);
            fs::copy(lock, &to).map_err(io_at("copy", lock))?;
        }
        Ok(())
    }
}

/// Has each lock name what its engine needs and no more, and brings the crates of that here.
fn vendor(names: &[String], top: &Path) -> Result<(), Failure> {
    let manifest = |name: &String| top.join(name).join(MANIFEST);
    let mut needed = BTreeSet::new();
    for name in names {
        let cargo = Cargo {
            package: name,
            top,
            action: "resolve what it needs",
        };
        let manifest = manifest(name).display().to_string();
        let words = ["metadata", "--format-version", "1", "--manifest-path"];
        let mut words = [&words[..], &[&manifest]].concat();
        cargo.run(&words)?;
        // On the systems of nodes alone.
        for system in vendored::SYSTEMS {
            words.extend(["--filter-platform", system]);
        }
        needed.extend(vendored::named(&cargo.run(&words)?));
    }
    let Some((first, others)) = names.split_first() else {
        return Ok(());
    };
    let cargo = Cargo {
        package: first,
        top,
        action: "bring the crates together",
    };
    let first = manifest(first).display().to_string();
    let others: Vec<_> = others
        .iter()
        .map(|name| manifest(name).display().to_string())
        .collect();
    let words = ["vendor", "--locked", "--versioned-dirs", "--manifest-path"];
    let mut words = [&words[..], &[&first]].concat();
    for other in &others {
        words.extend(["--sync", other]);
    }
    words.push(VENDOR);
    cargo.run(&words)?;
    vendored::empty(top, &needed)
}

struct Cargo<'a> {
    package: &'a str,
    top: &'a Path,
    action: &'static str,
}

impl Cargo<'_> {
    /// Runs it without network, and with it if that fails; gives what it said.
    fn run(&self, words: &[&str]) -> Result<Vec<u8>, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut said = String::new();
        for offline in [true, false] {
            let output = Command::new(&cargo)
                .args(words)
                .args(offline.then_some("--offline"))
                .current_dir(self.top)
                .stdin(Stdio::null())
                .output();
            let output = match output {
                Ok(output) => output,
                Err(_) => return Err(super::SourceError(BuildError::CargoMissing).into()),
            };
            if output.status.success() {
                return Ok(output.stdout);
            }
            said = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        Err(TreeUnmade::Cargo {
            action: self.action,
            package: self.package.to_owned(),
            output: refit_abi::host::shown_end(said.trim(), SAID_BYTES_MAX),
        }
        .into())
    }
}

/// What a manifest says of the library.
fn library(mut manifest: Table) -> Table {
    ASIDE
        .iter()
        .for_each(|section| drop(manifest.remove(*section)));
    manifest
}

/// Copies what the library of a package is built from, but for its manifest.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let files = refit_build::sources(from).map_err(super::SourceError)?;
    let readme = Path::new(README).to_owned();
    let has_readme = from.join(README).is_file();
    let files = files.into_iter().chain(has_readme.then_some(readme));
    for file in files.filter(|file| !file.ends_with(LOCK)) {
        let to = to.join(&file);
        let parent = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(io_at("create", parent))?;
        let from = from.join(&file);
        fs::copy(&from, &to).map_err(io_at("copy", &from))?;
    }
    Ok(())
}

fn table(path: &Path) -> Result<Table, Failure> {
    let text = fs::read_to_string(path).map_err(io_at("read", path))?;
    let table = text.parse().map_err(|error: toml::de::Error| {
        super::SourceError(BuildError::Manifest {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    });
    Ok(table?)
}

fn write(path: &Path, manifest: &Table) -> Result<(), Failure> {
    Ok(fs::write(path, manifest.to_string()).map_err(io_at("write", path))?)
}

pub(super) fn io_at(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> TreeUnmade + use<> {
    let path = path.to_owned();
    move |source| TreeUnmade::Io {
        action,
        path,
        source,
    }
}
