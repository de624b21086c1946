//! `refit engine check PATH`

use crate::args::CheckArgs;
use crate::artifact;
use crate::failure::Failure;
use crate::failure::Reported;
use crate::package;
use crate::package::checkout::{Checkout, CheckoutError};
use crate::show;
use crate::source::Sources;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_author::attributes::Declarations;
use refit_author::impact::{self, Baseline, Bump, Impact};
use refit_author::lock::LockError;
use refit_build::Profile;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Name of the folder for baselines inside the data folder.
const BASELINES: &str = "baselines";

/// Why a check ended with a failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("{} has published nothing to compare with", folder.display())]
    NoBaseline { folder: PathBuf },
    #[error("`{baseline}` is no baseline")]
    Baseline {
        baseline: String,
        source: CheckoutError,
    },
    #[error("{}", missing.join("\n"))]
    Migration { missing: Vec<String> },
    #[error("{package} goes from {from} to {to}; what changed needs a {needs} version")]
    Bump {
        package: String,
        from: String,
        to: String,
        needs: Bump,
    },
}

impl Explain for CheckError {
    fn code(&self) -> &str {
        match self {
            Self::NoBaseline { .. } => codes::AUTHOR_NO_BASELINE,
            Self::Baseline { .. } => codes::AUTHOR_BAD_BASELINE,
            Self::Migration { .. } => codes::AUTHOR_MIGRATION_MISSING,
            Self::Bump { .. } => codes::AUTHOR_BUMP_MISSING,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NoBaseline { .. } => {
                "name a library, a folder or a git revision with --baseline, or publish with `refit engine freeze`"
            }
            Self::Baseline { .. } => {
                "name a library, a folder, or a git revision of the package's repository"
            }
            Self::Migration { .. } => "`refit engine build` prints the step to paste",
            Self::Bump { .. } => {
                "raise `version` in Cargo.toml and run `cargo update --workspace --offline`, so that Cargo.lock knows; or take the change back"
            }
        })
    }
}

impl Reported for CheckError {}

pub(crate) fn run(sources: &Sources, data_dir: &Path, args: &CheckArgs) -> Result<(), Failure> {
    let baseline = baseline(sources, data_dir, args)?;
    let built = sources.build_unkept(&args.source, Profile::Dev)?;
    let descriptor = artifact::examine(&built.library)?.descriptor;
    let declared = declared(&args.source)?;
    let impact = impact::compare(&baseline, &descriptor, &declared);
    if args.output.json {
        show::json(&impact)?;
    } else {
        show::data(&show::impact::text(&impact))?;
    }
    verdict(impact).map_err(Failure::from)
}

/// Whether what was declared suffices.
fn verdict(impact: Impact) -> Result<(), CheckError> {
    let Impact {
        package,
        from_version: from,
        to_version: to,
        needs,
        declared,
        missing,
        ..
    } = impact;
    if !missing.is_empty() {
        return Err(CheckError::Migration { missing });
    }
    if declared {
        return Ok(());
    }
    Err(CheckError::Bump {
        package,
        from,
        to,
        needs,
    })
}

fn baseline(sources: &Sources, data_dir: &Path, args: &CheckArgs) -> Result<Baseline, Failure> {
    let Some(named) = &args.baseline else {
        let lock = package::lock(&args.source)?;
        let published = lock.as_ref().and_then(Baseline::published);
        let none = || CheckError::NoBaseline {
            folder: args.source.clone(),
        };
        return Ok(published.ok_or_else(none)?);
    };
    let path = Path::new(named);
    if path.is_file() {
        return Ok(Baseline::of(&artifact::examine(path)?.descriptor, None));
    }
    if path.is_dir() {
        return of_source(sources, path);
    }
    let checkout = Checkout::of(&args.source, named, &data_dir.join(BASELINES));
    let checkout = checkout.map_err(|source| {
        let baseline = named.clone();
        CheckError::Baseline { baseline, source }
    })?;
    show::talk(format_args!("the baseline is commit {}", checkout.commit));
    of_source(sources, &checkout.package)
}

/// The package in `folder` as the baseline.
fn of_source(sources: &Sources, folder: &Path) -> Result<Baseline, Failure> {
    let library = sources.build_unkept(folder, Profile::Dev)?.library;
    let declared = declared(folder)?;
    let descriptor = artifact::examine(&library)?.descriptor;
    Ok(Baseline::of(&descriptor, Some(&declared)))
}

/// The types that the source of the package in `folder` declares.
fn declared(folder: &Path) -> Result<Declarations, LockError> {
    let lock = package::lock(folder)?.unwrap_or_default();
    Ok(package::declarations(folder, &lock.modules()))
}
