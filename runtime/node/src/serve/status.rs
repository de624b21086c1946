//! One look at the node.

use crate::answers::refusals::silent;
use crate::code::libraries::Release;
use crate::limits::{LOOK_WAIT_MAX, STATUS_WAIT_MAX};
use crate::log::troubles::Words;
use crate::micros::micros;
use crate::serve::handle::Node;
use crate::watch::StuckCall;
use refit_abi::Height;
use refit_abi::build::{ABI_EPOCH, COMPILER_COMMIT};
use refit_abi::host::Explain;
use refit_admin::api::{
    DEAD_LETTERS_SHOWN_MAX, DeadLetter, DeadLetters, ENGINES_SHOWN_MAX, EngineState, EngineStatus,
    ForgottenKeys, HaltedStatus, KindStatus, Libraries, NodeInfo, POISONED_SHOWN_MAX,
    ParametersStatus, PoisonStatus, Status, StuckStatus,
};
use refit_admin::{Moment, Refusal};
use refit_kernel::{DeadLetterBrief, Executor, GenerationTable, KindCount, PoisonedEngine};
use std::sync::Arc;
use std::time::Instant;

/// The crew's report on its engines.
struct Engines {
    /// The newest block that they have handled.
    height: Height,
    table: Arc<GenerationTable>,
    statuses: Vec<refit_kernel::EngineStatus>,
    counts: Vec<KindCount>,
    total: u64,
    poisoned: Vec<PoisonedEngine>,
    dead: DeadLetters,
}

impl Node {
    /// One look at the node. While a call into an engine does not return, or the crew is not between two blocks within
    /// [`LOOK_WAIT_MAX`], what was last known of engines, with that mark.
    ///
    /// # Errors
    /// A [`Refusal`] if the node executes nothing any more, or nothing is known yet.
    pub(crate) fn look(&self) -> Result<Status, Refusal> {
        self.accepts_looks()?;
        if let Some(stuck) = self.watched.stuck()
            && let Some(known) = self.known_with(Some(&stuck))
        {
            return Ok(known);
        }
        match self.duty.ask(look_at_engines, LOOK_WAIT_MAX) {
            Ok(engines) => {
                let read = Moment {
                    height: engines.height,
                    generation: engines.table.number(),
                };
                self.leaves_within(read, STATUS_WAIT_MAX)?;
                let status = self.status_of(&engines);
                // What is shown if the next look finds the crew in a call that does not return.
                *self.known.lock() = Some(status.clone());
                Ok(status)
            }
            Err(_) => {
                self.accepts_looks()?;
                let stuck = self.watched.stuck();
                let is_starting = stuck.is_none() && self.latest.lock().starting;
                let known = self.known_with(stuck.as_ref()).filter(|_| !is_starting);
                known.ok_or_else(|| silent(&self.latest, &self.standing, &self.watched))
            }
        }
    }

    /// Notes the status of a node whose engines are not started.
    pub(crate) fn know_at_start(&self, table: &Arc<GenerationTable>) {
        let engines = Engines {
            height: self.released.moment().height,
            counts: vec![KindCount::default(); table.iter().count()],
            table: table.clone(),
            statuses: Vec::new(),
            total: 0,
            poisoned: Vec::new(),
            dead: DeadLetters::default(),
        };
        *self.known.lock() = Some(self.status_of(&engines));
    }

    /// Looks at the node now, so that it is known how it was should an engine not return later.
    pub(crate) fn know(&self) {
        let _busy = self.look();
    }

    /// The last known status of the engines, with everything that is known without the crew.
    fn known_with(&self, stuck: Option<&StuckCall>) -> Option<Status> {
        let known = self.known.lock().clone()?;
        let latest = *self.latest.lock();
        let released = self.released.moment();
        Some(Status {
            node: self.info(),
            height: released.height,
            // The look may be of before an upgrade that has gone live since.
            generation: known.generation.max(released.generation),
            block_time_ms: latest.time,
            block_us: micros(latest.tempo.expected(Instant::now())),
            upgrade: self.upgrades.under_way(),
            upgrade_at: self.upgrades.awaited_height(),
            last_upgrade: self.upgrades.last(),
            quarantined: self.upgrades.quarantine().refusing() as u64,
            quarantine_unwritten: self.upgrades.quarantine().unwritten(),
            upgrades_refused: self.upgrades.starts_again().err().map(|it| *it.why),
            libraries: self.libraries(),
            engines_at: Some(known.height),
            starting: self.starting(),
            probation: self.probation_status(),
            branch: latest.branch.0,
            stuck: stuck.map(StuckStatus::from),
            parameters: Some(self.parameters_status()),
            halted: self.halted_status(),
            ..known
        })
    }

    fn status_of(&self, engines: &Engines) -> Status {
        let latest = *self.latest.lock();
        let poisoned = engines.poisoned.iter();
        Status {
            node: self.info(),
            height: self.released.moment().height,
            generation: engines.table.number(),
            block_time_ms: latest.time,
            block_us: micros(latest.tempo.expected(Instant::now())),
            engines: shown_engines(engines),
            engines_total: engines.total,
            poisoned: poisoned.map(shown_poison).collect(),
            dead_letters: engines.dead.clone(),
            forgotten: ForgottenKeys {
                answers: latest.counts.blocks.answers_forgotten,
                clients: latest.counts.blocks.clients_forgotten,
            },
            kinds: self.kinds(engines),
            grants: engines.table.grants().listed.clone(),
            upgrade: self.upgrades.under_way(),
            upgrade_at: self.upgrades.awaited_height(),
            last_upgrade: self.upgrades.last(),
            quarantined: self.upgrades.quarantine().refusing() as u64,
            quarantine_unwritten: self.upgrades.quarantine().unwritten(),
            upgrades_refused: self.upgrades.starts_again().err().map(|it| *it.why),
            libraries: self.libraries(),
            workers: self.duty.workers() as u32,
            engines_at: None,
            starting: self.starting(),
            probation: self.probation_status(),
            branch: latest.branch.0,
            stuck: None,
            parameters: Some(self.parameters_status()),
            halted: self.halted_status(),
        }
    }

    fn info(&self) -> NodeInfo {
        NodeInfo {
            max_downtime_ms: self.upgrades.max_downtime_ms(),
            refuses_new_capabilities: self.upgrades.refuses_new_capabilities(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            abi_epoch: ABI_EPOCH,
            compiler: COMPILER_COMMIT.to_owned(),
            pid: std::process::id(),
            life: Some(self.life),
            uptime_s: Some(self.place.uptime_s()),
            addresses: self.place.addresses(),
            data_dir: self.place.data_dir(),
            outlives: self.outlives(),
        }
    }

    /// The last block of the log, which a node that starts executes again up to there.
    fn starting(&self) -> Option<Height> {
        let starts = self.latest.lock().starting;
        starts.then(|| self.store.last())
    }

    fn parameters_status(&self) -> ParametersStatus {
        let in_force = self.standing.in_force.lock();
        ParametersStatus {
            hash: in_force.parameters.hash().to_string(),
            since: in_force.since,
        }
    }

    fn halted_status(&self) -> Option<HaltedStatus> {
        self.standing.halted().map(|refused| HaltedStatus {
            code: refused.code().to_owned(),
            detail: refused.to_string(),
            next: refused.next().into_owned(),
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
        let releases = self.upgrades.live_releases(&engines.table);
        let of_kind = |(((_, entry), release), count): (
            ((_, &refit_kernel::KindEntry), Release),
            &KindCount,
        )| {
            KindStatus {
                descriptor: entry.kind.descriptor().clone(),
                package: release.package,
                package_version: release.version,
                build_id: entry.kind.module().build_id().to_owned(),
                artifact: release.artifact,
                file: release.file,
                generation_since: entry.since,
                engines: count.serving,
                poisoned: count.poisoned,
            }
        };
        engines
            .table
            .iter()
            .zip(releases)
            .zip(&engines.counts)
            .map(of_kind)
            .collect()
    }
}

fn look_at_engines(executor: &mut Executor) -> Engines {
    Engines {
        height: executor.height(),
        table: executor.table(),
        statuses: executor.statuses(ENGINES_SHOWN_MAX),
        counts: executor.kind_counts(),
        total: executor.engines() as u64,
        poisoned: executor.poisoned(POISONED_SHOWN_MAX),
        dead: look_at_dead_letters(executor),
    }
}

fn look_at_dead_letters(executor: &Executor) -> DeadLetters {
    let newest = executor.newest_dead_letters(DEAD_LETTERS_SHOWN_MAX);
    let shown = |letter: &DeadLetterBrief| DeadLetter {
        to: letter.to.to_string(),
        sender: Words(letter.sender).to_string(),
        reason: letter.reason.word().to_owned(),
        bytes: letter.bytes as u64,
    };
    DeadLetters {
        total: executor.dead_letter_count(),
        kept: executor.dead_letters_kept() as u64,
        newest: newest.iter().map(shown).collect(),
    }
}

fn shown_poison(it: &PoisonedEngine) -> PoisonStatus {
    let PoisonedEngine { engine, poison } = it;
    PoisonStatus {
        engine: engine.to_string(),
        kind: poison.kind.clone(),
        version: poison.version,
        schema: poison.schema,
        height: poison.height,
        sender: poison.sender.map(|sender| Words(sender).to_string()),
        sequence: poison.sequence,
        detail: poison.text.clone(),
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
        },
        mailbox: status.mailbox as u64,
        messages: status.handled,
    };
    engines.statuses.iter().map(shown).collect()
}
