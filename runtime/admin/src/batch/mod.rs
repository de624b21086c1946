//! `POST /v1/messages`: many messages in one request, a line of JSON for each, and a line for each answer, in the
//! same order, as they come.
//!
//! ```text
//! body → lines → groups → Node (in order) → answers → lines → body
//!                 └ a line that is refused keeps its place ┘
//! ```
//!
//! A few groups are under way at once, and their answers leave in order. When the client does not read, nothing more
//! is taken from it: what a batch holds is bounded by [`GROUPS_MAX`] groups and [`PIECES_MAX`] pieces of answers, and
//! by the bytes of answers for which it paces itself ([`pace`]). It holds groups only while it has its turn
//! ([`turns`]).

mod line;
mod lines;
mod out;
mod pace;
mod turns;
mod writer;

use crate::outgoing::Pieces;
use crate::seat::Seat;
use crate::{Answered, Bytes, Entrance, Node, Pending, Refusal, Room};
use axum::body::Body;
use lines::{Group, Lines};
use pace::{GROUPS_MAX, Leave, Pace};
use refit_abi::codes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use writer::{End, Writer};

pub(crate) use pace::Ahead;
pub(crate) use turns::{Turn, Turns};

/// The route.
pub(crate) const PATH: &str = "/v1/messages";

/// Pieces of answers that wait for the client, of one batch.
const PIECES_MAX: usize = 4;

/// The parts of a batch.
pub(crate) struct Batch {
    pub(crate) node: Arc<dyn Node>,
    /// Its entrance: the way and the connection.
    pub(crate) at: Entrance,
    pub(crate) body: Body,
    /// Longest message, in bytes.
    pub(crate) message_bytes_max: usize,
    /// Longest time without a line while none waits for its answer.
    pub(crate) idle_wait: Duration,
    /// True when the listener ends: no more lines are taken then.
    pub(crate) ending: watch::Receiver<bool>,
    /// For lines that have begun.
    pub(crate) bodies: Room,
    /// The lines that all batches together may have ahead of their answers.
    pub(crate) ahead: Ahead,
    /// Its first turn.
    pub(crate) turn: Turn,
    /// The queue for its next turn.
    pub(crate) turns: Arc<Turns>,
    /// The connection that it came on.
    pub(crate) seat: Arc<Seat>,
}

/// A group on its way: what was refused at once, at its places, and what is waited for.
struct Waiting {
    refused: Vec<Option<Refusal>>,
    /// Lines that were not.
    lines: usize,
    /// Until they are answered.
    _leave: Leave,
    answers: Pending,
}

/// A batch under way.
struct Running {
    node: Arc<dyn Node>,
    at: Entrance,
    lines: Lines,
    waiting: VecDeque<Waiting>,
    pace: Pace,
    writer: Writer,
    turn: Option<Turn>,
    turns: Arc<Turns>,
    seat: Arc<Seat>,
    idle_wait: Duration,
    /// Since when no line came and no answer went.
    idle_since: Instant,
}

impl Batch {
    /// Begins it on a task of its own. Dropping the answers ends the batch; what was handed over is executed all the
    /// same.
    pub(crate) fn begin(self) -> Pieces {
        Pieces::made_by(PIECES_MAX, |sender| self.run(sender))
    }

    async fn run(self, sender: mpsc::Sender<Bytes>) {
        let Self {
            node,
            at,
            body,
            message_bytes_max,
            idle_wait,
            mut ending,
            bodies,
            ahead,
            turn,
            turns,
            seat,
        } = self;
        let out = sender.clone();
        let pace = Pace::new(ahead);
        let running = Running {
            lines: Lines::new(body, message_bytes_max, bodies),
            waiting: VecDeque::new(),
            writer: Writer::new(node.clone(), sender, pace.unread()),
            pace,
            node: node.clone(),
            at,
            turn: Some(turn),
            turns,
            seat: seat.clone(),
            idle_wait,
            idle_since: Instant::now(),
        };
        // Everything that it holds is gone, and its turn, before a slow client gets its last line.
        if let Err(End::Slow { rest }) = running.run(&mut ending).await {
            seat.linger();
            writer::end_slow(&*node, rest, &out).await;
        }
    }
}

impl Running {
    async fn run(mut self, ending: &mut watch::Receiver<bool>) -> Result<(), End> {
        let last = self.take_lines(ending).await?;
        while !self.waiting.is_empty() {
            let answered = first(&mut self.waiting).await;
            self.answer(answered).await?;
        }
        match last {
            Some(refusal) => {
                // It may still be sending: a system that is closed on what it sent takes the last line back.
                self.seat.linger();
                let refused = vec![Some(refusal)];
                let turn = self.turn.as_ref();
                self.writer.write(refused, Answered::default(), turn).await
            }
            None => Ok(()),
        }
    }

    /// Takes lines, and writes answers as they come, until there are no more lines; says why, if not because they
    /// have ended.
    async fn take_lines(
        &mut self,
        ending: &mut watch::Receiver<bool>,
    ) -> Result<Option<Refusal>, End> {
        loop {
            let is_idle = self.waiting.is_empty();
            let is_over = self.turn.as_ref().is_some_and(Turn::is_over);
            if is_idle && (is_over || !self.lines.has_some()) {
                self.turn = None;
            }
            let room = self.pace.lines_left();
            let takes = room > 0 && self.waiting.len() < GROUPS_MAX && (is_idle || !is_over);
            let idle_until = self.idle_since + self.idle_wait;
            let ready = tokio::select! {
                biased;
                answered = first(&mut self.waiting) => {
                    self.answer(answered).await?;
                    continue;
                }
                () = ended(ending) => return Ok(Some(stopping())),
                ready = self.lines.ready(), if takes => ready,
                takes = taken(&self.pace, self.turn.as_ref()), if is_idle && room == 0 => {
                    self.idle_since = Instant::now();
                    match takes {
                        true => continue,
                        false => return Err(End::Slow { rest: Vec::new() }),
                    }
                }
                () = tokio::time::sleep_until(idle_until), if is_idle && room > 0 => {
                    return Ok(Some(idle(self.idle_wait)));
                }
            };
            match ready {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(broken) => return Ok(Some(broken)),
            }
            if self.turn.is_none() {
                self.turn = tokio::select! {
                    turn = self.turns.take() => turn,
                    () = ended(ending) => return Ok(Some(stopping())),
                };
            }
            if self.turn.is_none() {
                return Ok(Some(no_turn()));
            }
            let leave = tokio::select! {
                leave = self.pace.leave() => leave,
                () = ended(ending) => return Ok(Some(stopping())),
            };
            let Some(leave) = leave else { continue };
            if let Some(group) = self.lines.take_group(leave.lines) {
                let leave = leave.only(group.len());
                let receiver = Receiver {
                    node: &*self.node,
                    at: self.at,
                };
                let handed = receiver.take(group, leave).await;
                self.pace.hand_over(handed.lines);
                self.waiting.push_back(handed);
                self.idle_since = Instant::now();
            }
        }
    }

    /// Writes the answers of the first group.
    async fn answer(&mut self, answered: Answered) -> Result<(), End> {
        let group = self.waiting.pop_front();
        let (refused, lines) = group.map_or_else(Default::default, |it| (it.refused, it.lines));
        self.pace.answered(lines, &answered.answers);
        self.writer
            .write(refused, answered, self.turn.as_ref())
            .await?;
        self.idle_since = Instant::now();
        Ok(())
    }
}

/// Waits until the listener ends.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _is_ending = ending.wait_for(|&ending| ending).await;
}

/// Waits for the answers of the first group; for ever if there is none.
async fn first(waiting: &mut VecDeque<Waiting>) -> Answered {
    match waiting.front_mut() {
        Some(group) => group.answers.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Waits until the client has taken some of its answers; false if that takes too long and others wait.
async fn taken(pace: &Pace, turn: Option<&Turn>) -> bool {
    let unread = pace.unread();
    match turn {
        Some(turn) => turn.awaiting(unread.taken()).await.is_some(),
        None => {
            unread.taken().await;
            true
        }
    }
}

/// Who gets the messages of a batch, and where they come in.
struct Receiver<'a> {
    node: &'a dyn Node,
    at: Entrance,
}

impl Receiver<'_> {
    /// Hands a group over; what is wrong with a line waits for its turn among the answers.
    async fn take(self, group: Group, leave: Leave) -> Waiting {
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
            lines: sent.len(),
            _leave: leave,
            answers: self.node.submit(self.at, sent).await,
        }
    }
}

fn stopping() -> Refusal {
    let detail = "the node is stopping: the lines without an answer were not taken";
    let next = "send them again when the node is back";
    Refusal::new(503, codes::NODE_STOPPING, detail, next)
}

fn idle(wait: Duration) -> Refusal {
    let detail = format!("no line came for {} ms", wait.as_millis());
    let next = "begin another batch when there is something to send";
    Refusal::new(408, codes::BATCH_IDLE, detail, next)
}

fn no_turn() -> Refusal {
    let detail = "other batches are in work, as many as the node takes at once: the lines without an answer were not taken";
    let next = "send them again, with the same keys";
    Refusal::new(503, codes::TOO_BUSY, detail, next)
}
