//! `refit send --batch FILE`: lines out, lines back, both as they come.

use super::input::InputError;
use crate::client::{Client, Incoming};
use crate::failure::Failure;
use crate::show;
use refit_admin::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, oneshot};

/// The name of stdin.
const STDIN: &str = "-";

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces that wait to be sent.
const PIECES_MAX: usize = 4;

/// Of an answer's line only this matters here.
#[derive(Deserialize)]
struct Line {
    problem: Option<IgnoredAny>,
}

/// How the lines were answered.
#[derive(Default)]
struct Counts {
    answered: u64,
    refused: u64,
}

pub(super) async fn run(client: &Client, path: &Path) -> Result<(), Failure> {
    let (pieces, outgoing) = mpsc::channel(PIECES_MAX);
    let mut read = begin_reading(path, pieces)?;
    let mut incoming = client.batch(outgoing).await?;
    let counts = print(&mut incoming).await?;
    // Every line that was read has its answer. If the node ended the batch, its last line says why, and unread lines,
    // perhaps from a pipe, are not waited for; a failure to read was reported before the batch ended.
    if let Ok(Err(source)) = read.try_recv() {
        let path = path.to_owned();
        return Err(InputError::Lines { path, source }.into());
    }
    let Counts { answered, refused } = counts;
    show::talk(format_args!("{answered} lines were answered"));
    match refused {
        0 => Ok(()),
        refused => Err(InputError::LinesRefused { refused, answered }.into()),
    }
}

/// Reads on a thread of its own: a pipe may give nothing for a long time. Signals when it has reached the end.
fn begin_reading(
    path: &Path,
    pieces: mpsc::Sender<Bytes>,
) -> Result<oneshot::Receiver<io::Result<()>>, Failure> {
    let open = |path: &Path| -> io::Result<Box<dyn Read + Send>> {
        match path == Path::new(STDIN) {
            true => Ok(Box::new(io::stdin())),
            false => Ok(Box::new(File::open(path)?)),
        }
    };
    let mut from = open(path).map_err(|source| InputError::Lines {
        path: PathBuf::from(path),
        source,
    })?;
    let (done, read) = oneshot::channel();
    let thread = std::thread::Builder::new().name("refit-lines".to_owned());
    let work = move || {
        // The receiver may be gone.
        let _ = done.send(pass_on(&mut from, &pieces));
    };
    thread.spawn(work).map_err(Failure::start)?;
    Ok(read)
}

fn pass_on(from: &mut dyn Read, pieces: &mpsc::Sender<Bytes>) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let sent = pieces.blocking_send(Bytes::copy_from_slice(&piece[..length]));
        if length == 0 || sent.is_err() {
            return Ok(());
        }
    }
}

/// Prints the answers as they come, whole lines at a time.
async fn print(incoming: &mut Incoming) -> Result<Counts, Failure> {
    let (mut counts, mut begun) = (Counts::default(), Vec::new());
    while let Some(piece) = incoming.next().await? {
        begun.extend_from_slice(&piece);
        let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = begun.split_off(end + 1);
        for line in begun[..end].split(|byte| *byte == b'\n') {
            counts.answered += 1;
            let problem = serde_json::from_slice::<Line>(line).map(|line| line.problem);
            counts.refused += u64::from(!matches!(problem, Ok(None)));
        }
        show::data(&String::from_utf8_lossy(&begun))?;
        begun = rest;
    }
    Ok(counts)
}
