//! Whatever bytes come as an image: the reader does not panic, takes memory as bytes come, and what it takes is what would
//! be written.
//!
//! A bounded number of cases runs with each `cargo test`. Another seed, or more cases: `REFIT_FUZZ_SEED` and
//! `REFIT_FUZZ_CASES`.

use crate::harness::table;
use crate::image::{LARGE, busy};
use refit_kernel::{Executor, ImageReader, ImageScope};
use std::fs;

/// Cases of each test.
const CASES: u64 = 2_000;

/// Memory that a reader may take beyond what was there, in KiB: the decoder's guess at the length of a list, once for
/// each level, and the record that it has room for.
const MEMORY_KIB_MAX: u64 = 32 << 10;

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
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.next() as u8)
            .collect()
    }
}

/// Runs the cases, and says the seed for when one fails.
fn each_case(default_seed: u64, mut case: impl FnMut(&mut Random)) {
    let set = |name: &str, otherwise: u64| {
        let text = std::env::var(name).ok();
        text.map_or(otherwise, |text| text.parse().unwrap())
    };
    let seed = set("REFIT_FUZZ_SEED", default_seed);
    let cases = set("REFIT_FUZZ_CASES", CASES);
    println!("REFIT_FUZZ_SEED={seed} REFIT_FUZZ_CASES={cases}");
    let mut random = Random(seed);
    for _ in 0..cases {
        case(&mut random);
    }
}

fn written(executor: &Executor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let scope = ImageScope::whole(LARGE);
    executor.write_image(&scope, &mut bytes).unwrap();
    bytes
}

/// Changes some bytes, cuts some out or puts some in.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..(at + random.below(9) as usize).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, random.bytes(8))),
            // A length that says much.
            3 => drop(bytes.splice(at..at, [0xff; 9])),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
        }
    }
}

/// Whether it is taken: as plain data, and then, if the code can have it, as an executor that writes the same.
fn decode(bytes: &[u8]) -> bool {
    let image = ImageReader::begin(bytes).and_then(ImageReader::image);
    let executor = ImageReader::begin(bytes).and_then(|it| it.executor(table(), |_| ()));
    if let Ok((executor, _)) = &executor {
        assert!(bytes.starts_with(&written(executor)));
    }
    assert!(image.is_ok() || executor.is_err());
    image.is_ok()
}

fn address_space_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

#[test]
fn any_bytes_are_an_image_in_its_one_form_or_are_refused() {
    let begin = written(&busy())[..16].to_vec();
    each_case(1, |random| {
        // Heads that fit, before bytes that may not.
        let mut bytes = begin.clone();
        for _ in 0..random.below(4) {
            let record = random.bytes(60);
            bytes.push(random.below(3) as u8);
            bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&record);
        }
        bytes.extend(random.bytes(20));
        assert!(!decode(&bytes), "no end names these bytes");
    });
}

#[test]
fn an_image_with_changed_bytes_is_refused_and_lengths_alone_take_no_memory() {
    let image = written(&busy());
    assert!(decode(&image));
    let (before, mut refused) = (address_space_kib(), 0);
    each_case(2, |random| {
        let mut bytes = image.clone();
        mutate(random, &mut bytes);
        refused += u64::from(!decode(&bytes));
    });
    assert!(refused > 0);
    // Other tests of this program run beside: their memory is in it too, so this is loose.
    let taken = address_space_kib().saturating_sub(before);
    println!("{taken} KiB more address space");
    assert!(taken < 64 * MEMORY_KIB_MAX, "{taken} KiB");
}
