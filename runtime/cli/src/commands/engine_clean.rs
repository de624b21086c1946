//! `refit engine clean`

use crate::args::CleanArgs;
use crate::failure::Failure;
use crate::show;
use crate::source::Sources;
use crate::units::shown_bytes;
use refit_build::{Clean, Cleaned};
use serde::Serialize;
use std::path::PathBuf;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether nothing was removed.
    dry_run: bool,
    bytes: u64,
    removed: Vec<Removed>,
}

#[derive(Debug, Serialize)]
struct Removed {
    path: PathBuf,
    bytes: u64,
}

pub(crate) fn run(sources: &Sources, args: &CleanArgs) -> Result<(), Failure> {
    let clean = match &args.source {
        Some(folder) => Clean::Package(folder.clone()),
        None if args.all => Clean::All,
        None => Clean::Down {
            bytes_max: args.cache.bytes_max(),
        },
    };
    let cleaned = sources.clean(&clean, args.dry_run)?;
    let bytes = cleaned.iter().map(|one| one.bytes).sum();
    if args.output.json {
        let removed = cleaned
            .into_iter()
            .map(|Cleaned { path, bytes }| Removed { path, bytes });
        return show::json(&Report {
            dry_run: args.dry_run,
            bytes,
            removed: removed.collect(),
        });
    }
    let lines = cleaned
        .iter()
        .map(|one| format!("{}\n", one.path.display()));
    show::data(&lines.collect::<String>())?;
    let verb = if args.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let parts = match cleaned.len() {
        1 => "1 part".to_owned(),
        count => format!("{count} parts"),
    };
    show::talk(format_args!("{verb} {parts}, {}", shown_bytes(bytes)));
    Ok(())
}
