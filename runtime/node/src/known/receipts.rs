//! [`Receipts`]: the newest receipts, to be compared with another node's when its next block is refused.

use refit_abi::Height;
use refit_kernel::Receipt;
use std::collections::VecDeque;

/// Most receipts that are kept.
pub const RECEIPTS_MAX: usize = 64;

/// Most engines that the kept receipts name, all together; the newest receipt stays whatever it names.
pub const RECEIPT_ENGINES_MAX: usize = 65_536;

/// The newest receipts.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    newest: VecDeque<Receipt>,
    /// The engines in all of them.
    engines: usize,
}

impl Receipts {
    /// Keeps one more; the oldest make room.
    pub(crate) fn add(&mut self, receipt: Receipt) {
        self.engines += receipt.engines.len();
        self.newest.push_back(receipt);
        while self.newest.len() > 1
            && (self.newest.len() > RECEIPTS_MAX || self.engines > RECEIPT_ENGINES_MAX)
        {
            let oldest = self.newest.pop_front();
            self.engines -= oldest.map_or(0, |oldest| oldest.engines.len());
        }
    }

    /// The receipt of the block at `height`, if it is kept.
    pub(crate) fn of(&self, height: Height) -> Option<Receipt> {
        let mut newest = self.newest.iter().rev();
        newest.find(|receipt| receipt.height == height).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::EngineId;
    use refit_kernel::{EngineReceipt, LeafHash};

    fn receipt(height: u64, engines: usize) -> Receipt {
        let part = EngineReceipt {
            engine: EngineId::from_bytes([0; 16]),
            leaf: LeafHash([0; 32]),
        };
        Receipt {
            height: Height(height),
            engines: vec![part; engines],
            ..Receipt::default()
        }
    }

    #[test]
    fn the_newest_are_kept_within_both_bounds() {
        let mut receipts = Receipts::default();
        for height in 1..=RECEIPTS_MAX as u64 + 1 {
            receipts.add(receipt(height, 1));
        }
        assert_eq!(receipts.of(Height(1)), None);
        assert!(receipts.of(Height(2)).is_some());
        receipts.add(receipt(100, RECEIPT_ENGINES_MAX - 1));
        assert_eq!(receipts.newest.len(), 2, "one engine more has room");
        receipts.add(receipt(101, RECEIPT_ENGINES_MAX + 1));
        assert_eq!(receipts.newest.len(), 1);
        assert!(receipts.of(Height(101)).is_some());
        receipts.add(receipt(102, 0));
        assert_eq!((receipts.newest.len(), receipts.engines), (1, 0));
    }
}
