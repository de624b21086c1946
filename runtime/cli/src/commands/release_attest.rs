//! `refit release attest --library FILE --source DIR --network NAME --key FILE --out FILE`

use crate::args::AttestArgs;
use crate::artifact::examine;
use crate::failure::Failure;
use crate::release::{ReleaseFileError, Signing, Tree, read_record, sign, write_new};
use crate::show;
use refit_release::attestation::{ATTESTATION_FORMAT, Attestation};
use refit_release::{Domain, Frame};
use std::path::Path;

pub(crate) fn run(args: &AttestArgs) -> Result<(), Failure> {
    let tree = Tree::read(&args.source)?;
    let examined = examine(&args.library)?;
    let descriptor = examined.descriptor;
    if tree.package(&args.source, &descriptor.package).is_none() {
        return Err(ReleaseFileError::NotInSource {
            package: descriptor.package,
            library: args.library.clone(),
        }
        .into());
    }
    let attestation = Attestation {
        format: ATTESTATION_FORMAT,
        network: args.network.clone(),
        source: tree.root,
        package: descriptor.package,
        target: descriptor.target,
        toolchain: descriptor.toolchain,
        file: examined.id,
    };
    let mut frame = attestation.unsigned()?;
    let copy = |path: &Path| {
        let read = Frame::read(Domain::Attestation, &read_record(path)?);
        Ok(read.map_err(ReleaseFileError::of(path))?)
    };
    let signing = Signing {
        file: &args.out,
        keys: &args.keys,
        with: &args.with,
    };
    sign(&mut frame, &args.network, signing, copy)?;
    let mut file = write_new(&args.out, "attestation that this command may replace")?;
    file.write(&frame.write())?;
    file.put()?;
    show::talk(format_args!(
        "{} says that {} comes of the source {}, with {} signatures",
        args.out.display(),
        attestation.file,
        attestation.source,
        frame.named().count()
    ));
    show::next(format_args!("refit release import {}", args.out.display()));
    Ok(())
}
