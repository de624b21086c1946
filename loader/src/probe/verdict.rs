//! [`Verdict`]: proof that these bytes fit this node's interface, with the module's description of itself.

use super::ProbeError;
use crate::artifact::ArtifactId;
use refit_abi::build::{ABI_EPOCH, TARGET, TOOLCHAIN};
use refit_abi::descriptor::Descriptor;
use refit_abi::raw;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Identifies a node's side of the contract: two programs with equal ids judge a module alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InterfaceId([u8; 32]);

impl InterfaceId {
    /// The id of this program's side.
    pub fn of_this_program() -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in [
            TOOLCHAIN,
            TARGET,
            abi_stable::library::ROOT_MODULE_LOADER_NAME,
        ] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        for number in [u64::from(ABI_EPOCH)].into_iter().chain(sizes()) {
            hasher.update(&number.to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// Sizes of what crosses, in bytes.
fn sizes() -> impl Iterator<Item = u64> {
    [
        size_of::<raw::KindVtable>(),
        size_of::<raw::MigrationVtable>(),
        size_of::<raw::HostCalls>(),
        size_of::<raw::BusCalls>(),
        size_of::<raw::RawContext>(),
        size_of::<raw::RawBus>(),
        size_of::<raw::Delivery<'static>>(),
        size_of::<raw::BatchOutcome>(),
    ]
    .into_iter()
    .map(|size| size as u64)
}

impl InterfaceId {
    pub(super) fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for InterfaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InterfaceId({})", blake3::Hash::from_bytes(self.0))
    }
}

/// A probe's yes. Only a probe gives one: it is written down nowhere, and read from nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    artifact: ArtifactId,
    interface: InterfaceId,
    descriptor: Descriptor,
}

impl Verdict {
    pub(super) fn new(artifact: ArtifactId, descriptor: Descriptor) -> Self {
        Self {
            artifact,
            interface: InterfaceId::of_this_program(),
            descriptor,
        }
    }

    /// The bytes it is about.
    pub fn artifact(&self) -> ArtifactId {
        self.artifact
    }

    /// The interface it is about.
    pub fn interface(&self) -> InterfaceId {
        self.interface
    }

    /// The module's description of itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Whether it is about these bytes and this program's interface.
    pub fn holds_for(&self, artifact: ArtifactId) -> bool {
        self.artifact == artifact && self.interface == InterfaceId::of_this_program()
    }
}

/// Whether a module with this descriptor fits this node.
pub(super) fn judge(descriptor: &Descriptor) -> Result<(), ProbeError> {
    if descriptor.abi_epoch != ABI_EPOCH {
        return Err(ProbeError::WrongEpoch {
            found: descriptor.abi_epoch,
        });
    }
    if descriptor.target != TARGET {
        return Err(ProbeError::WrongTarget {
            found: descriptor.target.clone(),
        });
    }
    if descriptor.toolchain != TOOLCHAIN {
        return Err(ProbeError::WrongCompiler {
            found: descriptor.toolchain.clone(),
            expected: TOOLCHAIN,
        });
    }
    if descriptor.panic_mode != "unwind" {
        return Err(ProbeError::PanicAborts {
            found: descriptor.panic_mode.clone(),
        });
    }
    if descriptor.kinds.is_empty() {
        return Err(ProbeError::NoKinds);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::build::{COMPILER_COMMIT, COMPILER_RELEASE, LAYOUT_EPOCH};
    use refit_abi::host::Explain;

    fn descriptor() -> Descriptor {
        Descriptor {
            abi_epoch: ABI_EPOCH,
            compiler_release: COMPILER_RELEASE.to_owned(),
            compiler_commit: COMPILER_COMMIT.to_owned(),
            toolchain: TOOLCHAIN.to_owned(),
            layout_epoch: LAYOUT_EPOCH.to_owned(),
            target: TARGET.to_owned(),
            panic_mode: "unwind".to_owned(),
            build_id: String::new(),
            release_id: None,
            transforms_snapshot: false,
            package: "p".to_owned(),
            package_version: "1.0.0".to_owned(),
            kinds: Vec::new(),
        }
    }

    #[test]
    fn each_foreign_fact_is_refused_by_its_own_name() {
        type Spoil = fn(&mut Descriptor);
        let cases: [(Spoil, &str); 5] = [
            (|d| d.abi_epoch += 1, "wrong-abi-epoch"),
            (|d| d.target = "sparc".to_owned(), "wrong-target"),
            (|d| d.toolchain.push('0'), "wrong-compiler"),
            (|d| d.panic_mode = "abort".to_owned(), "panic-abort"),
            (|_| (), "no-kinds"),
        ];
        for (spoil, code) in cases {
            let mut descriptor = descriptor();
            spoil(&mut descriptor);
            assert_eq!(judge(&descriptor).unwrap_err().code(), code);
        }
    }

    #[test]
    fn a_verdict_holds_for_its_own_bytes_only() {
        let verdict = Verdict::new(ArtifactId::of(b"a"), descriptor());
        assert!(verdict.holds_for(ArtifactId::of(b"a")));
        assert!(!verdict.holds_for(ArtifactId::of(b"b")));
    }
}
