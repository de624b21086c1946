//! The entries of a block as the executor takes them: messages, and what operators order, each at its place.

use refit_abi::{Height, raw};
use refit_kernel::{BlockInput, Ingress, Order, ParameterChanges, PlacedOrder, Share};
use refit_ordering::{Codec, Entry, EntryKind, Message, Refused};

/// What is to be executed, but for the block's frame.
///
/// # Errors
/// [`Refused`] names the first entry that cannot be carried out: nothing of its block is.
pub(super) fn input(entries: Vec<Entry>, height: Height) -> Result<BlockInput, Refused> {
    let mut input = BlockInput {
        messages: Vec::with_capacity(entries.len()),
        ..BlockInput::default()
    };
    for (index, entry) in (0..).zip(entries) {
        let kind = entry.kind();
        let order = match entry {
            Entry::Message(message) => {
                input.messages.push(ingress(message));
                continue;
            }
            Entry::Parameters(changes) => parameters(&changes, height, index)?,
            Entry::Restart { engine } => Order::Restart(engine),
            // It is for whoever reads the log: what becomes of it the next header says.
            Entry::Plan(_) => Order::Noted,
            Entry::Skip { .. } | Entry::Revive { .. } => {
                return Err(Refused::EntryKind {
                    height,
                    index,
                    kind,
                });
            }
        };
        input.orders.push(PlacedOrder { index, order });
    }
    Ok(input)
}

fn parameters(bytes: &[u8], height: Height, index: u64) -> Result<Order, Refused> {
    let changes = ParameterChanges::from_bytes(bytes).map_err(|error| Refused::Entry {
        height,
        index,
        kind: EntryKind::Parameters,
        why: error.to_string(),
    })?;
    Ok(Order::Parameters(changes))
}

fn ingress(message: Message) -> Ingress {
    Ingress {
        engine: message.engine,
        client: message.client,
        share: Share(message.share.0),
        sequence: message.sequence,
        codec: codec(message.codec),
        payload: message.payload,
    }
}

/// How the executor calls it.
pub(super) fn codec(codec: Codec) -> raw::Codec {
    match codec {
        Codec::Json => raw::Codec::Json,
        Codec::Postcard => raw::Codec::Postcard,
    }
}
