//! The HTTP interface of a node: what an operator and a client may ask of it, and how they may
//! reach it.
//!
//! The crate sees the node only through [`Node`], a trait that it owns; it knows neither kernel nor
//! loader, and takes from the contract no more than ids and descriptors. A request passes these
//! stations, each in its own module:
//!
//! ```text
//! socket (unix, TCP, or TCP for probes) → connections (seats bounded, writes paced)
//!        → stations: guard (TCP: Host, Origin, token)
//!        → straight to an engine, or routes (path, key, body checked) → pass (a place, a deadline) → Node
//!        → reply, or Refusal → problem+json
//!        → stamp (life, height, generation)
//! ```
//!
//! # Invariants
//! * Whatever is refused, by a route or by the node, leaves as `application/problem+json` with a
//!   `code` that programs may match on and a `next` that says what to do ([`api::Problem`]).
//! * Every answer, of whatever status, says which life of the node it is from, which block and which generation.
//! * A body is decoded here only as far as "this is JSON"; what it means is the engine's to say.
//! * Every wait and every buffer has a bound ([`Limits`]); a client that is awaited loses its place to one that comes.
//! * Large bodies and answers hold a part of a [`Room`] as long as they are there: what clients ask for, or leave
//!   unread, never grows the process beyond a bound.
//! * The unix socket is never open to other users than it is meant for, not even while it is being made.

pub mod api;

mod batch;
mod body;
mod connections;
mod events;
mod fixture_body;
mod guard;
mod host;
mod limits;
mod listen;
mod metrics;
mod node;
mod origin;
mod outgoing;
mod paced;
mod pass;
mod problem;
mod request_id;
mod room;
mod routes;
mod seat;
mod seats;
mod server;
mod share;
mod stations;
mod streamed;
mod token;
mod unix;

pub use axum::body::Bytes;
pub use body::BYTES as BYTES_CONTENT_TYPE;
pub use events::EventFeed;
pub use host::{HostName, HostNameError};
pub use limits::{
    BATCH_IDLE_WAIT, BATCH_SLOW_WAIT, BATCH_TURN, BATCHES_MAX, BODY_RATE_MIN, BODY_WAIT,
    CODE_BYTES_MAX, CODE_WAIT, CONNECTIONS_MAX, DRAIN_BYTES_MAX, EVENT_KEEP_ALIVE,
    EVENT_READERS_MAX, HEADER_WAIT, IMPORT_WAIT, KEYSET_BYTES_MAX, LOOK_WAIT, LOOKS_MAX, Limits,
    MESSAGE_BYTES_MAX, ORDERS_MAX, PLAN_BYTES_MAX, RELEASES_AT_ONCE_MAX, REQUEST_WAIT,
    REQUESTS_MAX, SHUTDOWN_WAIT, SNAPSHOT_WAIT, STOP_WRITE_WAIT, STRANGERS_MAX, WRITE_BYTES_MIN,
    WRITE_WINDOW,
};
pub use listen::{Address, BindError, Listen};
pub use metrics::{BuildInfo, Metrics, Outcome, PAUSE_BUCKETS_S, RehearsalOutcome};
pub use node::{
    Answer, Answered, ApplyOptions, CapturedState, CarriedOut, GoodState, LastGood, Moment, Node,
    OfferedCode, OrderedBy, Pending, Refusal, Replied, Sent, TakenSnapshot,
};
pub use origin::{
    HEADER_BRANCH, HEADER_GENERATION, HEADER_HEIGHT, HEADER_LIFE, HEADER_REPEATED,
    HEADER_UNCONFIRMED,
};
pub use refit_abi::host::Share;
pub use request_id::{CLIENT_BYTES_MAX, RequestId, RequestIdError};
pub use room::{ANSWERS_BYTES_MAX, BODIES_BYTES_MAX, NoRoom, Part, Room, SMALL_BYTES};
pub use routes::{
    BATCH_CONTENT_TYPE, HEADER_KEY, HEADER_LAST_EVENT, HEADER_MAX_PAUSE, HEADER_REHEARSAL,
    HEADER_REHEARSAL_WAIT,
};
pub use server::{Server, Shutdown};
pub use share::Entrance;
pub use token::{TOKEN_BYTES_MAX, TOKEN_BYTES_MIN, Token, TokenError};
