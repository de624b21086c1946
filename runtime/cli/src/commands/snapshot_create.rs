//! `refit snapshot create`
//!
//! The bytes go into a file beside the one that is named; it gets its name once all of it was read back and found
//! whole.

use crate::args::CreateArgs;
use crate::client::Client;
use crate::destination::{Content, Destination};
use crate::failure::{Failure, Reported};
use crate::files::FileError;
use crate::show::{self, snapshot::Summary};
use refit_admin::{HEADER_HEIGHT, SNAPSHOT_WAIT};
use refit_node::snapshot::{SnapshotFile, SnapshotFileError};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Reported for SnapshotFileError {}

/// How much longer this waits than the node does, so that the node says why there is none.
const WAIT_BEYOND: Duration = Duration::from_secs(10);

pub(crate) async fn run(client: &Client, args: &CreateArgs) -> Result<(), Failure> {
    // Before anything is done.
    let named = args.out.as_deref().map(destination).transpose()?;
    let path = match args.with_code {
        true => "/v1/snapshot?code=embed",
        false => "/v1/snapshot",
    };
    let mut download = client.download(path, SNAPSHOT_WAIT + WAIT_BEYOND).await?;
    let height = download.header(HEADER_HEIGHT).unwrap_or("unknown");
    let out = args.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from(format!("{height}.snapshot")));
    let destination = named.map_or_else(|| destination(&out), Ok)?;
    let mut coming = destination.begin()?;
    while let Some(piece) = download.body.next().await? {
        coming.write(&piece)?;
    }
    let mut file = SnapshotFile::open(coming.partial())?;
    file.verify()?;
    let summary = Summary::of(&out, &file);
    coming.put()?;
    if args.output.json {
        return show::json(&summary);
    }
    show::data(&format!("{}\n", out.display()))?;
    show::talk(summary.line());
    show::next(format_args!("refit snapshot inspect {}", out.display()));
    Ok(())
}

fn destination(path: &Path) -> Result<Destination, FileError> {
    let destination = Destination::at(path, Content::Snapshot)?;
    destination.file()?;
    Ok(destination)
}
