//! [`Modules`]: the code a testkit runs, and the facts about it that the plan of an upgrade needs.

use refit_abi::descriptor::{Ability, CapabilityDescriptor};
use refit_abi::export::LinkedModule;
use refit_abi::host::{Kind, Module};
use refit_abi::{Capability, Generation};
use refit_kernel::{GenerationTable, Grants};
use refit_upgrade::{Live, LiveKind, OfferedModule};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The modules of the first generation, what is granted, and which module each kind's code is of.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    first: Vec<Module>,
    grants: Grants,
    /// For each kind, the module it is of: linked modules have no file, so they are counted.
    artifacts: BTreeMap<String, String>,
    count: usize,
}

impl Modules {
    #[track_caller]
    pub(crate) fn add(&mut self, root: LinkedModule) {
        let module = match Module::linked(root) {
            Ok(module) => module,
            Err(error) => panic!("{error}"),
        };
        let artifact = self.artifact();
        for kind in &module.descriptor().kinds {
            let before = self.artifacts.insert(kind.kind.clone(), artifact.clone());
            assert!(
                before.is_none(),
                "two modules have the kind `{}`",
                kind.kind
            );
        }
        self.first.push(module);
    }

    /// Lets `kind` do only what is listed.
    pub(crate) fn grant(&mut self, kind: &str, granted: &[Capability]) {
        let granted = granted.iter().map(|capability| described(*capability));
        self.grants
            .listed
            .insert(kind.to_owned(), granted.collect());
    }

    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }

    pub(crate) fn first_generation(&self) -> Arc<GenerationTable> {
        let kinds: Vec<Kind> = self.first.iter().flat_map(Module::kinds).collect();
        GenerationTable::first_with(kinds, self.grants.clone())
    }

    /// A module that is to come in.
    pub(crate) fn candidate(&mut self, module: &Module) -> OfferedModule {
        OfferedModule {
            path: module.descriptor().package.clone(),
            artifact: self.artifact(),
            meant: None,
            descriptor: module.descriptor().clone(),
            outside: Vec::new(),
        }
    }

    /// The candidates have come in.
    pub(crate) fn came_in(&mut self, candidates: &[OfferedModule]) {
        for candidate in candidates {
            for kind in &candidate.descriptor.kinds {
                let artifact = candidate.artifact.clone();
                self.artifacts.insert(kind.kind.clone(), artifact);
            }
        }
    }

    /// The live code and engines that a plan starts from.
    pub(crate) fn live(&self, table: &GenerationTable) -> Live {
        let kinds = table.iter().map(|(_, entry)| {
            let descriptor = entry.kind.descriptor().clone();
            let artifact = self.artifacts.get(&descriptor.kind).cloned();
            LiveKind {
                artifact: artifact.unwrap_or_default(),
                descriptor,
            }
        });
        let generation: Generation = table.number();
        Live {
            generation,
            kinds: kinds.collect(),
        }
    }

    fn artifact(&mut self) -> String {
        self.count += 1;
        format!("linked-{}", self.count)
    }
}

fn described(capability: Capability) -> CapabilityDescriptor {
    let (ability, kind) = match capability {
        Capability::Message(kind) => (Ability::Message, kind),
        Capability::Spawn(kind) => (Ability::Spawn, kind),
        Capability::Read(kind) => (Ability::Read, kind),
    };
    CapabilityDescriptor {
        ability,
        kind: kind.to_owned(),
    }
}
