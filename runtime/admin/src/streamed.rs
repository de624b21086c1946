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
    is_at_end: bool,
}

/// Where the pieces come from. An empty one is the end.
pub(crate) type Pieces = Sender<io::Result<Bytes>>;

/// How large a body may be, and how slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes_max: u64,
    /// How long it may take, beside the time that its bytes have earned.
    pub(crate) wait: Duration,
}

/// What became of a body.
#[derive(Debug)]
pub(crate) enum Pumped {
    /// All of it was taken, or thrown away because nobody reads any more.
    Whole,
    /// Nobody reads any more, and there is more of it than is thrown away.
    Left,
    /// It is longer than it may be.
    TooLarge,
    /// It did not come whole.
    Broken(io::Error),
}

impl Streamed {
    pub(crate) fn new() -> (Self, Pieces) {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let streamed = Self {
            pieces,
            piece: Bytes::new(),
            is_at_end: false,
        };
        (streamed, sender)
    }
}

impl Read for Streamed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !self.is_at_end {
            match self.pieces.blocking_recv() {
                // Whoever handed it over has gone: nobody says that this is all.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(piece) => self.piece = piece?,
            }
            self.is_at_end = self.piece.is_empty();
        }
        let read = into.len().min(self.piece.len());
        into[..read].copy_from_slice(&self.piece.split_to(read));
        Ok(read)
    }
}

/// Hands a body over piece by piece. What the reader has no use for is thrown away, within a bound, so that whoever sends is
/// done when the answer comes.
pub(crate) async fn pump(mut body: Body, to: Pieces, bounds: Bounds) -> Pumped {
    let (began, mut length, mut thrown) = (Instant::now(), 0_u64, 0);
    loop {
        let earned = Duration::from_secs(length / BODY_RATE_MIN);
        let frame = match timeout_at(began + bounds.wait + earned, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => {
                // Nobody may read any more.
                let _ = to.send(Ok(Bytes::new())).await;
                return Pumped::Whole;
            }
            Ok(Some(Err(error))) => return broken(&to, io::Error::other(error)).await,
            Err(_) => {
                let slow = io::Error::new(io::ErrorKind::TimedOut, "it came too slowly");
                return broken(&to, slow).await;
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > bounds.bytes_max {
            let _ = to.send(Err(io::ErrorKind::FileTooLarge.into())).await;
            return Pumped::TooLarge;
        }
        let bytes = data.len();
        if !data.is_empty() && to.send(Ok(data)).await.is_err() {
            thrown += bytes;
        }
        if thrown > DRAIN_BYTES_MAX {
            return Pumped::Left;
        }
    }
}

async fn broken(to: &Pieces, why: io::Error) -> Pumped {
    let told = io::Error::new(why.kind(), why.to_string());
    let _ = to.send(Err(told)).await;
    Pumped::Broken(why)
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
            streamed.read_to_end(&mut read)?;
            // The end stays the end.
            streamed.read_to_end(&mut read).map(|_| read)
        });
        let bounds = within(Duration::from_secs(10));
        let pumped = pump(bytes.clone().into(), pieces, bounds).await;
        assert!(matches!(pumped, Pumped::Whole), "{pumped:?}");
        assert_eq!(read.await.unwrap().unwrap(), bytes);
        let (streamed, pieces) = Streamed::new();
        drop(streamed);
        let pumped = pump(bytes.into(), pieces, bounds).await;
        assert!(matches!(pumped, Pumped::Whole), "{pumped:?}");
    }

    #[tokio::test]
    async fn a_body_that_nobody_ends_is_not_taken_for_a_whole_one() {
        let (mut streamed, pieces) = Streamed::new();
        pieces.send(Ok(Bytes::from_static(b"half"))).await.unwrap();
        // As where a client hangs up and the request is given up.
        drop(pieces);
        let read = tokio::task::spawn_blocking(move || streamed.read_to_end(&mut Vec::new()));
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_body_is_no_longer_than_it_may_be_and_its_reader_is_told() {
        let bounds = Bounds {
            bytes_max: 7,
            ..within(Duration::from_secs(10))
        };
        let (mut streamed, pieces) = Streamed::new();
        let pumped = pump(vec![0; 8].into(), pieces, bounds).await;
        assert!(matches!(pumped, Pumped::TooLarge), "{pumped:?}");
        let read = tokio::task::spawn_blocking(move || streamed.read(&mut [0; 8]));
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    /// Bounds of this wait, and of any length.
    fn within(wait: Duration) -> Bounds {
        let bytes_max = u64::MAX;
        Bounds { bytes_max, wait }
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
        let pumped = pump(never, pieces, within(Duration::from_millis(10))).await;
        assert!(matches!(pumped, Pumped::Broken(_)), "{pumped:?}");
        let read = tokio::task::spawn_blocking(move || streamed.read(&mut [0; 8]));
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
