//! [`Ledger`]: what clients were told, and whether all of that can be true.
//!
//! Each client has a key of the store that it sets to 1, 2, 3, …: the value before is in each reply, so each reply says
//! whether all before it happened, once. A client sends a number until it is answered, under one idempotency key, over all
//! lives of the node. The ledger outlives them too: it is the memory that the node's is compared with.
//!
//! Of three clients or more the last one has no keys: what it sends again, unanswered, may have happened the first time.
//!
//! What was told on a branch that was rolled back is there on the next one still, by older code ([`branches`]). What a
//! restored snapshot does not have is not there any more: those who were told it send it again.
//!
//! [`branches`]: super::branches

use super::branches::{At, Branches, Order};
use super::found::{Check, Found};
use serde_json::Value;
use std::collections::BTreeMap;

/// The least clients of whom the last one has no keys.
const KEYLESS_FROM: usize = 3;

/// The answer to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) body: String,
    pub(super) at: At,
    /// It is the recorded one of an earlier send.
    pub(super) is_repeated: bool,
}

/// A value that was read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The lowest value that it may be: what was known before the query was sent.
    pub(super) floor: Floor,
    pub(super) value: u64,
    pub(super) at: At,
}

/// What a later look must not be below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) value: u64,
    pub(super) at: At,
    /// How many snapshots were restored by then: none of it holds behind the next.
    restores: u64,
}

/// One client's part.
#[derive(Clone, Debug, Default)]
struct Book {
    /// The reply to number n is at n − 1.
    acknowledged: Vec<Reply>,
    /// The highest number that was sent.
    sent: u64,
    /// The number that is under way was sent before.
    is_again: bool,
    /// The highest that was read.
    read: u64,
}

/// What all clients of one round were told.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    books: Vec<Book>,
    /// The generation of the messages of each height that was told.
    generations: BTreeMap<u64, u64>,
    /// The highest that anyone was told.
    height: u64,
    generation: u64,
    branches: Branches,
    restores: u64,
    /// Messages that were acknowledged, and that restored snapshots do not have.
    undone: u64,
    /// Reads, and repeats, that were compared.
    verified: u64,
    repeated: u64,
    found: Vec<Found>,
}

/// The client's name, which is also its key in the store.
pub(super) fn name(client: usize) -> String {
    format!("chaos-{client}")
}

/// The idempotency key of a client's number.
pub(super) fn key(client: usize, number: u64) -> String {
    format!("{}/{number}", name(client))
}

impl Ledger {
    pub(super) fn of(clients: usize) -> Self {
        Self {
            books: vec![Book::default(); clients],
            generations: BTreeMap::new(),
            height: 0,
            generation: 0,
            branches: Branches::default(),
            restores: 0,
            undone: 0,
            verified: 0,
            repeated: 0,
            found: Vec::new(),
        }
    }

    /// A client sends this number, for the first time or again.
    pub(super) fn sends(&mut self, client: usize, number: u64) {
        let book = &mut self.books[client];
        book.is_again = number <= book.sent;
        book.sent = book.sent.max(number);
    }

    /// The next number of a client was answered.
    pub(super) fn acknowledges(&mut self, client: usize, reply: Reply) {
        let reply = Reply {
            at: self.sees(reply.at),
            ..reply
        };
        let At {
            height, generation, ..
        } = reply.at;
        let number = self.acknowledged(client) + 1;
        let find = |check, detail: String| of_request(check, client, number, detail);
        match before(&reply.body) {
            Some(before) if before + 1 == number => {}
            // It was handled the first time, and nobody could tell.
            Some(before) if before == number && self.is_sent_anew(client) => {}
            Some(before) => {
                let check = match before >= number {
                    true => Check::AppliedTwice,
                    false => Check::Lost,
                };
                let detail = format!("the reply says that {before} was there before {number}");
                self.found.push(find(check, detail));
            }
            None => {
                let detail = format!("the reply is {}", reply.body);
                self.found.push(find(Check::NotUnderstood, detail));
            }
        }
        if let Some(last) = self.books[client].acknowledged.last()
            && last.at.height >= height
        {
            let detail = format!(
                "answered at height {height}, and the request before at height {}",
                last.at.height
            );
            self.found.push(find(Check::HeightWentBack, detail));
        }
        if let Some(detail) = self.mixes(height, generation) {
            self.found.push(find(Check::GenerationMixed, detail));
        }
        self.generations.insert(height, generation);
        self.grow(height, generation);
        self.books[client].acknowledged.push(reply);
    }

    /// A request that was answered before was answered again.
    pub(super) fn repeats(&mut self, client: usize, number: u64, reply: &Reply) {
        self.repeated += 1;
        let at = self.sees(reply.at);
        let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
        let Some(first) = self.books[client].acknowledged.get(place) else {
            return;
        };
        let again = Reply {
            is_repeated: first.is_repeated,
            at,
            ..reply.clone()
        };
        if again != *first {
            let detail = format!("first {first:?}, then {again:?}");
            let found = of_request(Check::ReplyDiffers, client, number, detail);
            self.found.push(found);
        } else if !reply.is_repeated {
            let detail = format!("it was handled anew at height {}", at.height);
            let found = of_request(Check::AppliedTwice, client, number, detail);
            self.found.push(found);
        }
    }

    /// What a look that begins now must not be below.
    pub(super) fn floor(&self, client: usize) -> Floor {
        Floor {
            value: self.acknowledged(client).max(self.books[client].read),
            at: At {
                branch: self.branches.newest(),
                height: self.height,
                generation: self.generation,
            },
            restores: self.restores,
        }
    }

    /// The value of a client was read.
    pub(super) fn reads(&mut self, client: usize, read: Read) {
        self.verified += 1;
        let Read { floor, value, at } = read;
        let floor = self.holding(floor);
        let height = at.height;
        let find = |check, detail: String| Found {
            client: Some(name(client)),
            ..Found::new(check, detail)
        };
        let sent = self.books[client].sent;
        let mut found = Vec::new();
        if value < floor.value {
            let detail = format!(
                "{value} is read at height {height}; {} was told before, at most at height {}",
                floor.value, floor.at.height
            );
            found.push(find(Check::ReadWentBack, detail));
        }
        if value > sent {
            let detail = format!("{value} is read at height {height}, and {sent} was sent");
            found.push(find(Check::ReadUnsent, detail));
        }
        self.found.extend(found);
        self.looks(floor, at);
        self.books[client].read = self.books[client].read.max(value);
    }

    /// The node was there in a look before which `floor` was known.
    pub(super) fn looks(&mut self, floor: Floor, at: At) {
        if at.branch < floor.at.branch {
            let detail = format!("{at:?}, after branch {} was told", floor.at.branch);
            self.found.push(Found::new(Check::BranchWentBack, detail));
        }
        let At {
            height, generation, ..
        } = self.sees(at);
        let floor = self.holding(floor);
        if height < floor.at.height {
            let detail = format!("height {height}, after height {} was told", floor.at.height);
            self.found.push(Found::new(Check::HeightWentBack, detail));
        }
        if generation < floor.at.generation {
            let detail = format!(
                "generation {generation} at height {height}, after generation {} was told",
                floor.at.generation
            );
            self.found
                .push(Found::new(Check::GenerationWentBack, detail));
        }
        // A look between two blocks may see the generation that the next block is of.
        let later = self.generations.range(height + 1..).next();
        if let Some((later, of)) = later.filter(|(_, of)| **of < generation) {
            let detail =
                format!("generation {generation} at height {height}, and {of} at height {later}");
            self.found.push(Found::new(Check::GenerationMixed, detail));
        }
        self.grow(height, generation);
    }

    /// What a floor is worth by now.
    fn holding(&self, floor: Floor) -> Floor {
        match floor.restores == self.restores {
            true => Floor {
                at: self.branches.now(floor.at),
                ..floor
            },
            false => Floor::default(),
        }
    }

    /// The node was there; gives where that is by now.
    fn sees(&mut self, at: At) -> At {
        if at.branch > self.branches.newest() {
            self.stands_on(at.branch);
        }
        self.branches.now(at)
    }

    /// The node's log is on this branch.
    pub(super) fn stands_on(&mut self, branch: u64) {
        let before = self.branches.newest();
        let found = self.branches.stands_on(branch);
        self.found.extend(found);
        if branch > before {
            self.goes_back(self.branches.base_since(before));
        }
    }

    /// All that was told is of no later generation now.
    fn goes_back(&mut self, base: u64) {
        self.generation = self.generation.min(base);
        for generation in self.generations.values_mut() {
            *generation = base.min(*generation);
        }
        let replies = self.books.iter_mut().flat_map(|it| &mut it.acknowledged);
        replies.for_each(|reply| reply.at = self.branches.now(reply.at));
    }

    /// A roll-back is about to be ordered.
    pub(super) fn orders(&mut self, order: Order) {
        self.branches.orders(order);
    }

    /// The node has said whether it carries it out.
    pub(super) fn is_told(&mut self, is_accepted: bool) {
        self.branches.is_told(is_accepted);
    }

    /// Another life of the node takes messages, on this branch.
    pub(super) fn lives_again(&mut self, branch: u64) {
        self.stands_on(branch);
        let found = self.branches.settle();
        self.found.extend(found);
    }

    /// The branches of the node's chain.
    pub(super) fn branches(&self) -> &Branches {
        &self.branches
    }

    /// The node goes on from a snapshot, which was taken there. Who was told something behind it was told in vain.
    pub(super) fn restored(&mut self, snapshot: At) {
        self.restores += 1;
        self.branches.restored(snapshot);
        self.height = snapshot.height;
        self.generations
            .retain(|height, _| *height <= snapshot.height);
        self.goes_back(snapshot.generation);
        for book in &mut self.books {
            let told = &mut book.acknowledged;
            self.undone += told.len() as u64;
            told.retain(|reply| reply.at.height <= snapshot.height);
            self.undone -= told.len() as u64;
            book.read = told.len() as u64;
        }
    }

    /// Another look found something.
    pub(super) fn finds(&mut self, found: impl IntoIterator<Item = Found>) {
        self.found.extend(found);
    }

    /// What was found by now, once.
    pub(super) fn take_found(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    /// How many numbers of a client were answered.
    pub(super) fn acknowledged(&self, client: usize) -> u64 {
        self.books[client].acknowledged.len() as u64
    }

    pub(super) fn acknowledged_in_all(&self) -> u64 {
        let told = (0..self.books.len()).map(|it| self.acknowledged(it));
        told.sum::<u64>() + self.undone
    }

    pub(super) fn undone(&self) -> u64 {
        self.undone
    }

    pub(super) fn clients(&self) -> usize {
        self.books.len()
    }

    /// Whether a client sends under keys.
    pub(super) fn has_keys(&self, client: usize) -> bool {
        client + 1 < self.clients().max(KEYLESS_FROM)
    }

    /// Whether the number that a client without keys has under way was sent before.
    fn is_sent_anew(&self, client: usize) -> bool {
        !self.has_keys(client) && self.books[client].is_again
    }

    pub(super) fn verified(&self) -> u64 {
        self.verified
    }

    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    fn grow(&mut self, height: u64, generation: u64) {
        self.height = self.height.max(height);
        self.generation = self.generation.max(generation);
    }

    /// Why a message of this height cannot be of this generation.
    fn mixes(&self, height: u64, generation: u64) -> Option<String> {
        let earlier = self.generations.range(..=height).next_back();
        let later = self.generations.range(height..).next();
        let said = |(at, of): (&u64, &u64)| {
            format!("generation {generation} at height {height}, and {of} at height {at}")
        };
        let torn = |(at, of): &(&u64, &u64)| match (*at).cmp(&height) {
            std::cmp::Ordering::Less => **of > generation,
            std::cmp::Ordering::Equal => **of != generation,
            std::cmp::Ordering::Greater => **of < generation,
        };
        earlier.filter(torn).or(later.filter(torn)).map(said)
    }
}

fn of_request(check: Check, client: usize, number: u64, detail: String) -> Found {
    Found {
        check,
        client: Some(name(client)),
        key: Some(key(client, number)),
        detail,
    }
}

/// The number that was there before, as the store's reply says it.
fn before(body: &str) -> Option<u64> {
    let reply: Value = serde_json::from_str(body).ok()?;
    let found = match (reply.get("stored"), reply.get("mismatch")) {
        (Some(stored), _) => stored.get("previous")?,
        (None, Some(mismatch)) => mismatch.get("actual")?,
        (None, None) => return None,
    };
    number_in(found)
}

/// A number as the store has it: a text, or nothing yet.
pub(super) fn number_in(value: &Value) -> Option<u64> {
    match value {
        Value::Null => Some(0),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
