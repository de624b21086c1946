//! Exactly once: what the recorded replies promise, against a naive model that keeps everything.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use proptest::prelude::*;
use refit_abi::{ClientId, Height};
use refit_store::{
    Lookup, REPLY_BYTES_MAX, REPLY_OVERHEAD_BYTES, RecordError, Replies, RepliesLimits,
};

fn client(number: u8) -> ClientId {
    ClientId::from_bytes([number; 16])
}

fn limits(clients: usize, replies_per_client: usize, bytes: usize) -> RepliesLimits {
    RepliesLimits {
        clients,
        replies_per_client,
        bytes,
    }
}

#[test]
fn a_repeat_gets_the_reply_that_was_recorded_first() {
    let mut replies = Replies::default();
    assert_eq!(replies.lookup(client(1), 7), Lookup::Unknown);
    replies.record(client(1), 7, Height(3), b"seven").unwrap();
    let known = Lookup::Known {
        height: Height(3),
        reply: b"seven".as_slice().into(),
    };
    assert_eq!(replies.lookup(client(1), 7), known);
    let repeated = RecordError::Repeated {
        client: client(1),
        sequence: 7,
    };
    assert_eq!(
        replies.record(client(1), 7, Height(4), b"other"),
        Err(repeated)
    );
    assert_eq!(replies.lookup(client(1), 7), known);
    assert_eq!(replies.lookup(client(2), 7), Lookup::Unknown);
}

#[test]
fn the_largest_number_can_be_forgotten_too() {
    let mut replies = Replies::new(limits(1, 1, 0));
    replies
        .record(client(1), u64::MAX, Height(1), b"last")
        .unwrap();
    assert_eq!(replies.lookup(client(1), u64::MAX), Lookup::Forgotten);
    assert_eq!(replies.bytes(), 0);
}

#[test]
fn a_reply_too_large_to_keep_is_never_executed_again() {
    let mut replies = Replies::default();
    let reply = vec![0; REPLY_BYTES_MAX + 1];
    replies.record(client(1), 5, Height(1), &reply).unwrap();
    assert_eq!(replies.lookup(client(1), 5), Lookup::Forgotten);
    assert_eq!(replies.lookup(client(1), 4), Lookup::Unknown);
    assert!(replies.record(client(1), 5, Height(2), b"").is_err());
    assert_eq!(replies.bytes(), REPLY_OVERHEAD_BYTES);
}

#[test]
fn the_client_silent_longest_goes_first_and_ties_go_by_id() {
    let mut replies = Replies::new(limits(2, 4, usize::MAX));
    replies.record(client(9), 0, Height(1), b"").unwrap();
    replies.record(client(5), 0, Height(1), b"").unwrap();
    replies.record(client(1), 0, Height(1), b"").unwrap();
    assert_eq!(replies.lookup(client(5), 0), Lookup::Unknown);
    assert_ne!(replies.lookup(client(9), 0), Lookup::Unknown);
    replies.record(client(1), 1, Height(2), b"").unwrap();
    replies.record(client(7), 0, Height(3), b"").unwrap();
    assert_eq!(replies.lookup(client(9), 0), Lookup::Unknown);
    assert_eq!((replies.clients(), replies.evicted_clients()), (2, 2));
}

/// The same rules with no index: a list of everything, searched from end to end.
struct Model {
    limits: RepliesLimits,
    clients: Vec<ModelClient>,
}

struct ModelClient {
    id: ClientId,
    last: Height,
    forgotten_through: Option<u64>,
    replies: Vec<(u64, Height, Vec<u8>)>,
}

impl Model {
    fn find(&mut self, id: ClientId) -> Option<&mut ModelClient> {
        self.clients.iter_mut().find(|client| client.id == id)
    }

    fn lookup(&mut self, id: ClientId, sequence: u64) -> Lookup {
        let Some(client) = self.find(id) else {
            return Lookup::Unknown;
        };
        if client
            .forgotten_through
            .is_some_and(|through| sequence <= through)
        {
            return Lookup::Forgotten;
        }
        match client.replies.iter().find(|reply| reply.0 == sequence) {
            None => Lookup::Unknown,
            Some((_, height, reply)) => Lookup::Known {
                height: *height,
                reply: reply.as_slice().into(),
            },
        }
    }

    fn record(&mut self, id: ClientId, sequence: u64, height: Height, reply: &[u8]) {
        let per_client = self.limits.replies_per_client;
        if self.find(id).is_none() {
            if self.clients.len() == self.limits.clients {
                self.clients.sort_by_key(|client| (client.last, client.id));
                self.clients.remove(0);
            }
            let replies = Vec::new();
            self.clients.push(ModelClient {
                id,
                last: height,
                forgotten_through: None,
                replies,
            });
        }
        let client = self.find(id).unwrap();
        client.last = height;
        client.replies.push((sequence, height, reply.to_vec()));
        if client.replies.len() > per_client {
            client.forget_lowest();
        }
        while self.bytes() > self.limits.bytes {
            let holders = self
                .clients
                .iter_mut()
                .filter(|client| !client.replies.is_empty());
            holders
                .min_by_key(|client| (client.last, client.id))
                .unwrap()
                .forget_lowest();
        }
    }

    fn bytes(&self) -> usize {
        let replies = self.clients.iter().flat_map(|client| &client.replies);
        replies
            .map(|reply| reply.2.len() + REPLY_OVERHEAD_BYTES)
            .sum()
    }
}

impl ModelClient {
    fn forget_lowest(&mut self) {
        self.replies.sort();
        self.forgotten_through = Some(self.replies.remove(0).0);
    }
}

/// (client, sequence, blocks since the message before, bytes of the reply)
fn messages() -> impl Strategy<Value = Vec<(u8, u64, u64, usize)>> {
    proptest::collection::vec((0_u8..6, 0_u64..12, 0_u64..2, 0_usize..40), 0..200)
}

fn any_limits() -> impl Strategy<Value = RepliesLimits> {
    (1_usize..6, 1_usize..6, 0_usize..1500)
        .prop_map(|(clients, replies, bytes)| limits(clients, replies, bytes))
}

proptest! {
    #[test]
    fn whatever_is_recorded_the_answers_are_those_of_the_naive_model(
        limits in any_limits(),
        messages in messages(),
    ) {
        let mut replies = Replies::new(limits);
        let mut model = Model { limits, clients: Vec::new() };
        let mut height = Height(1);
        for (number, sequence, blocks, length) in messages {
            let (id, reply) = (client(number), vec![number; length]);
            height.0 += blocks;
            let before = replies.lookup(id, sequence);
            let recorded = replies.record(id, sequence, height, &reply);
            prop_assert_eq!(recorded.is_ok(), before == Lookup::Unknown);
            if recorded.is_ok() {
                model.record(id, sequence, height, &reply);
            }
            for number in 0..6 {
                for sequence in 0..12 {
                    let (id, wanted) = (client(number), model.lookup(client(number), sequence));
                    prop_assert_eq!(replies.lookup(id, sequence), wanted);
                }
            }
            prop_assert_eq!(replies.bytes(), model.bytes());
            prop_assert_eq!(replies.clients(), model.clients.len());
            prop_assert!(replies.bytes() <= limits.bytes && replies.clients() <= limits.clients);
        }
    }

    #[test]
    fn while_every_client_has_room_nothing_executed_is_ever_unknown_again(
        (replies_per_client, bytes) in (1_usize..6, 0_usize..1500),
        messages in messages(),
    ) {
        let mut replies = Replies::new(limits(6, replies_per_client, bytes));
        let mut executed = Vec::new();
        for (height, (number, sequence, _, length)) in messages.into_iter().enumerate() {
            if replies.lookup(client(number), sequence) == Lookup::Unknown {
                prop_assert!(!executed.contains(&(number, sequence)), "executed twice");
                executed.push((number, sequence));
                let height = Height(height as u64);
                replies.record(client(number), sequence, height, &vec![0; length]).unwrap();
            }
        }
        prop_assert_eq!(replies.evicted_clients(), 0);
    }
}
