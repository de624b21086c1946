//! `refit keyset create --network NAME --root KEY… --release KEY… --out FILE`

use crate::args::{KeysetCreateArgs, KeysetMadeArgs};
use crate::failure::Failure;
use crate::release::{public_keys, write_new};
use crate::show::{self, keyset::Shown};
use refit_release::keyset::{KEYSET_FORMAT, KeysetRecord};
use refit_release::{Epoch, Quorum};

pub(crate) fn run(args: &KeysetCreateArgs) -> Result<(), Failure> {
    let record = KeysetRecord {
        format: KEYSET_FORMAT,
        network: args.network.clone(),
        version: Epoch(1),
        previous: None,
        root: Quorum::of(args.root_threshold, public_keys(&args.root)?)?,
        release: Quorum::of(args.release_threshold, public_keys(&args.release)?)?,
        expires: args.made.expires,
    };
    write(&record, &args.made)
}

/// Writes a keyset that nobody has signed, and says what is next.
pub(super) fn write(record: &KeysetRecord, made: &KeysetMadeArgs) -> Result<(), Failure> {
    let out = &made.out;
    let frame = record.unsigned()?;
    let mut file = write_new(out, "keyset that this command may replace")?;
    file.write(&frame.write())?;
    file.put()?;
    let shown = Shown::of(out, record, &frame);
    match made.output.json {
        true => show::json(&shown)?,
        false => show::data(&shown.text())?,
    }
    show::next(format_args!(
        "refit keyset sign {} --key FILE",
        out.display()
    ));
    Ok(())
}
