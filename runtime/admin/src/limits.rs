//! The bounds of the interface: how much, how many and how long.

use std::time::Duration;

/// Largest body of a message or a query, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Largest upgrade plan, in bytes.
pub const PLAN_BYTES_MAX: usize = 4 << 20;

/// How much of a body past its limit is still read and thrown away, in bytes, so that the client
/// gets to see the refusal instead of a broken connection.
pub const DRAIN_BYTES_MAX: usize = 8 << 20;

/// Open connections to one listener. Further ones wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 1024;

/// Messages, queries and plans under way at once on one listener; fewer than connections, so that
/// status, health and metrics are still answered when the node is full.
pub const REQUESTS_MAX: usize = 960;

/// Longest time from the head of a request to its answer. A node should give up sooner, because it
/// can say more about the reason.
pub const REQUEST_WAIT: Duration = Duration::from_secs(40);

/// Longest time a connection may take to send the head of its next request.
pub const HEADER_WAIT: Duration = Duration::from_secs(60);

/// Readers of events on one listener: each holds a connection for as long as it likes.
pub const EVENT_READERS_MAX: usize = 64;

/// Events that one reader is given at once, in bytes of what is kept of them; one larger event goes alone.
pub(crate) const EVENT_PAGE_BYTES: usize = 256 << 10;

/// So many such pages wait for a reader that does not take them.
pub(crate) const EVENT_PAGES_AHEAD: usize = 1;

/// A reader for whom there is nothing new hears from the node all the same, so that both know that the other is there.
pub const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest time that a shutdown waits for the requests under way.
pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);

/// Largest head of a request, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Pause after a failed `accept`, which is most often a want of file descriptors.
pub(crate) const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(50);

/// The bounds that an embedding may set; [`Limits::default`] gives the named constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`MESSAGE_BYTES_MAX`].
    pub message_bytes_max: usize,
    /// See [`PLAN_BYTES_MAX`].
    pub plan_bytes_max: usize,
    /// See [`CONNECTIONS_MAX`]; at least 1.
    pub connections_max: usize,
    /// See [`REQUESTS_MAX`]; at least 1.
    pub requests_max: usize,
    /// See [`REQUEST_WAIT`].
    pub request_wait: Duration,
    /// See [`SHUTDOWN_WAIT`].
    pub shutdown_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: MESSAGE_BYTES_MAX,
            plan_bytes_max: PLAN_BYTES_MAX,
            connections_max: CONNECTIONS_MAX,
            requests_max: REQUESTS_MAX,
            request_wait: REQUEST_WAIT,
            shutdown_wait: SHUTDOWN_WAIT,
        }
    }
}
