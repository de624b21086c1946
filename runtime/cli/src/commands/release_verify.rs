//! `refit release verify FILE… --keyset FILE`

use crate::args::ReleaseVerifyArgs;
use crate::failure::Failure;
use crate::release::{Looked, ReleaseFileError, open, read_record};
use crate::show;
use crate::units::shown_bytes;
use refit_abi::Height;
use refit_release::Keyset;
use refit_release::keyset::FirstKeyset;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The stable shape of one release in `--json`.
#[derive(Debug, Serialize)]
struct Verified {
    file: PathBuf,
    id: String,
    name: String,
    position: refit_release::Position,
    signers: Vec<String>,
    items: u64,
    bytes: u64,
    has_source: bool,
    /// Files that the release names and that are not in it.
    missing: Vec<String>,
}

pub(crate) fn run(args: &ReleaseVerifyArgs) -> Result<(), Failure> {
    let first = FirstKeyset::read(&read_record(&args.keyset)?);
    let keyset = first.and_then(FirstKeyset::trust);
    let keyset = keyset.map_err(ReleaseFileError::of(&args.keyset))?;
    let mut verified = Vec::new();
    for file in &args.files {
        let one = verify(file, &keyset, args.at)?;
        if !args.output.json {
            show::data(&one.text())?;
        }
        verified.push(one);
    }
    match args.output.json {
        true => show::json(&verified),
        false => Ok(()),
    }
}

fn verify(file: &Path, keyset: &Keyset, at: Height) -> Result<Verified, Failure> {
    let kept = open(file)?;
    let release = kept.release.verify(keyset, at);
    let release = release.map_err(ReleaseFileError::of(file))?;
    let mut looked = Looked::default();
    let unpacked = kept.archive.unpack(&release, &mut looked);
    let unpacked = unpacked.map_err(ReleaseFileError::of(file))?;
    Ok(Verified {
        file: file.to_owned(),
        id: release.id().to_string(),
        name: release.manifest().name.clone(),
        position: release.manifest().position,
        signers: release.signers().iter().map(ToString::to_string).collect(),
        items: looked.items,
        bytes: looked.bytes,
        has_source: unpacked.source.is_some(),
        missing: unpacked.missing.iter().map(ToString::to_string).collect(),
    })
}

impl Verified {
    fn text(&self) -> String {
        let missing = match self.missing.len() {
            0 => "complete".to_owned(),
            missing => format!("{missing} files are elsewhere"),
        };
        format!(
            "{}: {} ({}), {} of the keyset's keys, {}, {missing}\n",
            self.file.display(),
            self.name,
            self.position,
            self.signers.len(),
            shown_bytes(self.bytes),
        )
    }
}
