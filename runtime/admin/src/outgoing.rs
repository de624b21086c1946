//! [`Outgoing`]: the body of an answer, and [`Pieces`], one that is made while it is sent.

use crate::Bytes;
use axum::body::{Body, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

/// The body of any answer. A text is apart from all others because most answers are one, and it needs no box.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// It is there whole.
    Text(Bytes),
    /// It comes piece by piece.
    Other(Body),
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Text(text) if text.is_empty() => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Self::Other(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.len() as u64),
            Self::Other(body) => body.size_hint(),
        }
    }
}

/// A body whose pieces a task of its own makes. Dropping it ends the task.
#[derive(Debug)]
pub(crate) struct Pieces {
    pieces: Receiver<Bytes>,
    task: JoinHandle<()>,
}

impl Pieces {
    /// The body that `make` sends; at most `ahead` pieces wait for the client.
    pub(crate) fn made_by<F>(ahead: usize, make: impl FnOnce(Sender<Bytes>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, pieces) = mpsc::channel(ahead);
        let task = tokio::spawn(make(sender));
        Self { pieces, task }
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.task.abort();
    }
}
