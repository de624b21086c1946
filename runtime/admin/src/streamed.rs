//! [`Streamed`]: a body as it comes, read on a thread that may block. A few pieces of it are in memory at a time.

use crate::Bytes;
use crate::limits::{BODY_RATE_MIN, DRAIN_BYTES_MAX};
use axum::body::Body;
use http_body_util::BodyExt;
use std::io::{self, Read};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout_at};

/// Pieces that wait for who reads them.
const PIECES_AHEAD: usize = 4;

/// The reader's end.
#[derive(Debug)]
pub(crate) struct Streamed {
    pieces: Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// Where the pieces come from.
pub(crate) type Pieces = Sender<io::Result<Bytes>>;

impl Streamed {
    pub(crate) fn new() -> (Self, Pieces) {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let piece = Bytes::new();
        (Self { pieces, piece }, sender)
    }
}

impl Read for Streamed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
        }
        let read = into.len().min(self.piece.len());
        into[..read].copy_from_slice(&self.piece.split_to(read));
        Ok(read)
    }
}

/// Hands a body over piece by piece; says whether all of it was taken. What the reader has no use for is thrown away, within
/// a bound. A body that comes too slowly breaks off for its reader.
pub(crate) async fn pump(mut body: Body, to: Pieces, wait: Duration) -> bool {
    let (began, mut length, mut thrown) = (Instant::now(), 0_u64, 0);
    loop {
        let earned = Duration::from_secs(length / BODY_RATE_MIN);
        let frame = match timeout_at(began + wait + earned, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return true,
            Ok(Some(Err(error))) => return broken(&to, io::Error::other(error)).await,
            Err(_) => {
                let slow = io::Error::from(io::ErrorKind::TimedOut);
                return broken(&to, slow).await;
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        let bytes = data.len();
        if to.send(Ok(data)).await.is_err() {
            thrown += bytes;
        }
        if thrown > DRAIN_BYTES_MAX {
            return false;
        }
    }
}

async fn broken(to: &Pieces, why: io::Error) -> bool {
    // Nobody may read any more.
    let _ = to.send(Err(why)).await;
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::HttpBody;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    #[tokio::test]
    async fn a_body_is_read_whole_whatever_its_pieces_and_what_nobody_reads_is_thrown_away() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| at as u8).collect();
        let (mut streamed, pieces) = Streamed::new();
        let read = tokio::task::spawn_blocking(move || {
            let mut read = Vec::new();
            streamed.read_to_end(&mut read).map(|_| read)
        });
        let wait = Duration::from_secs(10);
        assert!(pump(bytes.clone().into(), pieces, wait).await);
        assert_eq!(read.await.unwrap().unwrap(), bytes);
        let (streamed, pieces) = Streamed::new();
        drop(streamed);
        assert!(pump(bytes.into(), pieces, wait).await);
    }

    /// A body of which nothing comes.
    struct Never;

    impl HttpBody for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_breaks_off() {
        let (mut streamed, pieces) = Streamed::new();
        let never = Body::new(Never);
        assert!(!pump(never, pieces, Duration::from_millis(10)).await);
        let read = tokio::task::spawn_blocking(move || streamed.read(&mut [0; 8]));
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
