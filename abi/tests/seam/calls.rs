//! Calls into one generation: made, given messages, asked, checked, written, read, dropped.

use crate::host::{asked, between_engines, give, id, kind, started};
use refit_abi::host::{CallError, HandleContext};
use refit_abi::raw::{CallStatus, DeliveryKind};
use refit_abi::{EngineId, Height, Undelivered};

#[test]
fn each_message_of_a_batch_ends_in_its_own_way_and_those_after_it_run() {
    let store = kind("store");
    let mut state = started(&store, "null");
    let messages = [
        r#"{"Put":[{"Name":"a"},[1,2]]}"#,
        r#""Everything""#,
        r#""Fault""#,
        "nonsense",
        r#"{"Put":[{"Number":[3,true]},[]]}"#,
    ];
    let (outcome, node) = give(&store, &mut state, &messages);
    assert_eq!((outcome.status, outcome.done), (CallStatus::Ok, 5));
    let replies = node.replies();
    assert_eq!(replies[..2], ["reply 0 Ok 1", "reply 1 Ok 2"]);
    assert!(replies[2].starts_with("reply 2 Fault"), "{replies:?}");
    assert!(replies[3].starts_with("reply 3 Rejected"), "{replies:?}");
    assert_eq!(replies[4], "reply 4 Ok 4");
    for deed in [
        "send 1",
        "spawn 1 store",
        "stop 1 e",
        "timer 1",
        "cancel 1 5",
        "log 4 left 3",
        "emit 1 topic",
        "log 2 did",
    ] {
        assert!(
            node.said.iter().any(|said| said.starts_with(deed)),
            "{deed}: {:?}",
            node.said
        );
    }
    store.discard(state).unwrap();
}

#[test]
fn a_panic_ends_the_batch_at_its_message_whatever_its_payload_is() {
    let store = kind("store");
    for (panic, text) in [
        (r#""Panic""#, "text 2"),
        (r#""PanicAny""#, "a panic that carried no text"),
    ] {
        let mut state = started(&store, "null");
        let put = r#"{"Put":[{"Name":"a"},[1]]}"#;
        let (outcome, node) = give(&store, &mut state, &[put, panic, put]);
        assert_eq!((outcome.status, outcome.done), (CallStatus::Panicked, 1));
        let replies = node.replies();
        assert_eq!(replies[1..], [format!("reply 1 Panicked {text}")]);
        store.discard(state).unwrap();
    }
}

#[test]
fn what_fails_in_a_kind_that_rolls_back_leaves_nothing_and_what_ran_before_it_counts() {
    for name in ["cloned", "encoded"] {
        let kind = kind(name);
        let mut state = started(&kind, "null");
        let batch = [
            r#"{"Add":1}"#,
            r#""Fault""#,
            r#"{"Add":10}"#,
            r#""Panic""#,
            r#"{"Add":100}"#,
        ];
        let (outcome, node) = give(&kind, &mut state, &batch);
        assert_eq!((outcome.status, outcome.done), (CallStatus::Ok, 5));
        let replies = node.replies();
        assert_eq!(replies.len(), 5, "{replies:?}");
        assert_eq!(replies[0], "reply 0 Ok 1");
        assert_eq!(replies[2], "reply 2 Ok 11");
        assert_eq!(replies[3], "reply 3 RolledBack half done");
        assert_eq!(replies[4], "reply 4 Ok 111");
        assert_eq!(asked(&kind, &state, "null"), "[111,3]", "{name}");
        kind.discard(state).unwrap();
    }
}

#[test]
fn a_notice_reaches_the_sender_of_what_was_not_handled() {
    let store = kind("store");
    let mut state = started(&store, "null");
    let notice: (EngineId, Undelivered) = (id(), Undelivered::Full);
    let payload = postcard::to_stdvec(&notice).unwrap();
    let batch = [between_engines::<u64>(&payload, DeliveryKind::Undelivered)];
    let mut node = crate::host::Node::default();
    let mut context = HandleContext::new(id(), Default::default(), 0, &mut node);
    store.handle(&mut state, &batch, &mut context).unwrap();
    assert_eq!(node.said, ["log 1 Full"]);
    assert_eq!(asked(&store, &state, r#""Handled""#), r#""100""#);
    store.discard(state).unwrap();
}

#[test]
fn a_query_that_fails_gives_nothing_and_leaves_the_state() {
    let store = kind("store");
    let state = started(&store, "null");
    assert_eq!(asked(&store, &state, r#""Handled""#), r#""0""#);
    assert_eq!(
        asked(&store, &state, r#""Panic""#),
        "the engine panicked: asked"
    );
    assert!(asked(&store, &state, "what").contains("not what the engine takes"));
    assert_eq!(asked(&store, &state, r#""Handled""#), r#""0""#);
    store.discard(state).unwrap();
}

#[test]
fn a_state_is_written_and_read_back_and_broken_bytes_are_not() {
    let store = kind("store");
    let mut state = started(&store, "null");
    give(&store, &mut state, &[r#"{"Put":[{"Name":"a"},[1,2,3]]}"#]);
    let (mut bytes, mut again) = (Vec::new(), Vec::new());
    store.encode(&state, &mut bytes).unwrap();
    let copy = store.decode(&bytes).unwrap();
    store.encode(&copy, &mut again).unwrap();
    assert_eq!(bytes, again);
    for length in 0..bytes.len() {
        assert!(store.decode(&bytes[..length]).is_err(), "{length}");
    }
    for state in [state, copy] {
        store.discard(state).unwrap();
    }
}

#[test]
fn a_state_is_written_in_pieces_that_are_the_whole_together() {
    let store = kind("store");
    let mut state = started(&store, "null");
    let put = |key: &str| format!(r#"{{"Put":[{key},[1,2,3]]}}"#);
    let messages = [
        put(r#"{"Name":"some name"}"#),
        put(r#"{"Number":[3,true]}"#),
    ];
    give(&store, &mut state, &messages.each_ref().map(String::as_str));
    let mut whole = Vec::new();
    store.encode(&state, &mut whole).unwrap();
    let digest = store.digest(&state, whole.len()).unwrap();
    for bytes_max in [1, 5] {
        let pieces = store.encode_pieces(&state, bytes_max);
        let pieces: Vec<_> = pieces.collect::<Result<_, _>>().unwrap();
        assert!(pieces.len() > 3 && pieces.len() <= whole.len() / bytes_max + 1);
        assert_eq!(pieces.concat(), whole);
        assert_eq!(store.digest(&state, bytes_max).unwrap(), digest);
    }
    store.discard(state).unwrap();
}

#[test]
fn a_state_is_asked_by_several_threads_and_dropped_by_another() {
    let store = kind("store");
    let state = started(&store, "null");
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| assert_eq!(asked(&store, &state, r#""Total""#), r#""0""#));
        }
    });
    let dropper = store.clone();
    let dropped = std::thread::spawn(move || dropper.discard(state).is_ok());
    assert!(dropped.join().unwrap());
}

#[test]
fn upgrade_messages_run_until_one_fails_and_the_count_says_which() {
    let store = kind("store");
    let mut state = started(&store, "null");
    let neighbour = started(&store, "null");
    let text = |text: &str| postcard::to_stdvec(text).unwrap();
    let [first, second, fault, panic] = ["hi", "ho", "fault", "panic"].map(text);
    let run = |batch: &[&Vec<u8>], state: &mut _| {
        let message = |bytes: &&'_ Vec<u8>| bytes.as_slice().to_vec();
        let bytes: Vec<_> = batch.iter().map(message).collect();
        let deliver = |bytes| between_engines::<String>(bytes, DeliveryKind::Message);
        let batch: Vec<_> = bytes
            .iter()
            .map(|bytes| deliver(bytes.as_slice()))
            .collect();
        let mut bus = crate::host::Neighbour::new(&store, &neighbour);
        store.on_upgrade(state, &batch, (id(), Height(3)), &mut bus)
    };
    run(&[&first, &second], &mut state).unwrap();
    assert_eq!(asked(&store, &state, r#""Note""#), r#""ho""#);
    let (done, error) = run(&[&first, &fault, &second], &mut state).unwrap_err();
    assert!(matches!((done, error), (1, CallError::Fault(_))));
    let (done, error) = run(&[&panic], &mut state).unwrap_err();
    assert!(matches!((done, error), (0, CallError::Panicked { .. })));
    for state in [state, neighbour] {
        store.discard(state).unwrap();
    }
}

#[test]
fn a_check_that_faults_or_panics_is_told() {
    let (store, neighbour) = (kind("store"), started(&kind("store"), "null"));
    for (note, told) in [("bad", "a note"), ("worse", "panicked: worse")] {
        let mut state = started(&store, "null");
        let payload = postcard::to_stdvec(note).unwrap();
        let batch = [between_engines::<String>(&payload, DeliveryKind::Message)];
        let mut bus = crate::host::Neighbour::new(&store, &neighbour);
        store
            .on_upgrade(&mut state, &batch, (id(), Height(3)), &mut bus)
            .unwrap();
        let error = store.check(&state).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        store.discard(state).unwrap();
    }
    store.discard(neighbour).unwrap();
}

#[test]
fn no_kind_touches_a_state_that_is_not_its_own() {
    let (store, words) = (kind("store"), kind("words"));
    let mut state = started(&words, "null");
    let mut node = crate::host::Node::default();
    let mut context = HandleContext::new(id(), Default::default(), 0, &mut node);
    assert!(store.handle(&mut state, &[], &mut context).is_none());
    assert!(asked(&store, &state, r#""Note""#).contains("another schema or layout"));
    assert!(store.encode(&state, &mut Vec::new()).is_err());
    let state = store.discard(state).unwrap_err();
    words.discard(state).unwrap();
}

#[test]
fn a_panic_in_a_destructor_is_caught() {
    let bomb = kind("bomb");
    for armed in ["false", "true"] {
        let state = started(&bomb, armed);
        bomb.discard(state).unwrap();
    }
}
