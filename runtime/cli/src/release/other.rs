//! [`Other`]: what a node takes in another way than by an import.

use refit_node::snapshot::SnapshotFile;
use refit_release::{Domain, Frame};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// As much of a file as tells a signed record from others.
const BEGINNING_BYTES: u64 = 16;

/// Longest file that is looked at for being a plan, in bytes.
const PLAN_BYTES_MAX: u64 = refit_admin::PLAN_BYTES_MAX as u64;

/// A file of another kind than a release, a revocation or an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    Keyset,
    Snapshot,
    Plan,
}

impl Other {
    /// What the file at `path` is, if it is one of these.
    pub(crate) fn find(path: &Path) -> Option<Self> {
        let mut beginning = Vec::new();
        let file = File::open(path).ok().filter(|_| path.is_file())?;
        let bytes = file.metadata().ok()?.len();
        let mut file = file.take(BEGINNING_BYTES);
        file.read_to_end(&mut beginning).ok()?;
        if Frame::domain_of(&beginning) == Some(Domain::Keyset) {
            return Some(Self::Keyset);
        }
        if beginning.starts_with(b"{") && bytes <= PLAN_BYTES_MAX {
            let text = std::fs::read(path).ok()?;
            let is_json = serde_json::from_slice::<IgnoredAny>(&text).is_ok();
            return is_json.then_some(Self::Plan);
        }
        // Before anything of a snapshot is read, its own first bytes are.
        SnapshotFile::open(path).ok().map(|_| Self::Snapshot)
    }

    /// How the node takes it.
    pub(super) fn next(self, path: &Path) -> Cow<'static, str> {
        let path = path.display();
        Cow::Owned(match self {
            Self::Keyset => format!("refit keyset install {path}"),
            Self::Snapshot => format!("refit snapshot restore {path}"),
            Self::Plan => format!("refit upgrade apply {path}"),
        })
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keyset => "keyset",
            Self::Snapshot => "snapshot",
            Self::Plan => "plan",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyset_and_a_plan_are_told_from_what_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let find = |bytes: &[u8]| {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            Other::find(&path)
        };
        assert_eq!(find(b"refit/1\n\x01more"), Some(Other::Keyset));
        assert_eq!(find(b"{\"base\": 1}"), Some(Other::Plan));
        for others in [&b"refit/1\n\x03more"[..], b"refit-archive/1\n", b"{", b""] {
            assert_eq!(find(others), None, "{others:?}");
        }
        assert_eq!(Other::find(folder.path()), None);
    }
}
