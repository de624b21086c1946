//! [`Ahead`]: reads blocks before they are needed, on a thread of its own: the next one is decoded while one is executed.
//!
//! It holds a few blocks. The thread ends with this, at the latest behind the block that it is reading.

use crate::limits::REPLAY_AHEAD_BLOCKS;
use crossbeam_channel::{Receiver, bounded};
use refit_abi::Height;
use refit_ordering::Decided;
use std::io;
use std::thread::{Builder, JoinHandle};

/// A block as it was read, or why it cannot be.
type Read = Result<Decided, String>;

/// Blocks one after the other.
pub(super) struct Ahead {
    /// The block that comes next.
    next: Height,
    /// Until this is dropped.
    blocks: Option<Receiver<Read>>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Reads from one block to another, each by its bytes.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub(super) fn read(
        first: Height,
        last: Height,
        bytes: impl Fn(Height) -> Result<Vec<u8>, String> + Send + 'static,
    ) -> io::Result<Self> {
        let (to, blocks) = bounded(REPLAY_AHEAD_BLOCKS);
        let thread = Builder::new().name("refit-replay".to_owned());
        let thread = thread.spawn(move || {
            for height in (first.0..=last.0).map(Height) {
                let read = bytes(height)
                    .and_then(|bytes| Decided::from_log(&bytes).map_err(|error| error.to_string()));
                // Nobody wants more, or what comes behind one that cannot be read.
                if read.is_err() | to.send(read).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            next: first,
            blocks: Some(blocks),
            thread: Some(thread),
        })
    }

    /// Whether this block comes next.
    pub(super) fn is_at(&self, height: Height) -> bool {
        self.next == height
    }

    /// The next block.
    pub(super) fn take(&mut self) -> Read {
        let height = self.next;
        self.next = height.next();
        let read = self.blocks.as_ref().and_then(|blocks| blocks.recv().ok());
        read.unwrap_or_else(|| Err(format!("nothing is read behind the block before {height}")))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.blocks = None;
        // It has a handle on the store, which nobody else opens before it is closed.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_ordering::{Block, Seal};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn bytes(height: Height) -> Vec<u8> {
        let mut block = Block::default();
        block.header.height = height;
        let mut bytes = block.to_bytes();
        bytes.extend(Seal::Nothing.to_bytes());
        bytes
    }

    #[test]
    fn blocks_come_in_their_order_and_only_a_few_are_read_before_they_are_wanted() {
        let count = Arc::new(AtomicU64::new(0));
        let counted = count.clone();
        let mut ahead = Ahead::read(Height(3), Height(90), move |height| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(bytes(height))
        })
        .unwrap();
        for height in 3..=5 {
            assert!(ahead.is_at(Height(height)));
            assert_eq!(ahead.take().unwrap().block.header.height, Height(height));
        }
        drop(ahead);
        // Those taken, those in the channel, and the one in the thread's hands.
        assert!(count.load(Ordering::SeqCst) <= 3 + REPLAY_AHEAD_BLOCKS as u64 + 1);
    }

    #[test]
    fn a_block_that_cannot_be_read_says_why_at_its_place_and_none_comes_behind_it() {
        let read = |height| match height {
            Height(2) => Err("it is gone".to_owned()),
            height => Ok(bytes(height)),
        };
        let mut ahead = Ahead::read(Height(1), Height(9), read).unwrap();
        assert!(ahead.take().is_ok());
        assert_eq!(ahead.take().unwrap_err(), "it is gone");
        assert!(ahead.take().is_err());
    }
}
