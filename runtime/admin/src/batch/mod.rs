//! `POST /v1/messages`: many messages in one request, a line of JSON for each, and a line for each answer, in the
//! same order, as they come.
//!
//! ```text
//! body → lines → groups → Node (in order) → answers → lines → body
//!                 └ a line that is refused keeps its place ┘
//! ```
//!
//! A few groups are under way at once, and their answers leave in order. When the client does not read, nothing more
//! is taken from it: what a batch holds is bounded by [`GROUPS_MAX`] groups and [`PIECES_MAX`] pieces of answers.

mod line;
mod lines;
mod out;

use crate::{Bytes, Node, Pending, Refusal, Replied};
use axum::body::{Body, HttpBody};
use hyper::body::Frame;
use lines::{Group, Lines};
use out::Out;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinHandle;

/// The route.
pub(crate) const PATH: &str = "/v1/messages";

/// Groups of messages that wait for their answers at once, of one batch.
const GROUPS_MAX: usize = 8;

/// Pieces of answers that wait for the client, of one batch.
const PIECES_MAX: usize = 4;

/// What a batch is made of.
pub(crate) struct Batch {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) body: Body,
    /// Longest message, in bytes.
    pub(crate) message_bytes_max: usize,
    /// Longest time without a line while none waits for its answer.
    pub(crate) idle_wait: Duration,
    /// True when the listener ends: no more lines are taken then.
    pub(crate) ending: watch::Receiver<bool>,
    /// Its place among the batches under way.
    pub(crate) place: OwnedSemaphorePermit,
}

/// The answers, as they come. Dropping it ends the batch; what was handed over is executed all the same.
pub(crate) struct Answers {
    pieces: mpsc::Receiver<Bytes>,
    task: JoinHandle<()>,
}

/// A group on its way: what was refused at once, at its places, and what is waited for.
struct Waiting {
    refused: Vec<Option<Refusal>>,
    answers: Pending,
}

/// The client is gone.
struct Gone;

impl Batch {
    /// Begins it on a task of its own.
    pub(crate) fn begin(self) -> Answers {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let task = tokio::spawn(async move {
            let _gone = self.run(sender).await;
        });
        Answers { pieces, task }
    }

    async fn run(self, sender: mpsc::Sender<Bytes>) -> Result<(), Gone> {
        let Self {
            node,
            body,
            message_bytes_max,
            idle_wait,
            mut ending,
            place: _place,
        } = self;
        let mut lines = Lines::new(body, message_bytes_max);
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let mut writer = Writer {
            node: &*node,
            out: Out::default(),
            sender,
        };
        let last = loop {
            let has_room = waiting.len() < GROUPS_MAX;
            let is_idle = waiting.is_empty();
            let group = tokio::select! {
                biased;
                answers = first(&mut waiting) => {
                    let refused = waiting.pop_front().map(|group| group.refused);
                    writer.write(refused.unwrap_or_default(), answers).await?;
                    continue;
                }
                () = ended(&mut ending) => break Some(stopping()),
                group = lines.next_group(), if has_room => group,
                () = tokio::time::sleep(idle_wait), if is_idle => break Some(idle(idle_wait)),
            };
            match group {
                Ok(Some(group)) => waiting.push_back(hand_over(&*node, group).await),
                Ok(None) => break None,
                Err(broken) => break Some(broken),
            }
        };
        while let Some(group) = waiting.pop_front() {
            writer.write(group.refused, group.answers.await).await?;
        }
        match last {
            Some(refusal) => writer.write(vec![Some(refusal)], Vec::new()).await,
            None => Ok(()),
        }
    }
}

/// Waits until the listener ends.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _is_ending = ending.wait_for(|&ending| ending).await;
}

/// Waits for the answers of the first group; for ever if there is none.
async fn first(waiting: &mut VecDeque<Waiting>) -> Vec<Result<Replied, Refusal>> {
    match waiting.front_mut() {
        Some(group) => group.answers.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn hand_over(node: &dyn Node, group: Group) -> Waiting {
    let (mut refused, mut sent) = (Vec::with_capacity(group.len()), Vec::new());
    for line in group {
        match line {
            Ok(message) => {
                sent.push(message);
                refused.push(None);
            }
            Err(refusal) => refused.push(Some(refusal)),
        }
    }
    Waiting {
        refused,
        answers: node.submit(sent).await,
    }
}

struct Writer<'a> {
    node: &'a dyn Node,
    out: Out,
    sender: mpsc::Sender<Bytes>,
}

impl Writer<'_> {
    /// Writes the answers of a group at the places that were not refused at once.
    async fn write(
        &mut self,
        refused: Vec<Option<Refusal>>,
        answers: Vec<Result<Replied, Refusal>>,
    ) -> Result<(), Gone> {
        let now = self.node.moment();
        let mut answers = answers.into_iter();
        for refusal in refused {
            let answer = match refusal {
                Some(refusal) => Err(refusal),
                None => answers.next().unwrap_or_else(|| Err(unanswered())),
            };
            self.out.add(answer, now);
        }
        for piece in self.out.pieces() {
            self.sender.send(piece).await.map_err(|_| Gone)?;
        }
        Ok(())
    }
}

fn stopping() -> Refusal {
    let detail = "the node is stopping: the lines without an answer were not taken";
    let next = "send them again when it is there again";
    Refusal::new(503, "node-stopping", detail, next)
}

fn idle(wait: Duration) -> Refusal {
    let detail = format!("no line came for {} ms", wait.as_millis());
    let next = "begin another batch when there is something to send";
    Refusal::new(408, "batch-idle", detail, next)
}

/// The node gives as many answers as it was given messages.
fn unanswered() -> Refusal {
    let detail = "the node gave no answer to this line";
    Refusal::new(500, "internal", detail, "see the log of the node")
}

impl HttpBody for Answers {
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

impl Drop for Answers {
    fn drop(&mut self) {
        self.task.abort();
    }
}
