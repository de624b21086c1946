//! Engines that are started while the upgrade runs: by a transition, by a handler of upgrade messages, or
//! by the `init` of such an engine. Each counts against the budgets, and none of them is seen before the
//! commit.

use super::{EngineBus, Used};
use crate::phase::Failure;
use refit_abi::EngineId;
use refit_abi::descriptor::Ability;
use refit_abi::host::Spawn;
use refit_abi::raw::BusStatus;
use refit_kernel::{Allowance, Configuration, Counters, Start, StartError, Started, WantedChild};

impl EngineBus<'_> {
    pub(super) fn start(
        &mut self,
        spawn: Spawn<'_>,
        out: &mut Vec<u8>,
    ) -> Result<EngineId, BusStatus> {
        let table = &self.shared.table;
        let (index, entry) = table.find(spawn.kind).ok_or(BusStatus::Unknown)?;
        if !table.may(self.kind, Ability::Spawn, index) {
            return Err(BusStatus::Forbidden);
        }
        if entry.kind.descriptor().config != spawn.schema {
            return Err(BusStatus::Schema);
        }
        let id = match spawn.name {
            "" => self.me.child(self.counters.children),
            name => EngineId::root(name).map_err(|error| {
                out.extend_from_slice(error.to_string().as_bytes());
                BusStatus::Failed
            })?,
        };
        // Before the count goes up: an id that is taken costs no number.
        self.vacant(id)?;
        self.counters.children += 1;
        let wanted = WantedChild {
            id,
            kind: index,
            config: spawn.config.to_vec(),
        };
        self.spawn_with_children(self.me, vec![wanted], out)?;
        Ok(id)
    }

    /// Starts engines, and those that their `init` wants: all of them, or none.
    pub(crate) fn spawn_with_children(
        &mut self,
        parent: EngineId,
        wanted: Vec<WantedChild>,
        out: &mut Vec<u8>,
    ) -> Result<(), BusStatus> {
        let before = self.out.started.len();
        let outcome = self.spawn_all(parent, wanted, 0, out);
        if outcome.is_err() {
            self.out.discard_from(before, &self.shared.table);
        }
        outcome
    }

    fn spawn_all(
        &mut self,
        parent: EngineId,
        wanted: Vec<WantedChild>,
        depth: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BusStatus> {
        for child in wanted {
            let depth_max = self.shared.view.parameters().engines.spawn_depth;
            if depth >= depth_max {
                let engine = child.id;
                let error = StartError::Depth { engine, depth_max };
                out.extend_from_slice(error.to_string().as_bytes());
                return Err(BusStatus::Failed);
            }
            let used = Used {
                messages: 0,
                bytes: child.config.len() as u64,
                engines: 1,
            };
            if !self.charge(used) {
                return Err(BusStatus::Budget);
            }
            self.vacant(child.id)?;
            let mut started = self.init(parent, &child, out)?;
            // Its children are charged when they are started, and their configurations with them.
            let wanted = started.take_spawns();
            let asked = Used::asked(&started, &wanted);
            self.out.add(started);
            if !self.charge(asked) {
                return Err(BusStatus::Budget);
            }
            self.spawn_all(child.id, wanted, depth + 1, out)?;
        }
        Ok(())
    }

    fn init(
        &self,
        parent: EngineId,
        child: &WantedChild,
        out: &mut Vec<u8>,
    ) -> Result<Started, BusStatus> {
        let start = Start {
            id: child.id,
            kind: child.kind,
            parent: Some(parent),
            config: Configuration::postcard(&child.config),
            counters: Counters::default(),
            timers_set: 0,
            ordinal: 0,
            node_timers: 0,
            parameters: self.shared.view.parameters(),
            allowance: Allowance::of(&self.shared.view.parameters().message),
        };
        let (table, frame) = (&self.shared.table, self.shared.view.frame());
        Started::init(table, &start, frame).map_err(|error| match error {
            StartError::Init { error, .. } => error.to_bus(out),
            other => {
                out.extend_from_slice(other.to_string().as_bytes());
                BusStatus::Failed
            }
        })
    }

    /// Whether an engine may be started under an id.
    fn vacant(&self, id: EngineId) -> Result<(), BusStatus> {
        if !self.exists(id) && !self.shared.view.has_ended(id) {
            return Ok(());
        }
        let other = self.out.started(id).and_then(Started::parent);
        if other.is_some_and(|parent| parent != self.me) {
            // As if the two were of chunks that do not see each other.
            let taken = Failure::Taken { engine: id };
            self.shared.fail(self.out.account.task, taken);
        }
        Err(BusStatus::Taken)
    }
}
