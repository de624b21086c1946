//! The modules that are mapped for the node, and which generation's code they are.

use refit_abi::Generation;
use refit_abi::host::Kind;
use refit_kernel::GenerationTable;
use refit_loader::{LoadedModule, Retired};
use refit_upgrade::{Live, LiveKind};

/// The loaded modules of a node.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    loaded: Vec<LoadedModule>,
}

impl Libraries {
    pub(crate) fn add(&mut self, modules: Vec<LoadedModule>) {
        self.loaded.extend(modules);
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

    /// Retires the modules that no kind of `table` is of; gives why some stay mapped.
    pub(crate) fn retire_unused(&mut self, table: &GenerationTable) -> Vec<String> {
        let used = |loaded: &LoadedModule| {
            table
                .iter()
                .any(|(_, entry)| entry.kind.module().is_same(loaded.module()))
        };
        let (kept, old): (Vec<_>, Vec<_>) = self.loaded.drain(..).partition(used);
        self.loaded = kept;
        retire(old)
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
