//! Orders under keys: carried out once, in the table that messages have, and told again as they ended.

use crate::rig::alone::{copy, executor};
use crate::rig::script::Message;
use crate::rig::{LARGE, block, handle_at_most, keyed, memory, root};
use refit_abi::{ClientId, EngineId, Height};
use refit_kernel::crew::Helpers;
use refit_kernel::{
    BlockInput, BlockOutcome, Done, Executor, Ingress, Key, KeyRefusal, Order, OrderError,
    OrderKey, Ordered, ParameterChanges, PlacedOrder, PlanDigest, ReplyError, Share,
};

fn key(name: &str, sequence: u64) -> Key {
    Key {
        client: ClientId::of(name),
        sequence,
    }
}

/// Executes the next block, of these messages behind orders under these keys.
fn next(executor: &mut Executor, orders: &[(Key, Order)], messages: Vec<Ingress>) -> BlockOutcome {
    let height = executor.height().0 + 1;
    let orders = (0..).zip(orders);
    let input = BlockInput {
        orders: orders
            .map(|(index, (key, order))| PlacedOrder {
                index,
                key: Some(OrderKey {
                    key: *key,
                    share: Share(3),
                }),
                order: order.clone(),
            })
            .collect(),
        ..block(height, messages)
    };
    executor.execute(&Helpers::none(), input)
}

fn order(executor: &mut Executor, key: Key, order: Order) -> Ordered {
    let mut outcome = next(executor, &[(key, order)], vec![]);
    outcome.ordered.remove(0)
}

fn setting(name: &str, value: u64) -> Order {
    Order::Parameters(ParameterChanges {
        set: [(name.to_owned(), value)].into(),
        ..ParameterChanges::default()
    })
}

fn plan(number: u8) -> Order {
    Order::Plan {
        plan: PlanDigest([number; 32]),
        entry: vec![number, 7],
    }
}

fn tell(engine: EngineId) -> Vec<Ingress> {
    vec![keyed(("bob", 1), engine, &Message::default())]
}

fn used() -> Result<Done, OrderError> {
    Err(OrderError::Key(KeyRefusal::Used))
}

#[test]
fn an_order_under_a_key_is_carried_out_once_and_a_repeat_is_told_what_it_did() {
    let mut executor = executor(1);
    let orders = [
        (key("op", 1), setting("keys.answered", 7)),
        (key("op", 2), Order::Restart(root(0))),
        (key("op", 3), plan(9)),
    ];
    let first = next(&mut executor, &orders, vec![]).ordered;
    let done: Vec<_> = first.iter().map(|it| it.outcome.clone()).collect();
    let restarted = Done::Restarted {
        was_poisoned: false,
        timers_dropped: 0,
    };
    let parameters = Done::Parameters(executor.parameters().hash());
    let expected = [parameters, restarted, Done::Plan(PlanDigest([9; 32]))];
    assert_eq!(done, expected.map(Ok));
    assert!(first.iter().all(|it| !it.repeated));

    // Meanwhile the engine has seen something, and another value holds.
    next(
        &mut executor,
        &[(key("op", 4), setting("keys.answered", 9))],
        tell(root(0)),
    );
    let now = executor.parameters().hash();
    let mut other = copy(&executor);
    for node in [&mut executor, &mut other] {
        for (orderer, ordered) in orders.iter().zip(&first) {
            let before = Some(Ok((ordered.at, ordered.outcome.clone().unwrap())));
            assert_eq!(node.ordered_before(orderer.0, &orderer.1), before);
        }
        let again = next(node, &orders, vec![]).ordered;
        let repeated = |ordered: &Ordered| Ordered {
            repeated: true,
            ..ordered.clone()
        };
        assert_eq!(again, first.iter().map(repeated).collect::<Vec<_>>());
        assert!(again.iter().all(|it| it.at.height == Height(1)));
        assert_eq!(node.parameters().hash(), now, "it is not set again");
        assert_eq!(
            memory(node, root(0)).log.len(),
            1,
            "nor started afresh again"
        );
    }
}

#[test]
fn a_repeat_in_the_same_block_is_one() {
    let mut executor = executor(1);
    let orders = [(); 2].map(|()| (key("op", 1), setting("keys.answered", 7)));
    let ordered = next(&mut executor, &orders, vec![]).ordered;
    let repeated: Vec<_> = ordered.iter().map(|it| it.repeated).collect();
    assert_eq!(repeated, [false, true]);
    assert_eq!(ordered[0].outcome, ordered[1].outcome);
}

#[test]
fn one_table_has_the_keys_of_messages_and_of_orders() {
    let mut executor = executor(1);
    next(&mut executor, &[], tell(root(0)));
    let orders = [
        plan(1),
        Order::Restart(root(0)),
        setting("keys.answered", 7),
    ];
    for refused in &orders {
        let before = executor.ordered_before(key("bob", 1), refused);
        assert_eq!(before, Some(Err(KeyRefusal::Used)));
        let ordered = order(&mut executor, key("bob", 1), refused.clone());
        assert_eq!((ordered.outcome, ordered.repeated), (used(), false));
    }
    assert_eq!(memory(&executor, root(0)).log.len(), 1, "nothing was done");

    order(&mut executor, key("op", 1), plan(1)).outcome.unwrap();
    for other in &orders[1..] {
        let ordered = order(&mut executor, key("op", 1), other.clone());
        assert_eq!(ordered.outcome, used());
    }
    let message = keyed(("op", 1), root(0), &Message::default());
    let outcome = next(&mut executor, &[], vec![message]);
    let refusal = Err(ReplyError::Key(KeyRefusal::Used));
    assert_eq!(outcome.replies[0].outcome, refusal);
}

/// A message that waits in a mailbox has taken its key, also if the order comes in its block.
#[test]
fn an_order_under_the_key_of_a_message_that_waits_is_refused() {
    let mut executor = executor(1);
    handle_at_most(&mut executor, 1);
    let two = || [1, 2].map(|sequence| keyed(("bob", sequence), root(0), &Message::default()));
    next(&mut executor, &[], two().to_vec());
    let ordered = order(&mut executor, key("bob", 2), plan(1));
    assert_eq!(ordered.outcome, used());
}

#[test]
fn an_order_that_has_done_nothing_leaves_its_key_free() {
    let mut executor = executor(1);
    let nobody = Order::Restart(EngineId::root("nobody").unwrap());
    for _ in 0..2 {
        let ordered = order(&mut executor, key("op", 1), nobody.clone());
        assert!(matches!(ordered.outcome, Err(OrderError::NoEngine { .. })));
        assert!(!ordered.repeated);
        assert_eq!(executor.ordered_before(key("op", 1), &nobody), None);
    }
    // Nothing is kept of a name that has done nothing.
    let images = [&executor, &self::executor(1)].map(|node| {
        let image = node.image(LARGE).unwrap();
        postcard::to_allocvec(&image.keys).unwrap()
    });
    assert_eq!(images[0], images[1]);
    let ordered = order(&mut executor, key("op", 1), Order::Restart(root(0)));
    assert!(ordered.outcome.is_ok() && !ordered.repeated);
}

#[test]
fn a_name_that_only_orders_has_a_place_of_the_way_by_which_it_came() {
    let mut executor = executor(1);
    let mut parameters = (**executor.parameters()).clone();
    parameters.keys.names = 2;
    executor.set_parameters(parameters);
    order(&mut executor, key("op", 1), plan(1)).outcome.unwrap();
    let ordered = order(&mut executor, key("other", 1), plan(1));
    let full = matches!(
        ordered.outcome,
        Err(OrderError::Key(KeyRefusal::ShareFull { held: 1, .. }))
    );
    assert!(full, "{ordered:?}");
    let elsewhere = keyed(("bob", 1), root(0), &Message::default());
    let outcome = next(&mut executor, &[], vec![elsewhere]);
    assert!(outcome.replies[0].outcome.is_ok(), "it came by another way");
}
