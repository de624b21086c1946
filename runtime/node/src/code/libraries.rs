//! The modules that are mapped for the node, and which generation's code they are.

use crate::rehearsal::{ModuleAt, RehearsalError};
use refit_abi::Generation;
use refit_abi::host::Explain;
use refit_abi::host::Kind;
use refit_kernel::{ArtifactHash, GenerationTable};
use refit_loader::{LoadedModule, Retired};
use refit_store::Archive;
use refit_upgrade::{Live, LiveKind};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;

/// The loaded modules of a node.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    loaded: Vec<LoadedModule>,
    /// Where the file of each was, by its hash.
    files: BTreeMap<String, String>,
}

/// What the code of one kind is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) package: String,
    pub(crate) version: String,
    /// BLAKE3 of its file, in hexadecimal.
    pub(crate) artifact: String,
    /// Where the file was when it came in.
    pub(crate) file: String,
}

/// The files that have a generation's code.
pub(crate) struct ModuleFiles {
    pub(crate) modules: Vec<ModuleAt>,
    /// For each kind of the generation, in its order, which of the modules has it.
    pub(crate) kinds: Vec<usize>,
}

impl Libraries {
    pub(crate) fn add(&mut self, modules: Vec<LoadedModule>) {
        self.loaded.extend(modules);
    }

    /// Remembers where the file with this hash was.
    pub(crate) fn came_from(&mut self, artifact: String, file: String) {
        self.files.insert(artifact, file);
    }

    /// What the code with this hash is called.
    pub(crate) fn release(&self, artifact: &str) -> Release {
        let mut loaded = self.loaded.iter();
        let owner = loaded.find(|loaded| loaded.artifact().to_string() == artifact);
        let descriptor = owner.map(|owner| owner.module().descriptor());
        Release {
            package: descriptor.map_or_else(String::new, |it| it.package.clone()),
            version: descriptor.map_or_else(String::new, |it| it.package_version.clone()),
            artifact: artifact.to_owned(),
            file: self.files.get(artifact).cloned().unwrap_or_default(),
        }
    }

    /// What all mapped code is called.
    pub(crate) fn releases(&self) -> Vec<Release> {
        let mapped = self.loaded.iter();
        mapped
            .map(|loaded| self.release(&loaded.artifact().to_string()))
            .collect()
    }

    /// The names of all mapped code: package, version and file.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |loaded: &LoadedModule| {
            let descriptor = loaded.module().descriptor();
            let (package, version) = (&descriptor.package, &descriptor.package_version);
            format!("{package} {version} ({})", loaded.name())
        };
        self.loaded.iter().map(name).collect()
    }

    /// BLAKE3 of the file that has `kind`, in hexadecimal.
    pub(crate) fn artifact(&self, kind: &Kind) -> String {
        let owner = self
            .loaded
            .iter()
            .find(|loaded| loaded.module().is_same(kind.module()));
        owner
            .map(|loaded| loaded.artifact().to_string())
            .unwrap_or_default()
    }

    /// The same of each kind of a table, in its order.
    pub(crate) fn hashes(&self, table: &GenerationTable) -> Vec<ArtifactHash> {
        let hash = |kind: &Kind| {
            let mut loaded = self.loaded.iter();
            let owner = loaded.find(|loaded| loaded.module().is_same(kind.module()));
            owner.map(|owner| ArtifactHash(owner.artifact().to_bytes()))
        };
        table
            .iter()
            .map_while(|(_, entry)| hash(&entry.kind))
            .collect()
    }

    /// The generation as a plan sees it.
    pub(crate) fn live(&self, table: &GenerationTable) -> Live {
        let generation: Generation = table.number();
        let kinds = table.iter().map(|(_, entry)| LiveKind {
            descriptor: entry.kind.descriptor().clone(),
            artifact: self.artifact(&entry.kind),
        });
        Live {
            generation,
            kinds: kinds.collect(),
        }
    }

    /// The files of a generation's modules, for a child process.
    pub(crate) fn files(&self, table: &GenerationTable) -> Result<ModuleFiles, RehearsalError> {
        let (mut modules, mut places, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for (_, entry) in table.iter() {
            let is_owner = |loaded: &LoadedModule| loaded.module().is_same(entry.kind.module());
            let owner = self.loaded.iter().position(is_owner);
            let place = owner.and_then(|owner| {
                if let Some(known) = places.iter().position(|place| *place == owner) {
                    return Some(known);
                }
                let loaded = &self.loaded[owner];
                modules.push(ModuleAt {
                    path: loaded.path_for_child()?,
                });
                places.push(owner);
                Some(places.len() - 1)
            });
            kinds.push(place.ok_or_else(|| RehearsalError::NoModule {
                kind: entry.kind.descriptor().kind.clone(),
            })?);
        }
        Ok(ModuleFiles { modules, kinds })
    }

    /// The libraries of a generation by their hashes, each once, and open: they stay readable when they are unmapped.
    pub(crate) fn opened(&self, table: &GenerationTable) -> io::Result<Vec<(String, File)>> {
        let mut opened: Vec<(String, File)> = Vec::new();
        for loaded in &self.loaded {
            let is_of = |kind: &Kind| kind.module().is_same(loaded.module());
            let artifact = loaded.artifact().to_string();
            let is_new = opened.iter().all(|(known, _)| *known != artifact);
            if is_new && table.iter().any(|(_, entry)| is_of(&entry.kind)) {
                let path = loaded.path_for_child();
                let path = path.ok_or_else(|| io::Error::other("the library has no file"))?;
                opened.push((artifact, File::open(path)?));
            }
        }
        Ok(opened)
    }

    /// Retires the modules that no kind of `table` is of; gives why some stay mapped.
    pub(crate) fn retire_unused(&mut self, table: &GenerationTable) -> Vec<String> {
        let used = |loaded: &LoadedModule| {
            table
                .iter()
                .any(|(_, entry)| entry.kind.module().is_same(loaded.module()))
        };
        let (kept, old): (Vec<_>, Vec<_>) = self.loaded.drain(..).partition(used);
        self.loaded = kept;
        let loaded = &self.loaded;
        self.files.retain(|artifact, _| {
            loaded
                .iter()
                .any(|loaded| loaded.artifact().to_string() == *artifact)
        });
        retire(old)
    }
}

/// Keeps a mapped library in an archive: the very bytes that were loaded, whatever lies at its path by now.
pub(crate) fn keep(module: &LoadedModule, archive: &dyn Archive) -> io::Result<()> {
    let path = module.path_for_child();
    let path = path.ok_or_else(|| io::Error::other("the library has no file"))?;
    let kept = archive.keep_code(&fs::read(path)?)?;
    match kept == module.artifact().to_string() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "its bytes have the hash {kept} by now"
        ))),
    }
}

/// Retires modules; gives why some stay mapped.
pub(crate) fn retire(modules: Vec<LoadedModule>) -> Vec<String> {
    let mut pinned = Vec::new();
    for module in modules {
        let name = module.name().to_owned();
        if let Retired::Pinned { reason } = module.retire() {
            pinned.push(format!("{name}: {reason}; {}", reason.next()));
        }
    }
    pinned
}
