//! The driver's inbox: requests from outside, and the door that bounds them.

use crate::blocks::group::{Outcome, Slot};
use crate::blocks::states::Hashed;
use crate::limits::{DOOR_WAIT_MAX, IN_FLIGHT_BATCH_MESSAGES_MAX, IN_FLIGHT_MESSAGES_MAX};
use crate::pause::{Stopping, Waiting};
use crate::probation::OnProbation;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use refit_abi::codes;
use refit_abi::host::Ingress;
use refit_abi::raw::Codec;
use refit_admin::{CarriedOut, Refusal};
use refit_kernel::{Awaited, Done, Executor};
use refit_ordering::{Decided, Entry, Ground, NotPushed, Outlet};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How clients write to this node.
pub(crate) const WIRE_CODEC: Codec = Codec::Json;

/// A request to the driver.
pub(crate) enum Intake {
    /// A client's message.
    Message(Submission),
    /// Messages that came together, in their order.
    Messages(Vec<Submission>),
    /// An operator's order.
    Order(Ordering),
    /// An armed upgrade that waits for its update point.
    Upgrade(Box<Waiting>),
    /// An upgrade for which this ends at its height.
    StopAt(Box<Stopping>),
    /// The upgrade under way was taken back.
    Recalled,
    /// The node had halted, and executes blocks again.
    GoesOn,
    /// The state is to be copied between two blocks.
    Photograph(Box<Photograph>),
    /// An upgrade comes: a checkpoint is wanted, unless the newest is near.
    Checkpoint(Ended),
    /// The hash of a checkpoint's state was taken.
    State(Hashed),
    /// The engines have started, and this is what they wait for.
    Started(Awaited),
    /// End after the block that is under way.
    Stop,
}

/// Is dropped when what was asked for has ended, or is not needed; nothing is ever sent.
pub(crate) type Ended = Sender<()>;

/// A checkpoint is due.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Who waits for it.
    pub(crate) by: Option<Ended>,
}

/// Copies the state between two blocks.
pub(crate) struct Photograph {
    /// Whether a checkpoint comes of it, from which the log is counted anew.
    pub(crate) is_checkpoint: bool,
    /// Done on the crew. It sees to it itself that the executor still stands there.
    pub(crate) take: Box<TakePhotograph>,
}

/// What is done with the executor, and where it stands.
pub(crate) type TakePhotograph = dyn FnOnce(&mut Executor, Standpoint) + Send;

/// Where the executor stands between two blocks.
pub(crate) struct Standpoint {
    /// The ground of the next block.
    pub(crate) ground: Ground,
    /// Whether the live generation is on probation.
    pub(crate) on_probation: Option<OnProbation>,
}

/// A client's message on its way in.
pub(crate) struct Submission {
    pub(crate) ingress: Ingress,
    pub(crate) answer: Answerer,
}

/// An operator's order on its way into a block.
pub(crate) struct Ordering {
    pub(crate) entry: Entry,
    pub(crate) answer: Orderer,
}

/// The way back to the operator of an order.
pub(crate) type Orderer = oneshot::Sender<Result<CarriedOut<Done>, Refusal>>;

/// The way back to the client; holds its place at the door until it is used or dropped.
pub(crate) struct Answerer {
    pub(crate) answer: Way,
    /// A message that came with others has its place with theirs.
    pub(crate) _place: Option<OwnedSemaphorePermit>,
}

/// The way of an answer.
pub(crate) enum Way {
    /// To the one client that waits for this answer alone.
    One(oneshot::Sender<Outcome>),
    /// To its place among others.
    Slot(Slot),
}

impl Way {
    /// Lets the answer go; false if the client is gone.
    pub(crate) fn send(self, outcome: Outcome) -> bool {
        match self {
            Self::One(sender) => sender.send(outcome).is_ok(),
            Self::Slot(slot) => {
                slot.answer(outcome);
                true
            }
        }
    }
}

/// Lets a bounded number of messages in; the rest waits, and so do the clients: back-pressure.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    places: Arc<Semaphore>,
    /// Those of them that messages which come together may have.
    batches: Arc<Semaphore>,
}

/// The places of messages that came together.
pub(crate) struct BatchPlaces {
    _places: OwnedSemaphorePermit,
    _of_batches: OwnedSemaphorePermit,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(IN_FLIGHT_MESSAGES_MAX)),
            batches: Arc::new(Semaphore::new(IN_FLIGHT_BATCH_MESSAGES_MAX)),
        }
    }

    /// Waits for the place of one message.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        enter(&self.places, 1, IN_FLIGHT_MESSAGES_MAX).await
    }

    /// Waits for the places of so many messages that come together. A client that sends one by one does not wait for
    /// them.
    pub(crate) async fn enter_batch(&self, messages: u32) -> Result<BatchPlaces, Refusal> {
        let of_batches = enter(&self.batches, messages, IN_FLIGHT_BATCH_MESSAGES_MAX);
        Ok(BatchPlaces {
            _of_batches: of_batches.await?,
            _places: enter(&self.places, messages, IN_FLIGHT_MESSAGES_MAX).await?,
        })
    }

    /// Whether nobody has a place.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.available_permits() == IN_FLIGHT_MESSAGES_MAX
            && self.batches.available_permits() == IN_FLIGHT_BATCH_MESSAGES_MAX
    }
}

async fn enter(
    places: &Arc<Semaphore>,
    messages: u32,
    messages_max: usize,
) -> Result<OwnedSemaphorePermit, Refusal> {
    // As nearly always: without a clock.
    if let Ok(place) = places.clone().try_acquire_many_owned(messages) {
        return Ok(place);
    }
    let places = places.clone().acquire_many_owned(messages);
    match tokio::time::timeout(DOOR_WAIT_MAX, places).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(Refusal::new(
            503,
            codes::OVERLOADED,
            format!("{messages_max} messages wait for their replies"),
            "send again later, with the same key",
        )),
    }
}

/// The channel to the driver. What is in it is bounded by those who send: the door lets
/// [`IN_FLIGHT_MESSAGES_MAX`] messages in, orders have places, and of all else there is one at a time.
/// The channel itself has no bound, because one with a bound keeps what nobody has taken out when the driver has ended: whoever
/// waits for an answer to that would wait for ever.
pub(crate) fn channel() -> (Sender<Intake>, Receiver<Intake>) {
    crossbeam_channel::unbounded()
}

/// Blocks that are decided and not executed: only the next one may be decided before it is executed.
const DECIDED_BLOCKS_MAX: usize = 1;

/// The channel from which the driver takes decided blocks.
pub(crate) type Blocks = Receiver<Decided>;

/// The way of decided blocks to the driver, which wakes it. Apart from its other channel, in which a block would wait
/// behind all that clients have sent.
#[derive(Debug)]
pub(crate) struct BlockOutlet {
    blocks: Sender<Decided>,
}

/// The channel of decided blocks.
pub(crate) fn blocks() -> (BlockOutlet, Blocks) {
    let (blocks, outlet) = crossbeam_channel::bounded(DECIDED_BLOCKS_MAX);
    (BlockOutlet { blocks }, outlet)
}

impl Outlet for BlockOutlet {
    fn push(&self, decided: Decided) -> Result<(), NotPushed> {
        let height = decided.block.header.height;
        self.blocks.try_send(decided).map_err(|error| match error {
            TrySendError::Full(_) => NotPushed::TooEarly { height },
            TrySendError::Disconnected(_) => NotPushed::Ended { height },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{RecvTimeoutError, bounded};
    use std::time::Duration;

    #[test]
    fn whoever_waits_for_what_no_driver_took_in_hears_that_it_has_ended() {
        let (intake, outlet) = channel();
        let (done, ended) = bounded::<()>(1);
        assert!(intake.send(Intake::Checkpoint(done)).is_ok());
        // As a driver ends that is told to beside an order.
        drop(outlet);
        let heard = ended.recv_timeout(Duration::from_secs(10));
        assert_eq!(heard, Err(RecvTimeoutError::Disconnected));
    }
}
