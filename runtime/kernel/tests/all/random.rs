//! Randomised tests: the seed is printed with a failure and can be given again.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::hash::{BuildHasher, RandomState};

/// Cases that shrinking a failure may try.
const SHRINKS_MAX: u32 = 2_000;

/// Runs `test` on values of `strategy`: `cases` of them, or as many as `PROPTEST_CASES` says; from
/// the seed in `REFIT_SEED`, or a fresh one.
pub(crate) fn check<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text: String| text.parse::<u64>().unwrap())
    };
    let seed = number("REFIT_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("to run these cases again: REFIT_SEED={seed}");
    let cases = number("PROPTEST_CASES").map_or(cases, |cases| cases as u32);
    let config = Config {
        cases,
        max_shrink_iters: SHRINKS_MAX,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng).run(strategy, test);
    if let Err(error) = outcome {
        panic!("{error}\nto run these cases again: REFIT_SEED={seed}");
    }
}
