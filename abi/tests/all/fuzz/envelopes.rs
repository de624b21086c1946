//! The cases.

use crate::fuzz::echo::{Message, Tree, v1, v2};
use crate::fuzz::node::{Envelope, Node, Post, give, id, kind, started};
use refit_abi::host::{BlockFrame, CallError, Kind};
use refit_abi::raw::{CallStatus, Codec, DeliveryKind};
use refit_abi::schema::SchemaId;
use refit_abi::{Height, Serialize, State, Undelivered};
use refit_fuzzing::{Random, each_case, taken};

/// Cases of each test.
const CASES: u64 = 20_000;

/// Longest bytes that are made from nothing.
const BYTES_MAX: usize = 200;

/// The memory that a call may take for each of its bytes: an empty list in a list is one byte of postcard and 24 of
/// memory, a list grows by doubling, and what was read is written twice and copied once by the node.
const TAKEN_PER_BYTE: usize = 128;

/// The memory that a call may take whatever its bytes are, in bytes: the shapes of older versions, a reason.
const TAKEN_AT_REST: usize = 16 << 10;

/// Parts of payloads, put together at random: in other places they may still be valid.
const WORDS: [&[u8]; 14] = [
    b"\"Nothing\"",
    b"{\"Number\":",
    b"null",
    b"[]",
    b"[[],[]]",
    b"1e400",
    b"-0",
    b"\"\\ud800\"",
    b",",
    b"}",
    b"]",
    // Lengths that say much, and a variant after them.
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0x7f],
    &[3],
];

fn tree(random: &mut Random, levels: usize) -> Tree {
    let below = match levels {
        0 => 0,
        _ => random.below(4),
    };
    Tree {
        label: random.next_u64() as u8,
        below: (0..below).map(|_| tree(random, levels - 1)).collect(),
    }
}

fn text(random: &mut Random) -> String {
    String::from_utf8_lossy(&random.bytes(12)).into_owned()
}

fn message(random: &mut Random) -> Message {
    match random.below(6) {
        0 => Message::Nothing,
        1 => Message::Number(random.number()),
        2 => Message::Mixed {
            narrow: random.next_u64() as i8,
            wide: i128::from(random.number()) * i128::from(random.next_u64() as i64),
            truth: random.below(2) == 0,
            letter: char::from_u32(random.below(0xd000) as u32).unwrap(),
            text: text(random),
            maybe: (random.below(2) == 0).then(|| text(random).into()),
        },
        3 => Message::Lists(
            random.bytes(20),
            (0..random.below(9))
                .map(|_| Some(random.number()))
                .collect(),
            (0..random.below(5)).map(|_| vec![text(random)]).collect(),
        ),
        4 => Message::Maps(
            (0..random.below(5))
                .map(|n| (text(random), n as u32))
                .collect(),
            (0..random.below(5))
                .map(|n| (n as i16, [n as u16; 3]))
                .collect(),
        ),
        _ => Message::Tree(tree(random, 4)),
    }
}

/// Bytes that are a message of some version, or were before they were changed, or never.
fn payload(random: &mut Random, codec: Codec) -> Vec<u8> {
    fn written(codec: Codec, value: &impl Serialize) -> Vec<u8> {
        match codec {
            Codec::Json => serde_json::to_vec(value).unwrap(),
            Codec::Postcard => postcard::to_stdvec(value).unwrap(),
        }
    }
    let mut bytes = match random.below(8) {
        0 => return random.bytes(BYTES_MAX),
        1 => written(codec, &v1::Message::Words(text(random))),
        2 => written(codec, &v1::Message::Refused(random.next_u64() as u8)),
        3 => {
            let words = vec![text(random); random.below(3)];
            written(codec, &v2::Message::Words { words, loud: true })
        }
        _ => written(codec, &message(random)),
    };
    if random.below(3) != 0 {
        random.mutate(&mut bytes, &WORDS);
    }
    bytes
}

/// The schema that an envelope says: a client says none.
fn schema(random: &mut Random) -> SchemaId {
    match random.below(6) {
        0 => v1::Message::schema_id(),
        1 => v2::Message::schema_id(),
        2 => SchemaId::default(),
        3 => u64::schema_id(),
        _ => Message::schema_id(),
    }
}

/// Does it, and sees that it took what its bytes stand for.
fn within_bounds<T>(bytes: &[u8], work: impl FnOnce() -> T) -> T {
    let taken = taken(work);
    let most = TAKEN_AT_REST + TAKEN_PER_BYTE * bytes.len();
    let peak = taken.peak_bytes;
    assert!(
        peak <= most,
        "{peak} of {most} bytes of memory for {} {bytes:.40?}",
        bytes.len()
    );
    taken.value
}

fn newest(codec: Codec, payload: &[u8]) -> Envelope<'_> {
    Envelope {
        codec,
        schema: match codec {
            Codec::Json => SchemaId::default(),
            Codec::Postcard => Message::schema_id(),
        },
        kind: DeliveryKind::Message,
        wants_reply: true,
        payload,
    }
}

/// Both forms in which a message that was read was written again.
fn told(node: Node) -> Option<(Vec<u8>, Vec<u8>)> {
    match node.reply {
        Some((CallStatus::Ok, reply)) => Some((reply, node.sent.unwrap())),
        reply => {
            let is_refused = |status| matches!(status, CallStatus::Rejected | CallStatus::Fault);
            assert!(reply.is_none_or(|(status, _)| is_refused(status)));
            None
        }
    }
}

#[test]
fn any_bytes_are_a_message_in_its_one_form_or_are_refused() {
    let kind = kind();
    let mut state = started(&kind);
    let (mut read, mut older) = (0, 0);
    each_case(1, CASES, |random| {
        let codec = [Codec::Json, Codec::Postcard][random.below(2)];
        let payload = payload(random, codec);
        let envelope = Envelope {
            schema: schema(random),
            ..newest(codec, &payload)
        };
        let node = within_bounds(&payload, || give(&kind, &mut state, envelope));
        let Some((json, postcard)) = told(node) else {
            return;
        };
        read += 1;
        older += u64::from(envelope.schema != Message::schema_id());
        for form in [
            newest(Codec::Json, &json),
            newest(Codec::Postcard, &postcard),
        ] {
            let again = told(give(&kind, &mut state, form)).unwrap();
            assert_eq!(again, (json.clone(), postcard.clone()), "{envelope:?}");
        }
    });
    println!("{read} were read, {older} of them under another schema");
    assert!(read > 0 && older > 0);
    kind.discard(state).unwrap();
}

#[test]
fn any_bytes_are_a_notice_or_change_nothing() {
    let kind = kind();
    let mut state = started(&kind);
    let whole = postcard::to_stdvec(&(id(), Undelivered::Full)).unwrap();
    let (mut told, mut untold) = (0, 0);
    each_case(2, CASES, |random| {
        let mut bytes = whole.clone();
        match random.below(3) {
            0 => bytes = random.bytes(BYTES_MAX),
            1 => random.mutate(&mut bytes, &WORDS),
            _ => *bytes.last_mut().unwrap() = random.below(8) as u8,
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        kind.encode(&state, &mut before).unwrap();
        let notice = Envelope {
            kind: DeliveryKind::Undelivered,
            schema: schema(random),
            wants_reply: false,
            ..newest(Codec::Postcard, &bytes)
        };
        let node = within_bounds(&bytes, || give(&kind, &mut state, notice));
        assert!(node.reply.is_none() && node.sent.is_none());
        kind.encode(&state, &mut after).unwrap();
        assert_eq!(before == after, node.logged == 0, "{bytes:?}");
        told += node.logged;
        untold += 1 - node.logged;
    });
    assert!(told > 0 && untold > 0);
    kind.discard(state).unwrap();
}

/// The bytes of the state that an engine would start from; `None` if the configuration is refused.
fn begun(kind: &Kind, codec: Codec, config: &[u8]) -> Option<Vec<u8>> {
    let mut node = Node::default();
    let started = kind.init(id(), (codec, config), BlockFrame::default(), &mut node);
    let state = match started {
        Ok(state) => state,
        Err(CallError::Rejected { .. }) => return None,
        Err(other) => panic!("{other}"),
    };
    let mut bytes = Vec::new();
    kind.encode(&state, &mut bytes).unwrap();
    kind.discard(state).unwrap();
    Some(bytes)
}

#[test]
fn any_bytes_are_a_configuration_and_a_state_in_its_one_form_or_are_refused() {
    let kind = kind();
    let mut read = 0;
    each_case(3, CASES, |random| {
        let codec = [Codec::Json, Codec::Postcard][random.below(2)];
        let config = payload(random, codec);
        let mut state = match within_bounds(&config, || begun(&kind, codec, &config)) {
            Some(state) => state,
            None => payload(random, Codec::Postcard),
        };
        if random.below(2) == 0 {
            random.mutate(&mut state, &WORDS);
        }
        let decoded = within_bounds(&state, || kind.decode(&state));
        let Ok(decoded) = decoded else {
            return;
        };
        read += 1;
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        kind.encode(&decoded, &mut once).unwrap();
        let again = kind.decode(&once).unwrap();
        kind.encode(&again, &mut twice).unwrap();
        assert_eq!(once, twice, "{state:?}");
        for state in [decoded, again] {
            kind.discard(state).unwrap();
        }
    });
    assert!(read > 0);
}

#[test]
fn any_bytes_are_a_query_and_a_letter_in_their_one_form_or_are_refused() {
    let kind = kind();
    let mut state = started(&kind);
    let mut read = 0;
    each_case(4, CASES, |random| {
        let codec = [Codec::Json, Codec::Postcard][random.below(2)];
        let bytes = payload(random, codec);
        let ask = |bytes: &[u8], state: &_| {
            let mut answer = Vec::new();
            let asked = kind.query(state, codec, bytes, &mut answer);
            asked.map(|()| answer)
        };
        let answer = within_bounds(&bytes, || ask(&bytes, &state));
        if let Ok(answer) = &answer {
            assert_eq!(&ask(answer, &state).unwrap(), answer);
        }
        if codec == Codec::Json {
            return;
        }
        let mut post = |bytes: &[u8]| {
            let mut post = Post::default();
            let batch = [newest(Codec::Postcard, bytes).delivery()];
            let run = kind.on_upgrade(&mut state, &batch, (id(), Height(3)), &mut post);
            run.ok().map(|()| post.sent.unwrap())
        };
        // A letter and a query of one type are read alike.
        assert_eq!(within_bounds(&bytes, || post(&bytes)), answer.ok());
        read += 1;
    });
    assert!(read > 0);
    kind.discard(state).unwrap();
}

/// A list in a list in a list, each of which says that it is as long as its bytes could be.
#[test]
fn lengths_inside_of_each_other_take_no_memory_before_what_they_promise_is_there() {
    let kind = kind();
    let mut state = started(&kind);
    let mut bytes = vec![5];
    for _ in 0..500 {
        bytes.extend([1, 0x64]);
    }
    let envelope = newest(Codec::Postcard, &bytes);
    let node = within_bounds(&bytes, || give(&kind, &mut state, envelope));
    assert!(matches!(node.reply, Some((CallStatus::Rejected, _))));
    bytes.push(0);
    assert!(within_bounds(&bytes, || kind.decode(&bytes)).is_err());
    kind.discard(state).unwrap();
}
