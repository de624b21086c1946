//! A fixture's JSON text on its way out, in pieces: the digits of a state of megabytes are never there at once.
//!
//! The text is the one that [`serde_json`] would write: the state is the last of a fixture's fields, so all but its
//! digits is written first, and they are put in before its end.

use crate::{Bytes, Part};
use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};
use refit_abi::fixture::Fixture;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of the state that one piece shows, two digits each.
const PIECE_BYTES: usize = 32 << 10;

/// How the text of a fixture without a state ends.
const TAIL: &str = "\"}";

/// A fixture's text.
#[derive(Debug)]
pub(crate) struct FixtureBody {
    state: Vec<u8>,
    /// Bytes of the state that are written already.
    shown: usize,
    head: Bytes,
    tail: Bytes,
    _part: Part,
}

impl FixtureBody {
    /// The text of a fixture that holds its part of a room.
    ///
    /// # Errors
    /// What serde says, of no fixture that can be made.
    pub(crate) fn new(mut fixture: Fixture, part: Part) -> Result<Self, serde_json::Error> {
        let state = std::mem::take(&mut fixture.state);
        let mut head = serde_json::to_string(&fixture)?;
        head.truncate(head.len() - TAIL.len());
        Ok(Self {
            state,
            shown: 0,
            head: head.into(),
            tail: Bytes::from_static(TAIL.as_bytes()),
            _part: part,
        })
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let head = std::mem::take(&mut self.head);
        if !head.is_empty() {
            return Some(head);
        }
        let rest = &self.state[self.shown..];
        if rest.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            return (!tail.is_empty()).then_some(tail);
        }
        let piece = &rest[..rest.len().min(PIECE_BYTES)];
        self.shown += piece.len();
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        let digits = piece
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        Some(digits.collect::<String>().into())
    }
}

impl HttpBody for FixtureBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.tail.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let digits = 2 * (self.state.len() - self.shown);
        SizeHint::with_exact((self.head.len() + digits + self.tail.len()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::Height;
    use refit_abi::fixture::FIXTURE_FORMAT;
    use refit_abi::schema::SchemaId;

    #[test]
    fn the_pieces_make_the_text_that_serde_writes_and_their_length_is_known_before() {
        for length in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
            let fixture = Fixture {
                format: FIXTURE_FORMAT,
                kind: "k\"v".to_owned(),
                version: 3,
                schema: SchemaId([7; 16]),
                build_id: "b1".to_owned(),
                height: Height(9),
                state: (0..length).map(|at| at as u8).collect(),
            };
            let whole = serde_json::to_string(&fixture).unwrap();
            let mut body = FixtureBody::new(fixture, Part::default()).unwrap();
            assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
            let mut text = Vec::new();
            while let Some(piece) = body.next_piece() {
                assert!(piece.len() <= 2 * PIECE_BYTES);
                text.extend_from_slice(&piece);
            }
            assert!(body.is_end_stream() && text == whole.as_bytes());
        }
    }
}
