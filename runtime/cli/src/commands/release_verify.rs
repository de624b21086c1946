//! `refit release verify FILE… [--keyset FILE]`
//!
//! Every file is looked at, whatever was found of those before it: a release that is not taken has its line, and the first of
//! them says how the command ends.

use crate::args::ReleaseVerifyArgs;
use crate::failure::Failure;
use crate::release::{ReleaseFileError, beside, open, trusted};
use crate::show::{
    self,
    verified::{Checked, Refused, Verified},
};
use refit_abi::Height;
use refit_release::Keyset;
use refit_release::archive::Looked;
use refit_release::{Manifest, ReleaseBytes, ReleaseId, VerifyError};
use serde::Serialize;
use std::path::Path;

/// The stable shape of one release in `--json`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Found {
    Verified(Box<Verified>),
    Refused(Refused),
}

pub(crate) fn run(args: &ReleaseVerifyArgs) -> Result<(), Failure> {
    let keyset = args.keyset.as_deref().map(trusted).transpose()?;
    let (mut found, mut first) = (Vec::new(), None);
    for file in &args.files {
        let one = match verify(file, keyset.as_ref(), args.at) {
            Ok(verified) => Found::Verified(Box::new(verified)),
            Err(failure) => {
                let refused = Refused::of(file, &failure);
                first.get_or_insert(failure);
                Found::Refused(refused)
            }
        };
        if !args.output.json {
            show::data(&one.text(args.files.len()))?;
        }
        found.push(one);
    }
    // With one file the error is the answer.
    if args.output.json && (first.is_none() || found.len() > 1) {
        show::json(&found)?;
    }
    if keyset.is_none() && first.is_none() {
        show::talk("who may sign is not checked: give --keyset FILE for that");
    }
    first.map_or(Ok(()), Err)
}

impl Found {
    /// What is printed of one of so many.
    fn text(&self, files: usize) -> String {
        match self {
            Self::Verified(verified) => verified.text(),
            Self::Refused(_) if files == 1 => String::new(),
            Self::Refused(refused) => refused.text(),
        }
    }
}

fn verify(file: &Path, keyset: Option<&Keyset>, at: Height) -> Result<Verified, Failure> {
    match keyset {
        Some(keyset) => against(file, keyset, at),
        None => alone(file),
    }
}

/// Whether enough of the keyset's release keys have signed, and then all that is inside.
fn against(file: &Path, keyset: &Keyset, at: Height) -> Result<Verified, Failure> {
    let kept = open(file)?;
    let refused = kept.release.clone();
    let release = kept.release.verify(keyset, at);
    // Signatures are for one network: those for another are none here.
    let release = release.map_err(|error| match error {
        VerifyError::TooFew(_) => of_another_network(&refused, keyset).unwrap_or(error),
        error => error,
    });
    let release = release.map_err(ReleaseFileError::of(file))?;
    let looked = kept.archive.look(release.manifest());
    let looked = looked.map_err(ReleaseFileError::of(file))?;
    let of = Of {
        file,
        id: release.id(),
        manifest: release.manifest(),
        looked,
    };
    Ok(of.verified(Checked::Signers, release.signers(), Some(keyset)))
}

/// That a release says that it is for another network than the keyset.
fn of_another_network(release: &ReleaseBytes, keyset: &Keyset) -> Option<VerifyError> {
    let found = release.claims().ok()?.network;
    let expected = keyset.record().network.clone();
    (found != expected).then_some(VerifyError::Network { found, expected })
}

/// All that can be said without being told who may sign.
fn alone(file: &Path) -> Result<Verified, Failure> {
    let kept = open(file)?;
    let manifest = kept.claims(file)?;
    let id = kept.release.id();
    let frame = kept.release.into_frame();
    let looked = kept.archive.look(&manifest);
    let looked = looked.map_err(ReleaseFileError::of(file))?;
    let signers = frame.all_signers(&manifest.network);
    let beside = beside(file, &manifest.network);
    let of = Of {
        file,
        id,
        manifest: &manifest,
        looked,
    };
    let (path, keyset) = beside.map_or((None, None), |(path, keyset)| (Some(path), Some(keyset)));
    let checked = Checked::Bytes { beside: path };
    Ok(of.verified(checked, &signers, keyset.as_ref()))
}

/// A release that was looked through.
struct Of<'a> {
    file: &'a Path,
    id: ReleaseId,
    manifest: &'a Manifest,
    looked: Looked,
}

impl Of<'_> {
    fn verified(
        self,
        checked: Checked,
        signers: &[refit_release::PublicKey],
        keyset: Option<&Keyset>,
    ) -> Verified {
        let Looked {
            items,
            bytes,
            unpacked,
        } = self.looked;
        let release = keyset.map(|keyset| &keyset.record().release);
        let counted = release.map(|release| {
            let counts = |key: &&refit_release::PublicKey| release.keys().contains(key);
            signers.iter().filter(counts).count()
        });
        Verified {
            file: self.file.to_owned(),
            id: self.id.to_string(),
            name: self.manifest.name.clone(),
            network: self.manifest.network.to_string(),
            position: self.manifest.position,
            checked,
            signers: signers.iter().map(ToString::to_string).collect(),
            of_keyset: counted,
            threshold: release.map(refit_release::Quorum::threshold),
            items,
            bytes,
            has_source: unpacked.source.is_some(),
            missing: unpacked.missing.iter().map(ToString::to_string).collect(),
        }
    }
}
