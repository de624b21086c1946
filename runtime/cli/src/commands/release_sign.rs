//! `refit release sign FILE --key FILE`

use crate::args::SignArgs;
use crate::failure::Failure;
use crate::files::{Coming, FileError, PUBLIC};
use crate::release::{note_damage, open, sign};
use crate::show::{self, manifest::Shown};
use refit_release::Frame;
use refit_release::archive::head;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

pub(crate) fn run(args: &SignArgs) -> Result<(), Failure> {
    let kept = open(&args.file)?;
    // Nobody signs what they cannot be shown.
    let manifest = kept.claims(&args.file)?;
    let mut frame = kept.release.into_frame();
    let copy = |path: &Path| Ok(open(path)?.release.into_frame());
    sign(&mut frame, &manifest.network, args.into(), copy)?;
    write(&args.file, &frame, kept.archive.into_rest())?;
    let shown = Shown::of(&args.file, &manifest, &frame);
    match args.output.json {
        true => show::json(&shown)?,
        false => show::data(&shown.text())?,
    }
    note_damage(&args.file)
}

/// Puts the archive with other signatures and the same contents in the place of the one that is read.
fn write(path: &Path, frame: &Frame, mut contents: impl Read) -> Result<(), FileError> {
    let coming = Coming::begin(PUBLIC, path)?;
    let mut write = || {
        let mut out = File::options().write(true).open(coming.partial())?;
        out.write_all(&head(frame))?;
        io::copy(&mut contents, &mut out)
    };
    write().map_err(|source| FileError::Unwritable {
        path: path.to_owned(),
        source,
    })?;
    coming.put()
}
