//! [`ScriptedBus`]: an upgrade bus whose other side the test has written.

mod bus;
mod record;

pub use record::{Sent, Spawned};

use crate::address::Address;
use crate::codec;
use refit_abi::raw::BusStatus;
use refit_abi::schema::SchemaId;
use refit_abi::{BusError, Engine, EngineId, Fault, Height, State};
use refit_upgrade::{Budget, BusBudget};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

/// An upgrade bus whose other side the test has written: it gives the answers of the script, keeps what the
/// migration did, and does nothing else.
///
/// Capabilities and `AFTER` are the node's to enforce, and are not looked at here:
/// [`Testkit::upgrade`](crate::Testkit::upgrade) does.
pub struct ScriptedBus {
    me: EngineId,
    height: Height,
    old: BTreeMap<EngineId, Answers>,
    new: BTreeMap<EngineId, Answers>,
    budget: BusBudget,
    cancelled: bool,
    used: BusBudget,
    spent: Option<Budget>,
    sent: Vec<Sent>,
    spawned: Vec<Spawned>,
    retired: Vec<EngineId>,
    lines: Vec<String>,
    /// A panic of the script itself, on its way around the seam.
    panic: Option<Box<dyn Any + Send>>,
}

/// Writes the answer to a query, both postcard.
type Call = dyn FnMut(&[u8], &mut Vec<u8>) -> BusStatus;

/// The scripted answers of one engine.
struct Answers {
    query: SchemaId,
    answer: SchemaId,
    call: Box<Call>,
}

impl ScriptedBus {
    /// A bus for the migration of the engine `me`, at height 1, on which no other engine is.
    #[track_caller]
    pub fn new(me: impl Address) -> Self {
        Self {
            me: me.id(),
            height: Height(1),
            old: BTreeMap::new(),
            new: BTreeMap::new(),
            budget: BusBudget::default(),
            cancelled: false,
            used: BusBudget {
                messages: 0,
                rounds: 0,
                bytes: 0,
                engines: 0,
            },
            spent: None,
            sent: Vec::new(),
            spawned: Vec::new(),
            retired: Vec::new(),
            lines: Vec::new(),
            panic: None,
        }
    }

    /// The height of the update point.
    #[must_use]
    pub fn at(mut self, height: Height) -> Self {
        self.height = height;
        self
    }

    /// Limits what the migration may use.
    #[must_use]
    pub fn budget(mut self, budget: BusBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Another transition has failed: every call says so.
    #[must_use]
    pub fn cancelled(mut self) -> Self {
        self.cancelled = true;
        self
    }

    /// `read` of `engine` is answered by the query of this old state.
    #[must_use]
    #[track_caller]
    pub fn old_state<E: Engine>(self, engine: impl Address, state: E) -> Self {
        self.on_read::<E::Query, E::Answer>(engine, move |query| state.query(query))
    }

    /// `query` of `engine` is answered by the query of this new state.
    #[must_use]
    #[track_caller]
    pub fn new_state<E: Engine>(self, engine: impl Address, state: E) -> Self {
        self.on_query::<E::Query, E::Answer>(engine, move |query| state.query(query))
    }

    /// `read` of `engine` is answered by a function.
    #[must_use]
    #[track_caller]
    pub fn on_read<Q: State, A: State>(
        mut self,
        engine: impl Address,
        answer: impl FnMut(Q) -> Result<A, Fault> + 'static,
    ) -> Self {
        self.old.insert(engine.id(), Answers::of(answer));
        self
    }

    /// `query` of `engine` is answered by a function.
    #[must_use]
    #[track_caller]
    pub fn on_query<Q: State, A: State>(
        mut self,
        engine: impl Address,
        answer: impl FnMut(Q) -> Result<A, Fault> + 'static,
    ) -> Self {
        self.new.insert(engine.id(), Answers::of(answer));
        self
    }

    /// The messages that were sent, in order.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// The messages that were sent to one engine, decoded.
    ///
    /// # Panics
    /// If one of them is not an `M`.
    #[track_caller]
    pub fn sent_to<M: State>(&self, engine: impl Address) -> Vec<M> {
        let to = self.sent.iter().filter(|sent| sent.to == engine.id());
        to.map(Sent::message).collect()
    }

    /// The engines that were started, in order. Their `init` does not run here.
    pub fn spawned(&self) -> &[Spawned] {
        &self.spawned
    }

    /// The engines that were retired, in order.
    pub fn retired(&self) -> &[EngineId] {
        &self.retired
    }

    /// The lines that were logged, in order.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    pub(crate) fn frame(&self) -> (EngineId, Height) {
        (self.me, self.height)
    }

    /// Goes on with a panic of the script.
    pub(crate) fn rethrow(&mut self) {
        if let Some(panic) = self.panic.take() {
            std::panic::resume_unwind(panic);
        }
    }

    /// Gives the outcome of a call as the upgrade would see it.
    pub(crate) fn ended<T>(&mut self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        self.rethrow();
        if self.cancelled {
            return Err(BusError::Cancelled.into());
        }
        match self.spent {
            Some(_) => Err(BusError::Budget.into()),
            None => outcome,
        }
    }
}

impl Answers {
    fn of<Q: State, A: State>(mut answer: impl FnMut(Q) -> Result<A, Fault> + 'static) -> Self {
        let call = move |query: &[u8], out: &mut Vec<u8>| match codec::from_postcard(query) {
            Err(reason) => failed(&reason, out),
            Ok(query) => match answer(query) {
                Ok(answer) => {
                    out.extend(codec::to_postcard(&answer));
                    BusStatus::Ok
                }
                Err(fault) => refit_abi::host::CallError::Fault(fault).to_bus(out),
            },
        };
        Self {
            query: Q::schema_id(),
            answer: A::schema_id(),
            call: Box::new(call),
        }
    }
}

fn failed(reason: &str, out: &mut Vec<u8>) -> BusStatus {
    out.extend_from_slice(reason.as_bytes());
    BusStatus::Failed
}

impl fmt::Debug for ScriptedBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedBus")
            .field("me", &self.me)
            .field("sent", &self.sent)
            .field("spawned", &self.spawned)
            .field("retired", &self.retired)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}
