//! `refit release import FILE…`: hands signed records to the node, as bytes.

use crate::args::ImportArgs;
use crate::client::{self, Client, ClientError};
use crate::exit::Exit;
use crate::failure::{Failure, Reported};
use crate::files::FileError;
use crate::release::{Other, ReleaseFileError};
use crate::show;
use crate::show::imported::text;
use crate::show::verified::Refused;
use refit_abi::host::Explain;
use refit_admin::api::{Imported, ReleaseName};
use refit_admin::{Bytes, IMPORT_WAIT};
use serde::Serialize;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// How much longer this waits than the node does, so that the node says why.
const WAIT_BEYOND: Duration = Duration::from_secs(10);

/// Bytes that are sent at once, and so many pieces that wait.
const PIECE_BYTES: u64 = 256 << 10;
const PIECES_AHEAD: usize = 4;

pub(crate) async fn run(client: &Client, args: &ImportArgs) -> Result<(), Failure> {
    let (mut all, mut last, mut first) = (Vec::new(), None, None);
    for file in &args.files {
        let one = match import(client, file).await {
            Ok(imported) => {
                if let Imported::Release(release) = &imported {
                    last = Some(release.release.id.clone());
                }
                Found::Imported(Box::new(imported))
            }
            Err(failure) => {
                let refused = Refused::of(file, &failure);
                // A node that does not answer is asked for no more.
                let is_end = failure.find::<ClientError>().is_some();
                first.get_or_insert(failure);
                if is_end {
                    break;
                }
                Found::Refused(refused)
            }
        };
        if !args.output.json {
            show::data(&one.text(args.files.len()))?;
        }
        all.push(one);
    }
    // With one file the error is the answer.
    if args.output.json && (first.is_none() || args.files.len() > 1) {
        show::json(&all)?;
    }
    if let Some(failure) = first {
        return Err(failure);
    }
    if let Some(id) = last {
        show::next(format_args!("refit upgrade plan {id}"));
    }
    Ok(())
}

/// The stable shape of one record in `--json`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Found {
    Imported(Box<Imported>),
    Refused(Refused),
}

impl Found {
    /// What is printed of one of so many.
    fn text(&self, files: usize) -> String {
        match self {
            Self::Imported(imported) => text(imported),
            Self::Refused(_) if files == 1 => String::new(),
            Self::Refused(refused) => refused.text(),
        }
    }
}

/// The node has refused what is in a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
struct NotTaken {
    path: PathBuf,
    why: Failure,
}

impl Explain for NotTaken {
    fn code(&self) -> &str {
        self.why.code()
    }

    fn next(&self) -> Cow<'_, str> {
        self.why.next()
    }
}

impl Reported for NotTaken {
    fn exit(&self) -> Exit {
        self.why.exit()
    }
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
        _ => Err(ReleaseFileError::NoRelease {
            text: file.display().to_string(),
        }
        .into()),
    }
}

/// Hands the bytes of a file over.
async fn import(client: &Client, path: &Path) -> Result<Imported, Failure> {
    if let Some(what) = Other::find(path) {
        let path = path.to_owned();
        return Err(ReleaseFileError::NotImported { path, what }.into());
    }
    hand_over(client, path).await.map_err(|why| {
        let path = path.to_owned();
        match why.find::<client::Refused>() {
            Some(_) => NotTaken { path, why }.into(),
            None => why,
        }
    })
}

async fn hand_over(client: &Client, path: &Path) -> Result<Imported, Failure> {
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
