//! `refit snapshot restore FILE`: a snapshot becomes the beginning of a data folder.

use super::announcing::Announcer;
use super::block_quarantine::lock;
use super::run::make_data_dir;
use super::run_error::RunError;
use crate::args::{CommonArgs, NamedPath, RestoreArgs};
use crate::config;
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::{Generation, Height};
use refit_node::snapshot::{Offered, Restore, RestoreError};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

impl Reported for RestoreError {}

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Done {
    data_dir: PathBuf,
    chain: String,
    branch: u64,
    height: Height,
    generation: Generation,
    engines: usize,
}

pub(crate) fn run(common: &CommonArgs, args: &RestoreArgs) -> Result<(), Failure> {
    let announcer = args.announce_steps.map(Announcer::on).transpose();
    let announcer = announcer.map_err(|error| Box::new(RunError::Announce(error)))?;
    let data_dir = config::data_dir(common, &config::load(common)?);
    let offered = |named: &NamedPath| Offered {
        kind: named.name.clone(),
        path: named.path.clone(),
    };
    let libraries: Vec<_> = args.libraries.iter().map(offered).collect();
    let restore = Restore {
        file: &args.file,
        libraries: &libraries,
    };
    // Before the folder is made.
    let restorable = restore.check()?;
    make_data_dir(&data_dir)?;
    let _lock = lock(&data_dir)?;
    let store = data_dir.join("store");
    let restored = match announcer {
        None => restorable.into_store(&store),
        Some(steps) => restorable.into_store_heard(&store, Arc::new(steps)),
    }?;
    let done = Done {
        data_dir,
        chain: restored.chain,
        branch: restored.branch,
        height: restored.height,
        generation: restored.generation,
        engines: restored.engines,
    };
    if args.output.json {
        return show::json(&done);
    }
    show::data(&format!("{}\n", done.data_dir.display()))?;
    show::talk(format_args!(
        "chain `{}` goes on behind block {} on branch {}: {}",
        done.chain,
        done.height,
        done.branch,
        show::snapshot::engines(done.engines)
    ));
    show::next("refit run");
    Ok(())
}
