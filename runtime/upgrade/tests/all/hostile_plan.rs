//! Whatever text comes as a plan: it is read or refused, without a panic, and what is read reads back from what it would be
//! written as.
//!
//! A bounded number of cases runs with each `cargo test`. Another seed, or more cases: `REFIT_FUZZ_SEED` and
//! `REFIT_FUZZ_CASES`.

use crate::plan::{live, plan};
use crate::ring::VERSIONS;
use refit_upgrade::Plan;

/// Cases.
const CASES: u64 = 20_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(otherwise, |text| text.parse().unwrap())
}

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

fn mutate(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(12)).min(text.len());
        match random.below(4) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..end, WORDS[random.below(WORDS.len())].bytes())),
            2 => {
                let copy = text[at..end].to_vec();
                drop(text.splice(at..at, copy));
            }
            _ => {
                if let Some(byte) = text.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
        }
    }
}

#[test]
fn any_text_is_a_plan_that_reads_back_or_is_refused() {
    let seed = from_environment("REFIT_FUZZ_SEED", 1);
    let cases = from_environment("REFIT_FUZZ_CASES", CASES);
    println!("REFIT_FUZZ_SEED={seed} REFIT_FUZZ_CASES={cases}");
    let (mut random, mut taken) = (Random(seed), 0);
    let plans: Vec<_> = (1..=VERSIONS)
        .map(|place| serde_json::to_vec(&plan(place)).unwrap())
        .collect();
    for _ in 0..cases {
        let mut text = plans[random.below(plans.len())].clone();
        mutate(&mut random, &mut text);
        let Ok(read) = serde_json::from_slice::<Plan>(&text) else {
            continue;
        };
        taken += 1;
        let again = serde_json::to_vec(&read).unwrap();
        assert_eq!(serde_json::from_slice::<Plan>(&again).unwrap(), read);
        // Whatever it says, it is for a node or it is not.
        let _ = read.check_base(&live(1));
    }
    assert!(taken > 0 && taken < cases, "both were tried: {taken}");
}
