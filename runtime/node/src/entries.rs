//! The entries of a block as the executor takes them: messages, and what operators order, each at its place.

use refit_abi::Height;
use refit_kernel::{
    BlockInput, Key, Order, OrderKey, ParameterChanges, PlacedOrder, PlanDigest, Revival,
};
use refit_ordering::{BlockRefused, Entry, PlanEntry};

/// Turns a block's entries into the executor's input, without the block's frame.
///
/// # Errors
/// [`BlockRefused`] names the first entry that cannot be carried out: nothing of its block is.
pub(crate) fn input(entries: Vec<Entry>, height: Height) -> Result<BlockInput, BlockRefused> {
    let mut input = BlockInput {
        messages: Vec::with_capacity(entries.len()),
        ..BlockInput::default()
    };
    for (index, entry) in (0..).zip(entries) {
        let kind = entry.kind();
        let unlike = |why: String| BlockRefused::Entry {
            height,
            index,
            kind,
            why,
        };
        let (key, order) = match entry {
            Entry::Message(message) => {
                // Its authenticator stays behind: the ordering has looked at it.
                input.messages.push(message.ingress);
                continue;
            }
            Entry::Parameters { key, changes } => {
                let changes = ParameterChanges::from_bytes(&changes);
                let changes = changes.map_err(|error| unlike(error.to_string()))?;
                (key, Order::Parameters(changes))
            }
            Entry::Restart { key, engine } => (key, Order::Restart(engine)),
            // The next header says how it ended.
            Entry::Plan { key, plan } => {
                let read = PlanEntry::from_bytes(&plan);
                let read = read.map_err(|error| unlike(error.to_string()))?;
                (key, noted(&read, plan))
            }
            Entry::Revive {
                key,
                engine,
                poisoned_at,
                state,
            } => {
                let revival = Revival {
                    engine,
                    poisoned_at,
                    state,
                };
                (key, Order::Revive(revival))
            }
            Entry::Skip { .. } => {
                return Err(BlockRefused::EntryKind {
                    height,
                    index,
                    kind,
                });
            }
        };
        let key = key.map(order_key);
        input.orders.push(PlacedOrder { index, key, order });
    }
    Ok(input)
}

/// A plan as the executor takes it.
pub(crate) fn noted(plan: &PlanEntry, entry: Vec<u8>) -> Order {
    let plan = PlanDigest(plan.digest.0);
    Order::Plan { plan, entry }
}

/// How the executor calls the key of an order.
pub(crate) fn order_key(key: refit_ordering::OrderKey) -> OrderKey {
    let (client, sequence) = (key.client, key.sequence);
    OrderKey {
        key: Key { client, sequence },
        share: key.share,
    }
}
