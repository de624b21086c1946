//! Bounds: reaching one is a typed refusal or a backlog, never a loss.

use crate::alone::harness::{
    NO_BUDGET, block, executor, handle_at_most, ingress, place, reply, root, run, seen,
};
use crate::alone::script::{Message, Op, Target};
use refit_abi::ENGINE_NAME_BYTES_MAX;
use refit_kernel::crew::Helpers;
use refit_kernel::limits::{
    ANSWER_BYTES_MAX, BYTES_PER_MESSAGE_MAX, EFFECT_BYTES_PER_BLOCK_MAX, EFFECT_OVERHEAD_BYTES,
    ENGINES_MAX, LOG_LINE_BYTES_MAX, LOG_LINES_PER_BLOCK_MAX, MAILBOX_MESSAGES_MAX,
    REPLY_BYTES_MAX, ROUND_BYTES_MAX, ROUND_DEEDS_MAX, ROUND_EFFECT_BYTES_MAX,
    SENDS_PER_MESSAGE_MAX, SPAWN_DEPTH_MAX, SPAWNS_PER_MESSAGE_MAX, STOPS_PER_MESSAGE_MAX,
    TIMERS_MAX, TIMERS_PER_ENGINE_MAX,
};

#[test]
fn one_message_sends_so_many_bytes_and_is_then_refused() {
    let mut executor = executor(1);
    let (half, nobody) = (BYTES_PER_MESSAGE_MAX as u64 / 2, Target::Child(0));
    let ops = vec![
        Op::Bytes(nobody, half),
        Op::Bytes(nobody, half),
        Op::Bytes(nobody, half - 64),
    ];
    let outcome = run(&mut executor, vec![(root(0), Message::of(ops))]);
    // The second does not fit by the bytes of its length; the third, smaller, does.
    assert_eq!(reply(&outcome, 0).unwrap().refused, ["budget"]);
    assert_eq!(seen(&executor, root(0)).len(), 1 + 2);
}

#[test]
fn one_message_stops_so_many_engines_and_is_then_refused() {
    let mut executor = executor(1);
    // One that is no child of it goes on, which takes as much room as one that is stopped.
    let ops = vec![Op::Stop(Target::Id(root(7))); STOPS_PER_MESSAGE_MAX + 1];
    let outcome = run(&mut executor, vec![(root(0), Message::of(ops))]);
    assert_eq!(reply(&outcome, 0).unwrap().refused, ["budget"]);
    let next = run(
        &mut executor,
        vec![(root(0), Message::of([Op::Stop(Target::Me)]))],
    );
    assert!(reply(&next, 0).unwrap().refused.is_empty());
}

#[test]
fn a_block_without_budget_keeps_its_messages_in_order_for_the_next() {
    let mut executor = executor(1);
    let messages = (0..3)
        .map(|n| ingress(root(0), n, Message::default()))
        .collect();
    handle_at_most(&mut executor, 0);
    let outcome = executor.execute(&Helpers::none(), block(1, messages));
    assert_eq!((outcome.backlog, outcome.replies.len()), (3, 0));
    handle_at_most(&mut executor, NO_BUDGET);
    let next = block(2, vec![]);
    let outcome = executor.execute(&Helpers::none(), next);
    let places: Vec<_> = outcome.replies.iter().map(place).collect();
    assert_eq!(places, [0, 1, 2]);
}

#[test]
fn a_log_line_is_kept_up_to_its_bytes() {
    let mut executor = executor(1);
    let log = Message::of([Op::Log(1, 1 << 20)]);
    let outcome = run(&mut executor, vec![(root(0), log)]);
    let bytes: Vec<_> = outcome.logs.iter().map(|log| log.line.len()).collect();
    assert!(
        matches!(bytes[..], [bytes] if bytes < LOG_LINE_BYTES_MAX + 8),
        "{bytes:?}"
    );
}

/// The author's guide.
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi/README.md");

#[test]
fn the_guide_and_the_contract_name_the_bounds_as_they_are() {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let row = |name: &str| {
        let row = format!("| {name} |");
        let found = guide.lines().find(|line| line.starts_with(&row));
        found.unwrap_or_else(|| panic!("no row `{row}`")).to_owned()
    };
    for (name, bounds) in [
        (
            "messages that one message sends",
            vec![SENDS_PER_MESSAGE_MAX],
        ),
        (
            "engines that one message starts",
            vec![SPAWNS_PER_MESSAGE_MAX, SPAWN_DEPTH_MAX],
        ),
        (
            "engines that one message stops",
            vec![STOPS_PER_MESSAGE_MAX],
        ),
        ("timers that one message sets", vec![SENDS_PER_MESSAGE_MAX]),
        ("timers that wait", vec![TIMERS_PER_ENGINE_MAX, TIMERS_MAX]),
        ("events that one message emits", vec![SENDS_PER_MESSAGE_MAX]),
        ("bytes of all of these", vec![BYTES_PER_MESSAGE_MAX >> 20]),
        ("log lines that are kept", vec![LOG_LINES_PER_BLOCK_MAX]),
        (
            "messages that wait in a mailbox",
            vec![MAILBOX_MESSAGES_MAX],
        ),
        (
            "a reply, an answer",
            vec![REPLY_BYTES_MAX >> 20, ANSWER_BYTES_MAX >> 20],
        ),
        (
            "replies and events of one block",
            vec![
                EFFECT_BYTES_PER_BLOCK_MAX as usize >> 20,
                EFFECT_OVERHEAD_BYTES,
            ],
        ),
        (
            "replies and events of one round",
            vec![ROUND_EFFECT_BYTES_MAX >> 20],
        ),
        (
            "all that one round sends, emits, sets, starts and stops",
            vec![ROUND_DEEDS_MAX, ROUND_BYTES_MAX >> 20],
        ),
        ("engines of a node", vec![ENGINES_MAX]),
        ("the name of an engine", vec![ENGINE_NAME_BYTES_MAX]),
    ] {
        for bound in bounds {
            let (row, bound) = (row(name), grouped(bound));
            let words = |c: char| !c.is_ascii_digit() && c != ',';
            assert!(
                row.split(words).any(|word| word == bound),
                "{bound} in `{row}`"
            );
        }
    }
}

/// A number with a comma before each three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let comma = |place: usize| place > 0 && (digits.len() - place).is_multiple_of(3);
    let written = digits.chars().enumerate();
    written
        .flat_map(|(place, digit)| comma(place).then_some(',').into_iter().chain([digit]))
        .collect()
}
