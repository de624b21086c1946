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

/// What is wanted of a snapshot.
pub(crate) struct WantedSnapshot<'a> {
    /// The file; `None`: one that is called after the height.
    pub(crate) out: Option<&'a Path>,
    pub(crate) with_code: bool,
}

pub(crate) async fn run(client: &Client, args: &CreateArgs) -> Result<(), Failure> {
    let wanted = WantedSnapshot {
        out: args.out.as_deref(),
        with_code: args.with_code,
    };
    let summary = take(client, wanted).await?;
    if args.output.json {
        return show::json(&summary);
    }
    let path = summary.file.display();
    show::data(&format!("{path}\n"))?;
    show::talk(summary.line());
    show::next(format_args!("refit snapshot inspect {path}"));
    Ok(())
}

/// Takes a snapshot of the node, and looks whether all of it came.
pub(crate) async fn take(client: &Client, wanted: WantedSnapshot<'_>) -> Result<Summary, Failure> {
    // Before anything is done.
    let named = wanted.out.map(destination).transpose()?;
    let path = match wanted.with_code {
        true => "/v1/snapshot?code=embed",
        false => "/v1/snapshot",
    };
    let mut download = client.download(path, SNAPSHOT_WAIT + WAIT_BEYOND).await?;
    let height = download.header(HEADER_HEIGHT).unwrap_or("unknown");
    let out = wanted.out.map(Path::to_path_buf);
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
    Ok(summary)
}

fn destination(path: &Path) -> Result<Destination, FileError> {
    let destination = Destination::at(path, Content::Snapshot)?;
    destination.file()?;
    Ok(destination)
}
