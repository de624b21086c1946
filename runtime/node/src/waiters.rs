//! [`Waiters`]: who, on this node, waits for the answer to which message. What becomes of a message is decided where
//! blocks are executed, the same on every node; here is only to whom it is told.

use crate::intake::{Answerer, Orderer};
use refit_abi::Height;
use refit_kernel::{Asker, Entry, Key, RequestDigest};
use refit_ordering::Token;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Who waits. Each answerer holds a place at the door, so the door bounds it all.
#[derive(Default)]
pub(crate) struct Waiters {
    /// For requests under keys.
    keyed: HashMap<(Key, RequestDigest), Waiting>,
    /// For messages without a key that are in no block yet.
    offered: HashMap<Token, Answerer, BuildHasherDefault<Numbers>>,
    /// For those that are.
    placed: HashMap<Entry, Answerer, BuildHasherDefault<Numbers>>,
    /// For what operators order, in no block yet. The ordering takes few at once, and each is in the next block.
    ordered: HashMap<Token, Orderer>,
    /// For what is in one.
    placed_orders: HashMap<Entry, Orderer>,
    tokens: u64,
}

/// Who waits for one answer: mostly one.
struct Waiting {
    first: Answerer,
    /// Those who sent the same later.
    others: Vec<Answerer>,
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
        // The odd number next to 2^64 over the golden ratio: what follows one another comes to lie apart.
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// What an answerer waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AwaitedAnswer {
    /// The answer to a request under a key.
    Keyed(Key, RequestDigest),
    /// The answer to a message without one.
    Keyless(Token),
}

impl AwaitedAnswer {
    /// What goes to the ordering with the message.
    pub(crate) fn token(self) -> Option<Token> {
        match self {
            AwaitedAnswer::Keyed(..) => None,
            AwaitedAnswer::Keyless(token) => Some(token),
        }
    }
}

impl Waiters {
    /// For a message without a key.
    pub(crate) fn keyless(&mut self) -> AwaitedAnswer {
        AwaitedAnswer::Keyless(self.token())
    }

    /// One that nothing else has.
    pub(crate) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    /// Has whoever ordered something wait for it.
    pub(crate) fn wait_for_order(&mut self, token: Token, orderer: Orderer) {
        self.ordered.insert(token, orderer);
    }

    /// Takes out who waits for what was ordered there.
    pub(crate) fn take_order(&mut self, order: &Entry) -> Option<Orderer> {
        self.placed_orders.remove(order)
    }

    /// Has an answerer wait with those who wait for the same; gives it back if nobody does.
    pub(crate) fn join(&mut self, awaited: AwaitedAnswer, answerer: Answerer) -> Option<Answerer> {
        let AwaitedAnswer::Keyed(key, request) = awaited else {
            return Some(answerer);
        };
        match self.keyed.get_mut(&(key, request)) {
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
            AwaitedAnswer::Keyed(key, request) => {
                let waiting = Waiting {
                    first: answerer,
                    others: Vec::new(),
                };
                // Whoever waits for the same joined it.
                self.keyed.insert((key, request), waiting);
            }
            AwaitedAnswer::Keyless(token) => {
                self.offered.insert(token, answerer);
            }
        }
    }

    /// A block has taken up what was offered with these tokens, one for each of its entries.
    pub(crate) fn placed(&mut self, height: Height, tokens: &[Option<Token>]) {
        for (index, token) in (0..).zip(tokens) {
            let Some(token) = token else {
                continue;
            };
            let entry = Entry { height, index };
            if let Some(answerer) = self.offered.remove(token) {
                self.placed.insert(entry, answerer);
            } else if let Some(orderer) = self.ordered.remove(token) {
                self.placed_orders.insert(entry, orderer);
            }
        }
    }

    /// Takes out who waits for this answer, in the order they came.
    pub(crate) fn take(&mut self, asker: &Asker) -> impl Iterator<Item = Answerer> + use<> {
        let (first, others) = match asker {
            Asker::Keyed { key, request } => match self.keyed.remove(&(*key, *request)) {
                Some(Waiting { first, others }) => (Some(first), others),
                None => (None, Vec::new()),
            },
            Asker::Keyless(entry) => (self.placed.remove(entry), Vec::new()),
        };
        first.into_iter().chain(others)
    }
}
