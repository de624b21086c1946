//! [`Replay`]: what was read of the image, so that a small one can be read again.

use std::io::{self, Read};

/// Images up to this length are kept for further runs, in bytes: their states lie in memory twice for it.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// A reader that keeps what was read as long as that is little.
pub(super) struct Replay<R> {
    from: R,
    kept: Option<Vec<u8>>,
}

impl<R: Read> Replay<R> {
    pub(super) fn new(from: R) -> Self {
        let kept = Some(Vec::new());
        Self { from, kept }
    }

    /// All that was read, unless it was too much.
    pub(super) fn again(self) -> Option<Vec<u8>> {
        self.kept
    }
}

impl<R: Read> Read for Replay<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        let kept = self.kept.take();
        // Given up as a whole: the beginning of an image is of no use.
        self.kept = kept.filter(|kept| kept.len() + read <= KEPT_BYTES_MAX);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&into[..read]);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_input_can_be_read_again_and_a_large_one_takes_no_memory() {
        let mut small = Replay::new([7_u8; 1_000].as_slice());
        io::copy(&mut small, &mut io::sink()).unwrap();
        assert_eq!(small.again(), Some(vec![7; 1_000]));
        let mut large = Replay::new(io::repeat(7).take(KEPT_BYTES_MAX as u64 + 1));
        io::copy(&mut large, &mut io::sink()).unwrap();
        assert_eq!(large.again(), None);
    }
}
