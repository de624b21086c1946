//! [`Scripted`]: blocks that were fixed before, for replay and for tests.

use crate::{Block, Due, Full, Ingress, Next, Ordering, Tip, Token};
use refit_abi::BlockTime;
use std::collections::VecDeque;

/// Gives the blocks it was made of, unchanged, one for each call, whatever the time is.
#[derive(Debug)]
pub struct Scripted {
    blocks: VecDeque<Block>,
    pending: usize,
    tip: Tip,
}

impl Scripted {
    /// Plays `blocks`, the first of which follows `tip`; [`crate::chain`] makes such blocks.
    pub fn new(tip: Tip, blocks: impl IntoIterator<Item = Block>) -> Self {
        let blocks: VecDeque<Block> = blocks.into_iter().collect();
        let pending = blocks.iter().map(|block| block.messages.len()).sum();
        Self {
            blocks,
            pending,
            tip,
        }
    }
}

impl Ordering for Scripted {
    /// Takes nothing: the script is complete.
    fn offer(&mut self, _message: Ingress, _token: Option<Token>) -> Result<(), Full> {
        let payloads = self.blocks.iter().flat_map(|block| &block.messages);
        let bytes = payloads.map(|message| message.payload.len()).sum();
        Err(Full {
            messages: self.pending,
            bytes,
        })
    }

    fn next(&mut self, _now: BlockTime, _due: Due) -> Option<Next> {
        let block = self.blocks.pop_front()?;
        self.pending -= block.messages.len();
        self.tip = block.tip();
        let tokens = vec![None; block.messages.len()];
        Some(Next { block, tokens })
    }

    fn next_due(&self, now: BlockTime, _due: Due) -> Option<BlockTime> {
        (!self.blocks.is_empty()).then_some(now)
    }

    fn pending(&self) -> usize {
        self.pending
    }

    fn tip(&self) -> Tip {
        self.tip
    }
}
