//! A handler that returns a fault must leave the state as it was: looked at after every block.

use crate::testkit::Testkit;
use refit_abi::{EngineId, Fault};
use refit_kernel::ReplyError;
use std::collections::{BTreeMap, BTreeSet};

/// The engines that clients' messages wait for, before a block.
#[derive(Debug, Default)]
pub(crate) struct Before {
    engines: BTreeMap<EngineId, Seen>,
    tickets: Vec<(u64, EngineId)>,
}

/// One engine before or after a block.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    state: Option<Vec<u8>>,
    handled: u64,
}

impl Testkit {
    /// Looks at the engines that have mail from clients.
    #[track_caller]
    pub(crate) fn before_block(&self, budget: u64) -> Before {
        if !self.faults_checked || budget == 0 {
            return Before::default();
        }
        let open = self.effects.open.iter();
        let tickets: Vec<_> = open.map(|(ticket, engine)| (*ticket, *engine)).collect();
        let engines = tickets.iter().map(|(_, engine)| *engine).collect();
        Before {
            engines: self.seen(engines),
            tickets,
        }
    }

    /// Whether the messages that were answered with faults changed nothing. An engine that handled other
    /// messages in the same block is passed over: what changed it cannot be told.
    #[track_caller]
    pub(crate) fn unchanged_by_faults(&self, before: &Before) {
        let mut faults = BTreeMap::new();
        for (ticket, engine) in &before.tickets {
            if let Some(Err(ReplyError::Fault(fault))) = self.effects.replies.get(ticket) {
                faults.insert(*engine, fault);
            }
        }
        if faults.is_empty() {
            return;
        }
        for (engine, after) in self.seen(faults.keys().copied().collect()) {
            let (Some(seen), Some(fault)) = (before.engines.get(&engine), faults.get(&engine))
            else {
                continue;
            };
            let alone = after.handled == seen.handled + 1;
            let same = !alone || after.state == seen.state;
            assert!(same, "{}", complaint(engine, fault));
        }
    }

    #[track_caller]
    fn seen(&self, engines: BTreeSet<EngineId>) -> BTreeMap<EngineId, Seen> {
        self.node().call(move |executor| {
            let mut seen: BTreeMap<EngineId, Seen> = BTreeMap::new();
            for status in executor.statuses(usize::MAX) {
                if engines.contains(&status.id) {
                    seen.entry(status.id).or_default().handled = status.handled;
                }
            }
            for (engine, seen) in &mut seen {
                let captured = executor.encode_state(*engine, usize::MAX);
                seen.state = captured.ok().map(|captured| captured.state);
            }
            seen
        })
    }
}

/// The text about an engine that changed its state and then returned a fault.
pub(crate) fn complaint(engine: EngineId, fault: &Fault) -> String {
    format!(
        "`{engine}` answered with the fault `{}`, and its state is not what it was: check first, then change ({fault})",
        fault.code
    )
}
