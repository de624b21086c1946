//! `refit release import FILE…`: hands signed records to the node, as bytes.

use crate::args::ImportArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::files::FileError;
use crate::show;
use crate::show::imported::text;
use refit_admin::api::{Imported, ReleaseName};
use refit_admin::{Bytes, IMPORT_WAIT};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// How much longer this waits than the node does, so that the node says why.
const WAIT_BEYOND: Duration = Duration::from_secs(10);

/// Bytes that are sent at once, and so many pieces that wait.
const PIECE_BYTES: u64 = 256 << 10;
const PIECES_AHEAD: usize = 4;

pub(crate) async fn run(client: &Client, args: &ImportArgs) -> Result<(), Failure> {
    let (mut all, mut last) = (Vec::new(), None);
    for file in &args.files {
        let imported = import(client, file).await?;
        if !args.output.json {
            show::data(&text(&imported))?;
        }
        if let Imported::Release(release) = &imported {
            last = Some(release.release.id.clone());
        }
        all.push(imported);
    }
    if args.output.json {
        show::json(&all)?;
    }
    if let Some(id) = last {
        show::next(format_args!("refit upgrade plan {id}"));
    }
    Ok(())
}

/// Hands a release over that is to be planned.
pub(super) async fn release(client: &Client, file: &Path) -> Result<ReleaseName, Failure> {
    match import(client, file).await? {
        Imported::Release(imported) => {
            let release = imported.release;
            let before = if imported.is_repeated { " already" } else { "" };
            show::talk(format_args!(
                "the node has the release {} ({}.{}){before}, as {}",
                release.name, release.epoch, release.sequence, release.id
            ));
            Ok(release)
        }
        // It begins as a release does: the node reads it as one.
        _ => Err(crate::release::ReleaseFileError::NoRelease {
            text: file.display().to_string(),
        }
        .into()),
    }
}

/// Hands the bytes of a file over.
async fn import(client: &Client, path: &Path) -> Result<Imported, Failure> {
    let unreadable = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    let reading = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        loop {
            let mut piece = Vec::new();
            (&mut file).take(PIECE_BYTES).read_to_end(&mut piece)?;
            // An empty one is the end. A node that has refused it reads no more.
            let is_end = piece.is_empty();
            if sender.blocking_send(Bytes::from(piece)).is_err() || is_end {
                return Ok(());
            }
        }
    });
    let answer = client
        .upload("/v1/releases", pieces, IMPORT_WAIT + WAIT_BEYOND)
        .await;
    let read = reading
        .await
        .map_err(|error| Failure::start(error.into()))?;
    // What was cut short here the node takes for damaged.
    read.map_err(unreadable)?;
    client.decode(&answer?)
}
