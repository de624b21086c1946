//! The double's releases: one that it was handed, whatever that was, and a keyset of as many versions as it had bytes.

use refit_abi::Height;
use refit_admin::Refusal;
use refit_admin::api::{
    BuildState, Imported, KeysetInForce, OfferedRelease, ReleaseBuild, ReleaseImported,
    ReleaseName, ReleasesPruned,
};
use std::io::Read;

/// The release that it was handed.
fn name() -> ReleaseName {
    ReleaseName {
        id: "cd".repeat(32),
        name: "kv 2".to_owned(),
        epoch: 1,
        sequence: 7,
    }
}

pub(crate) fn imported(mut body: Box<dyn Read + Send>) -> Imported {
    let mut bytes = Vec::new();
    // What breaks off is a short one.
    let _ = body.read_to_end(&mut bytes);
    Imported::Release(ReleaseImported {
        release: name(),
        signers: vec!["ed25519:aa".to_owned()],
        is_repeated: false,
        bytes: bytes.len() as u64,
        has_source: false,
        missing: Vec::new(),
    })
}

pub(crate) fn offered(release: &str) -> OfferedRelease {
    OfferedRelease {
        release: ReleaseName {
            id: release.to_owned(),
            ..name()
        },
        from: Height(0),
        until: Height(900),
        restart: Vec::new(),
        expected: Vec::new(),
        is_offline: false,
        libraries: Vec::new(),
    }
}

pub(crate) fn built(release: &str) -> ReleaseBuild {
    ReleaseBuild {
        release: release.to_owned(),
        state: BuildState::Built,
        package: "refit-kv".to_owned(),
        dependencies: false,
        compiled: 1,
        elapsed_ms: 4_200,
        level: Some("L3".to_owned()),
        reason: None,
    }
}

pub(crate) fn pruned() -> ReleasesPruned {
    ReleasesPruned {
        damaged: Vec::new(),
        releases: vec![name()],
        bytes: 4_096,
    }
}

pub(crate) fn no_keyset() -> Refusal {
    Refusal::new(
        404,
        "keyset-missing",
        "the node has no keyset",
        "refit keyset install FILE",
    )
}

pub(crate) fn installed(bytes: &[u8]) -> KeysetInForce {
    KeysetInForce {
        id: "ab".repeat(32),
        network: "test".to_owned(),
        version: bytes.len() as u64,
        expires: Height(900),
        root_threshold: 1,
        root: vec!["ed25519:aa".to_owned()],
        release_threshold: 1,
        release: vec!["ed25519:bb".to_owned()],
        newest: None,
        revoked: Vec::new(),
    }
}
