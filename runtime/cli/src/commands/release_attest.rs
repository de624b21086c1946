//! `refit release attest --library FILE --source DIR --network NAME --key FILE --out FILE`, or with `--release FILE` in the place
//! of the folder.

use crate::args::AttestArgs;
use crate::artifact::examine;
use crate::failure::Failure;
use crate::release::{NewRecord, ReleaseFileError, Signing, Tree, open, sign_new};
use refit_release::attestation::{ATTESTATION_FORMAT, Attestation};
use refit_release::{Domain, SourceRoot};
use std::path::Path;

/// The root of the source that is named, if the package is in it.
fn source(args: &AttestArgs, package: &str) -> Result<SourceRoot, Failure> {
    let not_in_it = || ReleaseFileError::NotInSource {
        package: package.to_owned(),
        library: args.library.clone(),
    };
    if let Some(folder) = &args.source {
        let tree = Tree::read(folder)?;
        let found = tree.package(folder, package).map(|_| tree.root);
        return Ok(found.ok_or_else(not_in_it)?);
    }
    let path = args.release.as_deref().unwrap_or(Path::new(""));
    // Whoever has signed it: what a builder says is of the source.
    let claims = open(path)?.claims(path)?;
    let path = path.to_owned();
    let source = claims.source.ok_or(ReleaseFileError::SourceLess { path })?;
    match claims
        .modules
        .iter()
        .any(|module| module.package == package)
    {
        true => Ok(source.root),
        false => Err(not_in_it().into()),
    }
}

pub(crate) fn run(args: &AttestArgs) -> Result<(), Failure> {
    let examined = examine(&args.library)?;
    let descriptor = examined.descriptor;
    let source = source(args, &descriptor.package)?;
    let attestation = Attestation {
        format: ATTESTATION_FORMAT,
        network: args.network.clone(),
        source,
        package: descriptor.package,
        target: descriptor.target,
        toolchain: descriptor.toolchain,
        file: examined.id,
    };
    let new = NewRecord {
        frame: attestation.unsigned()?,
        domain: Domain::Attestation,
        network: &args.network,
        what: "attestation that this command may replace",
        says: format!(
            "{} comes of the source {}",
            attestation.file, attestation.source
        ),
    };
    let signing = Signing {
        file: &args.out,
        keys: &args.keys,
        with: &args.with,
    };
    sign_new(new, signing)
}
