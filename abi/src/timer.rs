//! [`TimerAt`] and [`TimerId`]: the time of a timer, and its id.

use crate::{BlockTime, Height};
use serde::{Deserialize, Serialize};

/// When a timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerAt {
    /// In the block of this height.
    Height(Height),
    /// In the first block whose time is this or later.
    Time(BlockTime),
}

/// A timer among all that its engine ever set: the number of timers that it set before. A number of a message that
/// failed is given again. An engine may keep it in its state, to cancel the timer later.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TimerId(pub u64);
