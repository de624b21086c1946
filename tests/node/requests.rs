//! Tests the mistakes of clients: each gives a code, a reason and a next step, and changes nothing.

use crate::{assert_serves, put, store, workshop};
use refit_admin::{Entrance, Node as _, Refusal, Token};
use refit_tests::Harness;
use serde_json::json;

fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Refusal>, status: u16, code: &str) {
    let refusal = outcome.unwrap_err();
    assert_eq!(
        (refusal.status, refusal.why.code.as_str()),
        (status, code),
        "{refusal:?}"
    );
    assert!(
        !refusal.why.detail.is_empty() && !refusal.why.next.is_empty(),
        "{refusal:?}"
    );
}

fn unharmed(node: &Harness, attempt: impl FnOnce(&Harness)) {
    let before = node.states();
    attempt(node);
    assert_eq!(node.states(), before);
}

#[test]
fn a_request_that_no_engine_understands_gets_a_typed_refusal_and_changes_nothing() {
    let node = store(&workshop());
    assert_serves(&node, "first");
    unharmed(&node, |node| {
        assert_refused(
            node.send("kv", json!({"puut": {}})),
            400,
            "message-rejected",
        );
        assert_refused(node.send("kv", json!(7)), 400, "message-rejected");
        assert_refused(node.query("kv", json!({"gett": {}})), 400, "query-rejected");
        assert_refused(node.send("nobody", json!("length")), 404, "engine-unknown");
        assert_refused(node.query("nobody", json!("length")), 404, "engine-unknown");
        let missing = json!({"expire_at": {"key": "missing", "height": 1}});
        assert_refused(node.send("kv", missing), 422, "no-such-key");
    });
    assert_serves(&node, "last");
}

#[test]
fn a_fault_is_an_answer_and_its_repeat_is_not_executed() {
    let node = store(&workshop());
    let missing = json!({"expire_at": {"key": "late", "height": 1_000_000}});
    let send = || node.send_keyed("kv", "client/1", missing.clone());
    assert_refused(send(), 422, "no-such-key");
    assert_serves(&node, "late");
    assert_refused(send(), 422, "no-such-key");
}

#[test]
fn another_message_under_a_used_key_is_refused_and_changes_nothing() {
    let node = store(&workshop());
    let first = node.send_keyed("kv", "me/1", put("a", "1")).unwrap();
    unharmed(&node, |node| {
        let other = node.send_keyed("kv", "me/1", put("a", "2"));
        assert_refused(other, 422, "key-used");
        let elsewhere = node.send_keyed("nobody", "me/1", put("a", "1"));
        assert_refused(elsewhere, 422, "key-used");
    });
    let again = node.send_keyed("kv", "me/1", put("a", "1")).unwrap();
    assert!(again.repeated);
    assert_eq!(again.body, first.body);
    assert_eq!(node.node().counts().repeated, 1);
}

#[test]
fn the_new_names_of_one_token_leave_places_to_those_who_come_by_the_socket() {
    let node = store(&workshop());
    node.set("", "keys.names", 8).unwrap();
    let token = Entrance {
        share: Token::new("a-token-of-some-length").unwrap().share(),
        connection: 1,
    };
    let by_token = |client: &str| {
        let (kv, key) = ("kv".parse().unwrap(), format!("{client}/1"));
        let message = put(client, "1").to_string().into();
        let sent = node.node().send(kv, token, key.parse().ok(), message);
        node.runtime().block_on(sent)
    };
    for number in 0..4 {
        assert!(by_token(&format!("new-{number}")).is_ok());
    }
    unharmed(&node, |_| {
        assert_refused(by_token("new-4"), 503, "names-full");
    });
    // A client that has a name keeps it on every way in, and a client on the socket finds a place.
    assert!(by_token("new-0").unwrap().repeated);
    let known = node.send_keyed("kv", "new-0/1", put("new-0", "1"));
    assert!(known.unwrap().repeated);
    assert!(node.send_keyed("kv", "me/1", put("a", "1")).is_ok());
    assert!(node.send("kv", put("a", "2")).is_ok());
}

#[test]
fn a_message_that_was_not_handled_may_be_sent_again_in_better_words_under_the_same_key() {
    let node = store(&workshop());
    let mistaken = node.send_keyed("kv", "me/1", json!({"puut": {}}));
    assert_refused(mistaken, 400, "message-rejected");
    let nowhere = node.send_keyed("nobody", "me/1", put("a", "1"));
    assert_refused(nowhere, 404, "engine-unknown");
    let sent = node.send_keyed("kv", "me/1", put("a", "1")).unwrap();
    assert!(!sent.repeated);
}

#[test]
fn a_number_of_which_nothing_is_kept_any_more_is_told_what_is_not_known_and_where_to_go_on() {
    let node = store(&workshop());
    node.set("", "keys.answered", 2).unwrap();
    for number in 1..=4 {
        let key = format!("me/{number}");
        node.send_keyed("kv", &key, put("a", &number.to_string()))
            .unwrap();
    }
    unharmed(&node, |node| {
        // Whether it was sent before or not, in the same words or in others.
        for (number, value) in [("1", "1"), ("1", "5"), ("2", "2")] {
            let key = format!("me/{number}");
            let refusal = node.send_keyed("kv", &key, put("a", value)).unwrap_err();
            let code = (refusal.status, refusal.why.code.as_str());
            assert_eq!(code, (409, "request-forgotten"), "{refusal:?}");
            let known = "whether this one was done is not known, and it is not done now";
            assert!(refusal.why.detail.contains(known), "{refusal:?}");
            assert!(
                refusal.why.next.contains("a larger sequence"),
                "{refusal:?}"
            );
        }
    });
    assert!(
        node.send_keyed("kv", "me/4", put("a", "4"))
            .unwrap()
            .repeated
    );
    assert!(
        !node
            .send_keyed("kv", "me/5", put("a", "5"))
            .unwrap()
            .repeated
    );
}
