//! The engines and their states, as a test sees them between two blocks.

use crate::address::Address;
use crate::codec;
use crate::testkit::Testkit;
use refit_abi::fixture::FIXTURE_STATE_BYTES_MAX;
use refit_abi::host::{Instance, Kind};
use refit_abi::{EngineId, State};
use refit_kernel::{
    CaptureError, Captured, EngineStatus, Next, Pending, ReplacedStates, Replacement, StateError,
    States, replaced,
};
use std::sync::Mutex;

impl Testkit {
    /// The status of all engines, in the order they were started, but the newest have the places of those that have
    /// stopped.
    #[track_caller]
    pub fn engines(&self) -> Vec<EngineStatus> {
        self.node().call(|executor| executor.statuses(usize::MAX))
    }

    /// The state of an engine.
    ///
    /// # Panics
    /// If the engine does not serve, or if its state has another schema than `T`.
    #[track_caller]
    pub fn state<T: State>(&self, engine: impl Address) -> T {
        let captured = self.captured(engine.id());
        let live = captured.kind.descriptor();
        assert!(
            live.schema == T::schema_id(),
            "the state of `{}` is {}, not {}",
            engine.id(),
            codec::named(&live.state),
            codec::name::<T>()
        );
        match codec::from_postcard(&captured.state) {
            Ok(state) => state,
            Err(reason) => panic!("the state of `{}` is not readable: {reason}", engine.id()),
        }
    }

    /// All live engines' states as postcard, in the order of [`Testkit::engines`].
    ///
    /// # Panics
    /// If one cannot be written.
    #[track_caller]
    pub fn states(&self) -> States {
        match self.node().call(|executor| executor.encode_states()) {
            Ok(states) => states,
            Err(StateError { engine, error }) => {
                panic!("the state of `{engine}` cannot be written: {error}")
            }
        }
    }

    /// Gives an engine another state.
    ///
    /// # Panics
    /// If the engine does not serve, or if its state has another schema than `T`.
    #[track_caller]
    pub fn set_state<T: State>(&mut self, engine: impl Address, state: &T) {
        let id = engine.id();
        let kind = self.captured(id).kind;
        let live = kind.descriptor();
        assert!(
            live.schema == T::schema_id(),
            "the state of `{id}` is {}, not {}",
            codec::named(&live.state),
            codec::name::<T>()
        );
        self.put_state(id, kind.clone(), &codec::to_postcard(state));
    }

    /// Puts a state of the live schema in the place of an engine's.
    ///
    /// It is a tiny upgrade: a generation of the same code, for which the new state is prepared.
    #[track_caller]
    pub(crate) fn put_state(&mut self, id: EngineId, kind: Kind, bytes: &[u8]) {
        let instance = match kind.decode(bytes) {
            Ok(instance) => instance,
            Err(error) => panic!("the state for `{id}` is not readable: {error}"),
        };
        let instance: Mutex<Option<Instance>> = Mutex::new(Some(instance));
        self.node_mut().at_update_point(move |quiesced| {
            let table = quiesced.table();
            let Some((index, _)) = table.find(&kind.descriptor().kind) else {
                return;
            };
            quiesced.visit(move |_, chunk| {
                let place = chunk.look().find(|(_, slot)| slot.id() == id);
                let Some(number) = place.map(|(number, _)| number) else {
                    return;
                };
                let instance = instance.lock().ok().and_then(|mut kept| kept.take());
                if let (Some(mut slot), Some(instance)) = (chunk.slot(number), instance) {
                    slot.set_next(Next::Whole(instance));
                }
            });
            let pending = Pending::Replace(ReplacedStates::of(kind.clone()));
            let replaced = Replacement {
                index,
                kind,
                pending: Some(pending),
            };
            let next = table.next(vec![replaced], Vec::new());
            drop(quiesced.publish(next));
        });
        self.settle();
    }

    /// Puts all states together, and drops those that were replaced.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let replaced = self.node().call(|executor| {
            executor.sweep();
            executor.take_replaced()
        });
        if let Err(error) = replaced::discard(replaced) {
            panic!("no thread to drop replaced states on: {error}");
        }
    }

    #[track_caller]
    pub(crate) fn captured(&self, engine: EngineId) -> Captured {
        match self.try_captured(engine) {
            Ok(captured) => captured,
            Err(error) => panic!("{error}"),
        }
    }

    /// The state as postcard; nothing if the engine has none.
    #[track_caller]
    pub(crate) fn state_bytes(&self, engine: EngineId) -> Option<Vec<u8>> {
        // However large: it is compared, and not kept.
        let captured = self
            .node()
            .call(move |executor| executor.encode_state(engine, usize::MAX));
        Some(captured.ok()?.state)
    }

    #[track_caller]
    fn try_captured(&self, engine: EngineId) -> Result<Captured, CaptureError> {
        self.node()
            .call(move |executor| executor.encode_state(engine, FIXTURE_STATE_BYTES_MAX))
    }
}
