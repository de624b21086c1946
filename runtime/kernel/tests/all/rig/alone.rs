//! An executor that is driven on the test's own thread, without a crew.

use crate::rig::script::{Config, Message, Op, Reply, Target};
use crate::rig::{
    BLOCK_MILLIS, LARGE, PLENTY, all_ingress, block, handle_at_most, index, root, roots, start,
    table,
};
use refit_abi::EngineId;
use refit_kernel::crew::Helpers;
use refit_kernel::{BlockOutcome, EngineState, Executor, Image, Ingress, Poison, ReplyError};

/// An executor with so many root actors.
pub(crate) fn executor(count: usize) -> Executor {
    let mut executor = Executor::new(table());
    for root in roots(count) {
        start(&mut executor, root, &Config::default());
    }
    executor
}

/// Executes the next block, of messages without keys.
pub(crate) fn run(executor: &mut Executor, messages: &[(EngineId, Message)]) -> BlockOutcome {
    next(executor, all_ingress(messages))
}

/// Executes the next block.
pub(crate) fn next(executor: &mut Executor, messages: Vec<Ingress>) -> BlockOutcome {
    let height = executor.height().0 + 1;
    executor.execute(&Helpers::none(), block(height, messages))
}

/// The reply to the message without a key at an index of the block.
pub(crate) fn reply(outcome: &BlockOutcome, at: u64) -> Result<Reply, ReplyError> {
    let mut replies = outcome.replies.iter();
    let replied = replies.find(|replied| index(replied) == at).unwrap();
    let outcome = replied.outcome.clone();
    outcome.map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

/// Why an engine is poisoned, if it is.
pub(crate) fn poison(executor: &Executor, engine: EngineId) -> Option<Poison> {
    let mut statuses = executor.statuses(usize::MAX).into_iter();
    match statuses.find(|status| status.id == engine).unwrap().state {
        EngineState::Poisoned(poison) => Some(poison),
        EngineState::Live => None,
    }
}

/// Through bytes, as it would go to another process.
pub(crate) fn copy(executor: &Executor) -> Executor {
    let bytes = postcard::to_allocvec(&executor.image(LARGE).unwrap()).unwrap();
    let image: Image = postcard::from_bytes(&bytes).unwrap();
    Executor::from_image(table(), &image).unwrap()
}

/// After three blocks: mail that waits, timers, children, a poisoned and a stopped engine, dead letters.
pub(crate) fn busy() -> Executor {
    let mut executor = executor(71);
    let empty = Message::default;
    let ops = [
        Op::Spawn(Config::default()),
        Op::AfterBlocks(3, Message::of([Op::flood(root(1), 2)])),
        Op::AfterTime(
            5 * BLOCK_MILLIS / 2,
            Message::of([Op::send(Target::Child(0), empty())]),
        ),
        Op::send(root(2), Message::of([Op::Draw])),
        Op::Bytes(root(3).into(), 5),
    ];
    run(&mut executor, &[(root(0), Message::of(ops))]);
    let ends = [
        (root(4), Message::of([Op::Panic])),
        (root(5), Message::of([Op::stop(Target::Me)])),
    ];
    run(&mut executor, &ends);
    let floods = [Op::flood(root(4), 3), Op::flood(root(6), 3)];
    let chain = Message::of([Op::send(root(65), Message::of(floods))]);
    handle_at_most(&mut executor, 1);
    run(&mut executor, &[(root(0), chain)]);
    handle_at_most(&mut executor, PLENTY);
    assert!(executor.backlog() > 0, "mail waits");
    executor
}
