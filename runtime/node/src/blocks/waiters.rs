//! [`Waiters`]: which client of this node waits for the answer to which message. The outcome of a message is decided
//! in execution, the same on every node; this module only delivers it.

use crate::blocks::intake::{Answerer, Orderer};
use refit_abi::Height;
use refit_kernel::{Asker, Entry, Key, RequestDigest};
use refit_ordering::Token;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// The waiting answerers. Each holds a place at the door, so the door bounds their number.
#[derive(Default)]
pub(crate) struct Waiters {
    /// For requests under keys.
    keyed: HashMap<Asked, Waiting, Secret>,
    /// Messages that are in no block yet.
    offered: HashMap<Token, Offered, BuildHasherDefault<Numbers>>,
    /// For messages without a key that are in one.
    placed: HashMap<Entry, Answerer, BuildHasherDefault<Numbers>>,
    /// For what operators order, in no block yet. The ordering takes few at once, and each is in the next block.
    ordered: HashMap<Token, Orderer>,
    /// For what is in one.
    placed_orders: HashMap<Entry, Orderer>,
    tokens: u64,
}

/// A request under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) request: RequestDigest,
}

/// The answerers that wait for one answer: mostly one.
struct Waiting {
    first: Answerer,
    /// Those who sent the same later.
    others: Vec<Answerer>,
}

/// A message that was offered to the ordering.
enum Offered {
    /// It has no key.
    Keyless(Answerer),
    /// With the digest of the request under its key: the executor need not compute it again.
    Keyed(Asked),
}

/// Hashes ids that clients choose: by a multiplication for each 8 bytes, from a secret start, so that no client can
/// choose ids that collide.
struct Secret(u64);

impl Default for Secret {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }
}

impl BuildHasher for Secret {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded {
            secret: self.0,
            hash: self.0,
        }
    }
}

/// Folds the high half of each product onto the low one.
struct Folded {
    secret: u64,
    hash: u64,
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.hash
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(size_of::<u64>()) {
            let mut number = [0; size_of::<u64>()];
            number[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(number));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let (one, other) = (self.hash ^ number, self.secret.rotate_left(32) | 1);
        let product = u128::from(one) * u128::from(other);
        self.hash = product as u64 ^ (product >> 64) as u64;
    }
}

/// Hashes numbers that the node itself has counted, by a multiplication for each: nobody outside chooses them.
#[derive(Default)]
struct Numbers(u64);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        // The odd number next to 2^64 over the golden ratio: it spreads consecutive numbers apart.
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// What an answerer waits for: a message, a keyed request or an order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AwaitedAnswer {
    /// The answer to a request under a key.
    Keyed(Asked, Token),
    /// The answer to a message without one.
    Keyless(Token),
}

impl AwaitedAnswer {
    /// The token that goes to the ordering with the message.
    pub(crate) fn token(self) -> Token {
        match self {
            AwaitedAnswer::Keyed(_, token) | AwaitedAnswer::Keyless(token) => token,
        }
    }
}

impl Waiters {
    /// Drops those whose messages are in no block.
    pub(crate) fn drop_unplaced(&mut self) {
        for offered in std::mem::take(&mut self.offered).into_values() {
            if let Offered::Keyed(asked) = offered {
                self.keyed.remove(&asked);
            }
        }
        self.ordered.clear();
    }

    /// For a message without a key.
    pub(crate) fn keyless(&mut self) -> AwaitedAnswer {
        AwaitedAnswer::Keyless(self.token())
    }

    /// For a request under a key.
    pub(crate) fn keyed(&mut self, asked: Asked) -> AwaitedAnswer {
        AwaitedAnswer::Keyed(asked, self.token())
    }

    /// One that nothing else has.
    pub(crate) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    /// Notes that an operator waits for this order.
    pub(crate) fn wait_for_order(&mut self, token: Token, orderer: Orderer) {
        self.ordered.insert(token, orderer);
    }

    /// Takes out who waits for what was ordered there.
    pub(crate) fn take_order(&mut self, order: &Entry) -> Option<Orderer> {
        self.placed_orders.remove(order)
    }

    /// Has an answerer wait with those who wait for the same; gives it back if nobody does.
    pub(crate) fn join(&mut self, awaited: AwaitedAnswer, answerer: Answerer) -> Option<Answerer> {
        let AwaitedAnswer::Keyed(asked, _) = awaited else {
            return Some(answerer);
        };
        match self.keyed.get_mut(&asked) {
            // It is not offered again: the block would only answer it as a repeat, and it would take a place there.
            Some(waiting) => {
                waiting.others.push(answerer);
                None
            }
            None => Some(answerer),
        }
    }

    /// Has an answerer wait whose message the ordering has taken.
    pub(crate) fn wait(&mut self, awaited: AwaitedAnswer, answerer: Answerer) {
        match awaited {
            AwaitedAnswer::Keyed(asked, token) => {
                // Not the answerer: an answer under a key is found by the key, in whatever block it is given.
                self.offered.insert(token, Offered::Keyed(asked));
                let waiting = Waiting {
                    first: answerer,
                    others: Vec::new(),
                };
                // Later senders of the same request joined it.
                self.keyed.insert(asked, waiting);
            }
            AwaitedAnswer::Keyless(token) => {
                self.offered.insert(token, Offered::Keyless(answerer));
            }
        }
    }

    /// A block has taken up what was offered with these tokens, one for each of its entries. Gives what is asked under
    /// keys, by place.
    pub(crate) fn placed(
        &mut self,
        height: Height,
        tokens: &[Option<Token>],
    ) -> Vec<Option<RequestDigest>> {
        let place = |(index, token): (u64, &Option<Token>)| {
            let (token, entry) = ((*token)?, Entry { height, index });
            match self.offered.remove(&token) {
                Some(Offered::Keyed(asked)) => return Some(asked.request),
                Some(Offered::Keyless(answerer)) => {
                    self.placed.insert(entry, answerer);
                }
                None => {
                    // Nobody waits for an entry that came from elsewhere, or that announces a plan.
                    let orderer = self.ordered.remove(&token)?;
                    self.placed_orders.insert(entry, orderer);
                }
            }
            None
        };
        (0..).zip(tokens).map(place).collect()
    }

    /// Takes out who waits for this answer, in the order they came.
    pub(crate) fn take(&mut self, asker: &Asker) -> impl Iterator<Item = Answerer> + use<> {
        let (first, others) = match asker {
            Asker::Keyed { key, request } => {
                let (key, request) = (*key, *request);
                match self.keyed.remove(&Asked { key, request }) {
                    Some(Waiting { first, others }) => (Some(first), others),
                    None => (None, Vec::new()),
                }
            }
            Asker::Keyless(entry) => (self.placed.remove(entry), Vec::new()),
        };
        first.into_iter().chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::intake::Way;
    use refit_abi::raw::Codec;
    use refit_abi::{ClientId, EngineId};
    use tokio::sync::oneshot;

    fn asked(sequence: u64) -> Asked {
        Asked {
            key: Key {
                client: ClientId::of("ada"),
                sequence,
            },
            request: RequestDigest::of(EngineId::root("kv").unwrap(), Codec::Json, b"{}"),
        }
    }

    #[test]
    fn at_a_halt_only_those_are_dropped_whose_messages_are_in_no_block() {
        let mut waiters = Waiters::default();
        let mut told = Vec::new();
        let mut wait = |waiters: &mut Waiters, awaited: AwaitedAnswer| {
            let (answer, hears) = oneshot::channel();
            let answerer = Answerer {
                answer: Way::One(answer),
                _place: None,
            };
            waiters.wait(awaited, answerer);
            told.push(hears);
            Some(awaited.token())
        };
        let awaited = waiters.keyless();
        let keyless = wait(&mut waiters, awaited);
        let awaited = waiters.keyed(asked(1));
        let keyed = wait(&mut waiters, awaited);
        waiters.placed(Height(4), &[keyless, keyed]);
        let awaited = waiters.keyless();
        wait(&mut waiters, awaited);
        let awaited = waiters.keyed(asked(2));
        wait(&mut waiters, awaited);
        waiters.drop_unplaced();
        let closed = told
            .iter_mut()
            .map(|hears| matches!(hears.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert_eq!(closed.collect::<Vec<_>>(), [false, false, true, true]);
        let entry = Entry {
            height: Height(4),
            index: 0,
        };
        assert_eq!(waiters.take(&Asker::Keyless(entry)).count(), 1);
        let Asked { key, request } = asked(1);
        assert_eq!(waiters.take(&Asker::Keyed { key, request }).count(), 1);
    }
}
