//! Invariants: each engine's own `check`, and an author's over several engines.

use crate::address::Address;
use crate::codec;
use crate::testkit::Testkit;
use refit_abi::host::{CallError, Kind};
use refit_abi::{Engine, EngineId, Fault};
use std::collections::BTreeMap;
use std::fmt;

/// All engines' states at one height, for an invariant to look at.
#[derive(Debug)]
pub struct Look {
    engines: Vec<(EngineId, Kind, Vec<u8>)>,
}

/// Says what does not hold.
type Holds = dyn Fn(&Look) -> Result<(), Fault>;

/// An author's invariant.
pub(crate) struct Invariant {
    name: String,
    holds: Box<Holds>,
}

impl Look {
    /// The states of all engines of kind `E` whose state is that version's, in the order they were
    /// started.
    pub fn all<E: Engine>(&self) -> Vec<(EngineId, E)> {
        let of_kind = self.engines.iter().filter(|(_, kind, _)| {
            let live = kind.descriptor();
            live.kind == E::KIND && live.schema == E::schema_id()
        });
        of_kind
            .filter_map(|(id, _, bytes)| Some((*id, codec::from_postcard(bytes).ok()?)))
            .collect()
    }

    /// The state of one engine, if it is of kind `E` and of that version.
    #[track_caller]
    pub fn state<E: Engine>(&self, engine: impl Address) -> Option<E> {
        let wanted = engine.id();
        let mut all = self.all::<E>().into_iter();
        all.find(|(id, _)| *id == wanted).map(|(_, state)| state)
    }

    /// The number of living engines.
    pub fn count(&self) -> usize {
        self.engines.len()
    }

    /// The first engine whose own check finds something, and what.
    fn check(&self) -> Result<(), (EngineId, CallError)> {
        for (id, kind, bytes) in &self.engines {
            let instance = kind.decode(bytes).map_err(|error| (*id, error))?;
            let outcome = kind.check(&instance);
            // It was made by this kind, so it fits.
            let _ = kind.discard(instance);
            outcome.map_err(|error| (*id, error))?;
        }
        Ok(())
    }
}

impl Testkit {
    /// Holds an invariant over several engines: looked at now, and after each block and upgrade.
    ///
    /// # Panics
    /// If it does not hold now.
    #[track_caller]
    pub fn invariant(&mut self, name: &str, holds: impl Fn(&Look) -> Result<(), Fault> + 'static) {
        self.invariants.push(Invariant {
            name: name.to_owned(),
            holds: Box::new(holds),
        });
        self.look_over();
    }

    /// All engines' states as they are.
    #[track_caller]
    pub fn look(&self) -> Look {
        let states = self.states().into_iter();
        let table = self.node().call(|executor| executor.table());
        let statuses = self.engines().into_iter();
        let kinds: BTreeMap<_, _> = statuses.map(|status| (status.id, status.kind)).collect();
        let kind = |id: &EngineId| Some(table.get(*kinds.get(id)?)?.kind.clone());
        let engines = states.filter_map(|(id, bytes)| Some((id, kind(&id)?, bytes)));
        Look {
            engines: engines.collect(),
        }
    }

    /// Runs every engine's own `check`.
    ///
    /// # Panics
    /// If one finds something.
    #[track_caller]
    pub fn check(&self) {
        if let Err((engine, error)) = self.look().check() {
            panic!(
                "the check of `{engine}` at height {}: {error}",
                self.height()
            );
        }
    }

    /// Runs the chosen checks and invariants after each block and upgrade.
    #[track_caller]
    pub(crate) fn look_over(&self) {
        if self.states_checked {
            self.check();
        }
        if self.invariants.is_empty() {
            return;
        }
        let look = self.look();
        for invariant in &self.invariants {
            if let Err(fault) = (invariant.holds)(&look) {
                let (name, height) = (&invariant.name, self.height());
                panic!("the invariant `{name}` does not hold at height {height}: {fault}");
            }
        }
    }
}

impl fmt::Debug for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invariant")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
