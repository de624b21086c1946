//! [`Target`]: for whom this node's code is compiled, and which file of a module that is.

use refit_abi::build;
use refit_release::manifest::{Artifact, Module};

/// A target with its toolchain and contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    pub(crate) toolchain: &'static str,
    pub(crate) abi_epoch: u32,
}

/// This node's.
pub(crate) const TARGET: Target = Target {
    triple: build::TARGET,
    toolchain: build::TOOLCHAIN,
    abi_epoch: build::ABI_EPOCH,
};

impl Target {
    /// The module's file for it.
    pub(crate) fn artifact(self, module: &Module) -> Option<&Artifact> {
        let mut artifacts = module.artifacts.iter();
        let is_for =
            |file: &&Artifact| file.target == self.triple && file.toolchain == self.toolchain;
        artifacts
            .find(is_for)
            .filter(|_| module.abi_epoch == self.abi_epoch)
    }
}
