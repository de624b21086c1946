//! A source beside the least that executes its blocks.

use parking_lot::Mutex;
use refit_abi::host::{Ingress, Share};
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId};
use refit_ordering::{Block, BlockSource, Decided, Entry, Ground, Message, NotPushed, Outlet};
use std::sync::Arc;

pub(crate) fn entry(number: u64, bytes: usize) -> Entry {
    Entry::Message(message(number, bytes))
}

pub(crate) fn message(number: u64, bytes: usize) -> Message {
    let (engine, client) = (EngineId::root("kv").unwrap(), ClientId::of("ada"));
    let ingress = Ingress {
        engine,
        client,
        share: Share(3),
        sequence: Some(number),
        codec: Codec::Json,
        payload: vec![b'1'; bytes],
    };
    Message {
        ingress,
        authenticator: Vec::new(),
    }
}

/// Keeps the one block that waits.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Decided>>);

impl Outlet for Slot {
    fn push(&self, decided: Decided) -> Result<(), NotPushed> {
        let mut slot = self.0.lock();
        if slot.is_some() {
            let height = decided.block.header.height;
            return Err(NotPushed::TooEarly { height });
        }
        *slot = Some(decided);
        Ok(())
    }
}

/// Takes what a source pushes.
pub(crate) struct Executes<S> {
    pub(crate) source: S,
    pub(crate) ground: Ground,
    slot: Arc<Slot>,
}

impl<S: BlockSource> Executes<S> {
    pub(crate) fn new(source: S) -> Self {
        Self::on(source, Ground::default())
    }

    pub(crate) fn on(mut source: S, ground: Ground) -> Self {
        let slot = Arc::new(Slot::default());
        source.begin(slot.clone());
        source.executed(&ground);
        Self {
            source,
            ground,
            slot,
        }
    }

    pub(crate) fn decided(&self) -> Option<Decided> {
        self.slot.0.lock().take()
    }

    /// The block was executed.
    pub(crate) fn executed(&mut self, block: &Block) {
        self.ground.tip = block.tip();
        self.source.executed(&self.ground);
    }
}
