//! [`Pieces`]: a state's bytes in pieces, so that nobody needs memory for all of them at once, and a thread that
//! writes them down may do something else between two.

use super::call::{Buffer, CallError};
use super::deep;
use super::instance::Instance;
use super::kind::Kind;
use super::running::{self, Call};
use crate::raw::CallStatus;

/// The pieces of a state, in their order. Together they are what [`Kind::encode`] gives.
///
/// The module keeps nothing between two of them: the place lies here, as bytes that only the module reads. It
/// is the place in *this* state, so nothing may change it until the last piece is there: the instance stays
/// borrowed, and no handler can run on it meanwhile. After an error there is no further piece.
#[derive(Debug)]
pub struct Pieces<'a> {
    kind: &'a Kind,
    instance: &'a Instance,
    bytes_max: usize,
    /// The place at which the next piece begins; `None` after the last, or after an error.
    cursor: Option<Vec<u8>>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(kind: &'a Kind, instance: &'a Instance, bytes_max: usize) -> Self {
        Self {
            kind,
            instance,
            bytes_max,
            cursor: Some(Vec::new()),
        }
    }

    /// A piece, and the cursor of the next: empty if there is none.
    fn piece(&self, cursor: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CallError> {
        if self.instance.tag() != self.kind.tag() {
            return Err(CallError::WrongState);
        }
        let _noted = running::note(self.kind.label(), Call::Encode, None);
        let (mut bytes, mut next) = (Vec::new(), Vec::new());
        let (mut out, mut after) = (Buffer::new(&mut bytes), Buffer::new(&mut next));
        let (to_out, to_after) = (out.sink(), after.sink());
        let (state, table) = (self.instance.as_ptr(), self.kind.table());
        // SAFETY: the tag says that the state is of this schema and layout, and it is only read, while the
        // instance is borrowed; the cursor is borrowed and both buffers are ours, all for longer than the call, and
        // another thread may use them while this one waits. After `TooDeep` nothing was written.
        let status = unsafe {
            deep::call(|| {
                (table.encode_piece)(state, cursor.into(), self.bytes_max, to_out, to_after)
            })
        };
        out.end(status)?;
        after.end(CallStatus::Ok)?;
        Ok((bytes, next))
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<Vec<u8>, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        let cursor = self.cursor.take()?;
        let piece = self.piece(&cursor).map(|(bytes, next)| {
            self.cursor = (!next.is_empty()).then_some(next);
            bytes
        });
        Some(piece)
    }
}

impl std::iter::FusedIterator for Pieces<'_> {}
