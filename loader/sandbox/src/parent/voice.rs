//! [`Voice`]: what a command says on standard output or error, up to a limit that both share.

use super::running::Stopper;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a command says on standard output or standard error. It ends when all who hold it have ended, or when more was said
/// than may be; the command is ended then.
pub struct Voice {
    source: Box<dyn Read + Send>,
    left: Arc<AtomicU64>,
    stopper: Stopper,
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Voice")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Voice {
    pub(super) fn new(
        source: impl Read + Send + 'static,
        left: &Arc<AtomicU64>,
        stopper: &Stopper,
    ) -> Self {
        Self {
            source: Box::new(source),
            left: Arc::clone(left),
            stopper: stopper.clone(),
        }
    }
}

impl Read for Voice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let taken = |left: u64| left.checked_sub(read as u64);
        match self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, taken)
        {
            Ok(_) => Ok(read),
            Err(_) => {
                self.stopper.said_too_much();
                Ok(0)
            }
        }
    }
}
