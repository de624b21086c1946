//! The differences that a receipt shows, and those that it ignores.

use super::*;
use crate::RequestDigest;
use crate::keys::{Entry, Key};
use refit_abi::raw::Codec;
use refit_abi::{ClientId, Generation};

fn engine(name: &str) -> EngineId {
    EngineId::root(name).unwrap()
}

fn replied(name: &str, index: u64, outcome: Result<Vec<u8>, ReplyError>) -> Replied {
    let height = Height(7);
    Replied {
        asker: Asker::Keyless(Entry { height, index }),
        engine: engine(name),
        height,
        generation: Generation(2),
        repeated: false,
        outcome,
    }
}

fn emitted(name: &str, payload: u8) -> Emitted {
    Emitted {
        engine: engine(name),
        topic: "told".to_owned(),
        payload: vec![payload],
    }
}

fn of(replies: &[Replied], events: &[Emitted]) -> Receipt {
    Receipt::of(Height(7), replies, events)
}

/// The receipt of one reply.
fn of_one(outcome: Result<Vec<u8>, ReplyError>) -> Receipt {
    of(&[replied("kv", 0, outcome)], &[])
}

fn two() -> Vec<Replied> {
    vec![
        replied("kv", 0, Ok(b"1".to_vec())),
        replied("bank", 1, Ok(b"2".to_vec())),
    ]
}

#[test]
fn it_does_not_look_at_the_order_between_engines_and_does_at_that_of_each() {
    let events = [emitted("kv", 1), emitted("bank", 2), emitted("kv", 3)];
    let mut replies = two();
    let base = of(&replies, &events);
    replies.reverse();
    let other = [emitted("bank", 2), emitted("kv", 1), emitted("kv", 3)];
    assert_eq!(of(&replies, &other), base);
    let swapped = [emitted("kv", 3), emitted("bank", 2), emitted("kv", 1)];
    let difference = base.difference(&of(&replies, &swapped));
    let engine = engine("kv");
    assert_eq!(difference, Some(ReceiptDifference::Engine { engine }));
}

#[test]
fn two_receipts_that_differ_name_the_engine() {
    let base = of(&two(), &[]);
    assert_eq!(base.difference(&base), None);
    let mut other = two();
    other[1].outcome = Ok(b"3".to_vec());
    let named = |name| {
        Some(ReceiptDifference::Engine {
            engine: engine(name),
        })
    };
    let other = of(&other, &[]);
    assert_eq!(base.difference(&other), named("bank"));
    assert_ne!(base.root, other.root);
    assert_eq!(base.difference(&of(&two()[..1], &[])), named("bank"));
    assert_eq!(of(&two()[..1], &[]).difference(&base), named("bank"));
    let more = of(&two(), &[emitted("zoo", 1)]);
    assert_eq!(base.difference(&more), named("zoo"));
    let later = Receipt::of(Height(8), &two(), &[]);
    let (one, other) = (Height(7), Height(8));
    let heights = ReceiptDifference::Height { one, other };
    assert_eq!(base.difference(&later), Some(heights));
    assert_ne!(base.root, later.root);
}

#[test]
fn whatever_a_client_is_told_is_in_it() {
    let engine = engine("kv");
    let fault = || Fault::new("no", "not today");
    let reasons = [Undelivered::Full, Undelivered::Poisoned];
    let mut outcomes = vec![
        Ok(Vec::new()),
        Ok(b"1".to_vec()),
        Err(ReplyError::Fault(fault())),
        Err(ReplyError::Fault(Fault::new("no", "never"))),
        Err(ReplyError::ChangedAtFault(fault())),
        Err(ReplyError::Rejected {
            engine,
            reason: String::new(),
        }),
        Err(ReplyError::Panicked {
            engine,
            text: String::new(),
        }),
        Err(ReplyError::RolledBack {
            engine,
            text: String::new(),
        }),
        Err(ReplyError::TooLarge {
            engine,
            bytes: 9,
            bytes_max: 8,
        }),
        Err(ReplyError::Key(KeyRefusal::Used)),
        Err(ReplyError::Key(KeyRefusal::Waiting)),
    ];
    outcomes.extend(reasons.map(|reason| Err(ReplyError::Undelivered { engine, reason })));
    let mut roots: Vec<ReceiptRoot> = outcomes
        .iter()
        .map(|one| of_one(one.clone()).root)
        .collect();
    let base = replied("kv", 0, Ok(Vec::new()));
    let key = Key {
        client: ClientId::of("ada"),
        sequence: 0,
    };
    let request = RequestDigest::of(engine, Codec::Json, b"");
    let others = [
        Replied {
            asker: Asker::Keyed { key, request },
            ..base.clone()
        },
        Replied {
            height: Height(6),
            ..base.clone()
        },
        Replied {
            generation: Generation(1),
            ..base.clone()
        },
        Replied {
            repeated: true,
            ..base.clone()
        },
        replied("kv", 1, Ok(Vec::new())),
    ];
    roots.extend(others.map(|other| of(&[other], &[]).root));
    roots.extend([of(&[], &[]).root, of(&[], &[emitted("kv", 0)]).root]);
    let count = roots.len();
    roots.sort();
    roots.dedup();
    assert_eq!(roots.len(), count);
}

#[test]
fn what_a_panic_or_a_decoder_says_is_not_in_it() {
    let engine = engine("kv");
    let panicked = |text: &str| ReplyError::Panicked {
        engine,
        text: text.to_owned(),
    };
    let rolled_back = |text: &str| ReplyError::RolledBack {
        engine,
        text: text.to_owned(),
    };
    let rejected = |reason: &str| ReplyError::Rejected {
        engine,
        reason: reason.to_owned(),
    };
    assert_eq!(of_one(Err(panicked("a"))), of_one(Err(panicked("b"))));
    assert_eq!(of_one(Err(rolled_back("a"))), of_one(Err(rolled_back("b"))));
    assert_eq!(of_one(Err(rejected("a"))), of_one(Err(rejected("b"))));
}

#[test]
fn the_root_of_a_known_receipt_never_changes() {
    let root = of(&two(), &[emitted("kv", 1)]).root.to_string();
    assert_eq!(
        root,
        "a3d35b3d076b20d74e25fe5c44683414bb7eb38021edbc74533e7b7e1beef8d1"
    );
}

/// However much an engine brings about, its leaf is the hash over its id and each item behind its length.
#[test]
fn a_leaf_is_the_hash_of_its_items_one_after_the_other() {
    let lengths = [0, 1, 127, 128, 70_000, 5, 300_000, 9];
    let replies: Vec<_> = (0..2_000)
        .map(|index| {
            let length = lengths.get(index as usize).copied().unwrap_or(33);
            replied("kv", index, Ok(vec![index as u8; length]))
        })
        .collect();
    let mut hasher = blake3::Hasher::new_derive_key(LEAF_CONTEXT);
    hasher.update(&engine("kv").to_bytes());
    for reply in &replies {
        // The same as lists of single bytes: a reply, without a key, to an entry, with a body.
        let Ok(body) = &reply.outcome else {
            unreachable!("all were handled")
        };
        let Asker::Keyless(entry) = reply.asker else {
            unreachable!("none has a key")
        };
        let facts = (entry.height, entry.index, reply.height, reply.generation);
        let item = (0_u8, (1_u8, facts.0, facts.1), facts.2, facts.3, false);
        let item = postcard::to_allocvec(&(item, 0_u8, body)).unwrap();
        hasher.update(&(item.len() as u64).to_le_bytes());
        hasher.update(&item);
    }
    let leaf = of(&replies, &[]).engines[0].leaf;
    assert_eq!(leaf, LeafHash(*hasher.finalize().as_bytes()));
}

/// The form of what is hashed, as serde and postcard write it.
mod form {
    use super::*;

    #[derive(Serialize)]
    struct Reply<'a> {
        asker: ReplyTo,
        height: Height,
        generation: Generation,
        repeated: bool,
        outcome: Outcome<'a>,
    }

    #[derive(Serialize)]
    enum ReplyTo {
        Keyed {
            client: ClientId,
            sequence: u64,
            request: crate::RequestDigest,
        },
        Keyless {
            height: Height,
            index: u64,
        },
    }

    #[derive(Serialize)]
    enum Item<'a> {
        Reply(Reply<'a>),
        Event(Event<'a>),
    }

    fn asker(asker: Asker) -> ReplyTo {
        match asker {
            Asker::Keyed { key, request } => ReplyTo::Keyed {
                client: key.client,
                sequence: key.sequence,
                request,
            },
            Asker::Keyless(entry) => ReplyTo::Keyless {
                height: entry.height,
                index: entry.index,
            },
        }
    }

    pub(super) fn bytes(of: Of<'_>) -> Vec<u8> {
        let item = match of {
            Of::Reply(replied) => Item::Reply(Reply {
                asker: asker(replied.asker),
                height: replied.height,
                generation: replied.generation,
                repeated: replied.repeated,
                outcome: Outcome::of(&replied.outcome),
            }),
            Of::Event(event) => Item::Event(Event {
                topic: &event.topic,
                payload: Bytes(&event.payload),
            }),
        };
        postcard::to_allocvec(&item).unwrap()
    }
}

#[test]
fn what_is_hashed_has_the_form_of_its_types() {
    let client = ClientId::of("ada");
    let engine = engine("kv");
    let reason = Undelivered::Full;
    let outcomes = [
        Ok(Vec::new()),
        Ok(vec![200; 300]),
        Err(ReplyError::Fault(Fault::new("no", "not today"))),
        Err(ReplyError::Undelivered { engine, reason }),
    ];
    for number in [0, 1, 127, 128, 16_383, 16_384, u64::MAX - 1, u64::MAX] {
        for outcome in &outcomes {
            let request = RequestDigest::of(engine, Codec::Json, &number.to_le_bytes());
            let key = Key {
                client,
                sequence: number,
            };
            let keyless = Replied {
                height: Height(number),
                generation: Generation(number),
                ..replied("kv", number, outcome.clone())
            };
            let keyed = Replied {
                asker: Asker::Keyed { key, request },
                repeated: true,
                ..keyless.clone()
            };
            for replied in [keyless, keyed] {
                let of = Of::Reply(&replied);
                assert_eq!(of.write(Vec::new()), Ok(form::bytes(of)));
            }
        }
    }
    let event = emitted("kv", 7);
    let of = Of::Event(&event);
    assert_eq!(of.write(Vec::new()), Ok(form::bytes(of)));
}
