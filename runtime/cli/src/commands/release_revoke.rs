//! `refit release revoke ID --network NAME --reason TEXT --key FILE --out FILE`

use crate::args::RevokeArgs;
use crate::failure::Failure;
use crate::release::{ReleaseFileError, Signing, read_record, sign, write_new};
use crate::show;
use refit_release::revocation::{REVOCATION_FORMAT, Revocation};
use refit_release::{Domain, Frame};
use std::path::Path;

pub(crate) fn run(args: &RevokeArgs) -> Result<(), Failure> {
    let revocation = Revocation {
        format: REVOCATION_FORMAT,
        network: args.network.clone(),
        release: args.release,
        reason: args.reason.clone(),
    };
    let mut frame = revocation.unsigned()?;
    let copy = |path: &Path| {
        let read = Frame::read(Domain::Revocation, &read_record(path)?);
        Ok(read.map_err(ReleaseFileError::of(path))?)
    };
    let signing = Signing {
        file: &args.out,
        keys: &args.keys,
        with: &args.with,
    };
    sign(&mut frame, &args.network, signing, copy)?;
    let mut file = write_new(&args.out, "revocation that this command may replace")?;
    file.write(&frame.write())?;
    file.put()?;
    show::talk(format_args!(
        "{} says that {} is not to be used, with {} signatures",
        args.out.display(),
        args.release,
        frame.named().count()
    ));
    show::next(format_args!("refit release import {}", args.out.display()));
    Ok(())
}
