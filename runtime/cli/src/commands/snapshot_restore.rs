//! `refit snapshot restore FILE`: a snapshot becomes the beginning of a data folder.

use super::announcing::Announcer;
use super::block_quarantine::lock;
use super::run::make_data_dir;
use super::run_error::RunError;
use super::sandbox::refuse_links_offline;
use crate::args::{CommonArgs, NamedPath, RestoreArgs};
use crate::config;
use crate::failure::{Failure, Reported};
use crate::release::trusted;
use crate::show;
use refit_abi::{Generation, Height};
use refit_admin::api::NewestRelease;
use refit_node::snapshot::{KeysetFacts, Offered, Restore, RestoreError, Vouched};
use refit_release::Keyset;
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
    /// The keyset that it goes by, if the snapshot has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyset: Option<KeysetFacts>,
    /// The newest release that its chain has had.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<NewestRelease>,
    /// Number of releases that are revoked.
    revoked: usize,
}

pub(crate) fn run(common: &CommonArgs, args: &RestoreArgs) -> Result<(), Failure> {
    let announcer = args.announce_steps.map(Announcer::on).transpose();
    let announcer = announcer.map_err(|error| Box::new(RunError::Announce(error)))?;
    let file = config::load(common)?;
    let data_dir = config::data_dir(common, &file);
    refuse_links_offline(&file, &data_dir)?;
    let configured = match args.trust_keyset {
        // The operator says which: the configuration may still name another.
        Some(_) => None,
        None => file.node.keyset.as_deref().map(trusted).transpose()?,
    };
    let offered = |named: &NamedPath| Offered {
        kind: named.name.clone(),
        path: named.path.clone(),
    };
    let libraries: Vec<_> = args.libraries.iter().map(offered).collect();
    let restore = Restore {
        file: &args.file,
        libraries: &libraries,
        vouched: vouched(args, configured.as_ref()),
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
    let trust = restored.trust.as_ref();
    let done = Done {
        data_dir,
        chain: restored.chain,
        branch: restored.branch,
        height: restored.height,
        generation: restored.generation,
        engines: restored.engines,
        keyset: trust.and_then(|trust| trust.keyset.clone()),
        newest: trust.and_then(|trust| trust.newest.clone()),
        revoked: trust.map_or(0, |trust| trust.revoked),
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
    match trust {
        None => show::talk(
            "the snapshot is of an older refit, and does not say which releases its chain has had: name the keyset that it has \
             come to, and import no older release",
        ),
        Some(_) => tell_trust(&done),
    }
    show::next("refit run");
    Ok(())
}

/// The keyset that the operator trusts.
fn vouched<'a>(args: &RestoreArgs, configured: Option<&'a Keyset>) -> Vouched<'a> {
    match (args.trust_keyset, configured) {
        (Some(id), _) => Vouched::Id(id),
        (None, Some(keyset)) => Vouched::Keyset(keyset),
        (None, None) => Vouched::Nobody,
    }
}

/// Says whom the restored chain trusts.
fn tell_trust(done: &Done) {
    if let Some(KeysetFacts {
        id,
        network,
        version,
    }) = &done.keyset
    {
        show::talk(format_args!(
            "it goes by keyset {version} of the network `{network}`, {id}"
        ));
    }
    if let Some(newest) = &done.newest {
        let (epoch, sequence) = (newest.epoch, newest.sequence);
        show::talk(format_args!(
            "no release before {epoch}.{sequence} comes in"
        ));
    }
    if done.revoked > 0 {
        show::talk(format_args!("releases that are revoked: {}", done.revoked));
    }
}
