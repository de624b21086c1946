//! Whatever bytes come as an image: the reader does not panic, takes memory as bytes come, and what it takes is what would
//! be written.
//!
//! Seeds and counts: see `refit_fuzzing`.

use crate::rig::alone::busy;
use crate::rig::{LARGE, table};
use refit_fuzzing::{each_case, taken};
use refit_kernel::{Executor, ImageReader, ImageScope};

/// Cases of each test.
const CASES: u64 = 2_000;

/// What a reader may take for each of its bytes, in bytes: a message that waits is some bytes of the image and an
/// envelope of some hundred in memory, and a list grows by doubling.
const TAKEN_PER_BYTE: usize = 32;

/// What a reader may take whatever its bytes are, in bytes: an executor without engines, the room for a record.
const TAKEN_AT_REST: usize = 128 << 10;

/// What an image consists of: lengths that say much.
const WORDS: [&[u8]; 2] = [&[0xff; 9], &[0xff, 0xff, 0xff, 0x7f]];

fn written(executor: &Executor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let scope = ImageScope::whole(LARGE);
    executor.write_image(&scope, &mut bytes).unwrap();
    bytes
}

/// Whether it is taken: as plain data, and then, if the code can have it, as an executor that writes the same.
fn decode(bytes: &[u8]) -> bool {
    let image = ImageReader::begin(bytes).and_then(ImageReader::image);
    let executor = ImageReader::begin(bytes).and_then(|it| it.executor(table(), |_| ()));
    if let Ok(copied) = &executor {
        assert!(bytes.starts_with(&written(&copied.executor)));
    }
    assert!(image.is_ok() || executor.is_err());
    image.is_ok()
}

/// As [`decode`], and sees that it took what the bytes stand for.
fn decode_within_bounds(bytes: &[u8]) -> bool {
    let taken = taken(|| decode(bytes));
    let most = TAKEN_AT_REST + TAKEN_PER_BYTE * bytes.len();
    let (peak, length) = (taken.peak_bytes, bytes.len());
    assert!(
        peak <= most,
        "{peak} bytes of memory for {length} of an image"
    );
    taken.value
}

#[test]
fn any_bytes_are_an_image_in_its_one_form_or_are_refused() {
    let begin = written(&busy())[..16].to_vec();
    each_case(1, CASES, |random| {
        // Heads that fit, before bytes that may not.
        let mut bytes = begin.clone();
        for _ in 0..random.below(4) {
            let record = random.bytes(60);
            bytes.push(random.below(3) as u8);
            bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&record);
        }
        bytes.extend(random.bytes(20));
        assert!(!decode_within_bounds(&bytes), "no end names these bytes");
    });
}

#[test]
fn an_image_with_changed_bytes_is_refused_and_lengths_alone_take_no_memory() {
    let image = written(&busy());
    assert!(decode_within_bounds(&image));
    let mut refused = 0;
    each_case(2, CASES, |random| {
        let mut bytes = image.clone();
        random.mutate(&mut bytes, &WORDS);
        refused += u64::from(!decode_within_bounds(&bytes));
    });
    assert!(refused > 0);
}
