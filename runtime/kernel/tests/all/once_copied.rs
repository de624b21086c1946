//! Exactly once is a function of the blocks: an image has it, and another process comes to the same.

use crate::rig::alone::{copy, executor};
use crate::rig::script::{Message, Op};
use crate::rig::{LARGE, PLENTY, block, handle_at_most, ingress, keyed, root};
use refit_kernel::crew::Helpers;
use refit_kernel::limits::CLIENTS_MAX;
use refit_kernel::{BlockInput, BlockOutcome, Executor, Ingress, KeyRefusal, ReplyError, Share};
use std::process::Command;

/// Set for the process that only prints what the script comes to.
const PRINT: &str = "REFIT_TEST_PRINTS_THE_DIGEST";

/// Before what it prints.
const DIGEST: &str = "the digest is ";

/// Blocks of requests, repeats, other requests under used keys, faults, refusals; some blocks handle nothing.
fn script() -> Vec<BlockInput> {
    let fail = || Message::of([Op::Fail]);
    let requests = |height: u64| -> Vec<Ingress> {
        let nth = |number: u64| match number % 6 {
            0 => keyed(("ada", number / 2), root(0), &Message::default()),
            1 => keyed(("bob", number % 7), root(1), &Message::of([Op::Draw])),
            2 => keyed(("bob", number % 11), root(0), &Message::default()),
            3 => keyed(("eve", number), root(2), &fail()),
            4 => keyed(("eve", number), root(9), &Message::default()),
            _ => ingress(root(3), &Message::default()),
        };
        (0..20).map(|number| nth(height * 13 + number)).collect()
    };
    (1..30)
        .map(|height| block(height, requests(height)))
        .collect()
}

/// Every third block handles nothing.
fn execute(executor: &mut Executor, block: BlockInput) -> BlockOutcome {
    let budget = match block.frame.height.0 % 3 {
        0 => 0,
        _ => PLENTY,
    };
    handle_at_most(executor, budget);
    executor.execute(&Helpers::none(), block)
}

/// What comes of the script: everything that the executor is, and everything that it answered.
fn digest() -> String {
    let mut executor = executor(4);
    let mut hasher = blake3::Hasher::new();
    for block in script() {
        let outcome = execute(&mut executor, block);
        hasher.update(format!("{:?}", outcome.replies).as_bytes());
    }
    let image = executor.image(LARGE).unwrap();
    hasher.update(&postcard::to_allocvec(&image).unwrap());
    hasher.finalize().to_string()
}

#[test]
fn a_second_process_fed_the_same_blocks_has_the_same_table_and_outcomes() {
    if std::env::var_os(PRINT).is_some() {
        println!("{DIGEST}{}", digest());
        return;
    }
    let name = "once_copied::a_second_process_fed_the_same_blocks_has_the_same_table_and_outcomes";
    let mut second = Command::new(std::env::current_exe().unwrap());
    let second = second.args(["--exact", name, "--nocapture"]);
    let output = second.env(PRINT, "1").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let told = printed.lines().find_map(|line| line.strip_prefix(DIGEST));
    assert_eq!(told, Some(digest().as_str()), "{printed}");
}

#[test]
fn an_executor_made_from_an_image_answers_and_refuses_as_the_one_it_was_taken_from() {
    let mut first = executor(4);
    let mut kinds = [0; 3];
    for (number, block) in script().into_iter().enumerate() {
        // Also while keys are taken.
        let mut second = copy(&first);
        if number % 2 == 0 {
            std::mem::swap(&mut first, &mut second);
        }
        let (of_first, of_second) = (
            execute(&mut first, block.clone()),
            execute(&mut second, block),
        );
        assert_eq!(of_first.replies, of_second.replies);
        assert_eq!(first.image(LARGE), second.image(LARGE));
        for replied in &of_first.replies {
            kinds[0] += u32::from(replied.repeated);
            kinds[1] += u32::from(replied.outcome == Err(ReplyError::Key(KeyRefusal::Used)));
            kinds[2] += u32::from(replied.outcome.is_ok());
        }
    }
    assert!(kinds.iter().all(|count| *count > 10), "{kinds:?}");
}

#[test]
fn new_names_as_many_as_there_are_places_displace_nobody_and_leave_others_theirs() {
    let mut executor = executor(1);
    let mine = || keyed(("honest", 1), root(0), &Message::default());
    let first = execute(&mut executor, block(1, vec![mine()]));
    let new = |number: usize| keyed((&format!("n{number}"), 1), root(0), &Message::default());
    let mut turned_away = 0;
    let mut height = 1;
    for start in (0..CLIENTS_MAX).step_by(1 << 12) {
        height += 1;
        let messages = (start..start + (1 << 12)).map(new).collect();
        let outcome = execute(&mut executor, block(height, messages));
        let refused = outcome.replies.iter().filter(|replied| {
            matches!(
                replied.outcome,
                Err(ReplyError::Key(KeyRefusal::ShareFull { .. }))
            )
        });
        turned_away += refused.count();
    }
    assert_eq!(turned_away, CLIENTS_MAX / 2 + 1, "half of the places");
    let again = execute(&mut executor, block(height + 1, vec![mine()]));
    assert!(again.replies[0].repeated);
    assert_eq!(again.replies[0].outcome, first.replies[0].outcome);
    // By another way new names come in as if nothing were, in an executor made from an image too.
    for mut executor in [copy(&executor), executor] {
        handle_at_most(&mut executor, PLENTY);
        let elsewhere = (0..100).map(|number| Ingress {
            share: Share(9),
            ..keyed((&format!("m{number}"), 1), root(0), &Message::default())
        });
        let outcome = executor.execute(&Helpers::none(), block(height + 2, elsewhere.collect()));
        let done = outcome
            .replies
            .iter()
            .filter(|replied| replied.outcome.is_ok());
        assert_eq!(done.count(), 100);
    }
}
