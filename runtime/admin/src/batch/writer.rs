//! The answers of a batch on their way to its client, who may be slow.

use super::out::{Out, Piece};
use super::pace::Unread;
use super::turns::Turn;
use crate::limits::BATCH_SLOW_WAIT;
use crate::{Answered, Bytes, Node, Refusal};
use refit_abi::codes;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Why a batch goes no further.
pub(super) enum End {
    /// The client is gone.
    Gone,
    /// The client is too slow, and others wait; what was sent of its answers may end within a line.
    Slow {
        /// The rest of that line, and maybe of some more.
        rest: Vec<Piece>,
    },
}

/// Writes answers, and waits for the client where it must.
pub(super) struct Writer {
    node: Arc<dyn Node>,
    out: Out,
    sender: mpsc::Sender<Bytes>,
    unread: Arc<Unread>,
}

impl Writer {
    pub(super) fn new(
        node: Arc<dyn Node>,
        sender: mpsc::Sender<Bytes>,
        unread: Arc<Unread>,
    ) -> Self {
        Self {
            node,
            out: Out::default(),
            sender,
            unread,
        }
    }

    /// Writes the answers of a group at the places that were not refused at once.
    pub(super) async fn write(
        &mut self,
        refused: Vec<Option<Refusal>>,
        Answered { answers, part }: Answered,
        turn: Option<&Turn>,
    ) -> Result<(), End> {
        let now = self.node.moment();
        let mut answers = answers.into_iter();
        for refusal in refused {
            let answer = match refusal {
                Some(refusal) => Err(refusal),
                None => answers.next().unwrap_or_else(|| Err(unanswered())),
            };
            self.out.add(answer, now);
        }
        let pieces = self.out.pieces();
        let sent = self.send(pieces, turn).await;
        // Until all of it has gone to the connection.
        drop(part);
        sent
    }

    async fn send(&self, pieces: Vec<Piece>, turn: Option<&Turn>) -> Result<(), End> {
        let mut is_whole = true;
        let mut pieces = pieces.into_iter();
        while let Some(piece) = pieces.next() {
            let place = match (self.sender.try_reserve(), turn) {
                (Ok(place), _) => Some(Ok(place)),
                (Err(_), Some(turn)) => turn.awaiting(self.sender.reserve()).await,
                (Err(_), None) => Some(self.sender.reserve().await),
            };
            let Some(place) = place else {
                let mut rest: Vec<_> = std::iter::once(piece).chain(pieces).collect();
                let line = rest.iter().position(|piece| piece.ends_line);
                // Up to where the line ends that has begun.
                rest.truncate(match is_whole {
                    true => 0,
                    false => line.map_or(rest.len(), |line| line + 1),
                });
                return Err(End::Slow { rest });
            };
            is_whole = piece.ends_line;
            let place = place.map_err(|_| End::Gone)?;
            place.send(self.unread.count(piece.bytes));
        }
        Ok(())
    }
}

/// Tells a slow client that its batch has ended, once it reads.
pub(super) async fn end_slow(node: &dyn Node, rest: Vec<Piece>, to: &mpsc::Sender<Bytes>) {
    let mut out = Out::default();
    out.add(Err(slow()), node.moment());
    for piece in rest.into_iter().chain(out.pieces()) {
        if to.send(piece.bytes).await.is_err() {
            return;
        }
    }
}

fn slow() -> Refusal {
    let wait = BATCH_SLOW_WAIT.as_millis();
    let detail = format!("the client read no answer for {wait} ms while other batches waited");
    let next = "send the lines without an answer again, with the same keys, and read the answers as they come";
    Refusal::new(408, codes::BATCH_SLOW, detail, next)
}

/// The node gives as many answers as it was given messages.
fn unanswered() -> Refusal {
    let detail = "the node gave no answer to this line";
    Refusal::new(500, codes::INTERNAL, detail, "see the log of the node")
}
