//! [`Ingress`]: one message of a client, the same value from the node's door through its block to the executor.

use crate::raw::Codec;
use crate::{ClientId, EngineId};
use serde::{Deserialize, Serialize};

/// One message of a client. Nothing in it is known to one node alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// The engine it is for.
    pub engine: EngineId,
    /// The sender.
    pub client: ClientId,
    /// By which way it came in.
    pub share: Share,
    /// The client's own number for it: it is handled once, however often it comes. `None`: it has no key, and each
    /// is one of its own.
    pub sequence: Option<u64>,
    /// How the payload is written, and its reply.
    pub codec: Codec,
    /// Its content.
    pub payload: Vec<u8>,
}

/// A way by which clients come in: the node's own socket, or one token. The clients of one way divide a part of the
/// places of clients' names among themselves. It only tells the ways apart, and is no proof of anything: two may have
/// the same number by chance, and then divide one part.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Share(pub u16);

impl Share {
    /// The unix socket: its clients are the node's own user.
    pub const UNIX: Self = Self(0);
}
