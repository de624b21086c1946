//! [`Mempool`]: the messages of clients and the orders of operators that are in no block yet.
//!
//! What operators order has a few places of its own, whatever clients send, and goes before it. Many may offer and
//! one block source takes; what was taken in comes out exactly once, in the order it came. It is bounded by count and
//! by bytes, and refuses at once a message without room.

use crate::{Entry, Message, Token};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;

/// Default most messages that wait for a block.
pub const QUEUE_MESSAGES_MAX: usize = 65_536;

/// Default most bytes of payload that wait for a block; no block has more.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;

/// Most orders of operators that wait for a block.
pub const ORDERS_MAX: usize = 64;

/// Most bytes of them.
pub const ORDERS_BYTES_MAX: usize = 2 << 20;

/// How much of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolBounds {
    /// Number of messages.
    pub messages: usize,
    /// Bytes of payload.
    pub bytes: usize,
}

impl PoolBounds {
    /// More than a pool ever has.
    pub const ALL: Self = Self {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
}

impl Default for PoolBounds {
    fn default() -> Self {
        Self {
            messages: QUEUE_MESSAGES_MAX,
            bytes: QUEUE_BYTES_MAX,
        }
    }
}

/// Messages that wait for a block.
pub struct Mempool {
    bounds: PoolBounds,
    is_open: bool,
    waiting: Mutex<Waiting>,
    orders: Mutex<Vec<WaitingOrder>>,
}

/// An order of an operator, and what was offered with it on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingOrder {
    /// The entry.
    pub entry: Entry,
    /// The token by which its sender is found at the end.
    pub token: Token,
}

/// Messages for one block, and what was offered with them on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The messages, in the order they came.
    pub messages: Vec<Message>,
    /// One for each of them; `None` if it came without.
    pub tokens: Vec<Option<Token>>,
}

/// A message that waits for a block.
#[derive(Debug)]
struct Queued {
    message: Message,
    token: Option<Token>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Queued>,
    /// Bytes of payload in the queue.
    bytes: usize,
}

impl Mempool {
    /// An empty one with room for so much.
    pub fn new(bounds: PoolBounds) -> Self {
        Self {
            bounds,
            is_open: true,
            waiting: Mutex::default(),
            orders: Mutex::default(),
        }
    }

    /// One that takes nothing: its node plays blocks that others made.
    pub fn closed() -> Self {
        Self {
            is_open: false,
            ..Self::new(PoolBounds::default())
        }
    }

    /// Takes a message in, to be part of a later block. The token comes back beside that block.
    ///
    /// # Errors
    /// [`NotTaken`]; the message is not taken.
    pub fn offer(&self, message: Message, token: Option<Token>) -> Result<(), NotTaken> {
        if !self.is_open {
            return Err(NotTaken::Closed);
        }
        let mut waiting = self.waiting.lock();
        let bytes = waiting.bytes.saturating_add(message.ingress.payload.len());
        if waiting.queue.len() >= self.bounds.messages || bytes > self.bounds.bytes {
            return Err(NotTaken::Full {
                messages: waiting.queue.len(),
                bytes: waiting.bytes,
            });
        }
        waiting.bytes = bytes;
        waiting.queue.push_back(Queued { message, token });
        Ok(())
    }

    /// Takes an order in, to be part of the next block. The token comes back beside that block.
    ///
    /// # Errors
    /// [`NotTaken`]; the order is not taken.
    pub fn order(&self, entry: Entry, token: Token) -> Result<(), NotTaken> {
        if !self.is_open {
            return Err(NotTaken::Closed);
        }
        let mut orders = self.orders.lock();
        // Counted anew each time: there are a few at most.
        let bytes = orders.iter().map(|order| order.entry.payload_bytes());
        let bytes = bytes.sum::<usize>() + entry.payload_bytes();
        if orders.len() >= ORDERS_MAX || bytes > ORDERS_BYTES_MAX {
            return Err(NotTaken::Orders {
                orders: orders.len(),
            });
        }
        orders.push(WaitingOrder { entry, token });
        Ok(())
    }

    /// Returns all orders that wait, in the order they came.
    pub fn take_orders(&self) -> Vec<WaitingOrder> {
        std::mem::take(&mut *self.orders.lock())
    }

    /// Whether orders wait.
    pub fn has_orders(&self) -> bool {
        !self.orders.lock().is_empty()
    }

    /// Gives what waits longest, as far as it is within `most`; the first one in any case, if one may be given.
    pub fn take(&self, most: PoolBounds) -> Taken {
        let mut waiting = self.waiting.lock();
        let (mut taken, mut bytes) = (Taken::default(), 0_usize);
        while taken.messages.len() < most.messages {
            let Some(next) = waiting.queue.front() else {
                break;
            };
            bytes = bytes.saturating_add(next.message.ingress.payload.len());
            // One that is larger than the bound alone is given all the same: else it would block all behind it for
            // ever.
            if bytes > most.bytes && !taken.messages.is_empty() {
                break;
            }
            let Some(Queued { message, token }) = waiting.queue.pop_front() else {
                break;
            };
            waiting.bytes -= message.ingress.payload.len();
            taken.messages.push(message);
            taken.tokens.push(token);
        }
        taken
    }

    /// How many messages wait.
    pub fn pending(&self) -> usize {
        self.waiting.lock().queue.len()
    }
}

impl fmt::Debug for Mempool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting.lock();
        f.debug_struct("Mempool")
            .field("messages", &waiting.queue.len())
            .field("bytes", &waiting.bytes)
            .finish_non_exhaustive()
    }
}

/// Why a message was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// There is no room for another message now.
    #[error(
        "the ingress queue is full ({messages} messages, {bytes} bytes); send again after a short wait"
    )]
    Full {
        /// Messages that wait.
        messages: usize,
        /// Bytes of payload that wait.
        bytes: usize,
    },
    /// There is no room for another order now.
    #[error(
        "{orders} orders of operators wait for a block, at most {ORDERS_MAX} do; give it again after a short wait"
    )]
    Orders {
        /// Orders that wait.
        orders: usize,
    },
    /// Messages never come into blocks here.
    #[error("this node plays blocks that others made; send to the node that makes them")]
    Closed,
}
