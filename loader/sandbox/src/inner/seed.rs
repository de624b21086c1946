//! Copies the seed into the target, with times: what compares them sees what was there.

use super::root::SEED;
use super::{Unable, at, errno};
use crate::error::Step;
use crate::level::Level;
use crate::wire::Told;
use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

/// Deepest folder of a seed.
const DEPTH_MAX: usize = 32;

/// Copies it.
pub(crate) fn copy(told: &Told) -> Result<(), Unable> {
    let Some(host) = &told.order.seed else {
        return Ok(());
    };
    let (level, seed) = match told.parts.namespaces {
        true => (Level::L3, PathBuf::from(SEED)),
        false => (Level::L2, host.clone()),
    };
    let target = told.order.target.seen(level);
    tree(&seed, target, 0).map_err(|error| at(Step::Seed)(errno(&error)))
}

fn tree(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::ErrorKind::QuotaExceeded.into());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copied, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => tree(&source, &copied, depth + 1)?,
            (_, true) => {
                fs::copy(&source, &copied)?;
                date(&source, &File::options().append(true).open(&copied)?)?;
            }
            _ => {}
        }
    }
    date(from, &File::open(to)?)
}

/// Gives a file the time of another.
fn date(from: &Path, to: &File) -> io::Result<()> {
    let modified = fs::metadata(from)?.modified()?;
    to.set_times(FileTimes::new().set_modified(modified))
}
