//! One look at the node.

use crate::handle::{Node, silent};
use crate::limits::STATUS_WAIT_MAX;
use crossbeam_channel::Sender;
use refit_abi::build::{ABI_EPOCH, COMPILER_COMMIT};
use refit_admin::Refusal;
use refit_admin::api::{
    ENGINES_SHOWN_MAX, EngineState, EngineStatus, KindStatus, Libraries, NodeInfo, Status,
};
use refit_kernel::crew::Command;
use refit_kernel::{Executor, GenerationTable, KindCount};
use std::sync::Arc;
use std::time::Duration;

/// Asks the crew on duty something between two blocks; `None` if it does not answer in time.
pub(crate) fn ask<T: Send + 'static>(
    commands: &Sender<Command>,
    ask: impl FnOnce(&mut Executor) -> T + Send + 'static,
    wait: Duration,
) -> Option<T> {
    let (answer, answered) = crossbeam_channel::bounded(1);
    let call = Command::Call(Box::new(move |executor: &mut Executor| {
        let _ = answer.send(ask(executor));
    }));
    commands.send_timeout(call, wait).ok()?;
    answered.recv_timeout(wait).ok()
}

/// What the crew says of its engines.
struct Engines {
    table: Arc<GenerationTable>,
    statuses: Vec<refit_kernel::EngineStatus>,
    counts: Vec<KindCount>,
    total: u64,
}

impl Node {
    /// One look at the node.
    ///
    /// # Errors
    /// A [`Refusal`] if the crew is not between two blocks within [`STATUS_WAIT_MAX`].
    pub(crate) fn look(&self) -> Result<Status, Refusal> {
        let engines = ask(&self.commands, look_at_engines, STATUS_WAIT_MAX);
        let engines = engines.ok_or_else(|| silent(&self.latest))?;
        let latest = *self.latest.lock();
        Ok(Status {
            node: info(),
            height: latest.height,
            generation: engines.table.number(),
            block_time_ms: latest.time,
            engines: shown_engines(&engines),
            engines_total: engines.total,
            kinds: self.kinds(&engines),
            grants: engines.table.grants().listed.clone(),
            upgrade: self.upgrades.under_way(),
            last_upgrade: self.upgrades.last(),
            libraries: self.libraries(),
            workers: self.workers as u32,
        })
    }

    fn libraries(&self) -> Libraries {
        let pinned = self.upgrades.loader.pinned();
        let reason = |pinned: &refit_loader::Pinned| format!("{}: {}", pinned.name, pinned.reason);
        Libraries {
            mapped: self.upgrades.loader.mapped() as u64,
            pinned: pinned.len() as u64,
            pinned_reasons: pinned.iter().map(reason).collect(),
        }
    }

    fn kinds(&self, engines: &Engines) -> Vec<KindStatus> {
        let artifacts = self.upgrades.artifacts(&engines.table);
        let of_kind = |(((_, entry), artifact), count): (
            ((_, &refit_kernel::KindEntry), String),
            &KindCount,
        )| {
            KindStatus {
                descriptor: entry.kind.descriptor().clone(),
                build_id: entry.kind.module().build_id().to_owned(),
                artifact,
                generation_since: entry.since,
                engines: count.serving,
                poisoned: count.poisoned,
            }
        };
        engines
            .table
            .iter()
            .zip(artifacts)
            .zip(&engines.counts)
            .map(of_kind)
            .collect()
    }
}

fn look_at_engines(executor: &mut Executor) -> Engines {
    Engines {
        table: executor.table(),
        statuses: executor.statuses(ENGINES_SHOWN_MAX),
        counts: executor.kind_counts(),
        total: executor.engines() as u64,
    }
}

fn shown_engines(engines: &Engines) -> Vec<EngineStatus> {
    let name = |kind| {
        let entry = engines.table.get(kind);
        entry
            .map(|entry| entry.kind.descriptor().kind.clone())
            .unwrap_or_default()
    };
    let shown = |status: &refit_kernel::EngineStatus| EngineStatus {
        id: status.id.to_string(),
        kind: name(status.kind),
        state: match status.state {
            refit_kernel::EngineState::Live => EngineState::Live,
            refit_kernel::EngineState::Poisoned(_) => EngineState::Poisoned,
            refit_kernel::EngineState::Stopped => EngineState::Stopped,
        },
        mailbox: status.mailbox as u64,
        messages: status.handled,
    };
    engines.statuses.iter().map(shown).collect()
}

fn info() -> NodeInfo {
    NodeInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        abi_epoch: ABI_EPOCH,
        compiler: COMPILER_COMMIT.to_owned(),
        pid: std::process::id(),
        uptime_s: None,
    }
}
