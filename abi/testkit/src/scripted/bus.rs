//! The node's side of a scripted bus.

use super::{Answers, ScriptedBus, Sent, Spawned, failed};
use refit_abi::EngineId;
use refit_abi::host::{Ask, Bus, Spawn};
use refit_abi::raw::BusStatus;
use refit_abi::schema::SchemaId;
use refit_upgrade::Budget;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl ScriptedBus {
    /// Uses a budget; one that is spent is remembered, as the upgrade would be aborted.
    fn take(&mut self, what: Budget, count: usize) -> bool {
        let (used, most) = match what {
            Budget::Messages => (&mut self.used.messages, self.budget.messages),
            Budget::Rounds => (&mut self.used.rounds, self.budget.rounds),
            Budget::Bytes => (&mut self.used.bytes, self.budget.bytes),
            Budget::Engines => (&mut self.used.engines, self.budget.engines),
        };
        *used = used.saturating_add(count as u64);
        let fits = *used <= most;
        if !fits {
            self.spent.get_or_insert(what);
        }
        fits
    }

    /// Whether the upgrade was cancelled, by the script or by a spent budget.
    fn ends(&self) -> bool {
        self.cancelled || self.spent.is_some()
    }

    fn knows(&self, engine: EngineId) -> bool {
        engine == self.me
            || self.old.contains_key(&engine)
            || self.new.contains_key(&engine)
            || self.spawned.iter().any(|spawned| spawned.id == engine)
    }

    fn answer(&mut self, ask: Ask<'_>, out: &mut Vec<u8>) -> BusStatus {
        let unknown = match ask.new && self.old.contains_key(&ask.engine) {
            true => BusStatus::Undeclared,
            false => BusStatus::Unknown,
        };
        let side = if ask.new {
            &mut self.new
        } else {
            &mut self.old
        };
        let Some(Answers {
            query,
            answer,
            call,
        }) = side.get_mut(&ask.engine)
        else {
            return unknown;
        };
        if (*query, *answer) != (ask.query, ask.answer) {
            return BusStatus::Schema;
        }
        // A panic must not unwind through the seam.
        match catch_unwind(AssertUnwindSafe(|| call(ask.payload, out))) {
            Ok(status) => status,
            Err(panic) => {
                self.panic.get_or_insert(panic);
                failed("the script panicked", out)
            }
        }
    }
}

impl Bus for ScriptedBus {
    fn cancelled(&self) -> bool {
        self.ends()
    }

    fn log(&mut self, _: u8, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn ask(&mut self, ask: Ask<'_>, out: &mut Vec<u8>) -> BusStatus {
        if self.ends() {
            return BusStatus::Cancelled;
        }
        let status = self.answer(ask, out);
        let bytes = ask.payload.len() + out.len();
        if status == BusStatus::Ok && !self.take(Budget::Bytes, bytes) {
            return BusStatus::Budget;
        }
        status
    }

    fn spawn(&mut self, spawn: Spawn<'_>, out: &mut Vec<u8>) -> Result<EngineId, BusStatus> {
        if self.ends() {
            return Err(BusStatus::Cancelled);
        }
        let fits = self.take(Budget::Engines, 1) && self.take(Budget::Bytes, spawn.config.len());
        if !fits {
            return Err(BusStatus::Budget);
        }
        let id = match spawn.name {
            "" => self.me.child(self.spawned.len() as u64),
            name => EngineId::root(name).map_err(|error| failed(&error.to_string(), out))?,
        };
        if self.knows(id) {
            return Err(BusStatus::Taken);
        }
        self.spawned.push(Spawned {
            id,
            kind: spawn.kind.to_owned(),
            schema: spawn.schema,
            config: spawn.config.to_vec(),
        });
        Ok(id)
    }

    fn retire(&mut self, engine: EngineId) -> BusStatus {
        if self.ends() {
            return BusStatus::Cancelled;
        }
        if !self.knows(engine) {
            return BusStatus::Unknown;
        }
        let own = engine == self.me || self.spawned.iter().any(|spawned| spawned.id == engine);
        if !own {
            return BusStatus::Forbidden;
        }
        self.retired.push(engine);
        BusStatus::Ok
    }

    fn send(&mut self, to: EngineId, schema: SchemaId, payload: &[u8]) -> BusStatus {
        if self.ends() {
            return BusStatus::Cancelled;
        }
        let fits = self.take(Budget::Messages, 1) && self.take(Budget::Bytes, payload.len());
        if !fits {
            return BusStatus::Budget;
        }
        self.sent.push(Sent {
            to,
            schema,
            payload: payload.to_vec(),
        });
        BusStatus::Ok
    }
}
