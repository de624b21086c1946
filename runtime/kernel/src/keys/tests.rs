//! The promises of the table of keys, case by case; against a naive model in [`model`].

mod model;

use super::*;
use crate::limits::{
    CLIENTS_MAX, KEY_OVERHEAD_BYTES, REPLIES_BYTES_MAX, REPLIES_BYTES_PER_CLIENT_MAX,
    REPLY_KEPT_BYTES_MAX,
};
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Fault, Undelivered};

type Outcome = Result<Vec<u8>, ReplyError>;

/// Blocks for which a name is kept in these tests.
const KEPT: u64 = 5;

fn limits(names: usize) -> KeyBounds {
    KeyBounds {
        names,
        name_blocks: KEPT,
        ..KeyBounds::default()
    }
}

/// By which way all come who are not said to come by another.
const OURS: Share = Share(0);

/// The other way.
const THEIRS: Share = Share(7);

fn key(client: u8, sequence: u64) -> Key {
    let client = ClientId::from_bytes([client; 16]);
    Key { client, sequence }
}

fn request(number: u8) -> RequestDigest {
    RequestDigest::of(EngineId::root("kv").unwrap(), Codec::Json, &[number])
}

fn at(height: u64) -> At {
    At {
        height: Height(height),
        generation: Generation(1),
    }
}

fn refused(reason: Undelivered) -> Outcome {
    let engine = EngineId::root("kv").unwrap();
    Err(ReplyError::Undelivered { engine, reason })
}

/// An outcome without the text of its panic, which is no part of the state.
fn untold(mut outcome: Outcome) -> Outcome {
    if let Err(ReplyError::Panicked { text, .. } | ReplyError::RolledBack { text, .. }) =
        &mut outcome
    {
        text.clear();
    }
    outcome
}

/// Sends a request and has it answered, in one block.
fn handled(keys: &mut Keys, key: Key, outcome: &Outcome, height: u64) -> Admitted {
    let admitted = keys.admit(key, OURS, request(0), Height(height));
    if admitted == Admitted::Deliver {
        keys.settle(key, outcome, at(height)).unwrap();
    }
    admitted
}

#[test]
fn a_key_is_taken_while_its_message_waits_and_then_answered() {
    let (mut keys, key) = (Keys::default(), key(1, 7));
    assert_eq!(
        keys.admit(key, OURS, request(1), Height(3)),
        Admitted::Deliver
    );
    assert_eq!(
        keys.admit(key, OURS, request(1), Height(4)),
        Admitted::Waits
    );
    let reply = Ok(b"seven".to_vec());
    assert_eq!(keys.settle(key, &reply, at(5)), Some(request(1)));
    let again = Admitted::Again(at(5), reply);
    assert_eq!(keys.admit(key, OURS, request(1), Height(9)), again);
}

#[test]
fn what_an_engine_has_handled_is_answered_and_all_else_frees_the_key() {
    let engine = EngineId::root("kv").unwrap();
    let text = || "oops".to_owned();
    let done = [
        Ok(Vec::new()),
        Err(ReplyError::Fault(Fault::new("no", "no"))),
        Err(ReplyError::ChangedAtFault(Fault::new("no", "no"))),
        Err(ReplyError::Panicked {
            engine,
            text: text(),
        }),
        Err(ReplyError::RolledBack {
            engine,
            text: text(),
        }),
        Err(ReplyError::TooLarge {
            engine,
            bytes: 1,
            bytes_max: 0,
        }),
    ];
    let reason = text();
    let mut free = vec![Err(ReplyError::Rejected { engine, reason })];
    free.extend(
        [
            Undelivered::Unknown,
            Undelivered::Stopped,
            Undelivered::Poisoned,
            Undelivered::Full,
            Undelivered::Rejected,
        ]
        .map(refused),
    );
    for outcome in done {
        let mut keys = Keys::default();
        handled(&mut keys, key(1, 1), &outcome, 1);
        let again = Admitted::Again(at(1), untold(outcome));
        assert_eq!(keys.admit(key(1, 1), OURS, request(0), Height(2)), again);
    }
    for outcome in free {
        let mut keys = Keys::default();
        handled(&mut keys, key(1, 1), &outcome, 1);
        // As if nothing had come: not even the name is kept, and the key may stand for another request.
        assert_eq!(keys.images().next(), None, "{outcome:?}");
        let admitted = keys.admit(key(1, 1), OURS, request(1), Height(2));
        assert_eq!(admitted, Admitted::Deliver, "{outcome:?}");
    }
}

#[test]
fn another_request_under_a_key_that_is_not_free_is_refused_and_changes_nothing() {
    let (mut keys, key) = (Keys::default(), key(1, 1));
    let used = Admitted::Refused(KeyRefusal::Used);
    assert_eq!(
        keys.admit(key, OURS, request(1), Height(1)),
        Admitted::Deliver
    );
    assert_eq!(keys.admit(key, OURS, request(2), Height(1)), used);
    keys.settle(key, &Ok(b"one".to_vec()), at(1)).unwrap();
    assert_eq!(keys.admit(key, OURS, request(2), Height(1)), used);
    let again = Admitted::Again(at(1), Ok(b"one".to_vec()));
    assert_eq!(keys.admit(key, OURS, request(1), Height(1)), again);
}

#[test]
fn a_request_is_its_engine_its_codec_and_its_payload() {
    let (kv, index) = (
        EngineId::root("kv").unwrap(),
        EngineId::root("index").unwrap(),
    );
    let base = RequestDigest::of(kv, Codec::Json, b"1");
    assert_eq!(base, RequestDigest::of(kv, Codec::Json, b"1"));
    for other in [
        RequestDigest::of(index, Codec::Json, b"1"),
        RequestDigest::of(kv, Codec::Postcard, b"1"),
        RequestDigest::of(kv, Codec::Json, b"2"),
    ] {
        assert_ne!(other, base);
    }
}

#[test]
fn new_names_displace_nobody_until_the_oldest_was_silent_long_enough() {
    let mut keys = Keys::new(limits(4));
    let reply = Ok(b"first".to_vec());
    handled(&mut keys, key(1, 1), &reply, 1);
    handled(&mut keys, key(2, 1), &reply, 3);
    let until = Height(1 + KEPT + 1);
    let full = Admitted::Refused(KeyRefusal::ShareFull { held: 2, until });
    for height in 3..until.0 {
        let new = keys.admit(key(3, 1), OURS, request(0), Height(height));
        assert_eq!(new, full, "at {height}");
    }
    assert_eq!(
        keys.admit(key(3, 1), OURS, request(0), until),
        Admitted::Deliver,
        "the oldest goes"
    );
    let known = keys.admit(key(2, 1), OURS, request(0), until);
    assert_eq!(known, Admitted::Again(at(3), reply), "the other stays");
}

#[test]
fn whoever_is_new_has_its_places_however_many_names_the_others_send() {
    let mut keys = Keys::new(limits(64));
    let mut taken_in = Vec::new();
    for share in 0..5_u8 {
        // As many new names as there are, by each of the ways.
        let new = |number: u8| key(share * 50 + number, 1);
        let admitted = (0..50).map(|number| {
            let admitted = keys.admit(new(number), Share(share.into()), request(0), Height(1));
            u32::from(admitted == Admitted::Deliver)
        });
        taken_in.push(admitted.sum::<u32>());
    }
    assert_eq!(taken_in, [32, 16, 8, 4, 2]);
}

#[test]
fn shares_that_all_want_more_come_to_hold_equally_many_and_leave_as_many_free() {
    let (mut keys, mut number) = (Keys::new(limits(60)), 0_u64);
    // The first fills its part before the others come; names go when they were silent for long enough.
    for height in 1..40 * (KEPT + 1) {
        let shares = if height < KEPT { 0..1 } else { 0..3 };
        for share in shares.flat_map(|share| [share; 20]) {
            number += 1;
            let key = Key {
                client: ClientId::of(&number.to_string()),
                sequence: 1,
            };
            if keys.admit(key, Share(share), request(0), Height(height)) == Admitted::Deliver {
                keys.settle(key, &Ok(Vec::new()), at(height)).unwrap();
            }
        }
    }
    let held = [0, 1, 2].map(|share| keys.held.by(Share(share)));
    assert_eq!(held, [15; 3]);
}

#[test]
fn a_name_is_of_the_share_under_which_it_first_came() {
    let mut keys = Keys::new(limits(4));
    let reply = Ok(b"first".to_vec());
    handled(&mut keys, key(1, 1), &reply, 1);
    let again = Admitted::Again(at(1), reply);
    assert_eq!(keys.admit(key(1, 1), THEIRS, request(0), Height(2)), again);
    let next = keys.admit(key(1, 2), THEIRS, request(0), Height(2));
    assert_eq!(next, Admitted::Deliver);
    assert_eq!((keys.held.by(OURS), keys.held.by(THEIRS)), (1, 0));
    // One whose only message was given up is nobody's, and the next who sends under it has it.
    let free = keys.admit(key(2, 1), OURS, request(0), Height(2));
    assert_eq!(free, Admitted::Deliver);
    keys.settle(key(2, 1), &refused(Undelivered::Full), at(2));
    assert_eq!((keys.held.by(OURS), keys.held.by(THEIRS)), (1, 0));
    let free = keys.admit(key(2, 1), THEIRS, request(0), Height(2));
    assert_eq!(free, Admitted::Deliver);
    assert_eq!((keys.held.by(OURS), keys.held.by(THEIRS)), (1, 1));
}

#[test]
fn a_new_name_by_a_way_that_holds_none_is_told_that_others_hold_all_places() {
    let mut keys = Keys::new(limits(1));
    handled(&mut keys, key(1, 1), &Ok(Vec::new()), 1);
    let until = Height(1 + KEPT + 1);
    let no_place = Admitted::Refused(KeyRefusal::NoPlace { until });
    let new = keys.admit(key(2, 1), THEIRS, request(0), Height(2));
    assert_eq!(new, no_place);
}

#[test]
fn a_name_whose_message_waits_is_not_silent() {
    let mut keys = Keys::new(limits(1));
    keys.admit(key(1, 1), OURS, request(0), Height(1));
    let late = 10 * KEPT;
    let refused = keys.admit(key(2, 1), OURS, request(0), Height(late));
    let until = Height(late + KEPT + 1);
    let full = KeyRefusal::ShareFull { held: 1, until };
    assert_eq!(refused, Admitted::Refused(full));
    let waits = keys.admit(key(1, 1), OURS, request(0), Height(late));
    assert_eq!(waits, Admitted::Waits);
}

#[test]
fn as_many_new_names_as_there_are_places_leave_the_others_their_answers_and_places() {
    let mut keys = Keys::default();
    let reply = Ok(b"mine".to_vec());
    let mine = Key {
        client: ClientId::of("honest"),
        sequence: 1,
    };
    handled(&mut keys, mine, &reply, 1);
    let new = |number: usize| Key {
        client: ClientId::of(&number.to_string()),
        sequence: 1,
    };
    let mut turned_away = 0;
    for number in 0..CLIENTS_MAX {
        let admitted = handled(&mut keys, new(number), &Ok(Vec::new()), 2);
        turned_away += usize::from(matches!(
            admitted,
            Admitted::Refused(KeyRefusal::ShareFull { .. })
        ));
    }
    assert_eq!(keys.names.len(), CLIENTS_MAX / 2);
    assert_eq!(turned_away, CLIENTS_MAX / 2 + 1);
    let again = Admitted::Again(at(1), reply);
    assert_eq!(keys.admit(mine, OURS, request(0), Height(3)), again);
    // Who has a name goes on under new keys too.
    let next = Key {
        sequence: 2,
        ..mine
    };
    assert_eq!(
        keys.admit(next, OURS, request(0), Height(3)),
        Admitted::Deliver
    );
    let elsewhere = keys.admit(new(CLIENTS_MAX), THEIRS, request(0), Height(3));
    assert_eq!(elsewhere, Admitted::Deliver, "who comes by another way");
}

#[test]
fn a_client_has_so_many_messages_waiting_and_then_hears_so() {
    let mut keys = Keys::new(KeyBounds {
        waiting: 2,
        ..KeyBounds::default()
    });
    for sequence in [1, 2] {
        let admitted = keys.admit(key(1, sequence), OURS, request(0), Height(1));
        assert_eq!(admitted, Admitted::Deliver);
    }
    let refused = Admitted::Refused(KeyRefusal::Waiting);
    assert_eq!(keys.admit(key(1, 3), OURS, request(0), Height(1)), refused);
    keys.settle(key(1, 1), &Ok(Vec::new()), at(1)).unwrap();
    let admitted = keys.admit(key(1, 3), OURS, request(0), Height(1));
    assert_eq!(admitted, Admitted::Deliver);
}

#[test]
fn what_is_too_large_to_keep_is_never_done_again() {
    let mut keys = Keys::default();
    let large = Ok(vec![0; REPLY_KEPT_BYTES_MAX + 1]);
    handled(&mut keys, key(1, 5), &large, 1);
    let forgotten = Admitted::Refused(KeyRefusal::Forgotten);
    assert_eq!(
        keys.admit(key(1, 5), OURS, request(0), Height(2)),
        forgotten
    );
    assert_eq!(keys.bytes, KEY_OVERHEAD_BYTES);
    let other = keys.admit(key(1, 4), OURS, request(0), Height(2));
    assert_eq!(other, Admitted::Deliver);
}

#[test]
fn what_is_forgotten_is_counted_once() {
    let mut keys = Keys::new(KeyBounds {
        answered: 2,
        ..limits(1)
    });
    let forgotten = |answers, clients| Forgotten { answers, clients };
    for sequence in 1..=5 {
        handled(&mut keys, key(1, sequence), &Ok(Vec::new()), 1);
    }
    assert_eq!(keys.take_forgotten(), forgotten(3, 0));
    // It was not kept at first, and later its number is not either.
    let large = Ok(vec![0; REPLY_KEPT_BYTES_MAX + 1]);
    handled(&mut keys, key(1, 6), &large, 1);
    assert_eq!(keys.take_forgotten(), forgotten(2, 0));
    handled(&mut keys, key(1, 7), &Ok(Vec::new()), 1);
    handled(&mut keys, key(1, 8), &Ok(Vec::new()), 1);
    assert_eq!(keys.take_forgotten(), forgotten(1, 0));
    handled(&mut keys, key(2, 1), &Ok(Vec::new()), 1 + KEPT + 1);
    assert_eq!(keys.take_forgotten(), forgotten(0, 1));
    assert_eq!(keys.take_forgotten(), Forgotten::default());
}

#[test]
fn the_largest_number_can_be_forgotten_too() {
    let mut keys = Keys::new(KeyBounds {
        bytes: 0,
        ..KeyBounds::default()
    });
    handled(&mut keys, key(1, u64::MAX), &Ok(Vec::new()), 1);
    let again = keys.admit(key(1, u64::MAX), OURS, request(0), Height(1));
    assert_eq!(again, Admitted::Refused(KeyRefusal::Forgotten));
    assert_eq!(keys.bytes, 0);
}

#[test]
fn one_client_fills_its_own_share_and_in_all_the_largest_lose_first() {
    let mut keys = Keys::default();
    let reply = Ok(vec![0; REPLY_KEPT_BYTES_MAX]);
    handled(&mut keys, key(1, 1), &Ok(b"small".to_vec()), 1);
    for sequence in 0..20 {
        handled(&mut keys, key(2, sequence), &reply, 2);
    }
    assert!(keys.bytes <= REPLIES_BYTES_PER_CLIENT_MAX + REPLY_KEPT_BYTES_MAX);
    for client in 3..100 {
        for sequence in 0..4 {
            handled(&mut keys, key(client, sequence), &reply, 3);
        }
        assert!(keys.bytes <= REPLIES_BYTES_MAX);
    }
    let again = Admitted::Again(at(1), Ok(b"small".to_vec()));
    assert_eq!(keys.admit(key(1, 1), OURS, request(0), Height(4)), again);
}
