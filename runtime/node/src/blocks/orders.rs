//! Orders of operators on their way into a block.

use super::intake::{Intake, Ordering};
use crate::answers::refusals::ended;
use crate::limits::REPLY_WAIT_MAX;
use crossbeam_channel::Sender;
use refit_abi::ClientId;
use refit_abi::codes;
use refit_admin::{CarriedOut, OrderedBy, Refusal};
use refit_kernel::Done;
use refit_ordering::{Entry, OrderKey};
use tokio::sync::oneshot;

/// The way back of an order's outcome.
pub(crate) type Answered = oneshot::Receiver<Result<CarriedOut<Done>, Refusal>>;

/// Gives the driver an order, to come into a block.
pub(crate) fn give(intake: &Sender<Intake>, entry: Entry) -> Result<Answered, Refusal> {
    let (answer, answered) = oneshot::channel();
    let given = intake.send(Intake::Order(Ordering { entry, answer }));
    given.map_err(|_| ended())?;
    Ok(answered)
}

/// The key of an order, as its block has it.
pub(crate) fn key(by: &OrderedBy) -> Option<OrderKey> {
    let request = by.request.as_ref()?;
    Some(OrderKey {
        client: ClientId::of(&request.client),
        sequence: request.sequence,
        share: by.share,
    })
}

/// It is not known yet what becomes of an order.
pub(crate) fn not_yet() -> Refusal {
    let detail = format!(
        "no block executed within {} s has the order",
        REPLY_WAIT_MAX.as_secs()
    );
    let next = "it may still be carried out: give it again with the same key; without one, look with refit status and \
                refit parameters show";
    Refusal::new(504, codes::ORDER_WAITS, detail, next)
}
