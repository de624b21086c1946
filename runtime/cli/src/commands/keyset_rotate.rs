//! `refit keyset rotate FILE --out FILE`

use super::keyset_create::write;
use crate::args::KeysetRotateArgs;
use crate::failure::Failure;
use crate::release::{ReleaseFileError, public_keys, read_record};
use refit_release::keyset::{FirstKeyset, KeysetRecord};
use refit_release::{Epoch, Quorum};

pub(crate) fn run(args: &KeysetRotateArgs) -> Result<(), Failure> {
    let read = FirstKeyset::read(&read_record(&args.file)?);
    let old = read.map_err(ReleaseFileError::of(&args.file))?;
    let before = old.record();
    let quorum = |keys: &[String], threshold: Option<u8>, before: &Quorum| match threshold {
        None => Ok(before.clone()),
        Some(threshold) => Ok::<_, Failure>(Quorum::of(threshold, public_keys(keys)?)?),
    };
    let record = KeysetRecord {
        version: Epoch(before.version.0.saturating_add(1)),
        previous: Some(old.id()),
        root: quorum(&args.root, args.root_threshold, &before.root)?,
        release: quorum(&args.release, args.release_threshold, &before.release)?,
        expires: args.made.expires,
        ..before.clone()
    };
    write(&record, &args.made)
}
