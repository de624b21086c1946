//! `refit engine build PATH`

use crate::args::{BuildArgs, BuildProfile};
use crate::artifact;
use crate::destination;
use crate::failure::Failure;
use crate::files::{self, FileError};
use crate::package::published;
use crate::show;
use crate::source::Sources;
use refit_build::{Built, Profile};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Digits of the hash in the name of a copied library.
const SHORT: usize = 12;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Library<'a> {
    library: &'a Path,
    artifact: &'a str,
    build_id: &'a str,
    package: &'a str,
    version: &'a str,
}

pub(crate) fn run(sources: &Sources, args: &BuildArgs) -> Result<(), Failure> {
    let profile = match args.profile {
        BuildProfile::Release => Profile::Release,
        BuildProfile::Dev => Profile::Dev,
    };
    // Before the work.
    let out = args.out.as_deref().map(destination::folder).transpose()?;
    let built = sources.build(&args.source, profile)?;
    // A library that no node takes is refused here, with the reason that an inspection gives.
    artifact::examine(&built.library)?;
    published::hint(&args.source);
    let library = match out {
        Some(folder) => copy(&built, folder)?,
        None => built.library.clone(),
    };
    if args.output.json {
        let Built {
            artifact,
            build_id,
            package,
            version,
            ..
        } = &built;
        show::json(&Library {
            library: &library,
            artifact,
            build_id,
            package,
            version,
        })?;
    } else {
        show::data(&format!("{}\n", library.display()))?;
    }
    show::next(format_args!("refit engine inspect {}", library.display()));
    Ok(())
}

/// Copies the library into `folder`, under a name with its package and version. A folder that is made for it is
/// tagged, so that it may be inside the package.
fn copy(built: &Built, folder: &Path) -> Result<PathBuf, Failure> {
    let digits = built.artifact.get(..SHORT).unwrap_or(&built.artifact);
    let path = folder.join(format!("{}-{}-{digits}.so", built.package, built.version));
    let made = refit_build::make_output(folder, |folder| std::fs::create_dir_all(folder));
    made.map_err(|source| FileError::Unwritable {
        path: folder.to_owned(),
        source,
    })?;
    files::copy(&built.library, &path)?;
    Ok(path)
}
