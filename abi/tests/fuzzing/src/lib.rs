//! Tools for tests that give a decoder whatever bytes: random cases that can be repeated, changed bytes, and an
//! allocator that says how much memory a call took.
//!
//! A bounded number of cases runs with each `cargo test`, from a fixed seed, which is printed. Another seed, or more
//! cases: `REFIT_FUZZ_SEED` and `REFIT_FUZZ_CASES`.

mod counting;

pub use counting::{Counting, Taken, taken};

/// The variable that names another seed.
const SEED: &str = "REFIT_FUZZ_SEED";

/// The variable that names another number of cases.
const CASES: &str = "REFIT_FUZZ_CASES";

/// Longest run of bytes that one change cuts out or repeats.
const RUN_BYTES_MAX: usize = 9;

/// Numbers that follow from a seed alone: SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next_u64() % bound as u64) as usize
    }

    /// Small and large numbers alike: varints of every length.
    pub fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.next_u64() >> shift
    }

    /// Up to `most` bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next_u64() as u8).collect()
    }

    /// One of some.
    ///
    /// # Panics
    /// If there is none.
    pub fn one_of<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Changes some bytes, cuts some out, repeats some, or puts words of the format in, up to four times.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>, words: &[&[u8]]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(RUN_BYTES_MAX)).min(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => drop(bytes.splice(at..at, self.bytes(RUN_BYTES_MAX))),
                3 => drop(bytes.splice(at..end, self.one_of(words).iter().copied())),
                4 => {
                    let run = bytes[at..end].to_vec();
                    drop(bytes.splice(at..at, run));
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = self.next_u64() as u8;
                    }
                }
            }
        }
    }
}

/// Runs the cases, and prints the seed for when one fails.
///
/// # Panics
/// If a variable holds no number.
pub fn each_case(default_seed: u64, cases: u64, mut case: impl FnMut(&mut Random)) {
    let seed = from_environment(SEED, default_seed);
    let cases = from_environment(CASES, cases);
    println!("{SEED}={seed} {CASES}={cases}");
    let mut random = Random::new(seed);
    for _ in 0..cases {
        case(&mut random);
    }
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => match text.parse() {
            Ok(number) => number,
            Err(error) => panic!("{name} is {text:?}: {error}; give it a number"),
        },
        Err(_) => otherwise,
    }
}
