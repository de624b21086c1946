//! Whatever text comes as a plan: it is read or refused, without a panic, and what is read reads back from what it would be
//! written as.
//!
//! Seeds and counts: see `refit_fuzzing`.

use crate::plan::{live, plan};
use crate::ring::VERSIONS;
use refit_fuzzing::each_case;
use refit_upgrade::Plan;

/// Cases.
const CASES: u64 = 20_000;

/// What a plan consists of: in other places it may still be one.
const WORDS: [&str; 12] = [
    "null",
    "[]",
    "{}",
    "0",
    "-1",
    "1e9",
    "18446744073709551615",
    "\"\"",
    "\"adopt\"",
    ",",
    "}",
    "]",
];

#[test]
fn any_text_is_a_plan_that_reads_back_or_is_refused() {
    let plans: Vec<_> = (1..=VERSIONS)
        .map(|place| serde_json::to_vec(&plan(place)).unwrap())
        .collect();
    let (mut taken, mut refused) = (0, 0);
    each_case(1, CASES, |random| {
        let mut text = plans[random.below(plans.len())].clone();
        random.mutate(&mut text, &WORDS.map(str::as_bytes));
        let Ok(read) = serde_json::from_slice::<Plan>(&text) else {
            refused += 1;
            return;
        };
        taken += 1;
        let again = serde_json::to_vec(&read).unwrap();
        assert_eq!(serde_json::from_slice::<Plan>(&again).unwrap(), read);
        // Whatever it says, it is for a node or it is not.
        let _ = read.check_base(&live(1));
    });
    assert!(
        taken > 0 && refused > 0,
        "both were tried: {taken}, {refused}"
    );
}
