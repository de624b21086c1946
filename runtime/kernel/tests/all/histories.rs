//! Order: per sender and receiver by construction, and for any script what the model foretells.

use crate::rig::actor::PANIC_TEXT;
use crate::rig::model::{Life, Model, Told};
use crate::rig::node::Node;
use crate::rig::script::{Config, Message, Op, Origin, Target};
use crate::rig::{BLOCK_MILLIS, PLENTY, all_ingress, frame, roots};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use refit_abi::EngineId;
use refit_kernel::EngineState;
use refit_test_support::check;

/// A block of a random history.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) messages: Vec<(EngineId, Message)>,
    pub(crate) budget: u64,
}

#[test]
fn messages_of_one_sender_to_one_receiver_arrive_in_the_order_of_sending() {
    const SENDERS: usize = 100;
    const EACH: u32 = 40;
    let all = roots(SENDERS + 2);
    let (senders, receivers) = all.split_at(SENDERS);
    let mut node = Node::with_roots(2, &all);
    let send = |tag| Op::send(receivers[tag as usize % 2], Message::tagged(tag));
    let script = Message {
        tag: 0,
        ops: (0..EACH).map(send).collect(),
    };
    let messages: Vec<_> = senders.iter().map(|id| (*id, script.clone())).collect();
    // In two blocks, so that an order across blocks is seen too.
    node.run(&messages);
    node.run(&messages);
    for (parity, receiver) in receivers.iter().enumerate() {
        let log = node.memory(*receiver).log;
        assert_eq!(log.len(), SENDERS * EACH as usize);
        let expected: Vec<u32> = (0..EACH)
            .filter(|tag| *tag as usize % 2 == parity)
            .collect();
        for sender in senders {
            let from = Origin::Engine(*sender);
            let tags: Vec<u32> = log
                .iter()
                .filter(|s| s.from == from)
                .map(|s| s.tag)
                .collect();
            assert_eq!(tags, [expected.clone(), expected.clone()].concat());
        }
    }
}

#[test]
fn any_history_gives_what_the_model_foretells() {
    let few = (1_usize..6).prop_flat_map(|count| history(roots(count)));
    check(500, &few, |(roots, blocks)| agree(&roots, &blocks, 64));
}

#[test]
fn a_history_gives_what_the_model_foretells_however_engines_are_packed_into_chunks() {
    let many = (60_usize..200).prop_flat_map(|count| history(roots(count)));
    let packed = (many, select(vec![1_usize, 16, 64, 128]));
    check(160, &packed, |((roots, blocks), chunk)| {
        agree(&roots, &blocks, chunk)
    });
}

fn agree(roots: &[EngineId], blocks: &[Block], chunk: usize) -> Result<(), TestCaseError> {
    let (mut node, mut model) = (Node::new(2), Model::default());
    node.call(move |executor| executor.pack(chunk));
    for (place, root) in roots.iter().enumerate() {
        // Some roots are not idle from the start.
        let ops = (place % 3 == 0).then(|| Op::Spawn(Config::default()));
        let config = Config {
            ops: ops.into_iter().collect(),
        };
        node.start(*root, &config);
        model.start(*root, &config, frame(0));
    }
    for (place, block) in blocks.iter().enumerate() {
        let frame = frame(place as u64 + 1);
        let real = node.block(all_ingress(&block.messages), block.budget);
        let foretold = model.block(frame, &block.messages, block.budget);
        prop_assert_eq!(real.height, frame.height);
        let told: Vec<Told> = real.replies.iter().map(Told::from).collect();
        prop_assert_eq!(told, foretold.replies);
        prop_assert_eq!(real.events, foretold.events);
        prop_assert_eq!(real.logs, foretold.logs);
        prop_assert_eq!(real.stats, foretold.stats);
        prop_assert_eq!(real.backlog, model.backlog());
        prop_assert_eq!(
            (real.next_timer_height, real.next_timer_time),
            model.next_timers()
        );
        let states = model
            .actors
            .iter()
            .filter_map(|a| a.bytes().map(|bytes| (a.id, bytes)));
        prop_assert_eq!(node.states(), states.collect::<Vec<_>>());
    }
    prop_assert_eq!(node.dead_letters(), model.dead.clone());
    agree_on_lives(&node, &model)
}

fn agree_on_lives(node: &Node, model: &Model) -> Result<(), TestCaseError> {
    let statuses = node.statuses();
    prop_assert_eq!(statuses.len(), model.actors.len());
    for (real, foretold) in statuses.iter().zip(&model.actors) {
        prop_assert_eq!(real.id, foretold.id);
        prop_assert_eq!(real.handled, foretold.handled);
        prop_assert_eq!(real.mailbox, foretold.inbox.len());
        match (&real.state, &foretold.life) {
            (EngineState::Live, Life::Live(_)) => {}
            (EngineState::Poisoned(poison), Life::Poisoned) => {
                prop_assert!(poison.text.starts_with(PANIC_TEXT), "{poison:?}");
            }
            (real, foretold) => prop_assert!(false, "{real:?} and {foretold:?}"),
        }
    }
    Ok(())
}

pub(crate) fn history(roots: Vec<EngineId>) -> impl Strategy<Value = (Vec<EngineId>, Vec<Block>)> {
    // Ids that are known, that may come to be, and that never are.
    let mut names = roots.clone();
    names.extend(
        roots
            .iter()
            .take(4)
            .flat_map(|root| [root.child(0), root.child(1)]),
    );
    names.push(EngineId::root("nobody").unwrap());
    let message = message(names.clone(), 4);
    let budget = prop_oneof![2 => Just(PLENTY), 1 => 0_u64..30];
    let block = (vec((select(names), message), 0..16), budget)
        .prop_map(|(messages, budget)| Block { messages, budget });
    (Just(roots), vec(block, 1..6))
}

fn message(names: Vec<EngineId>, depth: u32) -> BoxedStrategy<Message> {
    let ops = match depth {
        0 => vec(leaf(names), 0..2).boxed(),
        _ => vec(prop_oneof![leaf(names.clone()), branch(names, depth)], 0..4).boxed(),
    };
    (0_u32..1_000, ops)
        .prop_map(|(tag, ops)| Message { tag, ops })
        .boxed()
}

fn leaf(names: Vec<EngineId>) -> BoxedStrategy<Op> {
    prop_oneof![
        12 => select(names.clone()).prop_map(|to| Op::send(to, Message::default())),
        2 => (select(names.clone()), 1_u32..5, 0_u32..9)
            .prop_map(|(to, count, bytes)| Op::Flood { to: to.into(), count, bytes }),
        3 => (0_u32..20).prop_map(Op::Emit),
        1 => (1_u32..3).prop_map(|lines| Op::Log { lines, bytes: 4 }),
        1 => Just(Op::SpawnGhost),
        1 => Just(Op::SpawnMistaken),
        1 => Just(Op::TimerInTongues),
        3 => (0_u32..6).prop_map(Op::CancelTimer),
        1 => (0_u32..4).prop_map(Op::SpawnMany),
        2 => select(names).prop_map(Op::stop),
        1 => (0_u32..3).prop_map(|nth| Op::stop(Target::Child(nth))),
        1 => Just(Op::Fail),
        1 => Just(Op::Panic),
        1 => Just(Op::PanicOnNotice),
    ]
    .boxed()
}

fn branch(names: Vec<EngineId>, depth: u32) -> BoxedStrategy<Op> {
    let inner = message(names.clone(), depth - 1);
    prop_oneof![
        8 => (select(names), inner.clone()).prop_map(|(to, message)| Op::send(to, message)),
        2 => (0_u32..3, inner.clone()).prop_map(|(nth, message)| Op::send(Target::Child(nth), message)),
        2 => inner.clone().prop_map(|message| Op::Spawn(Config { ops: message.ops })),
        3 => (0_u64..4, inner.clone())
            .prop_map(|(blocks, message)| Op::AfterBlocks(blocks, message)),
        1 => (0_u64..3 * BLOCK_MILLIS, inner)
            .prop_map(|(millis, message)| Op::AfterTime(millis, message)),
    ]
    .boxed()
}
