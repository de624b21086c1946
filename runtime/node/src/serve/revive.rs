//! A poisoned engine is revived: its last good state is found by executing the blocks again, in a child on a copy, and
//! comes back as an entry of a block.

use super::handle::Node;
use crate::answers::order_refusal;
use crate::answers::refusals::silent;
use crate::blocks::orders::key;
use crate::entries::order_key;
use crate::limits::STATE_WAIT_MAX;
use crate::recovery::last_good::{Found, Search, WantedState, before};
use crate::recovery::way_back;
use refit_abi::{EngineId, Undelivered, codes};
use refit_admin::api::EngineRevived;
use refit_admin::{CarriedOut, GoodState, LastGood, Moment, OrderedBy, Refusal};
use refit_kernel::{
    At, Done, EngineState, EngineStatus, Executor, KeyRefusal, Order, OrderError, Poison, Revival,
};
use refit_ordering::{Entry, REVIVED_STATE_BYTES_MAX};
use refit_store::Archive;

/// How to go on without the state.
const AFRESH: &str = "start it afresh: refit engine restart ENGINE";

/// What the crew knows of an engine.
struct Looked {
    /// What an order under the same key has come to.
    before: Option<Result<(At, Done), KeyRefusal>>,
    status: Option<EngineStatus>,
    /// Whether its code has the states that it was poisoned with.
    is_same_code: bool,
    moment: Moment,
}

impl Node {
    /// Finds the state that an engine had before the message that poisoned it.
    pub(crate) fn find_last_good(
        &self,
        engine: EngineId,
        by: &OrderedBy,
    ) -> Result<LastGood, Refusal> {
        self.accepts()?;
        let looked = self.look_at(engine, by)?;
        match looked.before {
            Some(Ok((at, _))) => return Ok(LastGood::Done(repeated(engine, at))),
            Some(Err(why)) => return Err(order_refusal(&OrderError::Key(why))),
            None => {}
        }
        let poison = poison(engine, looked.status)?;
        // Taken back, the code of before would find bytes of the newer state in the log.
        if self.probation.is_on() {
            return Err(on_probation(engine));
        }
        if poison.sender.is_none() {
            let detail = format!("engine `{engine}` was poisoned by no message, but by an upgrade");
            let next = "take the upgrade back: refit upgrade rollback; or start it afresh: refit engine restart ENGINE";
            return Err(Refusal::new(409, codes::REVIVE_BY_UPGRADE, detail, next));
        }
        if !looked.is_same_code {
            let detail = format!(
                "the code of engine `{engine}` has another state than it was poisoned with"
            );
            return Err(Refusal::new(409, codes::REVIVE_OTHER_CODE, detail, AFRESH));
        }
        // The log must have the block of that message for good.
        self.leaves_within(looked.moment, STATE_WAIT_MAX)?;
        let state = self.search(engine, &poison)?;
        Ok(LastGood::State(GoodState {
            poisoned_at: poison.height,
            state,
        }))
    }

    fn look_at(&self, engine: EngineId, by: &OrderedBy) -> Result<Looked, Refusal> {
        let key = key(by).map(order_key);
        let look = move |executor: &mut Executor| {
            let order = Order::Revive(Revival {
                engine,
                poisoned_at: executor.height(),
                state: Vec::new(),
            });
            let table = executor.table();
            let status = executor.status_of(engine);
            let entry = status.as_ref().and_then(|status| table.get(status.kind));
            let schema = entry.map(|entry| entry.kind.descriptor().schema);
            Looked {
                before: key.and_then(|key| executor.ordered_before(key.key, &order)),
                is_same_code: match status.as_ref().map(|status| &status.state) {
                    Some(EngineState::Poisoned(poison)) => Some(poison.schema) == schema,
                    _ => false,
                },
                status,
                moment: Moment {
                    height: executor.height(),
                    generation: table.number(),
                },
            }
        };
        let looked = self.duty.ask(look, STATE_WAIT_MAX);
        looked.map_err(|_| silent(&self.latest, &self.standing, &self.watched))
    }

    /// Has a child find it.
    fn search(&self, engine: EngineId, poison: &Poison) -> Result<Vec<u8>, Refusal> {
        let too_far = |detail: &str| Refusal::new(409, codes::REVIVE_TOO_FAR, detail, AFRESH);
        let archive = self.store.archive();
        let archive = archive.ok_or_else(|| {
            too_far("the node keeps its blocks in memory (`--store memory`): no state of before is anywhere")
        })?;
        let command = self.trials.command.as_ref();
        let command = command.ok_or_else(|| failed("the node is not configured to look for it"))?;
        let one = self.trials.trying.try_lock();
        let _one = one.ok_or_else(under_way)?;
        // An upgrade that is armed would be taken up by the child too.
        if self.upgrades.under_way().is_some() {
            return Err(under_way());
        }
        let from = before(poison.height, archive).map_err(|fault| Refusal::of(503, &fault))?;
        let from = from.ok_or_else(|| {
            too_far(&format!(
                "engine `{engine}` was poisoned in block {}, before the oldest checkpoint that is kept",
                poison.height
            ))
        })?;
        self.has_room_for(copied_bytes(archive, self))?;
        let search = Search {
            store: &*self.store,
            archive,
            wanted: WantedState::before(engine, poison),
            from,
            folder: self.trials.folder.clone(),
        };
        match search.run(command, REVIVED_STATE_BYTES_MAX) {
            Ok(Found::State(state)) => Ok(state),
            Ok(Found::TooLarge(bytes)) => {
                let detail = format!(
                    "the last good state of engine `{engine}` has {bytes} bytes, and at most {REVIVED_STATE_BYTES_MAX} come back in a block"
                );
                let next =
                    "start it afresh: refit engine restart ENGINE; or restore a snapshot of before";
                Err(Refusal::new(409, codes::REVIVE_TOO_LARGE, detail, next))
            }
            Err(error) => Err(error
                .unhelped()
                .unwrap_or_else(|| failed(&error.to_string()))),
        }
    }

    /// Has the engine go on with it.
    pub(crate) async fn revive_engine(
        &self,
        engine: EngineId,
        state: GoodState,
        by: &OrderedBy,
    ) -> Result<CarriedOut<EngineRevived>, Refusal> {
        let GoodState { poisoned_at, state } = state;
        let state_bytes = state.len() as u64;
        let entry = Entry::Revive {
            key: key(by),
            engine,
            poisoned_at,
            state,
        };
        let revived = self.order(entry).await?;
        let (height, is_new) = (revived.moment.height, !revived.repeated);
        if is_new {
            tracing::info!(%engine, %height, %poisoned_at, "an operator has revived the engine with its last good state");
        }
        Ok(revived.map(|_| EngineRevived {
            engine: engine.to_string(),
            height,
            poisoned_at: is_new.then_some(poisoned_at),
            state_bytes: is_new.then_some(state_bytes),
        }))
    }
}

/// Why the engine is poisoned.
fn poison(engine: EngineId, status: Option<EngineStatus>) -> Result<Poison, Refusal> {
    let Some(status) = status else {
        let reason = Undelivered::Unknown;
        return Err(order_refusal(&OrderError::NoEngine { engine, reason }));
    };
    match status.state {
        EngineState::Poisoned(poison) => Ok(poison),
        EngineState::Live => Err(order_refusal(&OrderError::NotPoisoned { engine })),
    }
}

/// The same order under the same key, carried out before.
fn repeated(engine: EngineId, at: At) -> CarriedOut<EngineRevived> {
    CarriedOut {
        done: EngineRevived {
            engine: engine.to_string(),
            height: at.height,
            poisoned_at: None,
            state_bytes: None,
        },
        moment: Moment {
            height: at.height,
            generation: at.generation,
        },
        repeated: true,
    }
}

/// Bytes of the copy on which a child starts.
fn copied_bytes(archive: &dyn Archive, node: &Node) -> u64 {
    let size = |path: std::path::PathBuf| path.metadata().map_or(0, |file| file.len());
    let kept = archive.checkpoints().unwrap_or_default().into_iter();
    let states: u64 = kept.map(|kept| size(kept.path)).sum();
    states + way_back::log_bytes(refit_abi::Height(0), &*node.store)
}

fn under_way() -> Refusal {
    Refusal::new(
        409,
        codes::REVIVE_UNDER_WAY,
        "another revival, a trial of a roll-back or an upgrade is under way",
        "try again when it has ended",
    )
}

fn failed(detail: &str) -> Refusal {
    let next = "see the node's log; start the engine afresh: refit engine restart ENGINE";
    Refusal::new(500, codes::REVIVE_FAILED, detail.to_owned(), next)
}

fn on_probation(engine: EngineId) -> Refusal {
    let detail = format!(
        "engine `{engine}` is not revived while the live generation can be taken back: its state would be brought to the \
         code of before"
    );
    let next = "take the generation back, and the engine with it: refit upgrade rollback; or keep it: refit upgrade confirm, \
                and then revive it";
    Refusal::new(409, codes::ON_PROBATION, detail, next)
}
