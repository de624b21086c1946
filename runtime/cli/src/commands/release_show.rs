//! `refit release show FILE`

use crate::args::ReleaseShowArgs;
use crate::failure::Failure;
use crate::release::{note_damage, open};
use crate::show::{self, manifest::Shown};

pub(crate) fn run(args: &ReleaseShowArgs) -> Result<(), Failure> {
    let kept = open(&args.file)?;
    let manifest = kept.claims(&args.file)?;
    let frame = kept.release.into_frame();
    let shown = Shown::of(&args.file, &manifest, &frame);
    match args.output.json {
        true => show::json(&shown)?,
        false => show::data(&shown.text())?,
    }
    note_damage(&args.file)
}
