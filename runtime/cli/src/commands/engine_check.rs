//! `refit engine check PATH`

use crate::args::CheckArgs;
use crate::artifact;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::package;
use crate::package::checkout::{Checkout, CheckoutError};
use crate::package::error::AuthorError;
use crate::show;
use crate::source::Sources;
use refit_author::attributes::Declarations;
use refit_author::impact::{self, Baseline, Bump, Impact};
use refit_author::lock::LockError;
use refit_build::Profile;
use std::path::{Path, PathBuf};

/// Name of the folder for baselines inside the data folder.
const BASELINES: &str = "baselines";

/// What a check ended with.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum CheckError {
    #[error("{} has published nothing to compare with", folder.display())]
    #[diagnostic(
        code(author::no_baseline),
        help(
            "name a library, a folder or a git revision with --baseline, or publish with `refit engine freeze`"
        )
    )]
    NoBaseline { folder: PathBuf },
    #[error("`{baseline}` is no baseline")]
    #[diagnostic(
        code(author::bad_baseline),
        help("name a library, a folder, or a git revision of the package's repository")
    )]
    Baseline {
        baseline: String,
        source: CheckoutError,
    },
    #[error("{}", missing.join("\n"))]
    #[diagnostic(
        code(author::migration_missing),
        help("`refit engine build` prints the step to paste")
    )]
    Migration { missing: Vec<String> },
    #[error("{package} goes from {from} to {to}; what changed needs a {needs} version")]
    #[diagnostic(
        code(author::bump_missing),
        help(
            "raise `version` in Cargo.toml and run `cargo update --workspace --offline`, so that Cargo.lock knows; or take the change back"
        )
    )]
    Bump {
        package: String,
        from: String,
        to: String,
        needs: Bump,
    },
}

impl CheckError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NoBaseline { .. } | Self::Baseline { .. } => Exit::Usage,
            Self::Migration { .. } | Self::Bump { .. } => Exit::BumpMissing,
        }
    }
}

pub(super) fn run(sources: &Sources, data_dir: &Path, args: &CheckArgs) -> Result<(), Failure> {
    let baseline = baseline(sources, data_dir, args)?;
    let built = sources.build_unkept(&args.source, Profile::Dev)?;
    let descriptor = artifact::examine(&built.library)?.descriptor;
    let declared = declared(&args.source).map_err(AuthorError::from)?;
    let impact = impact::compare(&baseline, &descriptor, &declared);
    if args.output.json {
        show::json(&impact)?;
    } else {
        show::data(&show::impact::text(&impact))?;
    }
    verdict(impact).map_err(|error| AuthorError::from(error).into())
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
        let lock = package::lock(&args.source).map_err(AuthorError::from)?;
        let published = lock.as_ref().and_then(Baseline::published);
        let none = || CheckError::NoBaseline {
            folder: args.source.clone(),
        };
        return Ok(published.ok_or_else(|| AuthorError::from(none()))?);
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
        AuthorError::from(CheckError::Baseline { baseline, source })
    })?;
    show::talk(format_args!("the baseline is commit {}", checkout.commit));
    of_source(sources, &checkout.package)
}

/// The package in `folder` as the baseline.
fn of_source(sources: &Sources, folder: &Path) -> Result<Baseline, Failure> {
    let library = sources.build_unkept(folder, Profile::Dev)?.library;
    let declared = declared(folder).map_err(AuthorError::from)?;
    let descriptor = artifact::examine(&library)?.descriptor;
    Ok(Baseline::of(&descriptor, Some(&declared)))
}

/// The types that the source of the package in `folder` declares.
fn declared(folder: &Path) -> Result<Declarations, LockError> {
    let lock = package::lock(folder)?.unwrap_or_default();
    Ok(package::declarations(folder, &lock.modules()))
}
