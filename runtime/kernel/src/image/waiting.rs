//! Timers and dead letters as plain data: they wait outside of mailboxes.

use crate::causes::CauseIndex;
use refit_abi::schema::SchemaId;
use refit_abi::{BlockTime, EngineId, Height, Sender, TimerId, Undelivered};
use serde::{Deserialize, Serialize};

/// The timers of an image, each list in the order they are due.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimersImage {
    /// By height.
    pub by_height: Vec<(Height, u64, TimerImage)>,
    /// By block time.
    pub by_time: Vec<(BlockTime, u64, TimerImage)>,
    /// How many were ever set: the next one's number.
    pub set: u64,
}

/// One timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerImage {
    /// The engine that it belongs to.
    pub engine: EngineId,
    /// Its number among that engine's.
    pub id: TimerId,
    /// The schema of its payload.
    pub schema: SchemaId,
    /// Its cause: one of the causes of the image.
    pub cause: CauseIndex,
    /// The payload.
    pub payload: Vec<u8>,
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterImage {
    /// The sender.
    pub sender: Sender,
    /// The receiver.
    pub to: EngineId,
    /// Why it was not taken.
    pub reason: Undelivered,
    /// Its payload.
    pub payload: Vec<u8>,
}
