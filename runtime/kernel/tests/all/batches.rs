//! More mail than goes over to an engine's code in one call.

use crate::rig::actor::planned_fault;
use crate::rig::alone::{executor, reply, run};
use crate::rig::script::{Message, Op, Origin};
use crate::rig::{memory, root};
use refit_abi::Undelivered;
use refit_kernel::ReplyError;
use refit_kernel::limits::BATCH_LETTERS_MAX;

/// What a message takes with it does not depend on where one call ends.
#[test]
fn failures_in_mail_of_several_calls_take_what_they_would_in_one() {
    const FAILS: usize = BATCH_LETTERS_MAX;
    const PANICS: usize = BATCH_LETTERS_MAX + 100;
    const ALL: usize = 3 * BATCH_LETTERS_MAX;
    let mut executor = executor(2);
    let script = |number| {
        let mut ops = vec![Op::send(root(1), Message::tagged(number as u32))];
        match number {
            FAILS => ops.push(Op::Fail),
            PANICS => ops.push(Op::Panic),
            _ => {}
        }
        (root(0), Message::of(ops))
    };
    let messages: Vec<_> = (0..ALL).map(script).collect();
    let outcome = run(&mut executor, &messages);
    for number in 0..ALL {
        let engine = root(0);
        let unlike = match (number, reply(&outcome, number as u64)) {
            (FAILS, outcome) => outcome != Err(ReplyError::Fault(planned_fault())),
            (..PANICS, outcome) => outcome.is_err(),
            (PANICS, outcome) => !matches!(outcome, Err(ReplyError::Panicked { .. })),
            (_, outcome) => {
                let reason = Undelivered::Poisoned;
                outcome != Err(ReplyError::Undelivered { engine, reason })
            }
        };
        assert!(!unlike, "{number}: {:?}", reply(&outcome, number as u64));
    }
    let log = memory(&executor, root(1)).log;
    let from = Origin::Engine(root(0));
    let tags = log.iter().filter(|seen| seen.from == from);
    let tags: Vec<_> = tags.map(|seen| seen.tag as usize).collect();
    let sent = (0..PANICS).filter(|number| *number != FAILS);
    assert_eq!((tags, log.len()), (sent.collect(), PANICS - 1));
    assert_eq!(outcome.stats.messages, (ALL + PANICS - 1) as u64);
    assert_eq!(outcome.stats.poisoned, 1);
}
