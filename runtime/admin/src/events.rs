//! [`EventFeed`]: the events that a node keeps, as this crate reads them.

use crate::Refusal;
use crate::api::{Event, EventId};
use std::sync::Arc;
use tokio::sync::watch;

/// The newest events of a node, in the order in which they happened. Its functions do not block.
pub trait EventFeed: Send + Sync {
    /// The events that follow, as many as `bytes_max` takes but one at least, if there is one.
    ///
    /// # Errors
    /// The [`Refusal`] if some that follow are no longer kept, or if there can be none with that id yet.
    fn after(&self, after: EventId, bytes_max: usize) -> Result<Vec<Arc<Event>>, Refusal>;

    /// All events that are kept are after this one.
    fn oldest(&self) -> EventId;

    /// Changes with each block that has events; its value is behind all of them. It closes when none will follow.
    fn newest(&self) -> watch::Receiver<EventId>;
}
