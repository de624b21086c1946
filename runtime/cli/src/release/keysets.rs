//! Keysets in files.

use super::{ReleaseFileError, read_record};
use crate::failure::Failure;
use refit_release::keyset::FirstKeyset;
use refit_release::{Keyset, Network};
use std::path::{Path, PathBuf};

/// The keyset in a file that somebody who trusts it has named.
pub(crate) fn trusted(path: &Path) -> Result<Keyset, Failure> {
    let first = FirstKeyset::read(&read_record(path)?);
    let keyset = first.and_then(FirstKeyset::trust);
    Ok(keyset.map_err(ReleaseFileError::of(path))?)
}

/// The keyset of a network that lies beside a release, as `NETWORK.keyset`, if one does that its own root keys have signed. It
/// is trusted by nobody: it tells which keys are whose, and no more.
pub(crate) fn beside(release: &Path, network: &Network) -> Option<(PathBuf, Keyset)> {
    let path = release.with_file_name(format!("{network}.keyset"));
    let keyset = trusted(&path).ok()?;
    (keyset.record().network == *network).then_some((path, keyset))
}
