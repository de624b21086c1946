//! `refit keyset sign FILE --key FILE`

use crate::args::SignArgs;
use crate::failure::Failure;
use crate::files::{Coming, PUBLIC};
use crate::release::{ReleaseFileError, read_record, sign};
use crate::show::{self, keyset::Shown};
use refit_release::keyset::FirstKeyset;
use std::path::Path;

pub(crate) fn run(args: &SignArgs) -> Result<(), Failure> {
    let keyset = read(&args.file)?;
    let record = keyset.record().clone();
    let mut frame = keyset.into_frame();
    let copy = |path: &Path| Ok(read(path)?.into_frame());
    sign(&mut frame, &record.network, args.into(), copy)?;
    let mut file = Coming::begin(PUBLIC, &args.file)?;
    file.write(&frame.write())?;
    file.put()?;
    let shown = Shown::of(&args.file, &record, &frame);
    match args.output.json {
        true => show::json(&shown),
        false => show::data(&shown.text()),
    }
}

fn read(path: &Path) -> Result<FirstKeyset, Failure> {
    let read = FirstKeyset::read(&read_record(path)?);
    Ok(read.map_err(ReleaseFileError::of(path))?)
}
