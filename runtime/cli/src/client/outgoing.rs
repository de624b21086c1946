//! The body of a request: a whole text, or lines as they come.

use hyper::body::{Body, Frame, SizeHint};
use refit_admin::Bytes;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The body of a request.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The rest of a text.
    Whole(Bytes),
    /// Pieces; an empty one, or the channel's end, is the last.
    Lines(mpsc::Receiver<Bytes>),
}

impl Outgoing {
    pub(super) fn whole(text: String) -> Self {
        Self::Whole(text.into())
    }

    pub(super) fn lines(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self::Lines(pieces)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut *self {
            Self::Whole(text) => Poll::Ready(Some(std::mem::take(text))),
            Self::Lines(pieces) => pieces.poll_recv(cx),
        };
        let frame = |piece: Bytes| (!piece.is_empty()).then(|| Ok(Frame::data(piece)));
        piece.map(|piece| piece.and_then(frame))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(text) if text.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(text) => SizeHint::with_exact(text.len() as u64),
            Self::Lines(_) => SizeHint::default(),
        }
    }
}
