//! The bounds of the interface: how much, how many and how long.

use crate::BODIES_BYTES_MAX;
use std::time::Duration;

/// Largest body of a message or a query, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Largest keyset with its signatures, in bytes.
pub const KEYSET_BYTES_MAX: usize = 16 << 10;

/// Longest time to take a release in, from its first byte to the answer.
pub const IMPORT_WAIT: Duration = Duration::from_secs(660);

/// Largest upgrade plan, in bytes.
pub const PLAN_BYTES_MAX: usize = 4 << 20;

/// How much of a body past its limit is still read and thrown away, in bytes, so that the client
/// gets to see the refusal instead of a broken connection.
pub const DRAIN_BYTES_MAX: usize = 8 << 20;

/// Open connections to one listener. One more takes the place of that whose client has been awaited longest.
pub const CONNECTIONS_MAX: usize = 1024;

/// Of these, on TCP, those that have not presented the token yet.
pub const STRANGERS_MAX: usize = 256;

/// Messages, queries and states under way at once on one listener. With [`LOOKS_MAX`] and [`ORDERS_MAX`] fewer than
/// connections, so that there is always one that can make place.
pub const REQUESTS_MAX: usize = 960;

/// Looks at the node (status, reports, the quarantine) under way at once on one listener.
pub const LOOKS_MAX: usize = 24;

/// Operators' requests (plans, rehearsals, cancels) under way at once on one listener.
pub const ORDERS_MAX: usize = 16;

/// Releases that a node takes in at once. One more is refused.
pub const RELEASES_AT_ONCE_MAX: usize = 16;

/// Files that come at once over one listener: so many that a node can say it of releases.
pub(crate) const FILES_AT_ONCE_MAX: usize = RELEASES_AT_ONCE_MAX + 4;

/// Batches with lines in work at once on one listener. More may be open; they wait for their turn.
pub const BATCHES_MAX: usize = 16;

/// A batch that has been in work for so long lets others have their turn, if any wait.
pub const BATCH_TURN: Duration = Duration::from_millis(250);

/// A batch whose client has not taken an answer for so long is ended, if others wait for their turn.
pub const BATCH_SLOW_WAIT: Duration = Duration::from_secs(1);

/// How often a batch that waits for its turn looks whether there is one to be ended.
pub(crate) const BATCH_LOOK: Duration = Duration::from_millis(50);

/// Longest time without a line of a batch while none waits for its answer.
pub const BATCH_IDLE_WAIT: Duration = Duration::from_secs(30);

/// Longest time that a look or an order waits for its place, and a batch for its turn.
pub const LOOK_WAIT: Duration = Duration::from_secs(5);

/// Longest time from the head of a request to the end of its body, beside what [`BODY_RATE_MIN`] gives.
pub const BODY_WAIT: Duration = Duration::from_secs(10);

/// Least rate at which a body comes, in bytes a second.
pub const BODY_RATE_MIN: u64 = 32 << 10;

/// Time in which a client has to take [`WRITE_BYTES_MIN`] of an answer that waits for it.
pub const WRITE_WINDOW: Duration = Duration::from_secs(15);

/// Bytes of an answer that a client takes within [`WRITE_WINDOW`], at the least. It is far below what the buffers of
/// a connection hold back.
pub const WRITE_BYTES_MIN: usize = 64 << 10;

/// Once a listener ends: time in which a client has to take something of an answer that waits for it.
pub const STOP_WRITE_WAIT: Duration = Duration::from_secs(1);

/// Longest time from the whole request to its answer. A node should give up sooner, because it
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

/// Longest time from the request for a snapshot to its first byte: longer than a node takes for the copy of its states.
pub const SNAPSHOT_WAIT: Duration = Duration::from_secs(660);

/// Longest search for the last good state of an engine: longer than a node takes to execute its log again.
pub(crate) const REVIVE_WAIT: Duration = Duration::from_secs(660);

/// Bytes of a snapshot that are read at once.
pub(crate) const SNAPSHOT_PIECE_BYTES: u64 = 256 << 10;

/// So many such pieces wait for a client that does not take them.
pub(crate) const SNAPSHOT_PIECES_AHEAD: usize = 4;

/// Largest library that is handed over, in bytes.
pub const CODE_BYTES_MAX: u64 = 256 << 20;

/// Longest time from the request to take a library to its last byte on the disk.
pub const CODE_WAIT: Duration = Duration::from_secs(660);

/// A reader without new events gets a comment this often, so that both sides know that the other is there.
pub const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest time that a shutdown waits for the requests under way.
pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);

/// Largest head of a request, in bytes; a larger one is answered with 431 and no more.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long, and how much in bytes, is read from a client that was refused before its body was taken.
pub(crate) const LINGER_WAIT: Duration = Duration::from_secs(1);
pub(crate) const LINGER_BYTES_MAX: usize = 1 << 20;

/// How often a full listener looks whether a place can be made.
pub(crate) const ROOM_RETRY_WAIT: Duration = Duration::from_millis(20);

/// Shortest time between two lines about connections that could not be accepted.
pub(crate) const ACCEPT_WARNING_PAUSE: Duration = Duration::from_secs(10);

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
    /// See [`STRANGERS_MAX`]; at least 1.
    pub strangers_max: usize,
    /// See [`REQUESTS_MAX`]; at least 1.
    pub requests_max: usize,
    /// See [`LOOKS_MAX`]; at least 1.
    pub looks_max: usize,
    /// See [`ORDERS_MAX`]; at least 1.
    pub orders_max: usize,
    /// See [`BATCHES_MAX`]; at least 1.
    pub batches_max: usize,
    /// See [`BATCH_IDLE_WAIT`].
    pub batch_idle_wait: Duration,
    /// See [`BODIES_BYTES_MAX`].
    pub bodies_bytes_max: usize,
    /// See [`LOOK_WAIT`].
    pub look_wait: Duration,
    /// See [`BODY_WAIT`].
    pub body_wait: Duration,
    /// See [`WRITE_WINDOW`].
    pub write_window: Duration,
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
            strangers_max: STRANGERS_MAX,
            requests_max: REQUESTS_MAX,
            looks_max: LOOKS_MAX,
            orders_max: ORDERS_MAX,
            batches_max: BATCHES_MAX,
            batch_idle_wait: BATCH_IDLE_WAIT,
            bodies_bytes_max: BODIES_BYTES_MAX,
            look_wait: LOOK_WAIT,
            body_wait: BODY_WAIT,
            write_window: WRITE_WINDOW,
            request_wait: REQUEST_WAIT,
            shutdown_wait: SHUTDOWN_WAIT,
        }
    }
}
