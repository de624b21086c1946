//! [`Decoding`]: large states are decoded on threads of their own while what comes behind them is read. The items go into
//! the executor in their order all the same.

use super::make::{Making, Placed};
use super::stream::StreamError;
use super::{EngineImage, Item, StateImage};
use crate::limits::{
    DECODED_APART_BYTES_MIN, DECODED_AT_ONCE_MAX, ENGINE_STACK_BYTES, WAITING_ITEMS_MAX,
};
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// The items that wait for those before them.
pub(super) struct Decoding<'scope, 'env, 'making> {
    scope: &'scope Scope<'scope, 'env>,
    making: &'making mut Making,
    waiting: VecDeque<Waiting<'scope>>,
    /// How many of them are decoded now.
    threads: usize,
}

enum Waiting<'scope> {
    Item(Item),
    Engine(ScopedJoinHandle<'scope, Placed>),
}

impl<'scope, 'env, 'making> Decoding<'scope, 'env, 'making> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, making: &'making mut Making) -> Self {
        Self {
            scope,
            making,
            waiting: VecDeque::new(),
            threads: 0,
        }
    }

    /// The next item.
    pub(super) fn put(&mut self, item: Item) -> Result<(), StreamError> {
        match item {
            Item::Engine(engine) if is_large(&engine) => {
                // Each holds the bytes of its state.
                while self.threads >= DECODED_AT_ONCE_MAX {
                    self.put_oldest()?;
                }
                let thread = self.decode(engine)?;
                self.waiting.push_back(Waiting::Engine(thread));
                self.threads += 1;
            }
            item if self.waiting.is_empty() => self.making.put(item)?,
            item => {
                if self.waiting.len() >= WAITING_ITEMS_MAX {
                    self.put_oldest()?;
                }
                self.waiting.push_back(Waiting::Item(item));
            }
        }
        Ok(())
    }

    /// What waits goes in.
    pub(super) fn end(mut self) -> Result<(), StreamError> {
        while !self.waiting.is_empty() {
            self.put_oldest()?;
        }
        Ok(())
    }

    fn decode(
        &self,
        engine: Box<EngineImage>,
    ) -> Result<ScopedJoinHandle<'scope, Placed>, StreamError> {
        let decoder = self.making.decoder();
        let thread = Builder::new()
            .name("refit-decode".to_owned())
            .stack_size(ENGINE_STACK_BYTES);
        let thread = thread.spawn_scoped(self.scope, move || decoder.decode(engine));
        thread.map_err(|source| StreamError::Read { source })
    }

    fn put_oldest(&mut self) -> Result<(), StreamError> {
        match self.waiting.pop_front() {
            None => Ok(()),
            Some(Waiting::Item(item)) => Ok(self.making.put(item)?),
            Some(Waiting::Engine(thread)) => {
                self.threads -= 1;
                let placed = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                Ok(self.making.place(placed)?)
            }
        }
    }
}

impl Drop for Decoding<'_, '_, '_> {
    fn drop(&mut self) {
        // Joined, and not only at their ends: the code that they have entered may be unmapped next.
        for waiting in self.waiting.drain(..) {
            if let Waiting::Engine(thread) = waiting {
                let _ = thread.join();
            }
        }
    }
}

/// Whether its state takes longer to decode than a thread to start.
fn is_large(engine: &EngineImage) -> bool {
    match &engine.state {
        StateImage::Live(bytes) => bytes.len() >= DECODED_APART_BYTES_MIN,
        StateImage::Poisoned(_) | StateImage::Elsewhere => false,
    }
}
