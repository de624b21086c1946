//! What the author's guide says of the bounds.

use refit_abi::ENGINE_NAME_BYTES_MAX;
use refit_kernel::limits::{
    ANSWER_BYTES_MAX, BYTES_PER_MESSAGE_MAX, EFFECT_BYTES_PER_BLOCK_MAX, EFFECT_OVERHEAD_BYTES,
    ENGINES_MAX, LOG_LINES_PER_BLOCK_MAX, MAILBOX_MESSAGES_MAX, REPLY_BYTES_MAX, ROUND_BYTES_MAX,
    ROUND_DEEDS_MAX, ROUND_EFFECT_BYTES_MAX, SENDS_PER_MESSAGE_MAX, SPAWN_DEPTH_MAX,
    SPAWNS_PER_MESSAGE_MAX, STOPS_PER_MESSAGE_MAX, TIMERS_MAX, TIMERS_PER_ENGINE_MAX,
};

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
