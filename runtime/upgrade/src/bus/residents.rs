//! [`Residents`]: the engines that live on the bus while the upgrade runs: started there, or with a new
//! state that is wholly their own and a handler of upgrade messages.

use refit_abi::EngineId;
use refit_abi::host::Instance;
use refit_abi::schema::SchemaId;
use refit_kernel::{Counters, IdMap, KindIndex, Signed, Started};
use std::ops::Range;

/// All residents, in the order they came: that of stages, places and rounds.
#[derive(Debug, Default)]
pub(crate) struct Residents {
    pub(crate) all: Vec<Resident>,
    index: IdMap<u32>,
    /// Engines that were retired, whether they live here or not.
    gone: IdMap<()>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Resident {
    pub(crate) id: EngineId,
    pub(crate) kind: KindIndex,
    /// Its new state; taken out while it handles messages.
    pub(crate) instance: Option<Instance>,
    pub(crate) home: Home,
    /// Messages sent and engines spawned.
    pub(crate) counters: Counters,
    /// The upgrade messages it handles, if it does.
    pub(crate) handles: Option<SchemaId>,
    pub(crate) mailbox: Vec<Letter>,
}

/// The place at which a resident will live.
#[derive(Debug)]
pub(crate) enum Home {
    /// In the place of the old state.
    Place { chunk: u32, number: u32 },
    /// Wherever the commit puts it.
    New(Box<Started>),
}

/// An upgrade message that waits; its payload lies in the round's arena.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) signed: Signed,
    pub(crate) payload: Range<usize>,
}

impl Residents {
    pub(crate) fn find(&self, id: EngineId) -> Option<u32> {
        self.index.get(id)
    }

    pub(crate) fn get(&self, id: EngineId) -> Option<&Resident> {
        self.all.get(self.find(id)? as usize)
    }

    /// Whether an engine was retired.
    pub(crate) fn is_gone(&self, id: EngineId) -> bool {
        self.gone.get(id).is_some()
    }

    /// Retires an engine; false if it was before.
    pub(crate) fn retire(&mut self, id: EngineId) -> bool {
        let is_first = !self.is_gone(id);
        self.gone.insert(id, ());
        is_first
    }

    pub(crate) fn add(&mut self, resident: Resident) {
        self.index.insert(resident.id, self.all.len() as u32);
        self.all.push(resident);
    }
}

impl Resident {
    /// A started on the bus.
    pub(crate) fn started(mut started: Started, handles: Option<SchemaId>) -> Self {
        Self {
            id: started.id(),
            kind: started.kind(),
            instance: started.take_instance(),
            counters: started.counters(),
            home: Home::New(Box::new(started)),
            handles,
            mailbox: Vec::new(),
        }
    }

    /// The engine that started it on the bus; `None` for one that was there before.
    pub(crate) fn parent(&self) -> Option<EngineId> {
        match &self.home {
            Home::New(started) => started.parent(),
            Home::Place { .. } => None,
        }
    }
}
