//! Messages that are handed over together: in their order, each with an answer of its own.

use crate::{put, store, workshop};
use refit_abi::EngineId;
use refit_admin::{Entrance, Node as _, Refusal, Replied, Sent};
use refit_tests::Harness;
use serde_json::{Value, json};

/// Messages of the large group: more than one block's worth of waiting, all through one way in.
const MANY: u64 = 5_000;

fn sent(engine: &str, key: Option<&str>, message: &Value) -> Sent {
    Sent {
        engine: EngineId::root(engine).unwrap(),
        request: key.map(|key| key.parse().unwrap()),
        body: message.to_string().into_bytes(),
    }
}

fn submit(node: &Harness, group: Vec<Sent>) -> Vec<Result<Replied, Refusal>> {
    let submitted = async { node.node().submit(Entrance::UNIX, group).await.await };
    node.runtime().block_on(submitted).answers
}

fn reply(outcome: &Result<Replied, Refusal>) -> Value {
    serde_json::from_slice(&outcome.as_ref().unwrap().body).unwrap()
}

#[test]
fn a_group_is_executed_in_its_order_and_each_message_has_its_own_answer() {
    let node = store(&workshop());
    let length = node.query("kv", json!("length")).unwrap();
    let group = vec![
        sent("kv", Some("b/1"), &put("a", "1")),
        sent("kv", None, &put("a", "2")),
        sent("kv", Some("b/1"), &put("a", "1")),
        sent("nobody", None, &json!(1)),
        sent("kv", Some("b/1"), &put("a", "other")),
        sent("kv", None, &json!({"puut": {}})),
        sent("kv", None, &json!({"delete": {"key": "a"}})),
    ];
    let outcomes = submit(&node, group);
    assert_eq!(reply(&outcomes[0]), json!({"stored": {"previous": null}}));
    assert_eq!(reply(&outcomes[1]), json!({"stored": {"previous": "1"}}));
    assert_eq!(reply(&outcomes[2]), reply(&outcomes[0]));
    assert!(outcomes[2].as_ref().unwrap().repeated);
    let code = |place: usize| outcomes[place].as_ref().unwrap_err().why.code.clone();
    assert_eq!(code(3), "engine-unknown");
    assert_eq!(code(4), "key-used");
    assert_eq!(code(5), "message-rejected");
    assert_eq!(reply(&outcomes[6]), json!({"deleted": {"previous": "2"}}));
    let decided = outcomes[3].as_ref().unwrap_err().moment.unwrap();
    assert_eq!(decided.height, outcomes[0].as_ref().unwrap().height);
    assert_eq!(node.query("kv", json!("length")).unwrap(), length);
}

#[test]
fn groups_that_follow_each_other_are_executed_so_and_lose_nothing() {
    let node = store(&workshop());
    let group = |from: u64| -> Vec<_> {
        let message = |number: u64| put("counter", &number.to_string());
        let key = |number: u64| format!("g/{}", number + 1);
        (from..from + MANY)
            .map(|number| sent("kv", Some(&key(number)), &message(number)))
            .collect()
    };
    let handed = async {
        let first = node.node().submit(Entrance::UNIX, group(0)).await;
        let second = node.node().submit(Entrance::UNIX, group(MANY)).await;
        [first.await.answers, second.await.answers].concat()
    };
    let outcomes = node.runtime().block_on(handed);
    assert_eq!(outcomes.len() as u64, 2 * MANY);
    for (number, outcome) in outcomes.iter().enumerate() {
        let previous = number.checked_sub(1).map(|before| before.to_string());
        let wanted = json!({"stored": {"previous": previous}});
        assert_eq!(reply(outcome), wanted, "{number}");
    }
    // Heights never go back, and the places at the door are free again.
    let heights = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().unwrap().height);
    assert!(heights.is_sorted());
    assert_eq!(submit(&node, group(2 * MANY)).len() as u64, MANY);
}

#[test]
fn a_group_that_comes_when_the_node_has_ended_is_told_so_message_by_message() {
    let node = store(&workshop());
    node.node().stop();
    let group = vec![sent("kv", None, &put("a", "1")); 3];
    for outcome in submit(&node, group) {
        assert_eq!(outcome.unwrap_err().why.code, "node-ended");
    }
}

#[test]
fn a_group_whose_lines_were_all_refused_before_is_answered_at_once() {
    let node = store(&workshop());
    let began = std::time::Instant::now();
    assert_eq!(submit(&node, Vec::new()), []);
    // Not when the time for a reply is over.
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}
