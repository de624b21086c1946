//! `refit keyset inspect FILE`

use crate::args::KeysetInspectArgs;
use crate::failure::Failure;
use crate::release::{ReleaseFileError, read_record, trusted};
use crate::show::{self, keyset::Shown};
use refit_release::keyset::FirstKeyset;

pub(crate) fn run(args: &KeysetInspectArgs) -> Result<(), Failure> {
    let bytes = read_record(&args.file)?;
    let keyset = FirstKeyset::read(&bytes).map_err(ReleaseFileError::of(&args.file))?;
    let record = keyset.record().clone();
    if let Some(after) = &args.after {
        trusted(after)?
            .rotate(&bytes)
            .map_err(ReleaseFileError::of(&args.file))?;
    }
    let shown = Shown::of(&args.file, &record, &keyset.into_frame());
    match args.output.json {
        true => show::json(&shown),
        false => show::data(&shown.text()),
    }
}
