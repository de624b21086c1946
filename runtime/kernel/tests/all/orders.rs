//! An operator's orders as entries of a block: each at its place, and the same in every copy of the node.

use crate::rig::alone::{copy, executor, poison, run};
use crate::rig::script::{Config, Message, Op, Origin, Seen, Target};
use crate::rig::{LARGE, block, index, ingress, memory, root, start, tester};
use refit_abi::{EngineId, Height, Undelivered};
use refit_kernel::crew::Helpers;
use refit_kernel::{
    BlockInput, BlockOutcome, Done, Executor, Ingress, LastGood, Order, OrderError,
    ParameterChanges, PlacedOrder, Revival,
};
use std::sync::Arc;

/// Executes the next block, of these messages and of orders at these places.
fn ordered(
    executor: &mut Executor,
    messages: Vec<Ingress>,
    orders: Vec<(u64, Order)>,
) -> BlockOutcome {
    let height = executor.height().0 + 1;
    let orders = orders.into_iter();
    let input = BlockInput {
        orders: orders
            .map(|(index, order)| PlacedOrder {
                index,
                key: None,
                order,
            })
            .collect(),
        ..block(height, messages)
    };
    executor.execute(&Helpers::none(), input)
}

fn mailboxes_of(messages: u64) -> Order {
    setting(&[("mailbox.messages", messages)])
}

fn setting(values: &[(&str, u64)]) -> Order {
    let values = values.iter();
    Order::Parameters(ParameterChanges {
        set: values
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect(),
        ..ParameterChanges::default()
    })
}

fn five() -> Vec<Ingress> {
    (0..5)
        .map(|_| ingress(root(0), &Message::default()))
        .collect()
}

fn refused(outcome: &BlockOutcome) -> usize {
    let replies = outcome.replies.iter();
    replies.filter(|replied| replied.outcome.is_err()).count()
}

/// One that has sent, set timers and started an engine, which waits for nothing.
fn busy(executor: &mut Executor) {
    let child = Op::Spawn(Config::default());
    let timers = [2, 3].map(|after| Op::AfterBlocks(after, Message::default()));
    let ops = [vec![child], timers.to_vec()].concat();
    run(executor, &[(root(0), Message::of(ops))]);
}

#[test]
fn ordered_parameters_hold_from_the_next_block_on_wherever_they_stand_in_theirs() {
    for at in [0, 3, 5] {
        let mut executor = executor(1);
        let before = executor.parameters().hash();
        let outcome = ordered(&mut executor, five(), vec![(at, mailboxes_of(3))]);
        assert_eq!(
            refused(&outcome),
            0,
            "this block is executed under the old ones"
        );
        let now = executor.parameters().hash();
        assert_ne!(now, before);
        assert_eq!(outcome.parameters.as_ref().unwrap().hash(), now);
        assert_eq!(outcome.ordered[0].outcome, Ok(Done::Parameters(now)));
        // A message is called by its place in the block, and an order has one.
        let mut places: Vec<u64> = outcome.replies.iter().map(index).collect();
        places.sort_unstable();
        let expected: Vec<u64> = (0..6).filter(|place| *place != at).collect();
        assert_eq!(places, expected);
        let outcome = ordered(&mut executor, five(), vec![]);
        assert_eq!((refused(&outcome), outcome.parameters.is_none()), (2, true));
    }
}

#[test]
fn of_two_entries_the_later_is_applied_to_what_the_former_leaves() {
    let mut executor = executor(1);
    let orders = vec![
        (0, setting(&[("mailbox.messages", 3), ("block.rounds", 7)])),
        (1, setting(&[("mailbox.messages", 4), ("keys.names", 9)])),
    ];
    ordered(&mut executor, vec![], orders);
    let now = executor.parameters();
    let values = (now.mailbox.messages, now.block.rounds, now.keys.names);
    assert_eq!(values, (4, 7, 9));
}

#[test]
fn a_restarted_engine_has_a_fresh_state_and_its_mail_and_none_of_its_timers() {
    let mut executor = executor(1);
    busy(&mut executor);
    let children = executor.engines();
    let before = ingress(root(0), &Message::tagged(7));
    let after = ingress(root(0), &Message::tagged(8));
    let outcome = ordered(
        &mut executor,
        vec![before, after],
        vec![(1, Order::Restart(root(0)))],
    );
    let done = Done::Restarted {
        was_poisoned: false,
        timers_dropped: 2,
    };
    assert_eq!(outcome.ordered[0].outcome, Ok(done));
    assert_eq!(refused(&outcome), 0);
    let mail = [7, 8].map(|tag| Seen {
        from: Origin::Client(tester()),
        tag,
        code: 1,
    });
    let log = memory(&executor, root(0)).log;
    assert_eq!(log, mail, "what it saw before is gone");
    for _ in 0..4 {
        run(&mut executor, &[]);
    }
    assert_eq!(
        memory(&executor, root(0)).log,
        mail,
        "no timer of its former life came"
    );
    assert_eq!(executor.engines(), children, "what it had started goes on");
    // Its counts go on: nothing that it starts or sends is called as something of before.
    let spawn = Message::of(vec![Op::Spawn(Config::default())]);
    run(&mut executor, &[(root(0), spawn)]);
    let spawned = memory(&executor, root(0)).children;
    assert_eq!(spawned, [root(0).child(1)]);
}

#[test]
fn a_poisoned_engine_that_is_restarted_serves_again() {
    let mut executor = executor(1);
    run(&mut executor, &[(root(0), Message::of(vec![Op::Panic]))]);
    assert!(poison(&executor, root(0)).is_some());
    let outcome = ordered(&mut executor, five(), vec![(0, Order::Restart(root(0)))]);
    let done = Done::Restarted {
        was_poisoned: true,
        timers_dropped: 0,
    };
    assert_eq!(
        (outcome.ordered[0].outcome.clone(), refused(&outcome)),
        (Ok(done), 0)
    );
    assert_eq!(poison(&executor, root(0)), None);
    assert_eq!(memory(&executor, root(0)).log.len(), 5);
}

/// The requests of an `init` are carried out in the order of the block, and it draws numbers that no message draws.
#[test]
fn the_init_of_a_restart_is_carried_out_and_draws_numbers_of_its_own() {
    let mut executor = executor(0);
    let ops = vec![
        Op::Draw,
        Op::Emit(5),
        Op::AfterBlocks(1, Message::default()),
        Op::Spawn(Config::default()),
    ];
    start(&mut executor, root(0), &Config { ops });
    let first = memory(&executor, root(0)).random;
    run(&mut executor, &[]);
    let draw = ingress(root(0), &Message::of(vec![Op::Draw]));
    let outcome = ordered(
        &mut executor,
        vec![draw],
        vec![(0, Order::Restart(root(0)))],
    );
    let events: Vec<_> = outcome
        .events
        .iter()
        .map(|event| &event.payload[..])
        .collect();
    assert_eq!((events, executor.engines()), (vec![&br#""77777""#[..]], 3));
    let again = memory(&executor, root(0)).random;
    let drawn = [&*first, &again].concat();
    assert_eq!(
        drawn.len(),
        3,
        "at the start, at the restart, and by the message: {again:?}"
    );
    let mut different = drawn.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 3, "{drawn:?}");
    run(&mut executor, &[]);
    let log = memory(&executor, root(0)).log;
    let timers = log.iter().filter(|seen| seen.from == Origin::Timer);
    assert_eq!(timers.count(), 1, "its new timer came");
}

#[test]
fn a_restart_that_cannot_be_leaves_all_as_it_was_and_says_why() {
    let mut executor = executor(2);
    busy(&mut executor);
    let stop = Message::of(vec![Op::stop(Target::Me)]);
    run(&mut executor, &[(root(1), stop)]);
    let nobody = EngineId::root("nobody").unwrap();
    let orders = vec![(0, Order::Restart(nobody)), (1, Order::Restart(root(1)))];
    let reason = |outcome: &Result<Done, OrderError>| match outcome {
        Err(OrderError::NoEngine { reason, .. }) => *reason,
        other => panic!("{other:?}"),
    };
    let outcome = ordered(&mut executor, vec![], orders);
    let reasons: Vec<_> = outcome
        .ordered
        .iter()
        .map(|it| reason(&it.outcome))
        .collect();
    assert_eq!(reasons, [Undelivered::Unknown, Undelivered::Stopped]);
}

/// Messages to one engine, of which the third panics.
fn until_panic() -> Vec<Ingress> {
    let told = [
        Message::tagged(1),
        Message::tagged(2),
        Message::of(vec![Op::Draw, Op::Panic]),
        Message::tagged(4),
    ];
    let told = told.iter();
    told.map(|message| ingress(root(0), message)).collect()
}

fn revival(height: u64, state: Vec<u8>) -> Order {
    Order::Revive(Revival {
        engine: root(0),
        poisoned_at: Height(height),
        state,
    })
}

#[test]
fn a_poisoned_engine_goes_on_with_the_state_before_the_message_that_poisoned_it() {
    let mut one = executor(2);
    busy(&mut one);
    let mut again = copy(&one);
    let mut without = copy(&one);
    let outcome = ordered(&mut one, until_panic(), vec![]);
    let height = one.height().0;
    let last_good = Arc::new(LastGood::of(root(0), Height(height)));
    again.look_for(last_good.clone());
    let replayed = ordered(&mut again, until_panic(), vec![]);
    assert_eq!(replayed.receipt.root, outcome.receipt.root);
    let state = last_good.take().unwrap();
    let outcome = ordered(&mut one, five(), vec![(0, revival(height, state))]);
    assert_eq!(outcome.ordered[0].outcome, Ok(Done::Revived));
    assert_eq!((refused(&outcome), poison(&one, root(0))), (0, None));

    let mut two_of_them = until_panic();
    two_of_them.truncate(2);
    ordered(&mut without, two_of_them, vec![]);
    ordered(&mut without, five(), vec![]);
    let told = |executor: &Executor| {
        let mut log = memory(executor, root(0)).log;
        log.retain(|seen| matches!(seen.from, Origin::Client(_)));
        log
    };
    assert_eq!(told(&one), told(&without));
    // Its timers go on; the one of the time between came to nobody.
    for _ in 0..4 {
        run(&mut one, &[]);
        run(&mut without, &[]);
    }
    let logs = [&one, &without].map(|executor| memory(executor, root(0)).log);
    assert_eq!(logs[0].len() + 1, logs[1].len());
    let timers = logs.map(|log| log.into_iter().next_back().map(|seen| seen.from));
    assert_eq!(timers, [Some(Origin::Timer), Some(Origin::Timer)]);
}

#[test]
fn a_revival_that_does_not_fit_changes_nothing_and_says_why() {
    let mut one = executor(1);
    let order = |one: &mut Executor, order| {
        let outcome = ordered(one, vec![], vec![(0, order)]);
        outcome.ordered[0].outcome.clone()
    };
    let engine = root(0);
    let serves = order(&mut one, revival(1, vec![]));
    assert_eq!(serves, Err(OrderError::NotPoisoned { engine }));
    run(&mut one, &[(engine, Message::of(vec![Op::Panic]))]);
    let height = one.height();
    let other = order(&mut one, revival(height.0 - 1, vec![]));
    assert_eq!(other, Err(OrderError::PoisonedElsewhere { engine, height }));
    let garbage = order(&mut one, revival(height.0, vec![0xff; 3]));
    assert!(
        matches!(garbage, Err(OrderError::State { .. })),
        "{garbage:?}"
    );
    assert!(poison(&one, engine).is_some());
    let nobody = Order::Revive(Revival {
        engine: EngineId::root("nobody").unwrap(),
        poisoned_at: height,
        state: vec![],
    });
    let unknown = order(&mut one, nobody);
    assert!(matches!(unknown, Err(OrderError::NoEngine { .. })));
}

/// The requests of its `init` before it failed are not carried out either.
#[test]
fn a_restart_whose_init_fails_or_panics_changes_nothing() {
    for end in [Op::Fail, Op::Panic] {
        let mut one = executor(0);
        let ops = vec![
            Op::OnlyFrom(2),
            Op::Emit(5),
            Op::Spawn(Config::default()),
            Op::AfterBlocks(1, Message::default()),
            Op::send(Target::Me, Message::default()),
            Op::Draw,
            end,
        ];
        start(&mut one, root(0), &Config { ops });
        busy(&mut one);
        let mut other = copy(&one);
        let outcome = ordered(&mut one, five(), vec![(2, Order::Restart(root(0)))]);
        let error = outcome.ordered[0].outcome.clone().unwrap_err();
        assert!(
            matches!(&error, OrderError::Init { engine, .. } if *engine == root(0)),
            "{error}"
        );
        assert!(error.to_string().contains("is as it was"), "{error}");
        // The same block with an order for nobody.
        let nobody = Order::Restart(EngineId::root("nobody").unwrap());
        let without = ordered(&mut other, five(), vec![(2, nobody)]);
        for outcome in [&outcome, &without] {
            assert_eq!((refused(outcome), outcome.events.len()), (0, 0));
        }
        for _ in 0..4 {
            let images = [&one, &other].map(|node| node.image(LARGE).unwrap());
            assert_eq!(images[0], images[1]);
            assert_eq!(memory(&one, root(0)), memory(&other, root(0)));
            for node in [&mut one, &mut other] {
                run(node, &[]);
            }
        }
    }
}

/// A copy that executes the same entries comes to the same state: the orders are all of what was done.
#[test]
fn a_copy_that_executes_the_same_orders_comes_to_the_same_image() {
    let mut one = executor(3);
    busy(&mut one);
    run(&mut one, &[(root(1), Message::of(vec![Op::Panic]))]);
    let mut other = copy(&one);
    let orders = || {
        vec![
            (1, Order::Restart(root(0))),
            (2, mailboxes_of(3)),
            (4, Order::Restart(root(1))),
        ]
    };
    let receipts = [&mut one, &mut other].map(|node| {
        let first = ordered(node, five(), orders()).receipt.root;
        (first, ordered(node, five(), vec![]).receipt.root)
    });
    assert_eq!(receipts[0], receipts[1]);
    let images = [&one, &other].map(|node| node.image(LARGE).unwrap());
    assert_eq!(images[0], images[1]);
    assert_eq!(images[0].parameters.mailbox.messages, 3);
}
