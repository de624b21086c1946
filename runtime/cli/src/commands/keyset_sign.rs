//! `refit keyset sign FILE --key FILE`

use crate::args::SignArgs;
use crate::failure::Failure;
use crate::files::{Coming, PUBLIC};
use crate::release::{ReleaseFileError, read_record, sign};
use crate::show::{self, keyset::Shown};
use refit_release::PublicKey;
use refit_release::keyset::{FirstKeyset, KeysetRecord};
use std::path::Path;

pub(crate) fn run(args: &SignArgs) -> Result<(), Failure> {
    let keyset = read(&args.file)?;
    let record = keyset.record().clone();
    let mut frame = keyset.into_frame();
    let copy = |path: &Path| Ok(read(path)?.into_frame());
    let signers = sign(&mut frame, &record.network, args.into(), copy)?;
    for key in &signers {
        has_say(&args.file, &record, key)?;
    }
    let mut file = Coming::begin(PUBLIC, &args.file)?;
    file.write(&frame.write())?;
    file.put()?;
    let shown = Shown::of(&args.file, &record, &frame);
    match args.output.json {
        true => show::json(&shown),
        false => show::data(&shown.text()),
    }
}

/// Whether a key's signature may count: root keys sign a keyset, its own and those of the one before.
fn has_say(path: &Path, record: &KeysetRecord, key: &PublicKey) -> Result<(), ReleaseFileError> {
    if record.root.keys().contains(key) {
        return Ok(());
    }
    if record.previous.is_none() {
        let path = path.to_owned();
        return Err(ReleaseFileError::NoSay { path, key: *key });
    }
    show::talk(format_args!(
        "{key} is no root key of this keyset: its signature counts only if it is one of the keyset before"
    ));
    Ok(())
}

fn read(path: &Path) -> Result<FirstKeyset, Failure> {
    let read = FirstKeyset::read(&read_record(path)?);
    Ok(read.map_err(ReleaseFileError::of(path))?)
}
